"""Salesforce: Leads or Opportunities, read and written through simple-salesforce."""

from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.package import OutboundMessageTarget

__all__ = ["OutboundMessageTarget", "SalesforceConfig", "SalesforceConnector"]
