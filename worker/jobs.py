"""The three jobs: reads what CRMs told, ranks what changed, writes what shall show.

Each claims what is due, whoever's it is, does it, and rings for what it has made due. All of them may be started at any
time, any number of times, by anybody: what nobody has marked is not done, and what somebody holds is left to him.
"""

import logging
import os
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from connectors.base import Connector, Rereader
from connectors.errors import ConnectorError, RateLimitError, TransientError
from ranking.errors import RankingError
from worker.errors import LeaseLostError, NoModelError, StoppingError, WorkerError
from worker.inbox import drain
from worker.leases import kept
from worker.logs import about
from worker.office import Office
from worker.pull import pull
from worker.store import Claim, Job, Store, is_conflict
from worker.writeback import write_back

logger = logging.getLogger(__name__)

# After this long a job ends and rings for itself, so that others who wait in the same queue have their turn.
_TURN_SECONDS = 60.0
_STALE_TURN_SECONDS = 2.0  # a note that has just come in is ranked between two passes over old scores
# What is listed at a time: the newest values are not behind a whole night's in the queue.
_WRITTEN_AT_ONCE = 2000
_STARTED_AT = datetime.now(UTC)
_MODEL_IS_LENT = timedelta(seconds=0.25)
_CONFLICT = timedelta(seconds=1)
_THROTTLED = timedelta(seconds=10)  # as long as HubSpot's window, for a refusal that names no time


def read(office: Office) -> int:
    """Look at what CRMs told, and read what a night or a poll asks for; return how many accounts were looked at."""
    return _work_off(office, Job.READ, lambda held: _read_account(office, held))


def rank(office: Office, *, stale: bool = False) -> int:
    """Score what changed and put it in order; with `stale`, make old scores anew. Return how many passes that took."""
    if office.rankers.are_lent:
        # Whoever waits for the model would keep a thread from reading and writing.
        office.bell.ring(Job.RANK, stale=stale, delay=_MODEL_IS_LENT)
        return 0
    return _work_off(office, Job.RANK, lambda held: _rank_stage(office, held, stale=stale), stale=stale)


def write(office: Office) -> int:
    """Tell CRMs what they do not show yet; return how many accounts were looked at."""
    return _work_off(office, Job.WRITE, lambda held: _write_account(office, held))


def _read_account(office: Office, held: Claim) -> None:
    store = office.store.under(held, office.stopping.is_set)
    connector = office.connector_for(held.tenant)
    if isinstance(connector, Rereader):
        drain(store, connector)
    for run in store.list_open_runs(held.tenant):
        streams = None if run.job == "nightly" else connector.frequent_streams
        report = pull(store, office.connector_for(held.tenant, background=True), streams=streams)
        store.finish_run(held.tenant, run)
        logger.info("%s %s of %s read %d records", run.job, run.day, held.tenant, sum(report.records.values()))
        if run.job == "nightly":
            office.bell.ring(Job.RANK, stale=True)
    _note_calls_left(store, connector)
    store.finish(held, wake_at=store.next_event_at(held.tenant))
    office.bell.ring(Job.RANK, delay=office.debounce)


def _rank_stage(office: Office, held: Claim, *, stale: bool) -> None:
    now = datetime.now(UTC)  # before the model is chosen: what another one says is older than its promotion
    with office.rankers.use(held.tenant) as (model, reader):
        from worker.rank import rank_stage  # by now it is imported; only those who rank need it

        report = rank_stage(office.store, held, model, reader, office.bands, office.steadiness, stale=stale, now=now)
    logger.info(
        "ranked %s %s: %d leads scored, %d failed, %d texts read, %d values changed",
        held.tenant,
        held.stage,
        report.scored,
        report.failed,
        report.passes,
        report.changed,
    )
    if report.changed:
        office.bell.ring(Job.WRITE)


def _write_account(office: Office, held: Claim) -> None:
    store = office.store.under(held, office.stopping.is_set)
    connector = office.connector_for(held.tenant)
    while due := store.list_due_writes(held.tenant, datetime.now(UTC))[:_WRITTEN_AT_ONCE]:
        report = write_back(store, connector, due=due)
        logger.info("wrote %d leads of %s, %d refused", report.written, held.tenant, len(report.refused))
    _note_calls_left(store, connector)
    store.finish(held, wake_at=store.next_write_at(held.tenant))


def _note_calls_left(store: Store, connector: Connector) -> None:
    if connector.calls_left is not None:
        store.set_gauge(connector.name, "quota_left", connector.calls_left)


def _work_off(office: Office, job: Job, do: Callable[[Claim], None], *, stale: bool = False) -> int:
    """Claim and do what is due until nothing is, or the turn is over."""
    ends_at = time.monotonic() + (_STALE_TURN_SECONDS if stale else _TURN_SECONDS)
    done = 0
    office.store.beat(f"{socket.gethostname()}:{os.getpid()}", "stale" if stale else job.value, _STARTED_AT)
    while not office.stopping.is_set() and (held := office.store.claim(job, office.lease, stale=stale)) is not None:
        with kept(office.store, held), about(tenant=held.tenant, job=held.job.value, stage=held.stage):
            _do(office, held, do, stale=stale)
        done += 1
        if time.monotonic() > ends_at:
            office.bell.ring(job, stale=stale)
            break
    return done


def _do(office: Office, held: Claim, do: Callable[[Claim], None], *, stale: bool) -> None:
    """Do one piece of work; what fails is tried again later, and parked if only a person can help."""
    what = f"{held.job} {held.tenant} {held.stage}".strip()
    try:
        do(held)
    except LeaseLostError as error:
        logger.warning("%s", error)
    except StoppingError:
        with suppress(LeaseLostError):
            office.store.give_back(held)
        logger.info("gave back %s: this process is to end", what)
    except RateLimitError as error:
        wait = timedelta(seconds=error.retry_after_seconds or _THROTTLED.total_seconds())
        logger.warning("%s: throttled for %d s", what, wait.total_seconds())
        office.store.throttle(held.tenant, datetime.now(UTC) + wait)
        _give_up(office, held, str(error), hopeless=False, after=wait)
    except (TransientError, NoModelError) as error:
        logger.warning("%s failed and is tried again: %s", what, error)
        _give_up(office, held, str(error), hopeless=False)
    except SQLAlchemyError as error:
        if not is_conflict(error):
            raise  # of the database: there is nowhere to note it, and the lease runs out by itself
        logger.warning("%s met another transaction and is tried again", what)
        with suppress(LeaseLostError):
            office.store.give_back(held, still_suspicious=True)
        office.bell.ring(held.job, stale=stale, delay=_CONFLICT)
    except (ConnectorError, RankingError, WorkerError) as error:
        logger.error("%s failed: %s", what, error)
        _give_up(office, held, str(error), hopeless=True)
    except Exception as error:
        # The message of an error that is not ours could quote a text; where it happened does not.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s failed: %s\n%s", what, type(error).__name__, where)
        _give_up(office, held, type(error).__name__, hopeless=True)


def _give_up(office: Office, held: Claim, reason: str, *, hopeless: bool, after: timedelta | None = None) -> None:
    try:
        parked = office.store.fail(held, reason, hopeless=hopeless, after=after)
    except LeaseLostError as error:
        logger.warning("%s", error)
        return
    if parked:
        logger.error("parked %s %s %s: %s; `callfirst unpark` tries again", held.job, held.tenant, held.stage, reason)
    office.store.count(held.tenant, "failures")
