"""A stage is scored in parts; a lead that cannot be scored is found and parked, and the others are scored."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Page
from ranking.errors import RankingError
from ranking.model import RankingModel
from ranking.reader import CachedReader
from tests.worker.store.databases import BACKENDS, Clock, open_store
from tests.worker.store.rows import LEASE, STAGES, claimed, found, lead, note, rows_of
from tests.worker.store.worth import WorthReader, worth_model
from worker.errors import LeaseLostError
from worker.rank import StageReport, rank_stage
from worker.settings import BandConfig, SteadinessConfig
from worker.store import Claim, Job, ModelVersion, Store
from worker.store.tables import DirtyLeadRow, ScoreRow, WorkRow, WritebackRow
from worker.store.work import MAX_TRIES

MODEL = worth_model()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(request, request.param, tmp_path, clock) as made:
        made.save_stages("a", STAGES)
        made.has_pulled("a")
        yield made


@pytest.fixture
def worths() -> WorthReader:
    return WorthReader()


@pytest.fixture
def reader(worths: WorthReader, tmp_path: Path) -> CachedReader:
    return CachedReader(worths, tmp_path / "vectors.sqlite")


def keep(store: Store, *said: str, stage: str = "new") -> None:
    """Keep leads 00, 01, ... of a stage, each with a note that says this."""
    leads = [lead(f"{n:02}", stage) for n in range(len(said))]
    notes = [note(f"{n:02}", text) for n, text in enumerate(said)]
    store.save_page("a", Page(leads=tuple(leads), interactions=tuple(notes)), read_at=store._now())


def say(store: Store, lead_id: str, text: str) -> None:
    store.save_page("a", Page(interactions=(note(lead_id, text),)), read_at=store._now())


def rank(
    store: Store, reader: CachedReader, *, stale: bool = False, held: Claim | None = None, model: RankingModel = MODEL
) -> StageReport:
    """Score the next stage that is due."""
    held = held or claimed(store, Job.RANK, stale=stale)
    steadiness = SteadinessConfig(max_churn=1.0)
    return rank_stage(store, held, model, reader, BandConfig(), steadiness, stale=stale, now=store._now())


def ranks(store: Store) -> dict[str, int]:
    return {row["lead_id"]: row["value"]["rank"] for row in rows_of(store, "a", WritebackRow)["writeback"]}


def parked(store: Store) -> dict[str, str]:
    """Return why leads and stages are parked, by lead and stage."""
    found = rows_of(store, "a", DirtyLeadRow, WorkRow)
    leads = {row["lead_id"]: row["parked_reason"] for row in found["dirty_lead"] if row["parked_reason"]}
    return leads | {row["stage"]: row["parked_reason"] for row in found["work"] if row["parked_reason"]}


def dirty(store: Store) -> list[str]:
    return [item.lead_id for item in store.list_dirty_leads("a")]


def made_old(store: Store, clock: Clock) -> None:
    """Have all scores made anew, as of a while from now."""
    clock.go_on(60)
    store.save_model("a", ModelVersion("1", Path("1"), "worth", clock(), {}, clock()))


def test_changed_leads_are_scored_and_ranked_by_what_their_notes_say(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1", "worth 3", "worth 2")

    assert (rank(store, reader).scored, ranks(store), dirty(store)) == (3, {"01": 1, "02": 2, "00": 3}, [])


def test_leads_are_called_by_what_they_are_worth_where_that_is_wished(store: Store, reader: CachedReader) -> None:
    big = replace(lead("big"), fields={"amount": "9,000"})
    likely = replace(lead("likely", "demo"), fields={"amount": 10.0})
    page = Page(leads=(big, likely), interactions=(note("big", "worth 1"), note("likely", "worth 2")))
    store.save_page("a", page, read_at=store._now())

    called: list[list[str]] = []
    for bands in (BandConfig(), BandConfig(amount_field="amount")):
        for stage in ("new", "demo"):
            store.mark("a", Job.RANK, stage=stage)
        for _ in range(2):
            held = claimed(store, Job.RANK)
            rank_stage(store, held, MODEL, reader, bands, SteadinessConfig(max_churn=1.0, places=0), now=store._now())
        shown = rows_of(store, "a", WritebackRow)["writeback"]
        called.append([row["lead_id"] for row in sorted(shown, key=lambda row: row["value"]["call_order"])])

    assert called == [["likely", "big"], ["big", "likely"]]


def test_only_the_lead_that_changed_is_scored(store: Store, reader: CachedReader, worths: WorthReader) -> None:
    keep(store, "worth 1", "worth 3", "worth 2")
    rank(store, reader)
    worths.has_read.clear()
    say(store, "00", "worth 4")

    assert (rank(store, reader).scored, worths.has_read, ranks(store)["00"]) == (1, ["worth 4"], 1)


def test_a_stage_without_any_lead_left_is_done(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1")
    rank(store, reader)
    store.save_page("a", Page(gone_leads=("00",)), read_at=store._now())

    assert (rank(store, reader), store.claim(Job.RANK, LEASE)) == (StageReport(0, 0, 0, 0, False), None)


def test_a_big_stage_is_scored_a_hundred_leads_at_a_time(store: Store, reader: CachedReader) -> None:
    keep(store, *["worth 1"] * 205)
    reports = [rank(store, reader) for _ in range(3)]

    assert [(report.scored, report.more) for report in reports] == [(100, True), (100, True), (5, False)]
    assert store.claim(Job.RANK, LEASE) is None


def test_old_scores_are_made_anew_a_hundred_at_a_time(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, *["worth 1"] * 205)
    for _ in range(3):
        rank(store, reader)
    made_old(store, clock)
    reports = [rank(store, reader, stale=True) for _ in range(3)]

    assert [(report.scored, report.more) for report in reports] == [(100, True), (100, True), (5, False)]
    assert store.claim(Job.RANK, LEASE, stale=True) is None


def test_old_scores_are_made_anew_as_of_one_moment(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, *["worth 1"] * 105)
    for _ in range(2):
        rank(store, reader)
    made_old(store, clock)
    moment = clock()
    rank(store, reader, stale=True)
    clock.go_on(60)
    rank(store, reader, stale=True)

    assert {row["ranked_at"] for row in rows_of(store, "a", ScoreRow)["score"]} == {moment}


def test_making_scores_anew_costs_no_reading(
    store: Store, reader: CachedReader, clock: Clock, worths: WorthReader
) -> None:
    keep(store, "worth 1", "worth 2")
    rank(store, reader)
    worths.has_read.clear()
    made_old(store, clock)
    rank(store, reader, stale=True)

    assert worths.has_read == []


def test_another_model_has_all_scored_and_told(store: Store, reader: CachedReader, clock: Clock) -> None:
    another = worth_model(slope=2.0)
    keep(store, "worth 1", "worth 2")
    rank(store, reader)
    made_old(store, clock)

    assert rank(store, reader, stale=True, model=another).changed == 2
    assert {row["model_version"] for row in rows_of(store, "a", ScoreRow)["score"]} == {another.version}


def test_many_leads_in_a_stage_that_no_list_holds_are_passed_over(
    store: Store, reader: CachedReader, clock: Clock
) -> None:
    keep(store, *["worth 1"] * 101, stage="gone")
    made_old(store, clock)
    passes = 0
    while store.list_due_work() and passes < 5:
        stale = (held := store.claim(Job.RANK, LEASE)) is None
        rank(store, reader, stale=stale, held=held)
        passes += 1

    assert passes < 5


def test_who_was_taken_over_while_he_scored_keeps_nothing(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1")
    held = claimed(store, Job.RANK)
    clock.go_on(30)
    claimed(store, Job.RANK)
    with pytest.raises(LeaseLostError):
        rank(store, reader, held=held)

    assert (rows_of(store, "a", ScoreRow), dirty(store)) == ({"score": []}, ["00"])


# A lead that cannot be scored -------------------------------------------------------------------------------------


def test_the_others_are_scored_where_one_cannot_be(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1", "unreadable", "worth 2", "worth 3")
    report = rank(store, reader)

    assert (report.scored, report.failed, ranks(store)) == (3, 1, {"03": 1, "02": 2, "00": 3})


def test_two_that_cannot_be_scored_are_both_found(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1", "unreadable", "worth 2", "unreadable too")

    assert (rank(store, reader).failed, sorted(dirty(store))) == (2, ["01", "03"])


def test_a_lead_that_cannot_be_scored_any_more_keeps_its_score(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1", "worth 2")
    rank(store, reader)
    say(store, "01", "unreadable")
    rank(store, reader)

    assert ranks(store) == {"01": 1, "00": 2}


def until_parked(store: Store, reader: CachedReader, clock: Clock) -> int:
    """Rank whenever something is due until a lead is parked; return how often it was tried."""
    for tries in range(1, 20):
        clock.go_on(3600)
        rank(store, reader)
        if parked(store):
            return tries
    raise AssertionError("nothing was parked")


def test_a_lead_that_cannot_be_scored_is_parked_and_its_stage_is_not(
    store: Store, reader: CachedReader, clock: Clock
) -> None:
    keep(store, "worth 1", "unreadable")
    until_parked(store, reader, clock)

    assert list(parked(store)) == ["01"]


def test_a_lead_that_cannot_be_scored_is_parked_after_five_tries(
    store: Store, reader: CachedReader, clock: Clock
) -> None:
    keep(store, "worth 1", "unreadable")

    assert until_parked(store, reader, clock) == MAX_TRIES


def test_why_a_lead_is_parked_quotes_nothing(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "unreadable canary")
    until_parked(store, reader, clock)

    assert parked(store) == {"01": "ValueError"}


def test_a_stage_goes_on_beside_a_parked_lead(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "unreadable")
    until_parked(store, reader, clock)
    clock.go_on(3600)
    say(store, "00", "worth 5")

    assert (rank(store, reader).scored, store.claim(Job.RANK, LEASE)) == (1, None)


def test_a_parked_lead_is_scored_when_it_can_be_read(store: Store, reader: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "unreadable")
    until_parked(store, reader, clock)
    clock.go_on(3600)
    say(store, "01", "worth 5")
    rank(store, reader)

    assert (parked(store), ranks(store)["01"]) == ({}, 1)


def test_a_lead_that_cannot_be_scored_keeps_no_other_of_its_stage_waiting(store: Store, reader: CachedReader) -> None:
    keep(store, "worth 1", "unreadable")
    rank(store, reader)
    say(store, "00", "worth 5")

    assert rank(store, reader).scored == 1


def test_a_lead_that_cannot_be_scored_keeps_no_other_part_of_its_stage_waiting(
    store: Store, reader: CachedReader
) -> None:
    keep(store, "unreadable", *["worth 1"] * 104)
    rank(store, reader)

    assert rank(store, reader).scored == 5


def test_where_no_lead_can_be_scored_the_leads_are_not_blamed(
    store: Store, reader: CachedReader, worths: WorthReader
) -> None:
    keep(store, "worth 1", "worth 2")
    worths.is_broken = True
    with pytest.raises(ValueError, match="nothing can be read"):
        rank(store, reader)

    assert [item.attempts for item in store.list_dirty_leads("a")] == [0, 0]


def test_a_model_for_another_reader_blames_no_lead(store: Store, reader: CachedReader) -> None:
    reader.version = "another"
    keep(store, "worth 1")
    with pytest.raises(RankingError):
        rank(store, reader)

    assert [item.attempts for item in store.list_dirty_leads("a")] == [0]


def test_making_scores_anew_goes_on_without_a_lead_that_cannot_be_scored(
    store: Store, reader: CachedReader, clock: Clock
) -> None:
    keep(store, "unreadable", *["worth 1"] * 104)
    made_old(store, clock)
    reports = [rank(store, reader, stale=True) for _ in range(2)]

    assert [(report.scored, report.failed) for report in reports] == [(99, 1), (5, 0)]
    assert store.claim(Job.RANK, LEASE, stale=True) is None


def test_a_lead_that_failed_when_scores_were_made_anew_is_tried_again(
    store: Store, reader: CachedReader, clock: Clock, worths: WorthReader
) -> None:
    keep(store, "worth 1", "worth 2")
    rank(store, reader)
    say(store, "00", "unreadable worth 3")
    held = claimed(store, Job.RANK)  # which finds nothing to do, as if the lead had been marked after it
    store.finish(held)
    made_old(store, clock)
    rank(store, reader, stale=True)
    worths.reads_all = True
    clock.go_on(5)
    rank(store, reader)

    assert (ranks(store)["00"], dirty(store)) == (1, [])


# A lead that kills whoever scores it ------------------------------------------------------------------------------


class KillsReader(CachedReader):
    """A reader on which its process dies when it reads a note that holds `deadly`."""

    def read(self, texts, *, progress=None):  # type: ignore[no-untyped-def]  # the signature is CachedReader's
        texts = list(texts)
        if any("deadly" in text for text in texts):
            raise KeyboardInterrupt
        return super().read(texts, progress=progress)


def work_until_done(store: Store, reader: CachedReader, clock: Clock, *, stale: bool = False) -> int:
    """Let workers rank until nothing is due, and take over from those that died; return how many did."""
    deaths = 0
    for _ in range(200):
        held = store.claim(Job.RANK, LEASE, stale=stale)
        if held is None:
            return deaths
        try:
            rank(store, reader, stale=stale, held=held)
        except KeyboardInterrupt:
            deaths += 1
        clock.go_on(LEASE.total_seconds())
    raise AssertionError("there is always something to do")


@pytest.fixture
def deadly(worths: WorthReader, tmp_path: Path) -> CachedReader:
    return KillsReader(worths, tmp_path / "vectors.sqlite")


def test_a_lead_that_kills_is_found_and_parked(store: Store, deadly: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "worth 2", "deadly", "worth 3")
    work_until_done(store, deadly, clock)

    assert parked(store) == {"02": "whoever scored it died"}


def test_the_others_are_scored_where_one_kills(store: Store, deadly: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "worth 2", "deadly", "worth 3")
    work_until_done(store, deadly, clock)

    assert ranks(store) == {"03": 1, "01": 2, "00": 3}


def test_a_lead_that_kills_kills_no_oftener_where_more_leads_wait_beside_it(
    store: Store, deadly: CachedReader, clock: Clock
) -> None:
    keep(store, *["worth 1"] * 20, "deadly")

    assert work_until_done(store, deadly, clock) <= 2 * MAX_TRIES


def test_where_leads_are_scored_one_by_one_the_innocent_are_not_blamed(
    store: Store, deadly: CachedReader, clock: Clock
) -> None:
    keep(store, "worth 1", "deadly", "worth 2")
    work_until_done(store, deadly, clock)

    assert [row["lead_id"] for row in rows_of(store, "a", DirtyLeadRow)["dirty_lead"]] == ["01"]


def test_making_scores_anew_ends_though_a_lead_kills(store: Store, deadly: CachedReader, clock: Clock) -> None:
    keep(store, "worth 1", "deadly", "worth 2")
    store.finish(claimed(store, Job.RANK))
    made_old(store, clock)
    work_until_done(store, deadly, clock, stale=True)

    assert sorted(ranks(store)) == ["00", "02"]


def test_a_lead_that_killed_while_scores_were_made_anew_is_tried_again(
    store: Store, deadly: CachedReader, clock: Clock
) -> None:
    keep(store, "worth 1", "deadly", "worth 2")
    held = claimed(store, Job.RANK)
    store.save_pass(held, found(settled=store.list_dirty_leads("a")))
    made_old(store, clock)
    work_until_done(store, deadly, clock, stale=True)
    clock.go_on(3600)

    assert store.claim(Job.RANK, LEASE) is not None
