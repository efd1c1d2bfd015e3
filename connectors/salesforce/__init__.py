"""Salesforce: Leads, read and written through simple-salesforce."""

from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.transport import SalesforceConfig

__all__ = ["SalesforceConfig", "SalesforceConnector"]
