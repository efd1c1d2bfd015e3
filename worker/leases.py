"""Keeps a claim alive while its holder works, and no longer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from worker.errors import BusyError, LeaseLostError
from worker.store import Claim, Job, Store

logger = logging.getLogger(__name__)


@contextmanager
def taken(store: Store, tenant: str, job: Job, lease: timedelta) -> Iterator[Store]:
    """Do an account's work by hand: nobody else does it meanwhile. Gives the store to do it with.

    Raises:
        BusyError: A worker is doing it, or the account is paused.
    """
    held = store.take(tenant, job, lease)
    if held is None:
        raise BusyError(
            f"{tenant} is paused (`callfirst resume`), or a worker is doing this just now; try again in a moment"
        )
    with kept(store, held):
        try:
            yield store.under(held)
        finally:
            with suppress(LeaseLostError):
                store.give_back(held)


@contextmanager
def kept(store: Store, held: Claim) -> Iterator[None]:
    """Prolong a claim from a thread of its own until the block ends.

    A lease can be short then, so that work of one who died is soon taken over, however long a pass takes. One who is
    stopped stops this, too. That a claim was lost is found out by the next transaction under it.
    """
    ended = Event()

    def prolong() -> None:
        while not ended.wait(held.lease.total_seconds() / 3):
            try:
                store.prolong(held)
            except LeaseLostError:
                return
            except SQLAlchemyError as error:
                logger.warning("could not prolong a lease: %s", type(error).__name__)

    thread = Thread(target=prolong, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
