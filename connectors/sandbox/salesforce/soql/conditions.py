"""Conditions as functions of a row: what each operator means for each type of field, and which values it takes."""

import operator as operators
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

from connectors.sandbox.salesforce.ids import find_id
from connectors.sandbox.salesforce.soql.errors import INVALID_FIELD, MALFORMED, SoqlError, located
from connectors.sandbox.salesforce.soql.functions import NUMBERS
from connectors.sandbox.salesforce.soql.literals import span_of
from connectors.sandbox.salesforce.soql.paths import Reader, Resolved
from connectors.sandbox.salesforce.soql.source import Row
from connectors.sandbox.salesforce.soql.syntax import Call, Comparison, Condition, Literal, Path, Query

Predicate: TypeAlias = Callable[[Row], bool]

BAD_OPERATOR = "INVALID_QUERY_FILTER_OPERATOR"
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
_IDS = ("id", "reference")
_LITERALS = {"date": {"date", "relative"}, "datetime": {"datetime", "relative"}, "boolean": {"boolean"}}
_LITERALS |= {type_: {"number"} for type_ in NUMBERS}
_SPOKEN = {"datetime": "dateTime", "currency": "double", "percent": "double"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """Turns conditions into predicates. `resolve` finds fields, `select_ids` answers the query of a semi-join."""

    text: str
    now: datetime
    resolve: Callable[[Path | Call], Resolved]
    select_ids: Callable[[Query], frozenset[str]]

    def compile(self, condition: Condition) -> Predicate:
        """Return a condition as a function of a row.

        Raises:
            SoqlError: A field cannot be filtered, or not with this operator or value.
        """
        if isinstance(condition, Comparison):
            return self._compare(condition)
        parts = [self.compile(part) for part in condition.parts]
        if condition.operator == "NOT":
            inner = parts[0]
            return lambda row: not inner(row)
        joined = parts[0]
        for part in parts[1:]:
            joined = _both(joined, part) if condition.operator == "AND" else _either(joined, part)
        return joined

    def ids_of(self, comparison: Comparison, field_type: str) -> frozenset[str] | None:
        """Return the ids that a field must be one of, or None if the comparison does not say so."""
        if field_type not in _IDS or comparison.operator not in ("=", "IN"):
            return None
        if isinstance(comparison.value, Query):
            return self.select_ids(comparison.value)
        given = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        found = frozenset(find_id(literal.value) or "" for literal in given if literal.value)
        return found if all(literal.value for literal in given) else None

    def _compare(self, comparison: Comparison) -> Predicate:
        found = self.resolve(comparison.target)
        field, operator, value = found.field, comparison.operator, comparison.value
        if not field.filterable or field.type == "address":
            raise self._refuse(comparison, f"field '{field.name}' can not be filtered in a query call", INVALID_FIELD)
        if isinstance(value, Query):
            if field.type not in _IDS:
                message = (
                    "The left operand field in the where expression for outer query should be an id field, cannot use:"
                    f" '{field.name}'"
                )
                raise self._refuse(comparison, message, MALFORMED)
            return _within(found.read, self.select_ids(value), operator == "IN")
        if isinstance(value, tuple):
            return self._among(comparison, found, value)
        if operator == "LIKE":
            return self._like(comparison, found, value)
        self._check_literal(comparison, found, value)
        if value.value is None or value.value == "":
            return _null_test(found.read, operator)
        if field.type == "boolean" and operator in _ORDER:
            raise self._refuse(comparison, "invalid operator", BAD_OPERATOR)
        if value.kind == "relative":
            return self._in_span(found, operator, value)
        return _ordered(_key_reader(found), operator, self._key(found, value))

    def _among(self, comparison: Comparison, found: Resolved, values: tuple[Literal, ...]) -> Predicate:
        for literal in values:
            self._check_literal(comparison, found, literal)
        operator = comparison.operator
        if operator in ("INCLUDES", "EXCLUDES"):
            if found.field.type != "multipicklist":
                raise self._refuse(
                    comparison, "includes or excludes operator only valid on multipicklist field", BAD_OPERATOR
                )
            return _includes(found.read, [str(literal.value or "") for literal in values], operator == "INCLUDES")
        if any(literal.kind == "relative" for literal in values):
            raise self._refuse(comparison, "invalid operator", BAD_OPERATOR)
        wanted = {None if literal.value in (None, "") else self._key(found, literal) for literal in values}
        return _within(_key_reader(found), wanted, operator == "IN")

    def _like(self, comparison: Comparison, found: Resolved, value: Literal) -> Predicate:
        if found.field.type in (*_IDS, *_LITERALS) or value.kind != "string":
            raise self._refuse(comparison, "invalid operator", BAD_OPERATOR)
        matches = like_pattern(str(value.value)).fullmatch
        read = found.read
        return lambda row: (text := read(row)) is not None and matches(text) is not None

    def _in_span(self, found: Resolved, operator: str, value: Literal) -> Predicate:
        try:
            first, after = span_of(str(value.value), self.now.astimezone(UTC).date())
        except OverflowError as error:
            raise located(MALFORMED, self.text, value.at, f"Invalid date literal: {value.value}") from error
        start: Any = first
        end: Any = after
        if found.field.type == "datetime":
            start, end = _midnight(first), _midnight(after)
        read = found.read
        match operator:
            case "=":
                return lambda row: (at := read(row)) is not None and start <= at < end
            case "!=":
                return lambda row: (at := read(row)) is None or not start <= at < end
            case "<" | ">=":
                return _ordered(read, operator, start)
            case _:
                return _ordered(read, "<" if operator == "<=" else ">=", end)

    def _check_literal(self, comparison: Comparison, found: Resolved, literal: Literal) -> None:
        """Refuse a value that is not of the field's type."""
        type_ = found.field.type
        allowed = _LITERALS.get(type_, {"string"})
        if literal.kind in allowed or literal.kind == "null":
            if type_ in _IDS and literal.value and find_id(literal.value) is None:
                raise located(BAD_OPERATOR, self.text, literal.at, f"invalid ID field: {literal.value}")
            return
        quoted = "should be" if allowed == {"string"} else "should not be"
        spoken = _SPOKEN.get(type_, "string" if allowed == {"string"} else type_)
        message = (
            f"value of filter criterion for field '{found.name}' must be of type {spoken} and {quoted} enclosed in"
            " quotes"
        )
        raise self._refuse(comparison, message, INVALID_FIELD)

    def _key(self, found: Resolved, literal: Literal) -> Any:
        """Return a written value in the terms of `_key_reader`."""
        if found.field.type in _IDS:
            return find_id(literal.value)
        return literal.value.lower() if isinstance(literal.value, str) else literal.value

    def _refuse(self, comparison: Comparison, message: str, code: str) -> SoqlError:
        return located(code, self.text, comparison.at, message)


def like_pattern(text: str) -> re.Pattern[str]:
    r"""Return a LIKE pattern as a regular expression: `%` any text, `_` one character, `\%` and `\_` themselves."""
    parts = re.findall(r"\\[%_]|%|_|[^%_\\]+|\\", text)
    spelt = {"%": ".*", "_": ".", r"\%": "%", r"\_": "_"}
    return re.compile("".join(spelt.get(part, re.escape(part)) for part in parts), re.IGNORECASE | re.DOTALL)


def _key_reader(found: Resolved) -> Reader:
    """Return a reader of a field as it is compared: texts without regard to case, ids and all else as they are."""
    read = found.read
    if found.field.type in (*_IDS, *_LITERALS):
        return read

    def key(row: Row) -> Any:
        value = read(row)
        return value.lower() if isinstance(value, str) else value

    return key


def _ordered(key: Reader, operator: str, wanted: Any) -> Predicate:
    if operator == "=":
        return lambda row: key(row) == wanted
    if operator == "!=":
        return lambda row: key(row) != wanted
    match operator:
        case ">=":
            return lambda row: (value := key(row)) is not None and value >= wanted
        case ">":
            return lambda row: (value := key(row)) is not None and value > wanted
        case "<=":
            return lambda row: (value := key(row)) is not None and value <= wanted
        case _:
            return lambda row: (value := key(row)) is not None and value < wanted


def _null_test(read: Reader, operator: str) -> Predicate:
    if operator == "=":
        return lambda row: read(row) is None
    if operator == "!=":
        return lambda row: read(row) is not None
    return lambda row: False


def _within(key: Reader, wanted: Iterable[Any], inside: bool) -> Predicate:
    known = frozenset(wanted)
    if inside:
        return lambda row: key(row) in known
    return lambda row: key(row) not in known


def _includes(read: Reader, values: Iterable[str], inside: bool) -> Predicate:
    """Match where one of the values is held; `a;b` asks for both."""
    wanted = [frozenset(value.lower().split(";")) for value in values]

    def holds(row: Row) -> bool:
        held = frozenset(str(read(row) or "").lower().split(";"))
        return any(choice <= held for choice in wanted) == inside

    return holds


def _both(first: Predicate, second: Predicate) -> Predicate:
    return lambda row: first(row) and second(row)


def _either(first: Predicate, second: Predicate) -> Predicate:
    return lambda row: first(row) or second(row)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
