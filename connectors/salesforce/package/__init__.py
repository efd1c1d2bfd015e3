"""What `setup` deploys into an org, and the same as a project for Salesforce's command line.

Fields, a list view, two permission sets, a Lightning component for record pages and, where asked for, outbound
messages with the flows that send them. All but the component comes from one table, in both formats.
"""

from connectors.salesforce.package.archive import build_package
from connectors.salesforce.package.fields import LIST_VIEW, LeadObjectName
from connectors.salesforce.package.outbound import OutboundMessageTarget
from connectors.salesforce.package.permissions import READER_PERMISSION_SET
from connectors.salesforce.package.source_tree import write_source_tree

__all__ = [
    "LIST_VIEW",
    "READER_PERMISSION_SET",
    "LeadObjectName",
    "OutboundMessageTarget",
    "build_package",
    "write_source_tree",
]
