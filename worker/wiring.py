"""Builds the collaborators from the settings. Two CRMs are a match, not a plug-in system."""

from pathlib import Path

from connectors.base import Connector
from connectors.hubspot import HubSpotConnector
from connectors.salesforce import SalesforceConnector
from ranking.features import CachedReader
from worker.errors import ConfigurationError
from worker.settings import RankingConfig, Settings
from worker.store import Store


def build_connectors(settings: Settings) -> list[Connector]:
    """Return a connector for each CRM that is configured.

    Raises:
        ConfigurationError: None is.
    """
    connectors: list[Connector] = []
    if settings.hubspot is not None:
        connectors.append(HubSpotConnector(settings.hubspot))
    if settings.salesforce is not None:
        connectors.append(SalesforceConnector(settings.salesforce))
    if not connectors:
        raise ConfigurationError(
            "no CRM is configured: set HUBSPOT__ACCESS_TOKEN, or SALESFORCE__INSTANCE_URL with SALESFORCE__CLIENT_ID"
            " and SALESFORCE__CLIENT_SECRET, in the environment or in .env (`callfirst init` writes a template)"
        )
    return connectors


def build_store(settings: Settings) -> Store:
    """Return the store, its tables up to date."""
    store = Store(settings.database_url)
    store.upgrade()
    return store


def build_reader(config: RankingConfig, cache_dir: Path) -> CachedReader:
    """Return the language model, with the cache of what it has read."""
    from ranking.backbone import Backbone  # imports torch, which commands that do not rank need not wait for

    backbone = Backbone(config.backbone, cache=cache_dir / "backbones", device=config.device)
    return CachedReader(backbone, cache_dir / "vectors.sqlite")
