"""Who may write our fields, and who may read them."""

from collections.abc import Sequence

from connectors.priority import PRIORITY_FIELDS
from connectors.salesforce.package.fields import LeadObjectName
from connectors.salesforce.package.markup import Node
from connectors.salesforce.package.parts import Part
from connectors.salesforce.schema import PERMISSION_SET, field_name

READER_PERMISSION_SET = f"{PERMISSION_SET}_Reader"


def define_permission_sets(lead_objects: Sequence[LeadObjectName]) -> list[Part]:
    """Return the integration user's permission set and the reps'; a new field is visible to nobody without one.

    Neither grants anything on the objects themselves: reps have that already, and the integration user's
    rights are the admin's decision.
    """
    return [
        _define(
            PERMISSION_SET, "Callfirst", "For the integration user: writes Callfirst's fields.", lead_objects, True
        ),
        _define(READER_PERMISSION_SET, "Callfirst Reader", "For reps: reads Callfirst's fields.", lead_objects, False),
    ]


def _define(name: str, label: str, description: str, lead_objects: Sequence[LeadObjectName], editable: bool) -> Part:
    # Sorted as Salesforce returns them, so that a retrieved copy compares equal.
    fields = sorted(f"{lead_object}.{field_name(field)}" for lead_object in lead_objects for field in PRIORITY_FIELDS)
    rights: list[Node] = [
        ("fieldPermissions", [("editable", str(editable).lower()), ("field", field), ("readable", "true")])
        for field in fields
    ]
    body: list[Node] = [
        ("description", description),
        *rights,
        ("hasActivationRequired", "false"),
        ("label", label),
    ]
    return Part("PermissionSet", name, body)
