"""SOQL as far as Callfirst and a curious person need it: a grammar, and an evaluation over rows in memory.

What the grammar does not know is refused with Salesforce's own error code.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from connectors.times import parse_time

_GRAMMAR = r"""
    query: "SELECT"i select "FROM"i NAME where? order? limit? offset?
    select: count | path ("," path)*
    count: "COUNT"i "(" ")"
    where: "WHERE"i condition
    ?condition: conjunction ("OR"i conjunction)+ -> any_of
              | conjunction
    ?conjunction: factor ("AND"i factor)+ -> all_of
                | factor
    ?factor: "NOT"i factor -> negation
           | "(" condition ")"
           | comparison
    comparison: path OPERATOR value
              | path "LIKE"i STRING -> like
              | path "IN"i "(" value ("," value)* ")" -> within
              | path "NOT"i "IN"i "(" value ("," value)* ")" -> not_within
    order: "ORDER"i "BY"i sort ("," sort)*
    sort: path DIRECTION? nulls?
    nulls: "NULLS"i POSITION
    limit: "LIMIT"i INT
    offset: "OFFSET"i INT
    path: NAME ("." NAME)*
    value: STRING -> text
         | STAMP -> stamp
         | DATE -> date
         | NUMBER -> number
         | BOOLEAN -> boolean
         | "NULL"i -> null
    OPERATOR: "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"
    DIRECTION.3: /ASC\b|DESC\b/i
    POSITION.3: /FIRST\b|LAST\b/i
    BOOLEAN.3: /true\b|false\b/i
    STRING: /'(\\.|[^'\\])*'/
    STAMP.2: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/
    DATE.1: /\d{4}-\d\d-\d\d/
    NUMBER: /-?\d+(\.\d+)?/
    NAME: /(?!(?:FROM|WHERE|ORDER|LIMIT|OFFSET|AND|OR|NOT|IN|LIKE|NULLS|ASC|DESC)\b)[A-Za-z_][A-Za-z0-9_]*/i
    %import common.INT
    %import common.WS
    %ignore WS
"""

Row: TypeAlias = Mapping[str, Any]
Value: TypeAlias = str | float | bool | datetime | None
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class SoqlError(Exception):
    """A query that Salesforce would refuse, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; the operators `IN`, `NOT IN` and `LIKE` are spelt out."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `AND`, `OR`, or one condition under `NOT`."""

    operator: str
    conditions: tuple["Condition", ...]


Condition: TypeAlias = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Sort:
    """One ORDER BY term."""

    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `paths` is empty for `SELECT COUNT()`."""

    sobject: str
    paths: tuple[str, ...]
    condition: Condition | None
    sorts: tuple[Sort, ...]
    limit: int | None
    offset: int


def parse_soql(text: str) -> Query:
    """Return the parsed query.

    Raises:
        SoqlError: The text is not SOQL, or uses a part of it that the sandbox does not know.
    """
    try:
        query: Query = _Builder().transform(_PARSER.parse(text))
    except UnexpectedInput as error:
        message = f"\n{text[:80]}\n^\nERROR at Row:{error.line}:Column:{error.column}\nunexpected token"
        raise SoqlError("MALFORMED_QUERY", message) from error
    return query


def paths_of(condition: Condition | None) -> list[tuple[str, str]]:
    """Return every (path, operator) that a condition filters on."""
    if condition is None:
        return []
    if isinstance(condition, Comparison):
        return [(condition.path, condition.operator)]
    return [pair for part in condition.conditions for pair in paths_of(part)]


def evaluate(query: Query, rows: Sequence[Row], read: Callable[[Row, str], Any]) -> list[Row]:
    """Return the rows that a query selects, in its order. `read` returns a row's value at a path."""
    kept = [row for row in rows if query.condition is None or _holds(query.condition, row, read)]
    for sort in reversed(query.sorts):
        present = [row for row in kept if read(row, sort.path) is not None]
        absent = [row for row in kept if read(row, sort.path) is None]
        present.sort(key=lambda row: _comparable(read(row, sort.path)), reverse=sort.descending)
        kept = present + absent if sort.nulls_last else absent + present
    end = None if query.limit is None else query.offset + query.limit
    return kept[query.offset : end]


def _holds(condition: Condition, row: Row, read: Callable[[Row, str], Any]) -> bool:
    if isinstance(condition, Junction):
        results = (_holds(part, row, read) for part in condition.conditions)
        if condition.operator == "NOT":
            return not next(results)
        return all(results) if condition.operator == "AND" else any(results)
    actual = _comparable(read(row, condition.path))
    if condition.operator in ("IN", "NOT IN"):
        return (actual in [_comparable(item) for item in condition.value]) == (condition.operator == "IN")
    if condition.operator == "LIKE":
        pattern = re.escape(str(condition.value)).replace("%", ".*").replace("_", ".")
        return actual is not None and re.fullmatch(pattern, str(actual), re.I) is not None
    wanted = _comparable(condition.value)
    if actual is None or wanted is None:
        same = actual is None and wanted is None
        return same if condition.operator == "=" else (not same if condition.operator in ("!=", "<>") else False)
    return _OPERATORS[condition.operator](actual, wanted)


def _comparable(value: Any) -> Any:
    """Return a value in the order in which SOQL compares it: text without regard to case, ids as they are."""
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z0-9]{18}", value) else value.lower()
    return value


class _Builder(Transformer[Token, Query]):
    """Turns the parse tree into a `Query`."""

    def query(self, parts: list[Any]) -> Query:
        paths, sobject, *rest = parts
        found = dict(rest)
        return Query(
            str(sobject), paths, found.get("where"), found.get("order", ()), found.get("limit"), found.get("offset", 0)
        )

    def select(self, parts: list[Any]) -> tuple[str, ...]:
        return () if parts == [None] else tuple(parts)

    def count(self, _: list[Any]) -> None:
        return None

    def where(self, parts: list[Any]) -> tuple[str, Any]:
        return "where", parts[0]

    def order(self, parts: list[Any]) -> tuple[str, Any]:
        return "order", tuple(parts)

    def limit(self, parts: list[Any]) -> tuple[str, Any]:
        return "limit", int(parts[0])

    def offset(self, parts: list[Any]) -> tuple[str, Any]:
        return "offset", int(parts[0])

    def sort(self, parts: list[Any]) -> Sort:
        words = [str(part).upper() for part in parts[1:]]
        return Sort(parts[0], descending="DESC" in words, nulls_last="LAST" in words)

    def nulls(self, parts: list[Any]) -> str:
        return str(parts[0])

    def path(self, parts: list[Any]) -> str:
        return ".".join(parts)

    def any_of(self, parts: list[Any]) -> Junction:
        return Junction("OR", tuple(parts))

    def all_of(self, parts: list[Any]) -> Junction:
        return Junction("AND", tuple(parts))

    def negation(self, parts: list[Any]) -> Junction:
        return Junction("NOT", tuple(parts))

    def comparison(self, parts: list[Any]) -> Comparison:
        path, sign, value = parts
        return Comparison(path, str(sign), value)

    def like(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "LIKE", _unquote(parts[1]))

    def within(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "IN", tuple(parts[1:]))

    def not_within(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "NOT IN", tuple(parts[1:]))

    def text(self, parts: list[Any]) -> str:
        return _unquote(parts[0])

    def stamp(self, parts: list[Any]) -> datetime:
        return parse_time(str(parts[0]))

    date = stamp

    def number(self, parts: list[Any]) -> float:
        return float(parts[0])

    def boolean(self, parts: list[Any]) -> bool:
        return str(parts[0]).lower() == "true"

    def null(self, _: list[Any]) -> None:
        return None


def _unquote(token: Token) -> str:
    return re.sub(r"\\(.)", r"\1", str(token)[1:-1])


_PARSER = Lark(_GRAMMAR, start="query", parser="lalr", lexer="contextual")
