"""What a query says, before anybody asks whether its objects and fields exist. `at` is a place in the text."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

Value: TypeAlias = str | float | int | bool | datetime | date | None


@dataclass(frozen=True, slots=True)
class Path:
    """A field, or a field of a parent: `Owner.Manager.Name`."""

    names: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a field, `COUNT(Id)`, or of nothing, `COUNT()`."""

    function: str
    argument: "Path | Call | None"
    at: int


@dataclass(frozen=True, slots=True)
class Column:
    """One selected field or function, perhaps under another name."""

    target: Path | Call
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class AllFields:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`."""

    scope: str
    at: int


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`TYPEOF What WHEN Account THEN Phone ELSE Name END`."""

    relationship: Path
    branches: tuple[tuple[str, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A written value. `relative` ones are the date literals, which mean a span of time: `LAST_N_DAYS:7`."""

    kind: str
    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`target operator value`; several values for `IN`, `NOT IN`, `INCLUDES`, `EXCLUDES`, or a query for a join."""

    target: Path | Call
    operator: str
    value: "Literal | tuple[Literal, ...] | Query"
    at: int


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `AND`, `OR`, or one condition under `NOT`."""

    operator: str
    parts: tuple["Condition", ...]


Condition: TypeAlias = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Sort:
    """One ORDER BY term."""

    target: Path | Call
    descending: bool = False
    nulls_last: bool = False


Item: TypeAlias = "Column | AllFields | TypeOf | Query"


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT. `sobject` is an object, or the child relationship in a sub-query."""

    items: tuple[Item, ...]
    sobject: str
    at: int
    alias: str | None = None
    condition: Condition | None = None
    groups: tuple[Path | Call, ...] = ()
    having: Condition | None = None
    sorts: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int | None = None
    all_rows: bool = False


def comparisons(condition: Condition | None) -> list[Comparison]:
    """Return every comparison in a condition."""
    if condition is None:
        return []
    if isinstance(condition, Comparison):
        return [condition]
    return [found for part in condition.parts for found in comparisons(part)]


def required_comparisons(condition: Condition | None) -> list[Comparison]:
    """Return the comparisons that every row of the result must fulfil."""
    if isinstance(condition, Comparison):
        return [condition]
    if condition is not None and condition.operator == "AND":
        return [found for part in condition.parts for found in required_comparisons(part)]
    return []
