"""Rings by Celery messages, which carry nothing: what is to be done stands in the database."""

import logging
import time
from datetime import timedelta
from threading import Condition, Thread
from typing import Protocol

from celery import Celery

from worker.store import Job

logger = logging.getLogger(__name__)

TASKS = {
    (Job.READ, False): "callfirst.read_changes",
    (Job.RANK, False): "callfirst.rank_leads",
    (Job.RANK, True): "callfirst.rank_stale_leads",
    (Job.WRITE, False): "callfirst.write_priorities",
}
# One message of a kind in this time says as much as a hundred.
_AT_MOST_EVERY = 0.1
# Where nobody listened for hours, those who come back are not to work off as many hours of messages.
_MEANT_FOR_SECONDS = 60


class Bell(Protocol):
    """Wakes whoever does a job. It may be lost or ring twice: the sweeper rings for what is overdue."""

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        """Have somebody look for due work of this kind after a delay of seconds."""
        ...


class CeleryBell:
    """Sends from a thread of its own: whoever rings never waits for a broker, be it slow, hung or dead."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._due: dict[str, float] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        """Have somebody look for due work of this kind; what is lost here, the sweeper rings for."""
        due = time.monotonic() + max(delay.total_seconds(), _AT_MOST_EVERY)
        with self._changed:
            name = TASKS[job, stale]
            self._due[name] = min(due, self._due.get(name, due))
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._send, name="bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _send(self) -> None:
        while True:
            with self._changed:
                while (wait := self._wait()) > 0:
                    self._changed.wait(wait)
                now = time.monotonic()
                names = [name for name, due in self._due.items() if due <= now]
                for name in names:
                    del self._due[name]
            for name in names:
                try:
                    self._app.send_task(name, retry=False, ignore_result=True, expires=_MEANT_FOR_SECONDS)
                except Exception as error:  # a broker fails in many ways, and each of them is the sweeper's business
                    logger.warning("could not ring for %s: %s", name, type(error).__name__)

    def _wait(self) -> float:
        return min(self._due.values(), default=time.monotonic() + 3600.0) - time.monotonic()
