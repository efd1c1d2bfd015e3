"""Deliveries that come at once: what is committed together, and who is told what."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal

import pytest
from sqlalchemy.exc import OperationalError

from connectors.events import Change, Event
from worker.deliveries import Deliveries
from worker.store import Job, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class BusyStore(Store):
    """A store whose disk is busy until `free`; it remembers what was committed together, and may fail."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.free = Signal(), Signal()
        self.committed: list[tuple[str, list[str]]] = []
        self.error: Exception | None = None

    def receive(self, tenant: str, events: Sequence[Event], now: datetime) -> None:
        self.asked.set()
        assert self.free.wait(10)
        if self.error is not None:
            raise self.error
        super().receive(tenant, events, now)
        self.committed.append((tenant, [event.id for event in events]))


class CountingBell:
    """A bell that remembers what it was rung for."""

    def __init__(self) -> None:
        self.rung: list[Job] = []

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        self.rung.append(job)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[BusyStore]:
    made = BusyStore(f"sqlite:///{tmp_path}/callfirst.db")
    made.upgrade()
    yield made
    made.close()


def event(id_: str) -> Event:
    return Event(f"key of {id_}", "lead", id_, Change.CHANGED, NOW)


async def deliver(
    deliveries: Deliveries, store: BusyStore, *told: tuple[str, str], gone: int | None = None
) -> list[asyncio.Task[bool]]:
    """Deliver one event while the disk is free for nobody, then these, and break off the one whose place is `gone`."""
    waiting = [asyncio.create_task(deliveries.keep("hubspot", [event("first")]))]
    await asyncio.to_thread(store.asked.wait, 10)
    waiting += [asyncio.create_task(deliveries.keep(tenant, [event(id_)])) for tenant, id_ in told]
    await asyncio.sleep(0)
    if gone is not None:
        waiting[gone].cancel()
    await asyncio.sleep(0)
    return waiting


def run(
    store: BusyStore, *told: tuple[str, str], bell: CountingBell | None = None, gone: int | None = None
) -> list[object]:
    async def all_told() -> list[object]:
        waiting = await deliver(Deliveries(store, lambda: NOW, bell), store, *told, gone=gone)
        store.free.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    return asyncio.run(all_told())


def test_what_waits_is_committed_together(busy: BusyStore) -> None:
    kept = run(busy, *(("hubspot", id_) for id_ in "abc"))

    assert kept == [True] * 4
    assert busy.committed == [("hubspot", ["first"]), ("hubspot", ["a", "b", "c"])]


def test_a_transaction_has_an_end_however_much_waits(busy: BusyStore) -> None:
    kept = run(busy, *(("hubspot", str(n)) for n in range(250)))

    assert kept == [True] * 251
    assert [len(ids) for _, ids in busy.committed] == [1, 100, 100, 50]


def test_each_crm_has_its_turn(busy: BusyStore) -> None:
    kept = run(busy, *(("hubspot", str(n)) for n in range(101)), ("salesforce", "z"))

    assert kept == [True] * 103
    assert [(tenant, len(ids)) for tenant, ids in busy.committed] == [
        ("hubspot", 1),
        ("hubspot", 100),
        ("salesforce", 1),
        ("hubspot", 1),
    ]


def test_nobody_is_answered_before_the_commit(busy: BusyStore) -> None:
    async def wait() -> list[bool]:
        waiting = await deliver(Deliveries(busy, lambda: NOW, None), busy, ("hubspot", "a"))
        answered = [task.done() for task in waiting]
        busy.free.set()
        await asyncio.gather(*waiting)
        return answered

    assert asyncio.run(wait()) == [False, False]


def test_a_commit_that_fails_is_told_to_all_who_share_it(busy: BusyStore) -> None:
    busy.error = OperationalError("INSERT", {}, Exception("disk I/O error"))

    assert run(busy, ("hubspot", "a"), ("hubspot", "b")) == [False] * 3
    assert busy.list_due_events("hubspot", NOW, 10) == []


def test_an_error_that_nobody_expects_leaves_nobody_waiting(busy: BusyStore) -> None:
    busy.error = RuntimeError("never seen before")

    assert run(busy, ("hubspot", "a")) == [False, False]


def test_a_failure_is_over_with_the_next_delivery(busy: BusyStore) -> None:
    async def fail_then_work() -> list[bool]:
        deliveries = Deliveries(busy, lambda: NOW, None)
        busy.free.set()
        busy.error = OperationalError("INSERT", {}, Exception("disk I/O error"))
        failed = await deliveries.keep("hubspot", [event("a")])
        busy.error = None
        return [failed, await deliveries.keep("hubspot", [event("a")])]

    assert asyncio.run(fail_then_work()) == [False, True]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_one_who_went_away_hurts_nobody(busy: BusyStore, gone: int) -> None:
    kept = run(busy, ("hubspot", "a"), ("hubspot", "b"), gone=gone)

    assert isinstance(kept.pop(gone), asyncio.CancelledError)
    assert kept == [True, True]
    assert sorted(told.event.id for told in busy.list_due_events("hubspot", NOW, 10)) == ["a", "b", "first"]


def test_the_bell_rings_once_for_a_commit(busy: BusyStore) -> None:
    bell = CountingBell()
    run(busy, *(("hubspot", id_) for id_ in "abc"), bell=bell)

    assert bell.rung == [Job.READ, Job.READ]


def test_the_bell_does_not_ring_for_what_is_not_kept(busy: BusyStore) -> None:
    bell = CountingBell()
    busy.error = OperationalError("INSERT", {}, Exception("disk I/O error"))
    run(busy, bell=bell)

    assert bell.rung == []


def test_a_delivery_without_events_waits_for_nobody(busy: BusyStore) -> None:
    assert asyncio.run(Deliveries(busy, lambda: NOW, None).keep("hubspot", []))
    assert not busy.asked.is_set()
