"""HubSpot: contacts, deals or leads as our leads, read and written through hubspot-api-client."""

from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.transport import build_quota

__all__ = ["HubSpotConfig", "HubSpotConnector", "build_quota"]
