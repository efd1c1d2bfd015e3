"""Objects whose records are the org's own make-up: its objects, their fields, and its flows."""

from typing import TYPE_CHECKING

import defusedxml.ElementTree

from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.package import METADATA
from connectors.sandbox.salesforce.schema import SObject, parse_objects

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

# https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_flowdefinitionview.htm
_FLOWS = """
# FlowDefinitionView read-only no-replication no-bulk
Id DurableId:string(255)- ApiName:string(255)- Label:string(255)- IsActive:boolean- ProcessType:picklist-
"""


def more_objects() -> dict[str, SObject]:
    """Return the objects that only the org's own make-up has."""
    return {definition.name: definition for definition in parse_objects(_FLOWS)}


def settings_rows(org: "SalesforceOrg", sobject: str) -> list[Row]:
    """Return the records of an object that nobody inserts; none for any other object."""
    match sobject:
        case "EntityDefinition":
            return [
                {
                    "Id": name,
                    "DurableId": name,
                    "QualifiedApiName": name,
                    "DeveloperName": name,
                    "Label": definition.label,
                    "MasterLabel": definition.label,
                    "KeyPrefix": definition.prefix,
                    "IsQueryable": definition.queryable,
                    "IsReplicateable": definition.replicateable,
                }
                for name, definition in org.objects.items()
            ]
        case "FieldDefinition":
            return [
                {
                    "Id": f"{name}.{field.name}",
                    "DurableId": f"{name}.{field.name}",
                    "EntityDefinitionId": name,
                    "QualifiedApiName": field.name,
                    "DeveloperName": field.name.removesuffix("__c"),
                    "Label": field.label or field.name,
                    "MasterLabel": field.label or field.name,
                    "DataType": field.type,
                    "Length": field.length,
                    "IsFieldHistoryTracked": f"{name}.{field.name}" in org.history_tracked,
                }
                for name, definition in org.objects.items()
                for field in definition.fields.values()
            ]
        case "FlowDefinitionView":
            return [_flow(name, content) for name, content in org.metadata.items() if name.startswith("flows/")]
    return []


def _flow(file: str, content: bytes) -> Row:
    root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    name = file.removeprefix("flows/").removesuffix(".flow")
    active = root.findtext(f"{METADATA}status") == "Active"
    label = root.findtext(f"{METADATA}label")
    return {"Id": name, "DurableId": name, "ApiName": name, "Label": label, "IsActive": active}
