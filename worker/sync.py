"""All of it in one go, without a worker: pull, rank, write back."""

from dataclasses import dataclass
from datetime import timedelta

from connectors.base import Connector
from ranking.reader import CachedReader
from worker.learn import load_model
from worker.leases import taken
from worker.pull import PullReport, pull
from worker.rank import RankReport, rank
from worker.regimes import Teacher
from worker.settings import BandConfig
from worker.store import Job, Store
from worker.writeback import WriteReport, write_back


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync of one CRM did."""

    crm: str
    pull: PullReport
    rank: RankReport
    write: WriteReport


def sync(
    store: Store,
    connector: Connector,
    reader: CachedReader,
    bands: BandConfig,
    teacher: Teacher | None = None,
    *,
    lease: timedelta = timedelta(seconds=30),
) -> SyncReport:
    """Bring the store, the order and the CRM up to date, once.

    Raises:
        BusyError: A worker is at it, or the account is paused.
        NoModelError: Nothing has been trained yet.
    """
    tenant = connector.name
    model, its_reader = load_model(store, tenant, reader, teacher)
    with taken(store, tenant, Job.READ, lease) as held:
        pulled = pull(held, connector)
    ranked = rank(store, tenant, model, its_reader, bands)
    with taken(store, tenant, Job.WRITE, lease) as held:
        return SyncReport(tenant, pulled, ranked, write_back(held, connector))
