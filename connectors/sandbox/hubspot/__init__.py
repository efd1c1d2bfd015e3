"""A HubSpot portal on loopback: its API, its misbehaviour, its webhooks, and a way to steer all three."""

from connectors.sandbox.hubspot.control import build_control_app
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.portal import build_app
from connectors.sandbox.hubspot.tokens import TOKEN
from connectors.sandbox.hubspot.webhooks import WebhookSender

__all__ = ["TOKEN", "HubSpotFaults", "HubSpotObjects", "WebhookSender", "build_app", "build_control_app"]
