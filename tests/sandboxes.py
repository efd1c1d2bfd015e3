"""Sandbox CRMs for tests: a small organisation behind a real server, and the data behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.base import Connector
from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.quota import Quota
from connectors.retry import RetryPolicy
from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sandbox import hubspot, salesforce
from connectors.sandbox.faults import Faults
from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects
from connectors.sandbox.org import Organisation, build_organisation
from connectors.sandbox.salesforce import SalesforceFaults, SalesforceOrg
from connectors.sandbox.seeding import fill_hubspot, fill_salesforce
from connectors.sandbox.server import SandboxServer

NO_WAIT = RetryPolicy(sleep=lambda _: None)
# The version of HubSpot's API that sessions speak unless they are told otherwise: a suite is run on several.
API_VERSION = ContextVar("API_VERSION", default="v3")


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox CRM, a connector to it, and its insides."""

    crm: str
    url: str
    connector: Connector
    faults: Faults
    data: HubSpotObjects | SalesforceOrg
    org: Organisation

    def connect(self, *, token: str = "sandbox") -> Connector:
        """Return a further session with this CRM."""
        if self.crm == "hubspot":
            return self.connect_hubspot(access_token=token)
        secrets = {"client_id": "sandbox", "client_secret": token}
        return SalesforceConnector(SalesforceConfig.model_validate({"instance_url": self.url, **secrets}), NO_WAIT)

    def connect_hubspot(self, **settings: Any) -> HubSpotConnector:
        """Return a session with this portal that has other settings, without waiting or rates."""
        usual = {"access_token": "sandbox", "base_url": self.url, "api_version": API_VERSION.get()}
        config = HubSpotConfig.model_validate(usual | settings)
        return HubSpotConnector(config, NO_WAIT, Quota("sandbox"))

    @property
    def portal(self) -> HubSpotObjects:
        """The insides of a HubSpot portal."""
        assert isinstance(self.data, HubSpotObjects)
        return self.data

    @property
    def salesforce(self) -> SalesforceOrg:
        """The insides of a Salesforce org."""
        assert isinstance(self.data, SalesforceOrg)
        return self.data

    @property
    def hubspot_faults(self) -> HubSpotFaults:
        """The misbehaviour of a HubSpot portal."""
        assert isinstance(self.faults, HubSpotFaults)
        return self.faults

    @property
    def salesforce_faults(self) -> SalesforceFaults:
        """The misbehaviour of a Salesforce org."""
        assert isinstance(self.faults, SalesforceFaults)
        return self.faults


@contextmanager
def sandbox(crm: str, org: Organisation | None = None) -> Iterator[Sandbox]:
    """Run a sandbox CRM on a free port."""
    org = org or build_organisation(3, datetime.now(UTC), closed=90, open_=30)
    faults = HubSpotFaults() if crm == "hubspot" else SalesforceFaults()
    data: HubSpotObjects | SalesforceOrg
    if crm == "hubspot":
        data = fill_hubspot(org)
        app = hubspot.build_app(data, faults)
    else:
        data = fill_salesforce(org)
        app = salesforce.build_app(data, faults)
    with SandboxServer(app) as server:
        shell = Sandbox(crm, server.url, None, faults, data, org)  # type: ignore[arg-type]  # replaced in the next line
        yield Sandbox(crm, server.url, shell.connect(), faults, data, org)
