"""What the worker's jobs work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event

from connectors.base import Connector
from worker.bell import Bell
from worker.errors import ConfigurationError
from worker.rankers import Rankers
from worker.regimes import Teacher
from worker.settings import BandConfig, Settings, SteadinessConfig
from worker.store import Store
from worker.wiring import build_connectors, build_reader, build_store


@dataclass(frozen=True, slots=True)
class Office:
    """What the jobs work with. `connectors` are by tenant."""

    store: Store
    connectors: Mapping[str, Connector]
    rankers: Rankers
    bell: Bell
    bands: BandConfig
    steadiness: SteadinessConfig
    lease: timedelta
    debounce: timedelta
    stopping: Event

    def connector_for(self, tenant: str) -> Connector:
        """Return the session with a tenant's CRM.

        Raises:
            ConfigurationError: It is not configured here any more.
        """
        if tenant not in self.connectors:
            raise ConfigurationError(f"{tenant} has work to do but is not configured here")
        return self.connectors[tenant]


def build_office(settings: Settings, bell: Bell) -> Office:
    """Return what the worker's jobs work with; the language model is opened at first use.

    Raises:
        ConfigurationError: No CRM is configured.
    """
    store = build_store(settings)
    connectors = {connector.name: connector for connector in build_connectors(settings, store)}
    reader = partial(build_reader, settings.ranking, settings.cache_dir)
    return Office(
        store=store,
        connectors=connectors,
        rankers=Rankers(store, reader, Teacher(settings.ranking, settings.cache_dir)),
        bell=bell,
        bands=settings.bands,
        steadiness=settings.steadiness,
        lease=timedelta(seconds=settings.worker.lease_seconds),
        debounce=timedelta(seconds=settings.worker.debounce_seconds),
        stopping=Event(),
    )
