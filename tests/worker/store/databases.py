"""Both databases that the store runs on, and a clock that stands still until it is told to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.postgres import create_database
from worker.store import Store

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]


class Clock:
    """What time it is, in a test."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


def new_database(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> str:
    """Return the address of an empty database."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return create_database(request.getfixturevalue("postgres_url"))


@contextmanager
def open_store(
    request: pytest.FixtureRequest, backend: str, tmp_path: Path, clock: Clock, *, debounce: float = 0.0
) -> Iterator[Store]:
    """Open an empty store whose time is the clock's."""
    made = Store(new_database(request, backend, tmp_path), debounce=timedelta(seconds=debounce), now=clock)
    made.upgrade()
    yield made
    made.close()
