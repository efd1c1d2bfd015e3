"""Grouped queries: `SELECT Status, COUNT(Id) FROM Lead GROUP BY Status`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from connectors.sandbox.salesforce.schema import Field
from connectors.sandbox.salesforce.soql.conditions import Compiler
from connectors.sandbox.salesforce.soql.errors import INVALID_FIELD, MALFORMED, SoqlError, located
from connectors.sandbox.salesforce.soql.functions import AGGREGATES, NUMBERS, aggregate
from connectors.sandbox.salesforce.soql.ordering import sort_rows
from connectors.sandbox.salesforce.soql.paths import Resolved, Scope
from connectors.sandbox.salesforce.soql.selection import render_value
from connectors.sandbox.salesforce.soql.source import Row
from connectors.sandbox.salesforce.soql.syntax import Call, Column, Path, Query, Sort

MAX_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class _Measure:
    """One aggregate function: what it reads, and what its result is."""

    function: str
    source: Resolved
    field: Field

    def of(self, rows: list[Row]) -> Any:
        return aggregate(self.function, [self.source.read(row) for row in rows])


@dataclass
class Grouping:
    """A compiled grouped query. Its results are rows of their own, by the names under which they are shown."""

    shown: list[tuple[str, str]]  # the name under which a value is shown, and the name of the value
    groups: dict[str, Resolved]
    measures: dict[str, _Measure]
    scope: Scope

    def render(self, row: Row) -> dict[str, Any]:
        body: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        for shown, name in self.shown:
            body[shown] = render_value(row[name], self._field(name).type)
        return body

    def rows(self, rows: Iterable[Row], query: Query, compiler: Compiler) -> list[Row]:
        """Return one row for each group, or one for all when there is nothing to group by."""
        # Compiled first: it may ask for measures that are not shown.
        holds = None if query.having is None else replace(compiler, resolve=self.resolve).compile(query.having)
        found: dict[tuple[Any, ...], tuple[tuple[Any, ...], list[Row]]] = {}
        readers = [group.read for group in self.groups.values()]
        for row in rows:
            values = tuple(read(row) for read in readers)
            key = tuple(value.lower() if isinstance(value, str) else value for value in values)
            found.setdefault(key, (values, []))[1].append(row)
        if not readers and not found:
            found[()] = ((), [])
        made: list[Row] = [
            dict(zip(self.groups, values, strict=True))
            | {name: measure.of(members) for name, measure in self.measures.items()}
            for values, members in found.values()
        ]
        if holds is not None:
            made = [row for row in made if holds(row)]
        made = sort_rows(made, query.sorts, self.resolve_sort)
        made = made[query.offset or 0 :]
        if query.limit is not None:
            return made[: query.limit]
        if len(made) > MAX_GROUPS:
            raise SoqlError(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
            )
        return made

    def resolve(self, target: Path | Call) -> Resolved:
        """Return a group's value that HAVING or ORDER BY asks for."""
        if isinstance(target, Call) and target.function in AGGREGATES:
            measure = _measure(target, self.scope)
            name = _value_name(target, self.scope)
            self.measures.setdefault(name, measure)
            found: Field = measure.field
        else:
            resolved = self.scope.resolve(target)
            name, found = resolved.name, resolved.field
            if name not in self.groups:
                raise _ungrouped(self.scope, name, target.at)
        return Resolved(name, found, lambda row: row[name])

    def resolve_sort(self, sort: Sort) -> Resolved:
        """Return what a term of ORDER BY sorts by; aliases count here."""
        target = sort.target
        if isinstance(target, Path) and len(target.names) == 1:
            shown = {alias.lower(): name for alias, name in self.shown}
            name = shown.get(target.names[0].lower())
            if name is not None:
                return Resolved(name, self._field(name), lambda row: row[name])
        return self.resolve(target)

    def _field(self, name: str) -> Field:
        return self.groups[name].field if name in self.groups else self.measures[name].field


def is_grouped(query: Query) -> bool:
    """Return whether a query's results are aggregates."""
    return bool(query.groups) or any(
        isinstance(item, Column) and isinstance(item.target, Call) and item.target.function in AGGREGATES
        for item in query.items
    )


def compile_grouping(query: Query, scope: Scope) -> Grouping:
    """Return how a grouped query's results are made.

    Raises:
        SoqlError: A field is neither grouped nor aggregated, or cannot be.
    """
    grouping = Grouping([], {}, {}, scope)
    for target in query.groups:
        group = scope.resolve(target)
        if not group.field.groupable:
            message = f"field '{group.name}' can not be grouped in a query call"
            raise located(MALFORMED, scope.text, target.at, message)
        grouping.groups[group.name] = group
    unnamed = 0
    for item in query.items:
        if not isinstance(item, Column):
            raise SoqlError(MALFORMED, "Grouped queries select fields and aggregate functions only")
        target = item.target
        if isinstance(target, Call):
            if target.function in AGGREGATES:
                name = _value_name(target, scope)
                grouping.measures[name] = _measure(target, scope)
            else:
                name = scope.resolve(target).name
            shown = item.alias or f"expr{unnamed}"
            unnamed += item.alias is None
        else:
            found = scope.resolve(target)
            name, shown = found.name, item.alias or found.field.name
        if name not in grouping.measures and name not in grouping.groups:
            raise _ungrouped(scope, name, target.at)
        if any(shown.lower() == known.lower() for known, _ in grouping.shown):
            raise located(MALFORMED, scope.text, target.at, f"duplicate alias: {shown}")
        grouping.shown.append((shown, name))
    for sort in query.sorts:
        grouping.resolve_sort(sort)
    return grouping


def _measure(call: Call, scope: Scope) -> _Measure:
    source = _argument(call, scope)
    type_ = source.field.type
    numeric = call.function in ("SUM", "AVG")
    if (numeric and type_ not in NUMBERS) or not source.field.filterable or type_ in ("address", "boolean"):
        message = f"field {source.name} does not support aggregate operator {call.function}"
        raise located(INVALID_FIELD, scope.text, call.at, message)
    made = "double" if numeric else "int" if call.function.startswith("COUNT") else type_
    return _Measure(call.function, source, replace(source.field, name=call.function, type=made))


def _value_name(call: Call, scope: Scope) -> str:
    return f"{call.function}({_argument(call, scope).name})"


def _argument(call: Call, scope: Scope) -> Resolved:
    if not isinstance(call.argument, Path):
        raise located(MALFORMED, scope.text, call.at, f"{call.function} takes a field")
    return scope.resolve(call.argument)


def _ungrouped(scope: Scope, name: str, at: int) -> SoqlError:
    return located(MALFORMED, scope.text, at, f"Field must be grouped or aggregated: {name}")
