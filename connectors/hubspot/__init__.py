"""HubSpot: contacts as leads, read and written through hubspot-api-client."""

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.transport import HubSpotConfig

__all__ = ["HubSpotConfig", "HubSpotConnector"]
