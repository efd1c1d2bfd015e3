"""Permission sets: which fields they open to the integration user, and what of them may be inserted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.sandbox.salesforce.calls import Refusal
from connectors.sandbox.salesforce.founding import USER_ID
from connectors.sandbox.salesforce.schema import Field

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

GRANTS = ("PermissionSetAssignment", "FieldPermissions", "ObjectPermissions")  # what opens fields, or ceases to


def find_access(org: "SalesforceOrg", sobject: str, definition: Field) -> str:
    """Return what the integration user may do with a field: nothing, `read`, or `edit`."""
    full = f"{sobject}.{definition.name}"
    if full in org.hidden or full in org.faults.missing:
        return ""
    if not definition.custom or full in org.open_fields:
        return "edit"
    assignments = org.tables["PermissionSetAssignment"].values()
    assigned = {row["PermissionSetId"] for row in assignments if row["AssigneeId"] == USER_ID}
    grants = [
        row
        for row in org.tables["FieldPermissions"].values()
        if row.get("Field") == full and row.get("ParentId") in assigned
    ]
    if any(row.get("PermissionsEdit") for row in grants):
        return "edit"
    return "read" if any(row.get("PermissionsRead") for row in grants) else ""


def check_permission_record(org: "SalesforceOrg", sobject: str, values: Mapping[str, Any]) -> None:
    """Refuse a record that grants what there is not, or grants it twice; leave every other object alone."""
    match sobject:
        case "PermissionSetAssignment":
            keys = ("AssigneeId", "PermissionSetId")
            # Recorded.
            message = "Duplicate PermissionSetAssignment.  Assignee: {}; Permission Set: {}"
            shown = message.format(*(str(values.get(key))[:15] for key in keys))
            _refuse_twice(org, sobject, values, keys, "DUPLICATE_VALUE", shown)
        case "FieldPermissions":
            full = str(values.get("Field"))
            parent, _, name = full.partition(".")
            if parent not in org.objects or name not in org.objects[parent].fields:
                message = f"Field Name: bad value for restricted picklist field: {full}"
                raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",))
            # Wording not confirmed.
            message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
            _refuse_twice(org, sobject, values, ("ParentId", "Field"), "DUPLICATE_VALUE", message)
        case "PermissionSet":
            # Wording not confirmed.
            message = "The name you entered is already in use."
            _refuse_twice(org, sobject, values, ("Name",), "DUPLICATE_DEVELOPER_NAME", message)


def _refuse_twice(
    org: "SalesforceOrg", sobject: str, values: Mapping[str, Any], keys: tuple[str, ...], code: str, message: str
) -> None:
    for row in org.tables[sobject].values():
        if all(row.get(key) == values.get(key) for key in keys):
            raise Refusal(code, message, keys)
