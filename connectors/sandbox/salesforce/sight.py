"""What the integration user sees of an org: objects and their fields, and whose files."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.sandbox.salesforce.founding import USER_ID
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.permissions import find_access
from connectors.sandbox.salesforce.schema import SObject

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

_FILES = ("ContentVersion", "ContentDocument", "ContentNote")


def is_hidden(org: "SalesforceOrg", sobject: str) -> bool:
    """Say whether an object is not there for the user."""
    return sobject in org.hidden_objects or (sobject == "ContentNote" and not org.notes_enabled)


def without_hidden_fields(org: "SalesforceOrg", definition: SObject) -> SObject:
    """Return an object with the fields that the user may read or edit."""
    fields = {name: field for name, field in definition.fields.items() if find_access(org, definition.name, field)}
    return replace(definition, fields=fields)


def seen_rows(org: "SalesforceOrg", sobject: str, rows: Iterable[Row]) -> Iterable[Row]:
    """Return the records that the user may see. The set that its profile owns tells whether these are all files."""
    if sobject in _FILES and not org.can_query_all_files():
        key = "ContentDocumentId" if sobject == "ContentVersion" else "Id"
        return [row for row in rows if _may_see_file(org, row[key], row.get("OwnerId"))]
    if sobject == "PermissionSet":
        granted = {"PermissionsQueryAllFiles": org.can_query_all_files()}
        return [{**row, **granted} if row["IsOwnedByProfile"] else row for row in rows]
    return rows


def _may_see_file(org: "SalesforceOrg", document: str, owner: object) -> bool:
    """Say whether a file is the user's own, or shared with it."""
    if owner == USER_ID:
        return True
    links = org.committed("ContentDocumentLink", "ContentDocumentId", document)
    return any(link["LinkedEntityId"] == USER_ID for link in links)
