"""Fields one by one through the Tooling API.

How refusals are worded here is not confirmed.

https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_customfield.htm
"""

from typing import Any
from xml.etree.ElementTree import Element, SubElement

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply
from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.package import METADATA, read_field


class ToolingCalls:
    """The handlers of the Tooling API."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._made = 0

    def create_field(self, call: Call) -> Reply:
        body = call.read_object()
        full, metadata = str(body.get("FullName", "")), body.get("Metadata")
        sobject, _, name = full.partition(".")
        if not name or not isinstance(metadata, dict):
            raise Refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]", ("FullName",))
        if sobject not in self._org.objects:
            raise Refusal("INVALID_FIELD", f"No such object: {sobject}", ("FullName",))
        if name in self._org.objects[sobject].fields:
            message = f"There is already a field named {name.removesuffix('__c')} on {sobject}."
            raise Refusal("DUPLICATE_DEVELOPER_NAME", message, ("FullName",))
        definition = read_field(_as_element({"fullName": name, **metadata}))
        if isinstance(definition, str):
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", definition, ("Metadata",))
        self._org.add_field(sobject, definition)
        self._made += 1
        made = {"id": make_id("00N", self._made), "success": True, "errors": [], "warnings": [], "infos": []}
        return Reply(made, 201)


def _as_element(values: dict[str, Any]) -> Element:
    """Return metadata given as JSON in the shape of its XML."""
    root = Element(f"{METADATA}fields")
    _fill(root, values)
    return root


def _fill(node: Element, values: dict[str, Any]) -> None:
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            # JSON calls a picklist value `valueName`, the file `fullName`.
            child = SubElement(node, METADATA + ("fullName" if name == "valueName" else name))
            if isinstance(item, dict):
                _fill(child, item)
            else:
                child.text = str(item).lower() if isinstance(item, bool) else str(item)
