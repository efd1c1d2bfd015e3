"""Puts what CRMs tell into the inbox: one transaction for all that waits.

A commit waits for the disk, however little is in it. What is delivered meanwhile waits for the next one and shares it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from anyio.to_thread import run_sync

from connectors.events import Event
from worker.bell import Bell
from worker.store import GATHERED, Job, Store

logger = logging.getLogger(__name__)

# So that nobody who wants to write, too, waits long for one transaction.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one request told, and who waits for the answer whether it is kept."""

    events: Sequence[Event]
    kept: asyncio.Future[bool]


class Deliveries:
    """The only writer of the inbox in its process; requests that wait are served in the order they came.

    Writers of SQLite that wait for each other poll, and some are overtaken for seconds; in a queue nobody is.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], bell: Bell | None) -> None:
        self._store = store
        self._now = now
        self._bell = bell
        self._waiting: dict[str, list[_Delivery]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, tenant: str, events: Sequence[Event]) -> bool:
        """Say whether events are kept; True only once they are committed.

        What nobody waits for any more is kept all the same: whoever has told it believes that it was told.
        """
        if not events:
            return True
        loop = asyncio.get_running_loop()
        delivery = _Delivery(events, loop.create_future())
        self._waiting.setdefault(tenant, []).append(delivery)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write())
        return await delivery.kept

    async def _write(self) -> None:
        while self._waiting:
            tenant, waiting = next(iter(self._waiting.items()))
            del self._waiting[tenant]
            together, rest = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            if rest:
                self._waiting[tenant] = rest  # behind the other tenants
            events = [event for delivery in together for event in delivery.events]
            try:
                await run_sync(self._store.receive, tenant, events, self._now())
                kept = True
            except Exception:  # whatever it is, those who wait have to hear of it
                logger.exception("could not keep %d deliveries of %s, which will be sent again", len(together), tenant)
                kept = False
            for delivery in together:
                if not delivery.kept.done():  # the request was broken off
                    delivery.kept.set_result(kept)
            if kept and self._bell is not None:
                self._bell.ring(Job.READ, delay=GATHERED)
