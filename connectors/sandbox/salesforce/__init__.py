"""A Salesforce org on loopback: its API, its misbehaviour, its outbound messages, and a way to steer all three."""

from connectors.sandbox.salesforce.app import build_app
from connectors.sandbox.salesforce.control import build_control_app
from connectors.sandbox.salesforce.faults import SalesforceFaults
from connectors.sandbox.salesforce.ids import ORG_ID
from connectors.sandbox.salesforce.org import USERNAME, SalesforceOrg
from connectors.sandbox.salesforce.outbound import OutboundSender
from connectors.sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "ORG_ID",
    "USERNAME",
    "OutboundSender",
    "SalesforceFaults",
    "SalesforceOrg",
    "build_app",
    "build_control_app",
]
