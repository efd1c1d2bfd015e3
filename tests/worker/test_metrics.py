"""What is counted, in which words it is shown, and that both databases count the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.base import Page, WriteOutcome
from connectors.events import Change, Event
from connectors.lead import Interaction, InteractionKind, Lead, Outcome
from connectors.priority import Band, Priority, PriorityStatus
from tests.postgres import create_database
from tests.worker.store.rows import park
from worker.metrics import render_metrics
from worker.store import Job, Pass, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CANARY = "Please call me about the merger"
LEASE = timedelta(seconds=30)


class Clock:
    """The store's time, which a test sets."""

    now = NOW


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def counted(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store on either database; all of hubspot is held."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/callfirst.db"
    else:
        url = create_database(request.getfixturevalue("postgres_url"))
    made = Store(url, now=lambda: clock.now)
    made.upgrade()
    made.has_pulled("hubspot")
    yield made
    made.close()


def shown(store: Store, at: datetime = NOW) -> dict[tuple[str, ...], float]:
    """Return every sample by its name, without `callfirst_`, and its tenant, job and kind, as far as it has them."""
    families = text_string_to_metric_families(render_metrics(store, at).decode())
    return {
        (
            sample.name.removeprefix("callfirst_"),
            *(sample.labels[label] for label in ("tenant", "job", "kind") if label in sample.labels),
        ): sample.value
        for family in families
        for sample in family.samples
    }


def lead(id_: str, stage: str = "new") -> Lead:
    return Lead(id_, f"Lead {id_}", stage, Outcome.OPEN, None, NOW, NOW, {})


def priority(id_: str, rank: int = 1) -> Priority:
    return Priority(id_, Band.A, 50.0, rank, rank, CANARY, PriorityStatus.RANKED, "m1", NOW)


def save_leads(store: Store, *leads: Lead) -> None:
    store.save_page("hubspot", Page(leads=leads), read_at=NOW)


def deliver(store: Store, *outcomes: WriteOutcome) -> None:
    due = store.list_due_writes("hubspot")
    store.record_writes("hubspot", due, outcomes)


def test_an_empty_store_has_nothing_to_show(store: Store) -> None:
    assert shown(store) == {}


def test_what_waits_grows_old(counted: Store) -> None:
    save_leads(counted, lead("1"), lead("2"), lead("3", stage="demo"))
    found = shown(counted, NOW + timedelta(minutes=11))

    assert found["oldest_dirty_age_seconds", "hubspot", "rank"] == 660
    assert found["work_due", "hubspot", "rank"] == 2
    assert found["leads_dirty", "hubspot"] == 3


def test_what_is_done_is_not_old(counted: Store) -> None:
    save_leads(counted, lead("1"))
    held = counted.claim(Job.RANK, LEASE)
    assert held is not None
    settled = counted.list_dirty_leads("hubspot")
    counted.save_pass(held, Pass([], settled, {}, lambda *_, **__: (), more=False, texts_read=7, tokens_read=90))
    found = shown(counted, NOW + timedelta(minutes=11))

    assert found["oldest_dirty_age_seconds", "hubspot", "rank"] == 0
    assert found["work_due", "hubspot", "rank"] == 0
    assert found["leads_dirty", "hubspot"] == 0
    assert found["texts_read_total", "hubspot"] == 7


def test_before_all_is_held_once_no_order_is_waited_for(store: Store) -> None:
    save_leads(store, lead("1"))
    found = shown(store, datetime.now(UTC) + timedelta(hours=1))

    assert found["oldest_dirty_age_seconds", "hubspot", "rank"] == 0
    assert found["work_due", "hubspot", "rank"] == 0


def test_a_lease_that_ran_out_is_seen_until_it_is_taken_over(counted: Store, clock: Clock) -> None:
    save_leads(counted, lead("1"))
    counted.claim(Job.RANK, LEASE)
    states = []
    for seconds in (10, 31, 32):
        clock.now = NOW + timedelta(seconds=seconds)
        if seconds == 32:
            counted.claim(Job.RANK, LEASE)
        found = shown(counted, clock.now)
        states.append(tuple(found[name, "hubspot", "rank"] for name in ("work_held", "leases_expired", "work_due")))

    assert states == [(1, 0, 0), (0, 1, 1), (1, 0, 0)]


def test_work_that_was_given_back_has_no_lease(counted: Store) -> None:
    save_leads(counted, lead("1"))
    held = counted.claim(Job.RANK, LEASE)
    assert held is not None
    counted.give_back(held)

    assert shown(counted)["leases_expired", "hubspot", "rank"] == 0


def test_what_is_parked_is_counted_apart(counted: Store) -> None:
    save_leads(counted, lead("1"))
    counted.save_ranking("hubspot", [], [priority("1")])
    deliver(counted, WriteOutcome("1", written=False, detail="VALIDATION", retryable=False))
    for _ in range(5):
        held = counted.claim(Job.RANK, LEASE)
        assert held is not None
        counted.note_try(held, "1")
        counted.give_back(held)
    held = counted.claim(Job.RANK, LEASE)
    assert held is not None
    park(counted, held, "KeyError")
    found = shown(counted, NOW + timedelta(hours=1))

    assert [found["parked", "hubspot", kind] for kind in ("work", "leads", "writes")] == [1, 1, 1]
    assert found["leads_dirty", "hubspot"] == 0
    assert found["writes_undelivered", "hubspot"] == 0
    assert found["oldest_dirty_age_seconds", "hubspot", "rank"] == 0
    assert found["work_due", "hubspot", "rank"] == 0


def test_what_the_crm_does_not_show_yet_is_undelivered(counted: Store) -> None:
    counted.save_ranking("hubspot", [], [priority("1"), priority("2", rank=2)])
    before = shown(counted)
    deliver(counted, *(WriteOutcome(id_, written=True) for id_ in "12"))
    after = shown(counted)

    assert before["writes_undelivered", "hubspot"] == 2
    assert after["writes_undelivered", "hubspot"] == 0
    assert after["leads_written_total", "hubspot"] == 2


def test_a_value_that_went_there_and_back_is_delivered(counted: Store) -> None:
    first = priority("1")
    counted.save_ranking("hubspot", [], [first])
    deliver(counted, WriteOutcome("1", written=True))
    counted.save_ranking("hubspot", [], [replace(first, rank=2)])
    there = shown(counted)["writes_undelivered", "hubspot"]
    counted.save_ranking("hubspot", [], [replace(first, ranked_at=NOW + timedelta(days=1))])

    assert there == 1
    assert shown(counted)["writes_undelivered", "hubspot"] == 0
    assert counted.list_due_writes("hubspot") == []


def test_what_was_told_and_not_looked_at_is_counted(counted: Store) -> None:
    for number in range(2):
        event = Event(f"key {number}", "lead", str(number), Change.CHANGED, NOW)
        counted.receive("hubspot", [event], NOW + timedelta(minutes=number))
    counted.settle_events("hubspot", ["key 0"], NOW)
    found = shown(counted, NOW + timedelta(minutes=5))

    assert found["inbox_waiting", "hubspot"] == 1
    assert found["inbox_oldest_age_seconds", "hubspot"] == 240


def test_a_pause_and_a_throttle_are_seen(counted: Store) -> None:
    counted.pause("hubspot", "by hand")
    counted.throttle("hubspot", NOW + timedelta(seconds=7))
    found = shown(counted)

    assert found["paused", "hubspot"] == 1
    assert found["throttle_seconds", "hubspot"] == 7
    assert found["throttled_total", "hubspot"] == 1


def test_scores_that_are_to_be_made_anew_are_counted_by_stage(counted: Store) -> None:
    save_leads(counted, lead("1"), lead("2", stage="demo"))
    counted.start_run("hubspot", "nightly", "2026-03-01")
    counted.finish_run("hubspot", counted.list_open_runs("hubspot")[0])
    found = shown(counted, NOW + timedelta(hours=9))

    assert found["stages_stale", "hubspot", "rank"] == 2
    assert found["run_age_seconds", "hubspot", "nightly"] == 9 * 3600


def test_whatever_is_counted_is_shown(counted: Store) -> None:
    counted.count("hubspot", "llm_tokens", 40)
    counted.count("", "sweeper_rings", 2)
    counted.count("hubspot", "sweeper_rings")
    counted.set_gauge("hubspot", "quota_left", 812)
    found = shown(counted)

    assert found["llm_tokens_total", "hubspot"] == 40
    assert found["sweeper_rings_total", ""] == 2
    assert found["sweeper_rings_total", "hubspot"] == 1
    assert found["quota_left", "hubspot"] == 812


def test_of_a_kind_of_process_the_liveliest_counts(counted: Store, clock: Clock) -> None:
    for process, age in (("a:1", 300), ("a:2", 20)):
        clock.now = NOW - timedelta(seconds=age)
        counted.beat(process, "rank", clock.now)

    assert shown(counted)["heartbeat_age_seconds", "rank"] == 20


def test_no_text_is_shown(counted: Store) -> None:
    note = Interaction("n", "1", InteractionKind.NOTE, NOW, NOW, NOW, CANARY)
    counted.save_page("hubspot", Page(leads=(lead("1"),), interactions=(note,)), read_at=NOW)
    counted.save_ranking("hubspot", [], [priority("1")])

    assert CANARY not in render_metrics(counted, NOW).decode()
