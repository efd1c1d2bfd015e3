"""The same load on Celery as it comes, with nothing below it but the broker: how many events get lost?

Each event is a message of its own that carries the lead. It is acknowledged late, the broker appends every message to a
file, and what a dead worker held is handed out again after ten seconds. A task scores nothing: it notes the event.
"""

import os
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from celery import Celery
from kombu.exceptions import OperationalError

from tests.chaos.broker import Valkey
from tests.chaos.processes import Process
from tests.commands import environment

_TASK = "plain.note_event"
_TASK_SECONDS = 0.05
_EVENTS_A_SECOND = 30
_PAUSE_SECONDS = (0.2, 0.9)
_QUIET_SECONDS = 15.0  # longer than it takes until what a dead worker held is handed out again
_REDELIVERED_SECONDS = 10

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=os.environ.get("PLAIN_REJECT") == "yes",
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": _REDELIVERED_SECONDS,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "health_check_interval": 5,
    },
)


@app.task(name=_TASK)  # type: ignore[untyped-decorator]  # Celery ships no annotations
def note_event(number: int, lead: str) -> None:
    """Note that an event was worked off."""
    time.sleep(_TASK_SECONDS)
    with closing(sqlite3.connect(os.environ["PLAIN_DATABASE"], timeout=30, isolation_level=None)) as connection:
        connection.execute("INSERT INTO event VALUES (?, ?)", (number, lead))


@dataclass(frozen=True, slots=True)
class PlainTrial:
    """What became of the events that the broker had taken."""

    rejects: bool
    seed: int
    worker_kills: int
    broker_kills: int
    events: int
    lost: int
    repeated: int


def run_plain_trial(seed: int, folder: Path, *, rejects: bool, worker_kills: int, broker_kills: int) -> PlainTrial:
    """Send events while workers, their children and the broker are killed; count what was never worked off."""
    folder.mkdir()
    moments = Random(seed)
    database = folder / "events.db"
    _ask(database, "PRAGMA journal_mode=WAL")
    _ask(database, "CREATE TABLE event (number INTEGER, lead TEXT)")
    over, sent = threading.Event(), [0]
    with Valkey(folder, keeps=True).running() as broker:
        url = f"redis://127.0.0.1:{broker.port}/0"
        settings = environment(PLAIN_BROKER=url, PLAIN_DATABASE=str(database), PLAIN_REJECT="yes" if rejects else "no")
        command = (sys.executable, "-m", "celery", "-A", "tests.chaos.plain_celery", "worker", "-l", "INFO", "-c", "2")
        worker = Process("plain", (*command, "--without-mingle", "--without-gossip"), " ready.", folder, settings)
        worker.start()
        sending = threading.Thread(target=_send, args=(url, over, sent), daemon=True)
        sending.start()
        bag = ["worker", "child"] * (worker_kills // 2) + ["worker"] * (worker_kills % 2) + ["broker"] * broker_kills
        moments.shuffle(bag)
        for part in bag:
            worker.wait_until_ready()
            time.sleep(moments.uniform(*_PAUSE_SECONDS))
            match part:
                case "worker":
                    worker.kill()
                    worker.start()
                case "child":
                    worker.kill_child()
                case _:
                    broker.kill()
                    broker.start()
        over.set()
        sending.join()
        _wait_until_quiet(database)
        worker.kill()
    [[noted]] = _ask(database, "SELECT COUNT(*) FROM event")
    [[different]] = _ask(database, "SELECT COUNT(DISTINCT number) FROM event")
    return PlainTrial(rejects, seed, worker_kills, broker_kills, sent[0], sent[0] - different, noted - different)


def _send(url: str, over: threading.Event, sent: list[int]) -> None:
    """Send at a steady rate; an event whose sending failed is sent again until the broker has taken it."""
    sender = Celery("sender", broker=url, set_as_current=False)
    sender.conf.update(broker_transport_options={"socket_timeout": 2, "socket_connect_timeout": 2})
    while not over.wait(1 / _EVENTS_A_SECOND):
        while True:
            with suppress(OperationalError, OSError):
                sender.send_task(_TASK, args=(sent[0], f"lead {sent[0] % 150}"), ignore_result=True, retry=False)
                break
            time.sleep(0.1)
        sent[0] += 1


def _wait_until_quiet(database: Path) -> None:
    known, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        [[count]] = _ask(database, "SELECT COUNT(*) FROM event")
        if count != known:
            known, since = count, time.monotonic()
        time.sleep(0.5)


def _ask(database: Path, statement: str) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        return connection.execute(statement).fetchall()
