"""Search filters: what each operator of HubSpot's search means for a record's values."""

import operator as operators
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from connectors.sandbox.hubspot.calls import Refusal, checked_list, checked_object, checked_text
from connectors.sandbox.hubspot.definitions import Property, parse_number
from connectors.sandbox.hubspot.index import Predicate, Values
from connectors.times import parse_time, render_time

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operators.eq,
    "LT": operators.lt,
    "LTE": operators.le,
    "GT": operators.gt,
    "GTE": operators.ge,
}
OPERATORS = {*_COMPARE, "NEQ", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"} | {
    "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def read_filter(wanted: Any) -> dict[str, Any]:
    """Return a filter of a search body whose shape is right.

    The operator must be known, and its value, values or pair of values given.
    """
    item = checked_object(wanted, {"propertyName", "operator", "value", "values", "highValue"})
    name, operator = item.get("propertyName"), item.get("operator")
    if not name or not operator:
        refuse("a filter needs a propertyName and an operator")
    if operator not in OPERATORS:
        refuse(f"operator {operator} is none of {', '.join(sorted(OPERATORS))}")
    if operator in ("IN", "NOT_IN"):
        item["values"] = [checked_text(value) for value in checked_list(item.get("values") or [])]
        if not item["values"]:
            refuse(f"operator {operator} requires values")
    elif operator not in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        if item.get("value") in (None, ""):
            refuse(f"operator {operator} requires a value")
        item["value"] = checked_text(item["value"])
    if operator == "BETWEEN":
        if item.get("highValue") in (None, ""):
            refuse("operator BETWEEN requires a highValue")
        item["highValue"] = checked_text(item["highValue"])
    return item


def compile_filter(wanted: Mapping[str, Any], definition: Property) -> Predicate:
    """Return a filter as a function of a record's values.

    Dates are stored in one spelling and compared as texts, which is what makes a search of 300,000 rows quick.
    """
    name, operator = wanted["propertyName"], wanted["operator"]
    if operator == "HAS_PROPERTY":
        return lambda values: bool(values.get(name))
    if operator == "NOT_HAS_PROPERTY":
        return lambda values: not values.get(name)
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        found = _compile_token(name, wanted["value"])
        return found if operator == "CONTAINS_TOKEN" else lambda values: not found(values)
    read = stored_key(definition)
    if operator in ("IN", "NOT_IN"):
        # Texts are indexed in lower case, and the values of IN are taken as they are spelt.
        exact = definition.type in ("string", "phone_number")
        allowed = set(wanted["values"]) if exact else {wanted_key(definition, item) for item in wanted["values"]}
        inside = operator == "IN"
        return lambda values: (value := values.get(name)) is not None and (read(value) in allowed) == inside
    other = wanted_key(definition, wanted["value"])
    if operator == "NEQ":
        return lambda values: (value := values.get(name)) is None or read(value) != other
    if operator == "BETWEEN":
        high = wanted_key(definition, wanted["highValue"])
        return lambda values: (value := values.get(name)) is not None and other <= read(value) <= high
    if definition.type in ("date", "datetime"):
        return _compile_text(name, operator, other)
    compare = _COMPARE[operator]
    return lambda values: (value := values.get(name)) is not None and compare(read(value), other)


def compile_query(text: str, names: tuple[str, ...]) -> Predicate:
    """Return a full-text search over the properties that HubSpot searches by default: every word must begin one."""
    words = [word.lower() for word in text.split()]

    def matches(values: Values) -> bool:
        held = " ".join(values.get(name) or "" for name in names).lower().split()
        return all(any(item.startswith(word) for item in held) for word in words)

    return matches


def stored_key(definition: Property) -> Callable[[str], Any]:
    """Return how a stored value is read for comparing and sorting."""
    if definition.type == "number":
        return _number
    return _as_is if definition.type in ("date", "datetime") else str.lower


def wanted_key(definition: Property, value: str) -> Any:
    """Return a searched value in the terms of `stored_key`."""
    if definition.type == "number":
        number = parse_number(value)
        if number is None:
            refuse(f"{value} is not a number, which {definition.name} is")
        return number
    if definition.type in ("date", "datetime"):
        try:
            at = parse_time(value) if not value.lstrip("-").isdigit() else _from_epoch(int(value))
        except (ValueError, OverflowError, OSError):
            refuse(f"{value} is not a date, which {definition.name} is")
        return render_time(at) if definition.type == "datetime" else at.date().isoformat()
    return value.lower()


def refuse(what: str) -> NoReturn:
    """Refuse a search that breaks a rule."""
    raise Refusal(400, f"There was a problem with the request: {what}", "VALIDATION_ERROR")


def _compile_text(name: str, operator: str, other: str) -> Predicate:
    match operator:
        case "GTE":
            return lambda values: (values.get(name) or "") >= other
        case "GT":
            return lambda values: (values.get(name) or "") > other
        case "LT":
            return lambda values: (value := values.get(name)) is not None and value < other
        case "LTE":
            return lambda values: (value := values.get(name)) is not None and value <= other
        case _:
            return lambda values: values.get(name) == other


def _compile_token(name: str, wanted: str) -> Predicate:
    """Match whole words in any case; `*` stands for any letters, as in `*@example.com`."""
    tokens = [re.compile(re.escape(word).replace(r"\*", ".*")) for word in wanted.lower().split()]

    def matches(values: Values) -> bool:
        text = (values.get(name) or "").lower()
        words = {*text.split(), *_WORD.findall(text)}
        return all(any(token.fullmatch(word) for word in words) for token in tokens)

    return matches


def _number(value: str) -> float:
    return float(value)


def _as_is(value: str) -> str:
    return value


def _from_epoch(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
