"""One store on each database, with a clock of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.store.databases import BACKENDS, Clock, open_store
from worker.store import Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(request, request.param, tmp_path, clock) as made:
        yield made
