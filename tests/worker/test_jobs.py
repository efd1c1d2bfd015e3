"""The jobs: what is read, what is written, what is not, and what happens when a run breaks off."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.base import WriteOutcome
from connectors.errors import UnavailableError
from connectors.lead import Interaction, InteractionKind, Lead, Outcome, StageChange
from connectors.memory import InMemoryConnector
from connectors.priority import Band, Priority, PriorityStatus
from ranking.reader import CachedReader
from tests.worker.test_history import STAGES
from worker.errors import NoModelError
from worker.learn import learn
from worker.pull import pull
from worker.settings import BandConfig
from worker.store import Store
from worker.sync import sync

NOW = datetime.now(UTC).replace(microsecond=0)
BANDS = BandConfig(a=3, b=4)


def crm() -> InMemoryConnector:
    """Sixty finished leads whose notes tell the outcome, twenty open ones, two of them silent."""
    leads, notes, changes = [], [], []
    for n in range(80):
        id_, good, is_open = str(n), bool(n % 2), n >= 60
        start = NOW - timedelta(days=200 - n)
        outcome = Outcome.OPEN if is_open else Outcome.WON if good else Outcome.LOST
        stage = ("new" if n % 3 else "demo") if is_open else outcome.value
        leads.append(Lead(id_, f"Lead {n}", stage, outcome, f"rep {n % 2}", start, start, {"source": "fair"}))
        text = f"budget {'approved' if good else 'frozen'}, visit {n}"
        if n not in (60, 61):
            notes.append(Interaction(f"n{n}", id_, InteractionKind.NOTE, start, start, start, text))
        changes.append(StageChange(id_, "new" if n % 3 else "demo", start))
        if not is_open:
            changes.append(StageChange(id_, outcome.value, start + timedelta(days=20)))
    return InMemoryConnector(STAGES, leads, notes, changes)


@pytest.fixture
def trained(store: Store, reader: CachedReader, tmp_path: Path) -> InMemoryConnector:
    connector = crm()
    connector.setup()
    pull(store, connector)
    learn(store, "memory", reader, backbone="words", models_dir=tmp_path / "models")
    return connector


def test_a_sync_writes_every_open_lead_in_the_right_order(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    report = sync(store, trained, reader, BANDS)

    assert report.write.written == len(trained.priorities) == 20
    for stage in ("new", "demo"):
        rows = trained.list_by_rank(stage)
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        said = [int(row.lead_id) % 2 for row in rows if row.lead_id not in ("60", "61")]
        assert said == sorted(said, reverse=True)


def test_leads_with_nothing_to_read_come_last_and_say_so(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    sync(store, trained, reader, BANDS)
    silent = [trained.priorities["60"], trained.priorities["61"]]

    assert {priority.status for priority in silent} == {PriorityStatus.INSUFFICIENT}
    assert {priority.call_order for priority in silent} == {19, 20}
    assert {priority.band for priority in silent} == {Band.C}


def test_bands_hold_what_each_rep_can_call(store: Store, reader: CachedReader, trained: InMemoryConnector) -> None:
    sync(store, trained, reader, BANDS)

    for owner in ("rep 0", "rep 1"):
        own = [p for p in trained.priorities.values() if trained.leads[p.lead_id].owner == owner]
        assert sum(p.band is Band.A for p in own) == 3
        assert sum(p.band is Band.B for p in own) == 4


def test_the_call_order_keeps_each_stage_in_its_own_order(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    sync(store, trained, reader, BANDS)

    for stage in ("new", "demo"):
        orders = [row.call_order for row in trained.list_by_rank(stage)]
        assert orders == sorted(orders)


def test_a_second_sync_writes_and_reads_nothing(store: Store, reader: CachedReader, trained: InMemoryConnector) -> None:
    sync(store, trained, reader, BANDS)
    report = sync(store, trained, reader, BANDS)

    assert report.write.written == 0
    assert report.rank.passes == 0


def test_one_note_is_read_and_only_what_it_moves_is_written(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    sync(store, trained, reader, BANDS)
    before = dict(trained.priorities)
    now = datetime.now(UTC)
    trained.interactions.append(
        Interaction("new", "62", InteractionKind.NOTE, now, now, now, "budget approved after all")
    )

    report = sync(store, trained, reader, BANDS)

    assert report.rank.passes == 1
    changed = {id_ for id_, priority in trained.priorities.items() if priority != before[id_]}
    assert "62" in changed
    assert report.write.written == len(changed)
    assert trained.priorities["62"].rank < before["62"].rank


def test_sync_without_a_model_says_what_to_run(store: Store, reader: CachedReader) -> None:
    with pytest.raises(NoModelError, match="callfirst train"):
        sync(store, crm(), reader, BANDS)


class BreaksOff(InMemoryConnector):
    """A CRM that goes down when its `pages`-th page of leads is asked for."""

    pages = 1

    def read(self, stream, *, since=None, position=None):  # type: ignore[no-untyped-def]  # the protocol's signature
        for page in super().read(stream, since=since, position=position):
            self.pages -= stream == "leads"
            if self.pages < 0:
                raise UnavailableError("GET: HTTP 503")
            yield page


def test_a_pull_that_broke_off_goes_on_where_it_was(store: Store) -> None:
    whole = crm()
    broken = BreaksOff(whole.stages, whole.leads.values(), whole.interactions, whole.stage_changes)
    with pytest.raises(UnavailableError):
        pull(store, broken)
    kept = len(store.list_leads("memory", *Outcome))
    calls = broken.calls
    broken.pages = 1_000

    report = pull(store, broken)

    assert 0 < kept < 80
    assert report.records["leads"] == 80 - kept
    assert len(store.list_leads("memory", *Outcome)) == 80
    assert broken.calls > calls


class RefusesOnce(InMemoryConnector):
    """A CRM that refuses one lead until told otherwise."""

    refuses = "62"

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        taken = super().write_priorities([p for p in priorities if p.lead_id != self.refuses])
        by_id = {outcome.lead_id: outcome for outcome in taken}
        refused = WriteOutcome(self.refuses, written=False, detail="VALIDATION", retryable=True)
        return [by_id.get(p.lead_id, refused) for p in priorities]


def test_a_refused_lead_is_reported_and_stays_due(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    refusing = RefusesOnce(trained.stages, trained.leads.values(), trained.interactions, trained.stage_changes)
    refusing.setup()
    report = sync(store, refusing, reader, BANDS)

    assert [(item.lead_id, item.detail) for item in report.write.refused] == [("62", "VALIDATION")]
    refusing.refuses = ""
    assert sync(store, refusing, reader, BANDS).write.written == 1


def test_a_lead_that_was_won_is_not_written_any_more(
    store: Store, reader: CachedReader, trained: InMemoryConnector
) -> None:
    sync(store, trained, reader, BANDS)
    first = min(trained.priorities.values(), key=lambda p: p.call_order)
    now = datetime.now(UTC)
    trained.leads[first.lead_id] = replace(
        trained.leads[first.lead_id], stage="won", outcome=Outcome.WON, modified_at=now
    )

    sync(store, trained, reader, BANDS)

    assert trained.priorities[first.lead_id] == first
