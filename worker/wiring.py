"""Builds the collaborators from the settings. Two CRMs are a match, not a plug-in system."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from connectors.base import Connector
from connectors.hubspot import HubSpotConnector, build_quota
from connectors.salesforce import OutboundMessageTarget, SalesforceConfig, SalesforceConnector
from ranking.backbone_files import find_backbone
from ranking.errors import BackboneError
from ranking.general.model import find_adapter
from ranking.reader import CachedReader
from worker.errors import ConfigurationError
from worker.settings import RankingConfig, Settings
from worker.store import Store


def build_connectors(settings: Settings, store: Store | None = None, *, urgent: bool = False) -> list[Connector]:
    """Return a connector for each CRM that is configured.

    Processes that share a Redis share each CRM's quota there; an `urgent` one may use what is left free for it. With
    the `store`, texts that it holds are not read again.

    Raises:
        ConfigurationError: None is.
    """
    connectors: list[Connector] = []
    if settings.hubspot is not None:
        shared = settings.broker_url if settings.broker_url.startswith(("redis://", "rediss://")) else "memory://"
        quota = build_quota(settings.hubspot, shared, urgent=urgent)
        connectors.append(HubSpotConnector(settings.hubspot, quota=quota))
    if settings.salesforce is not None:
        connectors.append(_build_salesforce(settings, settings.salesforce, store, urgent=urgent))
    if not connectors:
        raise ConfigurationError(
            "no CRM is configured: set HUBSPOT__ACCESS_TOKEN, or SALESFORCE__INSTANCE_URL with SALESFORCE__CLIENT_ID"
            " and SALESFORCE__CLIENT_SECRET, in the environment or in .env (`callfirst init` writes a template)"
        )
    return connectors


def _build_salesforce(
    settings: Settings, config: SalesforceConfig, store: Store | None, *, urgent: bool
) -> SalesforceConnector:
    outbound = None
    if config.webhook_token is not None and settings.public_url is not None and config.username is not None:
        url = f"{settings.public_url.rstrip('/')}/webhooks/salesforce/{config.webhook_token.get_secret_value()}"
        outbound = OutboundMessageTarget(SecretStr(url), config.username)
    if store is None:
        return SalesforceConnector(config, outbound=outbound, urgent=urgent)
    known = partial(store.known_texts, SalesforceConnector.name)
    return SalesforceConnector(config, known_texts=known, outbound=outbound, urgent=urgent)


def list_tenants(settings: Settings) -> list[str]:
    """Return the CRMs that are configured."""
    configured = ((HubSpotConnector.name, settings.hubspot), (SalesforceConnector.name, settings.salesforce))
    return [name for name, config in configured if config is not None]


def build_store(settings: Settings) -> Store:
    """Return the store, its tables up to date."""
    store = Store(settings.database_url, debounce=timedelta(seconds=settings.worker.debounce_seconds))
    store.upgrade()
    return store


def build_reader(config: RankingConfig, cache_dir: Path, taught: Path | None = None) -> CachedReader:
    """Return the language model and the cache of what it has read.

    `taught` is a directory of what a team's own leads taught it; without one it knows what the general model taught.
    """
    from ranking.backbone import Backbone  # imports torch, which commands that do not rank need not wait for

    cache = cache_dir / "backbones"
    version = find_backbone(config.backbone, cache).version
    adapter = find_adapter(version) if taught is None else find_adapter(version, taught)
    if taught is not None and adapter is None:
        raise BackboneError(
            f"{taught}: was taught to another language model than {config.backbone}; run `callfirst train`"
        )
    backbone = Backbone(config.backbone, cache=cache, device=config.device, adapter=adapter)
    # What a model of its own has read goes when the model goes.
    return CachedReader(backbone, (cache_dir if taught is None else taught) / "vectors.sqlite")
