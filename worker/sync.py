"""The nightly job's body: pull, rank, write back, in one process."""

from dataclasses import dataclass

from connectors.base import Connector
from ranking.reader import CachedReader
from worker.learn import load_model
from worker.pull import PullReport, pull
from worker.rank import RankReport, rank
from worker.regimes import Teacher
from worker.settings import BandConfig
from worker.store import Store
from worker.writeback import WriteReport, write_back


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync of one CRM did."""

    crm: str
    pull: PullReport
    rank: RankReport
    write: WriteReport


def sync(
    store: Store, connector: Connector, reader: CachedReader, bands: BandConfig, teacher: Teacher | None = None
) -> SyncReport:
    """Bring the store, the order and the CRM up to date, once.

    Raises:
        NoModelError: Nothing has been trained yet.
    """
    model, its_reader = load_model(store, connector.name, reader, teacher)
    pulled = pull(store, connector)
    ranked = rank(store, connector.name, model, its_reader, bands)
    return SyncReport(connector.name, pulled, ranked, write_back(store, connector))
