"""A disk without room: what is accepted is kept, what cannot be kept is not accepted."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from connectors.events import Change, Event
from tests.chaos.disk import Disk, small_disk
from worker.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BATCHES = 100
_ROOM = 500_000  # bytes: for some batches, and not for all


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as made:
        if made is None:
            pytest.skip("mounting a small disk takes root")
        yield made


@pytest.fixture
def on_disk(disk: Disk) -> Iterator[Store]:
    made = Store(f"sqlite:///{disk.folder}/callfirst.db")
    made.upgrade()
    yield made
    made.close()


def receive_until_refused(store: Store) -> int:
    """Return how many events were kept before the first batch of a hundred that was refused."""
    for batch in range(_BATCHES):
        events = [Event(f"{batch} {number}", "lead", str(number), Change.CHANGED, NOW) for number in range(100)]
        try:
            store.receive("hubspot", events, NOW)
        except OperationalError:
            return 100 * batch
    return 100 * _BATCHES


def test_a_full_disk_refuses_a_delivery_whole(disk: Disk, on_disk: Store) -> None:
    disk.fill(leaving=_ROOM)

    kept = receive_until_refused(on_disk)

    assert 0 < kept < 100 * _BATCHES
    assert len(on_disk.list_due_events("hubspot", NOW, 100 * _BATCHES)) == kept


def test_what_a_full_disk_has_refused_is_kept_once_there_is_room(disk: Disk, on_disk: Store) -> None:
    disk.fill(leaving=_ROOM)
    receive_until_refused(on_disk)
    disk.clear()

    assert receive_until_refused(on_disk) == 100 * _BATCHES


def test_a_database_that_met_a_full_disk_is_whole(disk: Disk, on_disk: Store) -> None:
    disk.fill(leaving=_ROOM)
    receive_until_refused(on_disk)
    disk.clear()

    with closing(sqlite3.connect(disk.folder / "callfirst.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
