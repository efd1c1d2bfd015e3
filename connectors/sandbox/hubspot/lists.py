"""The Lists API: lists that hold what passes a filter."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from connectors.sandbox.hubspot.calls import (
    Call,
    Refusal,
    Reply,
    checked_integer,
    checked_list,
    checked_names,
    checked_object,
    checked_text,
)
from connectors.sandbox.hubspot.definitions import Property
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.times import render_time

_PROCESSING = {"DYNAMIC", "MANUAL", "SNAPSHOT"}
_EQUAL = {"IS_EQUAL_TO", "IS_NOT_EQUAL_TO"}
_OPERATORS = {
    "ALL_PROPERTY": {"IS_KNOWN", "IS_UNKNOWN", "IS_BLANK", "IS_NOT_BLANK"},
    "ENUMERATION": {"IS_ANY_OF", "IS_NONE_OF", "IS_EXACTLY", "IS_NOT_EXACTLY", "CONTAINS_ALL", "DOES_NOT_CONTAIN_ALL"},
    "BOOL": _EQUAL,
    "NUMBER": _EQUAL
    | {"IS_GREATER_THAN", "IS_GREATER_THAN_OR_EQUAL_TO", "IS_LESS_THAN", "IS_LESS_THAN_OR_EQUAL_TO"}
    | {"IS_BETWEEN", "IS_NOT_BETWEEN"},
    "STRING": _EQUAL | {"CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH", "HAS_NEVER_BEEN_EQUAL_TO"},
    "MULTISTRING": _EQUAL | {"CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH"},
    "TIME_POINT": {"IS_AFTER", "IS_BEFORE"},
    "TIME_RANGED": {"IS_BETWEEN", "IS_NOT_BETWEEN"},
}
_OPERATIONS = {
    "string": {"STRING", "MULTISTRING"},
    "phone_number": {"STRING", "MULTISTRING"},
    "number": {"NUMBER"},
    "enumeration": {"ENUMERATION"},
    "bool": {"BOOL"},
    "date": {"TIME_POINT", "TIME_RANGED"},
    "datetime": {"TIME_POINT", "TIME_RANGED"},
}


class ListCalls:
    """Lists are made, found by name, and searched; who is in them is not worked out."""

    def __init__(self, objects: HubSpotObjects) -> None:
        self._objects = objects

    def create(self, call: Call) -> Reply:
        body = call.read(
            {"name", "objectTypeId", "processingType", "filterBranch", "listFolderId", "customProperties"}
            | {"listPermissions", "membershipSettings"}
        )
        name, processing = checked_text(body.get("name", "")), body.get("processingType")
        type_ = call.find_type(checked_text(body.get("objectTypeId", "")))
        if not name or processing not in _PROCESSING:
            raise Refusal(400, "A list needs a name and a processingType", "VALIDATION_ERROR")
        branch = body.get("filterBranch")
        if processing == "DYNAMIC" and branch is None:
            raise Refusal(400, "A DYNAMIC list needs a filterBranch", "VALIDATION_ERROR")
        if branch is not None:
            _check_root(branch, self._objects.properties[type_.plural])
        if self._find(type_.id, name) is not None:
            message = f"List names must be unique. A list named '{name}' already exists"
            raise Refusal(400, message, "VALIDATION_ERROR", subCategory="ILS.DUPLICATE_LIST_NAMES")
        now = render_time(self._objects.clock())
        id_ = str(len(self._objects.lists) + 1)
        made = {
            "listId": id_,
            "listVersion": 1,
            "createdAt": now,
            "updatedAt": now,
            "filtersUpdatedAt": now,
            "processingStatus": "COMPLETE",
            "createdById": "1",
            "updatedById": "1",
            "processingType": processing,
            "objectTypeId": type_.id,
            "name": name,
        }
        self._objects.lists[id_] = made | ({"filterBranch": branch} if branch is not None else {})
        return Reply({"list": self._objects.lists[id_]})

    def get(self, call: Call) -> Reply:
        found = self._objects.lists.get(call.params["id"])
        if found is None:
            raise Refusal(404, "List does not exist", "OBJECT_NOT_FOUND", subCategory="ILS.LIST_NOT_FOUND")
        return Reply({"list": _without_filters(found, call)})

    def get_by_name(self, call: Call) -> Reply:
        found = self._find(call.params["typeId"], unquote(call.params["name"]))
        if found is None:
            raise Refusal(404, "List does not exist", "OBJECT_NOT_FOUND", subCategory="ILS.LIST_NOT_FOUND")
        return Reply({"list": _without_filters(found, call)})

    def search(self, call: Call) -> Reply:
        body = call.read(
            {"query", "offset", "count", "listIds", "processingTypes", "additionalProperties", "sort", "objectTypeId"}
        )
        query = checked_text(body.get("query", "")).lower()
        kinds, ids = checked_names(body.get("processingTypes")), checked_names(body.get("listIds"))
        found = [
            item
            for item in self._objects.lists.values()
            if query in item["name"].lower()
            and (not kinds or item["processingType"] in kinds)
            and (not ids or item["listId"] in ids)
            and body.get("objectTypeId") in (None, item["objectTypeId"])
        ]
        offset = checked_integer(body.get("offset"), 0)
        end = offset + checked_integer(body.get("count"), 20)
        extras = {"additionalProperties": {"hs_list_size": "0", "hs_list_reference_count": "0"}}
        lists = [{key: value for key, value in item.items() if key != "filterBranch"} | extras for item in found]
        page = lists[offset:end]
        return Reply({"offset": offset + len(page), "hasMore": end < len(found), "lists": page, "total": len(found)})

    def _find(self, type_id: str, name: str) -> dict[str, Any] | None:
        lists = self._objects.lists.values()
        return next((item for item in lists if (item["objectTypeId"], item["name"]) == (type_id, name)), None)


def _without_filters(found: Mapping[str, Any], call: Call) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "filterBranch" or call.flag("includeFilters")}


def _check_root(branch: Any, definitions: Mapping[str, Property]) -> None:
    """Refuse a filter that is no OR of ANDs of property filters."""
    root = _read_branch(branch, "OR")
    if root["filters"] or not root["filterBranches"]:
        raise _invalid("the root filterBranch holds AND branches and no filters")
    for item in root["filterBranches"]:
        inner = _read_branch(item, "AND")
        if inner["filterBranches"] or not inner["filters"]:
            raise _invalid("an AND branch holds filters")
        for wanted in inner["filters"]:
            _check_filter(wanted, definitions)


def _read_branch(branch: Any, kind: str) -> dict[str, Any]:
    body = checked_object(branch, {"filterBranchType", "filterBranchOperator", "filterBranches", "filters"})
    if body.get("filterBranchType") != kind or body.get("filterBranchOperator", kind) != kind:
        raise _invalid(f"expected a filterBranch of the type {kind}")
    return {key: checked_list(body.get(key, [])) for key in ("filterBranches", "filters")}


def _check_filter(wanted: Any, definitions: Mapping[str, Property]) -> None:
    body = checked_object(wanted, {"filterType", "property", "operation"})
    if body.get("filterType") != "PROPERTY":
        raise _invalid(f"filterType {body.get('filterType')} is not supported")
    definition = definitions.get(str(body.get("property")))
    if definition is None:
        raise _invalid(f"property {body.get('property')} does not exist")
    operation = body.get("operation")
    if not isinstance(operation, dict):
        raise _invalid("a filter needs an operation")
    kind, operator = operation.get("operationType"), operation.get("operator")
    if kind != "ALL_PROPERTY" and kind not in _OPERATIONS[definition.type]:
        raise _invalid(f"operationType {kind} does not go with {definition.name}, which is a {definition.type}")
    if operator not in _OPERATORS[kind]:
        raise _invalid(f"operator {operator} does not belong to {kind}")
    if kind == "ENUMERATION":
        known = {option["value"] for option in definition.options}
        values = checked_names(operation.get("values"))
        if not values or (known and not known.issuperset(values)):
            raise _invalid(f"{values} are not options of {definition.name}")
    elif kind in ("NUMBER", "BOOL", "STRING", "MULTISTRING"):
        bounds = "lowerBound" in operation and "upperBound" in operation
        if not bounds and operation.get("value") is None and not operation.get("values"):
            raise _invalid(f"operator {operator} needs a value")


def _invalid(what: str) -> Refusal:
    return Refusal(400, f"Invalid filterBranch: {what}", "VALIDATION_ERROR", subCategory="ILS.INVALID_FILTER")
