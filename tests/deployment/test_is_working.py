"""The health check of a container tells work that gets done from work that nobody does."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands import environment
from tests.postgres import create_database
from worker.store import Job, Store

CHECK = Path(__file__).parents[2] / "docker/is_working.py"
LONG_AGO = timedelta(minutes=-10)


class Installation:
    """A database, and the health checks beside it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.store = Store(url)
        self.store.upgrade()
        self._url = url
        self._folder = folder

    def is_working(self, process: str) -> bool:
        settings = environment(DATABASE_URL=self._url)
        return subprocess.run([sys.executable, CHECK, process], env=settings, cwd=self._folder).returncode == 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    sqlite = f"sqlite:///{tmp_path}/callfirst.db"
    made = Installation(
        sqlite if request.param == "sqlite" else create_database(request.getfixturevalue("postgres_url")), tmp_path
    )
    yield made
    made.store.close()


def test_a_worker_without_work_is_well(installation: Installation) -> None:
    assert installation.is_working("read")


def test_a_worker_is_not_well_when_nobody_does_what_is_long_due(installation: Installation) -> None:
    installation.store.mark("hubspot", Job.READ, delay=LONG_AGO)

    assert not installation.is_working("read")


def test_a_worker_is_well_while_its_work_has_just_come(installation: Installation) -> None:
    installation.store.mark("hubspot", Job.READ)

    assert installation.is_working("read")


def test_a_worker_is_well_when_only_work_of_another_kind_is_left(installation: Installation) -> None:
    installation.store.mark("hubspot", Job.READ, delay=LONG_AGO)

    assert installation.is_working("write")


def test_a_worker_is_well_while_it_does_one_thing_and_another_waits(installation: Installation) -> None:
    installation.store.mark("hubspot", Job.READ, delay=LONG_AGO)
    installation.store.mark("salesforce", Job.READ, delay=LONG_AGO)
    installation.store.claim(Job.READ, timedelta(minutes=1))

    assert installation.is_working("read")


def test_beat_is_not_well_before_anything_has_begun(installation: Installation) -> None:
    assert not installation.is_working("beat")


def test_beat_is_well_when_something_has_just_begun(installation: Installation) -> None:
    installation.store.start_run("hubspot", "poll", datetime.now(UTC).isoformat())

    assert installation.is_working("beat")


def test_without_a_database_nothing_is_well(tmp_path: Path) -> None:
    settings = environment(DATABASE_URL="sqlite:////nowhere/callfirst.db")

    check = subprocess.run([sys.executable, CHECK, "read"], env=settings, cwd=tmp_path, capture_output=True)

    assert check.returncode == 1
