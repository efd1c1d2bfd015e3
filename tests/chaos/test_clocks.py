"""Clocks that jump, or disagree: work may be done twice or late, and is never lost or mixed up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.errors import LeaseLostError
from worker.store import Job, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=30)


class Clock:
    """A clock that can be put forward or back."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ours(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path}/callfirst.db", now=clock)
    made.upgrade()
    yield made
    made.close()


@pytest.fixture
def ahead(tmp_path: Path, ours: Store) -> Iterator[Store]:
    """The same database, seen by a process whose clock is an hour ahead."""
    made = Store(f"sqlite:///{tmp_path}/callfirst.db", now=lambda: NOW + HOUR)
    yield made
    made.close()


def test_one_whose_clock_is_ahead_takes_work_over_and_the_first_can_commit_nothing(ours: Store, ahead: Store) -> None:
    ours.mark("hubspot", Job.WRITE)
    held = ours.claim(Job.WRITE, LEASE)
    assert held is not None

    assert ahead.claim(Job.WRITE, LEASE) is not None
    with pytest.raises(LeaseLostError):
        ours.finish(held)


def test_work_that_was_taken_over_too_early_is_done_once(ours: Store, ahead: Store) -> None:
    ours.mark("hubspot", Job.WRITE)
    ours.claim(Job.WRITE, LEASE)
    taken = ahead.claim(Job.WRITE, LEASE)
    assert taken is not None

    ahead.finish(taken)

    assert not ours.is_busy("hubspot")


def test_work_that_a_clock_ahead_has_marked_is_due_once_a_right_clock_marks_it(ours: Store, ahead: Store) -> None:
    ahead.mark("hubspot", Job.WRITE)
    assert ours.claim(Job.WRITE, LEASE) is None

    ours.mark("hubspot", Job.WRITE)

    assert ours.claim(Job.WRITE, LEASE) is not None


def test_one_whose_clock_is_put_back_keeps_what_it_holds(ours: Store, clock: Clock) -> None:
    ours.mark("hubspot", Job.WRITE)
    held = ours.claim(Job.WRITE, LEASE)
    assert held is not None

    clock.now -= HOUR
    ours.prolong(held)
    ours.finish(held)

    assert not ours.is_busy("hubspot")


def test_what_is_marked_after_a_clock_was_put_back_is_due_at_once(ours: Store, clock: Clock) -> None:
    ours.mark("hubspot", Job.WRITE)
    clock.now -= HOUR

    ours.mark("hubspot", Job.WRITE)

    assert ours.claim(Job.WRITE, LEASE) is not None
