"""A night reads what changed and nothing else, and ends the same wherever it was interrupted."""

import itertools
import random
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from connectors.memory import InMemoryConnector
from connectors.priority import Priority
from ranking.reader import CachedReader
from tests.worker.store.rows import LEASE, LONG_AGO, STAGES, lead, note, rows_of
from tests.worker.store.worth import WorthReader, worth_model
from worker.errors import LeaseLostError, StoppingError
from worker.jobs import rank, read, write
from worker.office import Office
from worker.rankers import Rankers
from worker.regimes import Teacher
from worker.settings import BandConfig, RankingConfig, SteadinessConfig
from worker.store import Job, ModelVersion, Store
from worker.store.tables import ScoreRow, WritebackRow

LEADS = 60
_ROUNDS = 2  # what a job has made due for one before it is done in the second
CHANGED = ("7", "30", "41")
DRAW = random.Random(7)
WORTHS = [round(DRAW.uniform(-3.0, 3.0), 3) for _ in range(LEADS)]


class SilentBell:
    """Rings for nobody: here the jobs are begun by hand."""

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        pass


class LaterClock:
    """The time at which the jobs look, and `ahead` of it once they have been interrupted: leases run out meanwhile."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class KilledError(BaseException):
    """Ends everything on the spot, as a kill does: nobody catches it."""


class Home:
    """A worker with a store in a folder, and its CRM; a copy of it goes on from the same place."""

    def __init__(self, folder: Path, crm: InMemoryConnector) -> None:
        self.folder, self.crm, self.clock = folder, crm, LaterClock()
        self.store = Store(f"sqlite:///{folder}/callfirst.db", now=self.clock)
        self.store.upgrade()
        reader = CachedReader(WorthReader(), folder / "vectors.sqlite")
        self.office = Office(
            store=self.store,
            connectors={"memory": crm},
            background={"memory": crm},
            rankers=Rankers(self.store, lambda: reader, lambda: Teacher(RankingConfig(), folder)),
            bell=SilentBell(),
            bands=BandConfig(a=5, b=10),
            steadiness=SteadinessConfig(),
            lease=LEASE,
            debounce=timedelta(),
            stopping=Signal(),
        )

    def copy(self, folder: Path) -> "Home":
        self.store.close()
        return Home(Path(shutil.copytree(self.folder, folder)), deepcopy(self.crm))

    def close(self) -> None:
        self.store.close()

    def night(self, day: str) -> None:
        self.store.start_run("memory", "nightly", day)
        self.go_on()

    def go_on(self) -> None:
        """Do what there is to do and is not held by one who was interrupted."""
        for _ in range(_ROUNDS):
            read(self.office)
            rank(self.office)
            rank(self.office, stale=True)
            write(self.office)

    def change(self, *ids: str) -> None:
        """Change what the notes of these leads say they are worth."""
        now = datetime.now(UTC)
        self.crm.interactions = [
            replace(item, text=f"worth {n / 7 - 2:.3f}", modified_at=now) if item.lead_id in ids else item
            for n, item in enumerate(self.crm.interactions)
        ]

    def count(self, name: str) -> int:
        return self.store.figures(datetime.now(UTC)).counters.get(("memory", name), 0)

    def ranked_at(self) -> set[datetime]:
        return {row["ranked_at"] for row in rows_of(self.store, "memory", ScoreRow)["score"]}

    def state(self) -> dict[str, Any]:
        """Return scores, desired values and what the CRM shows, without the moments of ranking."""
        rows = rows_of(self.store, "memory", ScoreRow, WritebackRow)
        return {
            "scores": [row | {"ranked_at": None} for row in rows["score"]],
            "desired": {row["lead_id"]: row["value"] | {"ranked_at": None} for row in rows["writeback"]},
            "shown": {id_: without_moment(priority) for id_, priority in self.crm.priorities.items()},
        }


def without_moment(priority: Priority) -> Priority:
    return replace(priority, ranked_at=LONG_AGO)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a home after its first night."""
    leads = [lead(str(n), "new" if n % 2 else "demo", owner=f"rep {n % 3}") for n in range(LEADS)]
    notes = [note(str(n), f"worth {worth}, said by {n}") for n, worth in enumerate(WORTHS)]
    crm = InMemoryConnector(STAGES, leads, notes)
    crm.setup()
    (tmp_path / "home").mkdir()
    with closing(Home(tmp_path / "home", crm)) as made:
        worth_model().save(tmp_path / "model")
        made.store.save_model("memory", ModelVersion("1", tmp_path / "model", "worth", LONG_AGO, {}, LONG_AGO))
        made.night("first")
        yield made


def test_the_first_night_writes_every_lead(home: Home) -> None:
    assert len(home.crm.priorities) == LEADS


def test_a_night_reads_as_many_texts_as_leads_changed(home: Home) -> None:
    before = home.count("texts_read")
    home.change(*CHANGED)
    home.night("second")

    assert home.count("texts_read") - before == len(CHANGED)


def test_a_night_makes_every_score_anew(home: Home) -> None:
    began_at = datetime.now(UTC)
    home.night("second")

    assert min(home.ranked_at()) >= began_at


def test_a_night_scores_all_leads_as_of_one_moment(home: Home) -> None:
    home.night("second")

    assert len(home.ranked_at()) == 1


def test_a_night_shows_what_changed(home: Home) -> None:
    before = dict(home.crm.priorities)
    home.change(*CHANGED)
    home.night("second")

    assert {id_ for id_, priority in home.crm.priorities.items() if priority != before[id_]} >= set(CHANGED)


def test_a_night_after_which_nothing_changed_reads_no_text(home: Home) -> None:
    home.change(*CHANGED)
    home.night("second")
    before = home.count("texts_read")
    home.night("third")

    assert home.count("texts_read") == before


def test_a_night_after_which_nothing_changed_writes_nothing(home: Home) -> None:
    home.change(*CHANGED)
    home.night("second")
    before = home.count("leads_written")
    home.night("third")

    assert home.count("leads_written") == before


@contextmanager
def failing(number: int, error: BaseException, *, afterwards: bool) -> Iterator[list[None]]:
    """Have the so-manieth transaction that writes end with an error, kept only if that comes `afterwards`.

    Gives how many there were.
    """
    ended: list[None] = []

    def end(ending: Connection | Session) -> None:
        bind = ending.get_bind() if isinstance(ending, Session) else ending
        if not bind.get_execution_options().get("callfirst_reads_only"):
            ended.append(None)
            if len(ended) == number:
                raise type(error)(str(error))  # a new one: each that was raised drags its frames along

    heard = (Session, "after_commit", end) if afterwards else (Engine, "commit", end)
    event.listen(*heard)
    try:
        yield ended
    finally:
        event.remove(*heard)


@pytest.mark.parametrize(
    ("error", "afterwards"),
    [
        pytest.param(KilledError(), False, id="killed"),
        pytest.param(KilledError(), True, id="killed just afterwards", marks=pytest.mark.integration),
        pytest.param(StoppingError("to end"), False, id="told to end", marks=pytest.mark.integration),
        pytest.param(LeaseLostError("taken over"), False, id="taken over", marks=pytest.mark.integration),
        pytest.param(RuntimeError("broken"), False, id="broken", marks=pytest.mark.integration),
    ],
)
def test_a_night_ends_the_same_at_whichever_transaction_it_was_interrupted(
    home: Home, tmp_path: Path, error: BaseException, afterwards: bool
) -> None:
    home.change(*CHANGED)
    home.store.start_run("memory", "nightly", "second")
    with closing(home.copy(tmp_path / "undisturbed")) as undisturbed:
        undisturbed.go_on()
        expected = undisturbed.state()

    ends = []
    for number in itertools.count(1):
        with closing(home.copy(tmp_path / str(number))) as interrupted:
            with failing(number, error, afterwards=afterwards) as ended, suppress(type(error)):
                interrupted.go_on()
            if len(ended) < number:
                break
            interrupted.clock.ahead = timedelta(hours=1)
            interrupted.go_on()
            assert not interrupted.store.is_busy("memory")
            ends.append(interrupted.state())

    assert len(ends) > 10
    assert [number for number, end in enumerate(ends, start=1) if end != expected] == []
