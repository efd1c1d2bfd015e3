"""Answers a query: which rows it selects of an org's records, in which order, and what is shown of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql.aggregates import Grouping, compile_grouping, is_grouped
from connectors.sandbox.salesforce.soql.conditions import Compiler, Predicate
from connectors.sandbox.salesforce.soql.errors import MALFORMED, SoqlError, located, unknown_children, unknown_type
from connectors.sandbox.salesforce.soql.grammar import parse_query
from connectors.sandbox.salesforce.soql.ordering import sort_rows
from connectors.sandbox.salesforce.soql.paths import Resolved, Scope
from connectors.sandbox.salesforce.soql.restrictions import (
    check_bulk,
    check_bulk_columns,
    check_query,
    check_semi_joins,
)
from connectors.sandbox.salesforce.soql.selection import Children, Selection, compile_selection
from connectors.sandbox.salesforce.soql.source import Row, Source
from connectors.sandbox.salesforce.soql.syntax import (
    Call,
    Column,
    Comparison,
    Path,
    Query,
    Sort,
    comparisons,
    required_comparisons,
)
from connectors.sandbox.salesforce.soql.views import look_up, read_rows

_ARCHIVED = ("Task", "Event")  # old activities leave the usual queries; other objects' IsArchived does not do that


@dataclass
class Result:
    """The rows that a query selected, as they were then. `count_only` ones have none, only their number."""

    sobject: str
    rows: list[Row]
    total: int
    count_only: bool
    long_text: bool
    columns: list[str] = field(default_factory=list)
    _selection: Selection | None = field(default=None, repr=False)
    _grouping: Grouping | None = field(default=None, repr=False)

    def render(self, row: Row, data_path: str) -> dict[str, Any]:
        """Return a row as REST shows it; `data_path` is the API's path, `/services/data/v64.0`."""
        if self._grouping is not None:
            return self._grouping.render(row)
        assert self._selection is not None
        return self._selection.node.render(row, data_path)

    def flat(self, row: Row) -> list[Any]:
        """Return a row's values in the order of `columns`."""
        assert self._selection is not None
        return [column.read(row) for column in self._selection.columns]


def run_query(soql: str, source: Source, *, all_rows: bool = False, bulk: bool = False, now: datetime) -> Result:
    """Answer a query; with `all_rows`, deleted records and archived activities count too.

    Raises:
        SoqlError: Salesforce would refuse it.
    """
    return _Answer(soql, source, all_rows, now).answer(parse_query(soql), bulk=bulk)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What holds for a whole query, its sub-queries and joins included."""

    text: str
    source: Source
    all_rows: bool
    now: datetime
    _joined: dict[int, frozenset[str]] = field(default_factory=dict)

    def answer(self, query: Query, *, bulk: bool) -> Result:
        scope = self._scope(query)
        sobject = scope.sobject
        if bulk:
            check_bulk(query, sobject)
        check_query(query, sobject, self.source)
        compiler = self._compiler(scope)
        if _counts_only(query):
            found = self._select(query, scope, compiler)
            total = len(_window(list(found), query))
            return Result(sobject.name, [], total, count_only=True, long_text=False)
        if is_grouped(query):
            grouping = compile_grouping(query, scope)
            rows = grouping.rows(self._select(query, scope, compiler), query, compiler)
            return Result(
                sobject.name, rows, len(rows), False, False, [shown for shown, _ in grouping.shown], None, grouping
            )
        if query.having is not None:
            raise SoqlError(MALFORMED, "HAVING is only allowed with GROUP BY")
        selection = compile_selection(query, scope, lambda inner: self._children(inner, scope))
        if bulk:
            check_bulk_columns(selection.columns)
        order = self._order(scope)
        for sort in query.sorts:
            order(sort)
        rows = _window(sort_rows(self._select(query, scope, compiler), query.sorts, order), query)
        long_text = any(column.field.long_text for column in selection.columns)
        names = [column.name for column in selection.columns]
        return Result(sobject.name, [dict(row) for row in rows], len(rows), False, long_text, names, selection)

    def _scope(self, query: Query) -> Scope:
        try:
            sobject = self.source.describe(query.sobject)
        except SoqlError as error:
            # The source says what is wrong, the query where.
            raise unknown_type(self.text, query.at, query.sobject) from error
        return Scope(self.text, sobject, self.source, _names(query, sobject))

    def _compiler(self, scope: Scope) -> Compiler:
        return Compiler(self.text, self.now, scope.resolve, lambda inner: self._join_ids(inner, scope.sobject))

    def _select(self, query: Query, scope: Scope, compiler: Compiler) -> Iterable[Row]:
        """Return the rows that fulfil the conditions; where they name ids, only those rows are looked at."""
        predicate = None if query.condition is None else compiler.compile(query.condition)
        rows = self._candidates(query, scope, compiler)
        return _filtered(rows, predicate, self._shown(scope.sobject))

    def _candidates(self, query: Query, scope: Scope, compiler: Compiler) -> Iterable[Row]:
        best: tuple[str, frozenset[str]] | None = None
        for comparison in required_comparisons(query.condition):
            name = _own_field(comparison, scope)
            if name is None:
                continue
            found = scope.field(name, comparison.at)
            ids = compiler.ids_of(comparison, found.type)
            if ids is not None and (best is None or len(ids) < len(best[1])):
                best = found.name, ids
        if best is None:
            return read_rows(self.source, scope.sobject.name)
        return look_up(self.source, scope.sobject.name, best[0], sorted(best[1]))

    def _shown(self, sobject: SObject) -> Predicate | None:
        """Return which rows the usual queries leave out."""
        if self.all_rows or "IsDeleted" not in sobject.fields:
            return None
        if sobject.name in _ARCHIVED:
            return lambda row: not row.get("IsDeleted") and not row.get("IsArchived")
        return lambda row: not row.get("IsDeleted")

    def _order(self, scope: Scope) -> Callable[[Sort], Resolved]:
        def resolve(sort: Sort) -> Resolved:
            found = scope.resolve(sort.target)
            if not found.field.sortable:
                message = f"field '{found.field.name}' can not be sorted in a query call"
                raise located(MALFORMED, self.text, sort.target.at, message)
            return found

        return resolve

    def _children(self, query: Query, parent: Scope) -> tuple[str, Children]:
        """Return a sub-query over the children of each row."""
        relationships = (item for item in parent.sobject.children if item.name.lower() == query.sobject.lower())
        relationship = next(relationships, None)
        if relationship is None:
            raise unknown_children(self.text, query.at, query.sobject)
        try:
            sobject = self.source.describe(relationship.sobject)
        except SoqlError as error:
            raise unknown_children(self.text, query.at, query.sobject) from error
        if is_grouped(query) or _counts_only(query):
            raise SoqlError(MALFORMED, "Aggregate functions are not allowed in a nested query")
        scope = Scope(self.text, sobject, self.source, _names(query, sobject))
        check_semi_joins(query)
        compiler = self._compiler(scope)
        predicate = None if query.condition is None else compiler.compile(query.condition)
        shown, order = self._shown(sobject), self._order(scope)
        for sort in query.sorts:
            order(sort)
        selection = compile_selection(query, scope, lambda inner: self._children(inner, scope))
        source, reference = self.source, relationship.field

        def find(row: Row) -> list[Row]:
            candidates = look_up(source, sobject.name, reference, [row["Id"]])
            return _window(sort_rows(_filtered(candidates, predicate, shown), query.sorts, order), query)

        return relationship.name, Children(find, selection.node)

    def _join_ids(self, query: Query, outer: SObject) -> frozenset[str]:
        """Return the ids that the query of a semi-join selects; it is asked once, however often they are needed."""
        if query.at not in self._joined:
            self._joined[query.at] = self._find_join_ids(query, outer)
        return self._joined[query.at]

    def _find_join_ids(self, query: Query, outer: SObject) -> frozenset[str]:
        scope = self._scope(query)
        check_query(query, scope.sobject, self.source)
        if scope.sobject.name == outer.name:
            raise SoqlError(MALFORMED, "The inner and outer selects should not be on the same object type")
        item = query.items[0]
        if len(query.items) > 1 or not isinstance(item, Column) or not isinstance(item.target, Path):
            raise SoqlError(MALFORMED, "semi join sub-selects can only query a single id field")
        found = scope.resolve(item.target)
        if found.field.type not in ("id", "reference"):
            message = (
                "The inner query select field in a semi join sub-select must be an id or reference field, cannot use:"
                f" '{found.name}'"
            )
            raise located(MALFORMED, self.text, item.target.at, message)
        if any(isinstance(comparison.value, Query) for comparison in comparisons(query.condition)):
            raise SoqlError(MALFORMED, "Nesting of semi join sub-selects is not supported")
        if query.sorts or query.limit is not None or query.offset is not None or query.groups:
            raise SoqlError(MALFORMED, "ORDER BY, LIMIT and OFFSET are not allowed in semi join sub-selects")
        rows = self._select(query, scope, self._compiler(scope))
        return frozenset(id_ for id_ in map(found.read, rows) if id_ is not None)


def _names(query: Query, sobject: SObject) -> frozenset[str]:
    return frozenset(name.lower() for name in (sobject.name, query.alias or sobject.name))


def _counts_only(query: Query) -> bool:
    """Return whether a query is `SELECT COUNT()`."""
    first = query.items[0]
    return (
        len(query.items) == 1
        and isinstance(first, Column)
        and isinstance(first.target, Call)
        and first.target.function == "COUNT"
        and first.target.argument is None
    )


def _own_field(comparison: Comparison, scope: Scope) -> str | None:
    """Return the field that a comparison is about, if it is one of the object itself."""
    if not isinstance(comparison.target, Path):
        return None
    names = scope.without_alias(comparison.target.names)
    return names[0] if len(names) == 1 else None


def _filtered(rows: Iterable[Row], predicate: Predicate | None, shown: Predicate | None) -> Iterable[Row]:
    if predicate is not None:
        rows = filter(predicate, rows)
    return rows if shown is None else filter(shown, rows)


def _window(rows: list[Row], query: Query) -> list[Row]:
    start = query.offset or 0
    return rows[start:] if query.limit is None else rows[start : start + query.limit]
