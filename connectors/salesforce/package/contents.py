"""Everything that is deployed, before it is put into either format."""

from collections.abc import Sequence

from connectors.salesforce.package.fields import LeadObjectName, define_fields, define_list_view
from connectors.salesforce.package.outbound import OutboundMessageTarget, define_outbound
from connectors.salesforce.package.parts import Part
from connectors.salesforce.package.permissions import define_permission_sets


def define_parts(lead_objects: Sequence[LeadObjectName], outbound: OutboundMessageTarget | None) -> list[Part]:
    """Return every part but the Lightning component, which is no table's."""
    parts = [
        part for lead_object in lead_objects for part in (*define_fields(lead_object), define_list_view(lead_object))
    ]
    parts += define_permission_sets(lead_objects)
    if outbound is not None:
        parts += define_outbound(outbound)
    return parts
