"""The sweeper begins each night once, in its time zone, and rings for what is overdue and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest

from tests.worker.store.databases import BACKENDS, Clock, open_store
from tests.worker.store.rows import claimed, park, rows_of
from worker.settings import WorkerConfig
from worker.store import Job, Store
from worker.store.tables import CounterRow, RunRow
from worker.sweeper import Sweep, sweep

BERLIN = ZoneInfo("Europe/Berlin")
CONFIG = WorkerConfig(nightly_at=time(2, 30), time_zone=BERLIN, poll_minutes=0)


class InMemoryBell:
    """Remembers what was rung for."""

    def __init__(self) -> None:
        self.rung: list[tuple[Job, bool]] = []

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        self.rung.append((job, stale))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(request, request.param, tmp_path, clock) as made:
        yield made


@pytest.fixture
def bell() -> InMemoryBell:
    return InMemoryBell()


def look(store: Store, at: str, config: WorkerConfig = CONFIG, *, bell: InMemoryBell | None = None) -> Sweep:
    """Sweep for tenant a at a time, which is one of Berlin's unless it says otherwise."""
    moment = datetime.fromisoformat(at)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)
    return sweep(store, bell or InMemoryBell(), ["a"], config, now=moment)


def begun(store: Store, job: str = "nightly") -> list[str]:
    return [row["day"] for row in rows_of(store, "a", RunRow)["run"] if row["job"] == job]


def end_runs(store: Store) -> None:
    for run in store.list_open_runs("a"):
        store.finish_run("a", run)


def test_a_night_begins_at_its_time(store: Store) -> None:
    look(store, "2026-03-01T12:00")
    before = look(store, "2026-03-02T02:29:59")
    after = look(store, "2026-03-02T02:30")

    assert (before.begun, after.begun, begun(store)) == (0, 1, ["2026-03-01", "2026-03-02"])


def test_a_night_begins_once_however_often_one_looks(store: Store) -> None:
    for minute in range(30, 60):
        look(store, f"2026-03-02T02:{minute}")
    look(store, "2026-03-02T23:59:59")
    look(store, "2026-03-03T02:29")

    assert begun(store) == ["2026-03-02"]


def test_a_night_begins_once_by_however_many_sweepers(store: Store, bell: InMemoryBell) -> None:
    barrier = Barrier(4)
    sweeps: list[Sweep] = []

    def run() -> None:
        barrier.wait()
        sweeps.append(look(store, "2026-03-02T02:30"))

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(item.begun for item in sweeps) == [0, 0, 0, 1]


def test_a_night_that_was_missed_is_made_up_for(store: Store) -> None:
    look(store, "2026-03-02T02:30")
    late = look(store, "2026-03-03T17:00")

    assert (late.begun, begun(store)) == (1, ["2026-03-02", "2026-03-03"])


def test_of_many_nights_that_were_missed_one_is_made_up_for(store: Store) -> None:
    look(store, "2026-03-02T02:30")

    assert look(store, "2026-03-20T17:00").begun == 1


def test_every_tenant_has_its_night(store: Store, bell: InMemoryBell) -> None:
    found = sweep(store, bell, ["a", "b"], CONFIG, now=datetime(2026, 3, 2, 12, tzinfo=UTC))

    assert (found.begun, store.has_run("b", "nightly", "2026-03-02")) == (2, True)


@pytest.mark.parametrize(("utc", "day"), [("01:29", "2026-01-14"), ("01:30", "2026-01-15")])
def test_in_winter_berlin_is_an_hour_ahead(store: Store, utc: str, day: str) -> None:
    look(store, f"2026-01-15T{utc}+00:00")

    assert begun(store) == [day]


@pytest.mark.parametrize(("utc", "day"), [("00:29", "2026-07-14"), ("00:30", "2026-07-15")])
def test_in_summer_berlin_is_two_hours_ahead(store: Store, utc: str, day: str) -> None:
    look(store, f"2026-07-15T{utc}+00:00")

    assert begun(store) == [day]


def every_minute(store: Store, first: str, hours: int) -> dict[str, datetime]:
    """Look every ten minutes; return when each night began."""
    moment = datetime.fromisoformat(first)
    began: dict[str, datetime] = {}
    for _ in range(hours * 6):
        sweep(store, InMemoryBell(), ["a"], CONFIG, now=moment)
        began |= {day: moment for day in begun(store) if day not in began}
        moment += timedelta(minutes=10)
    return began


def test_a_night_whose_time_is_left_out_by_the_clock_begins_right_after(store: Store) -> None:
    look(store, "2026-03-28T02:30")
    began = every_minute(store, "2026-03-28T23:00:00+00:00", 4)

    assert began["2026-03-29"] == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_night_whose_time_comes_twice_begins_the_first_time_and_once(store: Store) -> None:
    look(store, "2026-10-24T02:30")
    began = every_minute(store, "2026-10-24T23:00:00+00:00", 4)

    assert began == {
        "2026-10-24": datetime(2026, 10, 24, 23, tzinfo=UTC),
        "2026-10-25": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    }


def test_a_night_before_one_that_has_begun_is_not_made_up_for_when_the_clock_is_put_back(store: Store) -> None:
    look(store, "2026-10-25T00:30:00+00:00")  # half past two, for the first time
    look(store, "2026-10-25T01:10:00+00:00")  # ten past two, for the second time

    assert begun(store) == ["2026-10-25"]


POLLS = CONFIG.model_copy(update={"poll_minutes": 5})


def ready_to_poll(store: Store) -> None:
    """Have all leads been held once and the night be over."""
    store.has_pulled("a")
    store.start_run("a", "nightly", "2026-03-02")
    end_runs(store)


def test_nothing_is_polled_before_the_first_pull(store: Store) -> None:
    look(store, "2026-03-02T12:00", POLLS)
    end_runs(store)
    look(store, "2026-03-02T12:05", POLLS)

    assert begun(store, "poll") == []


def test_a_poll_begins_every_few_minutes(store: Store) -> None:
    ready_to_poll(store)
    for at in ("12:01", "12:04:59", "12:05", "12:14"):
        look(store, f"2026-03-02T{at}+00:00", POLLS)
        end_runs(store)

    assert begun(store, "poll") == [
        "2026-03-02T12:00+00:00",
        "2026-03-02T12:05+00:00",
        "2026-03-02T12:10+00:00",
    ]


def test_no_poll_begins_while_one_is_open(store: Store) -> None:
    ready_to_poll(store)
    look(store, "2026-03-02T12:00+00:00", POLLS)
    look(store, "2026-03-02T12:05+00:00", POLLS)

    assert begun(store, "poll") == ["2026-03-02T12:00+00:00"]


def test_no_poll_begins_in_the_sweep_that_begins_a_night(store: Store) -> None:
    store.has_pulled("a")
    look(store, "2026-03-02T12:00", POLLS)

    assert (begun(store), begun(store, "poll")) == (["2026-03-02"], [])


def test_where_polls_are_switched_off_none_begins(store: Store) -> None:
    ready_to_poll(store)
    look(store, "2026-03-02T12:00")

    assert begun(store, "poll") == []


def quiet(store: Store) -> None:
    """Have the night be over and nothing to do."""
    store.has_pulled("a")
    store.start_run("a", "nightly", "2026-03-02")
    end_runs(store)
    store.finish(claimed(store, Job.READ))


def test_nothing_is_rung_for_where_nothing_is_due(store: Store, bell: InMemoryBell, clock: Clock) -> None:
    quiet(store)
    clock.go_on(60)

    assert (look(store, "2026-03-02T12:00", bell=bell).rung, bell.rung) == (0, [])


def test_what_has_just_become_due_is_not_rung_for(store: Store, bell: InMemoryBell, clock: Clock) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    clock.go_on(1)
    look(store, "2026-03-02T12:00", bell=bell)

    assert bell.rung == []


def test_what_is_overdue_is_rung_for(store: Store, bell: InMemoryBell, clock: Clock) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    clock.go_on(2)
    found = look(store, "2026-03-02T12:00", bell=bell)

    assert (found.rung, bell.rung) == (1, [(Job.WRITE, False)])


def test_what_is_held_is_not_rung_for(store: Store, bell: InMemoryBell, clock: Clock) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    claimed(store, Job.WRITE)
    clock.go_on(20)
    look(store, "2026-03-02T12:00", bell=bell)

    assert bell.rung == []


def test_what_a_dead_worker_held_is_rung_for(store: Store, bell: InMemoryBell, clock: Clock) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    claimed(store, Job.WRITE)
    clock.go_on(32)
    look(store, "2026-03-02T12:00", bell=bell)

    assert bell.rung == [(Job.WRITE, False)]


@pytest.mark.parametrize("stop", ["park", "pause", "wait"])
def test_what_nobody_may_do_is_not_rung_for(store: Store, bell: InMemoryBell, clock: Clock, stop: str) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    if stop == "pause":
        store.pause("a", "holidays")
    elif stop == "park":
        park(store, claimed(store, Job.WRITE), "why")
        clock.go_on(3600)
    else:
        store.fail(claimed(store, Job.WRITE), "why", hopeless=False, after=timedelta(hours=1))
    clock.go_on(60)
    look(store, "2026-03-02T12:00", bell=bell)

    assert bell.rung == []


def test_rings_of_the_sweeper_are_counted(store: Store, clock: Clock) -> None:
    quiet(store)
    store.mark("a", Job.WRITE)
    clock.go_on(2)
    look(store, "2026-03-02T12:00")

    assert {row["name"]: row["value"] for row in rows_of(store, "a", CounterRow)["counter"]} == {"sweeper_rings": 1}
