"""What the worker's jobs work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from connectors.base import Connector
from worker.bell import Bell
from worker.errors import ConfigurationError
from worker.rankers import Rankers
from worker.settings import BandConfig, Settings, SteadinessConfig
from worker.store import Store
from worker.wiring import build_connectors, build_reader, build_store

if TYPE_CHECKING:
    from worker.regimes import Teacher


@dataclass(frozen=True, slots=True)
class Office:
    """What the jobs work with. `connectors` are by tenant; those in the `background` leave others room in the quota."""

    store: Store
    connectors: Mapping[str, Connector]
    background: Mapping[str, Connector]
    rankers: Rankers
    bell: Bell
    bands: BandConfig
    steadiness: SteadinessConfig
    lease: timedelta
    debounce: timedelta
    stopping: Event

    def connector_for(self, tenant: str, *, background: bool = False) -> Connector:
        """Return the session with a tenant's CRM.

        Raises:
            ConfigurationError: It is not configured here any more.
        """
        if tenant not in self.connectors:
            raise ConfigurationError(f"{tenant} has work to do but is not configured here")
        return (self.background if background else self.connectors)[tenant]


def build_office(settings: Settings, bell: Bell) -> Office:
    """Return what the worker's jobs work with; the language model is opened at first use.

    Raises:
        ConfigurationError: No CRM is configured.
    """
    store = build_store(settings)
    connectors = {item.name: item for item in build_connectors(settings, store, urgent=True)}
    # Without Redis the windows of a quota are in the session itself, and there is one session for all.
    shared = settings.broker_url.startswith(("redis://", "rediss://"))
    background = {item.name: item for item in build_connectors(settings, store)} if shared else connectors
    return Office(
        store=store,
        connectors=connectors,
        background=background,
        rankers=Rankers(
            store, partial(build_reader, settings.ranking, settings.cache_dir), partial(_build_teacher, settings)
        ),
        bell=bell,
        bands=settings.bands,
        steadiness=settings.steadiness,
        lease=timedelta(seconds=settings.worker.lease_seconds),
        debounce=timedelta(seconds=settings.worker.debounce_seconds),
        stopping=Event(),
    )


def _build_teacher(settings: Settings) -> "Teacher":
    from worker.regimes import Teacher  # only those who rank need it

    return Teacher(settings.ranking, settings.cache_dir)
