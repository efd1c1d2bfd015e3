"""A search: which rows of the index it finds, in which order, and which page of them it shows."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot.calls import (
    Call,
    Refusal,
    checked_integer,
    checked_list,
    checked_names,
    checked_object,
    checked_text,
)
from connectors.sandbox.hubspot.filters import (
    compile_filter,
    compile_query,
    read_filter,
    refuse,
    stored_key,
    wanted_key,
)
from connectors.sandbox.hubspot.index import Predicate, SearchIndex, Values
from connectors.sandbox.hubspot.object_types import find_type
from connectors.sandbox.hubspot.objects import HubSpotObjects

MAX_ROWS = 200
MAX_RESULTS = 10_000
_MAX_BODY = 3_000
_MAX_GROUPS = 5
_MAX_GROUP_FILTERS = 6
_MAX_FILTERS = 18
_ID = "hs_object_id"
_RANGES = {"GT", "GTE", "LT", "LTE", "EQ", "BETWEEN"}
_SEARCHED = {
    "contacts": ("firstname", "lastname", "email", "phone", "company"),
    "companies": ("name", "domain", "website", "phone"),
    "deals": ("dealname",),
    "leads": ("hs_lead_name",),
    "notes": ("hs_note_body",),
    "emails": ("hs_email_subject",),
    "calls": ("hs_call_title", "hs_call_body"),
    "meetings": ("hs_meeting_title", "hs_meeting_body"),
    "tasks": ("hs_task_subject", "hs_task_body"),
    "communications": ("hs_communication_body",),
}


@dataclass(frozen=True, slots=True)
class Search:
    """A search that keeps HubSpot's rules. `sort` is a property and whether it falls."""

    type: str
    groups: tuple[tuple[Mapping[str, Any], ...], ...]
    query: str
    sort: tuple[str, bool] | None
    names: tuple[str, ...]
    limit: int
    after: int

    @property
    def key(self) -> str:
        """Return what decides the result, without the page."""
        return json.dumps([self.type, self.groups, self.query, self.sort])


def read_search(call: Call, objects: HubSpotObjects) -> Search:
    """Return the search that a call asks for.

    Raises:
        Refusal: It breaks one of HubSpot's rules.
    """
    if len(call.raw.decode(errors="replace")) > _MAX_BODY:
        raise Refusal(400, f"The request body exceeds the maximum of {_MAX_BODY} characters", "VALIDATION_ERROR")
    body = call.read({"filterGroups", "filters", "sorts", "query", "properties", "limit", "after"})
    definitions = objects.properties[call.type.plural]
    groups = [
        tuple(read_filter(item) for item in checked_list(checked_object(group, {"filters"}).get("filters", [])))
        for group in checked_list(body.get("filterGroups", []))
    ]
    if body.get("filters"):  # the short form of a single group
        groups.append(tuple(read_filter(item) for item in checked_list(body["filters"])))
    filters = [item for group in groups for item in group]
    for item in filters:
        name = item["propertyName"]
        if name not in definitions and find_type(name.removeprefix("associations.")) is None:
            refuse(f"{call.type.singular} has no property {name}")
    if len(groups) > _MAX_GROUPS or any(len(group) > _MAX_GROUP_FILTERS for group in groups):
        refuse(f"at most {_MAX_GROUPS} filterGroups of {_MAX_GROUP_FILTERS} filters each are allowed")
    if len(filters) > _MAX_FILTERS:
        refuse(f"at most {_MAX_FILTERS} filters are allowed")
    sorts = [_read_sort(item) for item in checked_list(body.get("sorts", []))]
    if len(sorts) > 1:
        refuse("at most one sort is allowed")
    if sorts and sorts[0][0] not in definitions:
        refuse(f"{call.type.singular} has no property {sorts[0][0]}")
    limit = checked_integer(body.get("limit"), 10)
    after = checked_integer(body.get("after"), 0)
    if not 1 <= limit <= MAX_ROWS or after < 0:
        refuse(f"limit must be between 1 and {MAX_ROWS}")
    if after + limit > MAX_RESULTS:
        refuse(f"the search API returns the first {MAX_RESULTS} results only")
    return Search(
        call.type.plural,
        tuple(group for group in groups if group),
        checked_text(body.get("query", "")),
        sorts[0] if sorts else None,
        tuple(checked_names(body.get("properties"))),
        limit,
        after,
    )


class Searcher:
    """Answers searches from the index."""

    def __init__(self, objects: HubSpotObjects) -> None:
        self._objects = objects

    def page(self, search: Search, start: int, count: int) -> tuple[int, list[int]]:
        """Return how many rows a search finds, and the ids of some of them in its order."""
        index = self._objects.index
        groups = search.groups
        ranges: list[Mapping[str, Any]] = []
        if len(groups) == 1:
            # A walk by id asks for another range of ids on every page; the rest of the question stays the same.
            ranges = [item for item in groups[0] if item["propertyName"] == _ID and item["operator"] in _RANGES]
            groups = (tuple(item for item in groups[0] if item not in ranges),)
        # Associations change without their records, and a remembered result would not notice.
        tied = any(item["propertyName"].startswith("associations.") for group in groups for item in group)
        key = json.dumps([groups, search.query, self._objects.associations.version if tied else 0])
        found = index.matching(search.type, key, self._compile(search, groups))
        low, high = self._bounds(search.type, ranges, found)
        if search.sort is None or search.sort == (_ID, False):
            return high - low, found[low + start : min(low + start + count, high)]
        if search.sort[0] == _ID:
            return high - low, found[max(high - start - count, low) : max(high - start, low)][::-1]
        ordered = index.ordered(search.type, key, json.dumps(search.sort), lambda: self._sorted(search, index, found))
        if ranges:
            kept = set(found[low:high])
            ordered = [id_ for id_ in ordered if id_ in kept]
        return len(ordered), ordered[start : start + count]

    def _compile(self, search: Search, groups: Sequence[Sequence[Mapping[str, Any]]]) -> Predicate | None:
        alternatives = [_all([self._compile_one(search.type, item) for item in group]) for group in groups]
        wanted = [alternatives[0]] if len(alternatives) == 1 else [_any(alternatives)] if alternatives else []
        predicates = [item for item in wanted if item is not None]
        if search.query:
            predicates.append(compile_query(search.query, _SEARCHED[search.type]))
        return _all(predicates)

    def _compile_one(self, type_: str, wanted: Mapping[str, Any]) -> Predicate:
        name = wanted["propertyName"]
        definition = self._objects.properties[type_].get(name)
        if definition is not None:
            return compile_filter(wanted, definition)
        other = find_type(name.removeprefix("associations."))
        if other is None or wanted["operator"] not in ("EQ", "IN"):
            refuse(f"{name} takes the operators EQ and IN")
        ids = {wanted["value"]} if wanted["operator"] == "EQ" else set(wanted["values"])

        def tied(values: Values) -> bool:
            return not ids.isdisjoint(self._objects.associated(type_, str(values[_ID]), other.plural))

        return tied

    def _bounds(self, type_: str, ranges: Sequence[Mapping[str, Any]], ids: Sequence[int]) -> tuple[int, int]:
        definition = self._objects.properties[type_][_ID]
        low, high = 0, len(ids)
        for item in ranges:
            value = wanted_key(definition, item["value"])
            match item["operator"]:
                case "GT":
                    low = max(low, bisect_right(ids, value))
                case "GTE":
                    low = max(low, bisect_left(ids, value))
                case "LT":
                    high = min(high, bisect_left(ids, value))
                case "LTE":
                    high = min(high, bisect_right(ids, value))
                case "EQ":
                    low, high = max(low, bisect_left(ids, value)), min(high, bisect_right(ids, value))
                case _:
                    top = wanted_key(definition, item["highValue"])
                    low, high = max(low, bisect_left(ids, value)), min(high, bisect_right(ids, top))
        return low, max(low, high)

    def _sorted(self, search: Search, index: SearchIndex, found: Sequence[int]) -> list[int]:
        """Sort by a property, rows without it last; rows with equal values stay in the order of their ids."""
        assert search.sort is not None
        name, falls = search.sort
        read = stored_key(self._objects.properties[search.type][name])
        rows = index.rows(search.type)
        present = [(read(value), id_) for id_ in found if (value := rows[id_].get(name))]
        present.sort(key=lambda pair: pair[0], reverse=falls)
        return [id_ for _, id_ in present] + [id_ for id_ in found if not rows[id_].get(name)]


def _read_sort(wanted: Any) -> tuple[str, bool]:
    if isinstance(wanted, str):
        return wanted.removeprefix("-"), wanted.startswith("-")
    item = checked_object(wanted, {"propertyName", "direction"})
    return checked_text(item.get("propertyName", "")), item.get("direction") == "DESCENDING"


def _all(predicates: Sequence[Predicate | None]) -> Predicate | None:
    wanted = [item for item in predicates if item is not None]
    match wanted:
        case []:
            return None
        case [only]:
            return only
        case [first, second]:
            return lambda values: first(values) and second(values)
        case _:
            return lambda values: all(item(values) for item in wanted)


def _any(predicates: Sequence[Predicate | None]) -> Predicate | None:
    wanted = [item for item in predicates if item is not None]
    if len(wanted) < len(predicates):  # a group without filters takes everything
        return None
    return lambda values: any(item(values) for item in wanted)
