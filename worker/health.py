"""Whether this process can do its work: is the database there, are its tables ours, does the broker answer."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Generic, TypeVar

import redis
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from worker.store import Store
from worker.store import __file__ as store_files

Answer = TypeVar("Answer")


class Probe(Generic[Answer]):
    """Asks something that may hang: in one thread at most, and nobody waits longer than `patience_seconds`.

    An answer that is not older than `fresh_seconds` is given again.
    """

    def __init__(self, ask: Callable[[], Answer], *, patience_seconds: float, fresh_seconds: float = 0.0) -> None:
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._fresh_seconds = fresh_seconds
        self._asked_at = 0.0
        self._asked: Future[Answer] | None = None

    async def find(self) -> Answer | None:
        """Return the answer, or None if there is none in time; raise what asking raised."""
        if self._asked is None or (self._asked.done() and time.monotonic() - self._asked_at > self._fresh_seconds):
            self._asked, self._asked_at = Future(), time.monotonic()
            # Not from a pool: a thread that hangs there would keep the process from ending.
            Thread(target=self._answer, args=(self._asked,), name="probe", daemon=True).start()
        answered = asyncio.wrap_future(self._asked)
        done, _ = await asyncio.wait({answered}, timeout=self._patience_seconds)
        return answered.result() if done else None

    def _answer(self, asked: Future[Answer]) -> None:
        try:
            asked.set_result(self._ask())
        except Exception as error:  # raised again by whoever waits
            asked.set_exception(error)


def tables_of(store: Store) -> str | None:
    """Say how old the tables are beside this code: `current`, `old` or `newer`; None if the database does not answer.

    It only reads: whoever writes is not waited for.
    """
    try:
        with store.database.reading() as session:
            there = MigrationContext.configure(session.connection()).get_current_revision()
    except SQLAlchemyError:
        return None
    newest = _newest_tables()
    if there == newest:
        return "current"
    return "old" if there is None or there < newest else "newer"


def state_of_broker(url: str, *, timeout_seconds: float) -> str:
    """Say whether a broker answers: `ok`, `down`, or `none` where there is none to ask."""
    if not url.startswith(("redis://", "rediss://")):
        return "none"
    client = redis.Redis.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return "down"
    finally:
        client.close()
    return "ok"


@cache
def _newest_tables() -> str:
    newest = ScriptDirectory(str(Path(store_files).with_name("migrations"))).get_current_head()
    assert newest is not None, "there are no migrations"
    return newest
