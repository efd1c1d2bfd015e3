"""Select lists: what is shown of a row, as REST nests it and as the Bulk API lays it flat."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from connectors.sandbox.salesforce.schema import Field
from connectors.sandbox.salesforce.soql.errors import INVALID_FIELD, MALFORMED, located, unknown_type
from connectors.sandbox.salesforce.soql.functions import SHOWN
from connectors.sandbox.salesforce.soql.paths import NAME, Reader, Resolved, Scope, Step
from connectors.sandbox.salesforce.soql.source import Row, Source
from connectors.sandbox.salesforce.soql.syntax import AllFields, Call, Column, Path, Query, TypeOf

_FIELDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One field of a row, shown as its type is spelt."""

    field: Field
    read: Reader

    def render(self, row: Row, sobject: str, data_path: str) -> Any:
        if self.field.type == "base64":
            return f"{data_path}/sobjects/{sobject}/{row['Id']}/{self.field.name}"
        return render_value(self.read(row), self.field.type)


@dataclass(frozen=True, slots=True)
class _ParentPart:
    """What is shown of a parent."""

    step: Step
    node: "Node"

    def render(self, row: Row, sobject: str, data_path: str) -> Any:
        parent = self.step(row)
        return None if parent is None else self.node.render(parent, data_path)


@dataclass(frozen=True, slots=True)
class _TypePart:
    """What TYPEOF shows of a parent, by its object."""

    step: Step
    source: Source
    branches: dict[str, "Node"]
    otherwise: "Node | None"

    def render(self, row: Row, sobject: str, data_path: str) -> Any:
        parent = self.step(row)
        if parent is None:
            return None
        node = self.branches.get(self.source.type_of(parent["Id"]) or "", self.otherwise)
        return None if node is None else node.render(parent, data_path)


@dataclass(frozen=True, slots=True)
class Children:
    """The result of a sub-query: the rows of one parent, and what is shown of them."""

    find: Callable[[Row], list[Row]]
    node: "Node"

    def render(self, row: Row, sobject: str, data_path: str) -> Any:
        rows = self.find(row)
        if not rows:
            return None
        records = [self.node.render(child, data_path) for child in rows]
        return {"totalSize": len(rows), "done": True, "records": records}


@dataclass(frozen=True, slots=True)
class Node:
    """What is shown of one row, in the order of the select list."""

    sobject: str
    source: Source
    parts: dict[str, "_Leaf | _ParentPart | _TypePart | Children"] = field(default_factory=dict)

    def render(self, row: Row, data_path: str) -> dict[str, Any]:
        sobject = self.sobject
        where = self.source.type_of(row["Id"]) if sobject == NAME.name else sobject
        body: dict[str, Any] = {
            "attributes": {"type": sobject, "url": f"{data_path}/sobjects/{where}/{row['Id']}"},
        }
        for key, part in self.parts.items():
            body[key] = part.render(row, sobject, data_path)
        return body


@dataclass
class Selection:
    """A compiled select list: its tree for REST, and its plain columns for the Bulk API."""

    node: Node
    columns: list[Resolved] = field(default_factory=list)


def compile_selection(
    query: Query, scope: Scope, compile_children: Callable[[Query], tuple[str, Children]]
) -> Selection:
    """Return what a query shows of its rows.

    Raises:
        SoqlError: A field or relationship is not there, or may not be selected like this.
    """
    selection = Selection(Node(scope.sobject.name, scope.source))
    for item in query.items:
        if isinstance(item, Query):
            name, children = compile_children(item)
            selection.node.parts[name] = children
        elif isinstance(item, TypeOf):
            _add_type_of(selection, scope, item)
        else:
            for column in _columns(query, item, scope):
                _add_column(selection, scope, column)
    return selection


def render_value(value: Any, type_: str) -> Any:
    """Return a value as JSON shows it: `2026-11-23T09:00:00.000+0000` for times."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    if isinstance(value, date):
        return value.isoformat()
    if type_ in ("double", "currency", "percent") and value is not None:
        return float(value)
    return value


def _columns(query: Query, item: Column | AllFields, scope: Scope) -> Iterable[Column]:
    if isinstance(item, Column):
        return [item]
    custom = {"ALL": (True, False), "CUSTOM": (True,), "STANDARD": (False,)}[item.scope]
    if item.scope != "STANDARD" and (query.limit is None or query.limit > _FIELDS_LIMIT):
        message = f"The SOQL FIELDS function must have a LIMIT of at most {_FIELDS_LIMIT}"
        raise located(MALFORMED, scope.text, item.at, message)
    fields = [found for found in scope.sobject.fields.values() if found.custom in custom]
    if not fields:
        raise located(MALFORMED, scope.text, item.at, "The SOQL FIELDS function selects no fields of this object")
    return [Column(Path((found.name,), item.at)) for found in fields]


def _add_column(selection: Selection, scope: Scope, column: Column) -> None:
    target = column.target
    if isinstance(target, Call):
        if target.function not in SHOWN or not isinstance(target.argument, Path):
            raise located(MALFORMED, scope.text, target.at, f"Invalid function in the select list: {target.function}")
        found = scope.resolve(target.argument)
        key = column.alias or found.field.name
        selection.node.parts[key] = _Leaf(found.field, found.read)
        selection.columns.append(Resolved(key, found.field, found.read))
        return
    if column.alias is not None:
        raise located(MALFORMED, scope.text, target.at, "only aggregate expressions use field aliasing")
    found = scope.resolve(target)
    if any(known.name == found.name for known in selection.columns):
        raise located(INVALID_FIELD, scope.text, target.at, f"duplicate field selected: {found.name}")
    selection.columns.append(found)
    _add_path(selection.node, scope, scope.without_alias(target.names), target.at)


def _add_path(node: Node, scope: Scope, names: tuple[str, ...], at: int) -> None:
    if len(names) == 1:
        found = scope.field(names[0], at)
        node.parts[found.name] = _Leaf(found, scope.reader(found))
        return
    parent = scope.parent(names[0], at)
    part = node.parts.get(parent.name)
    if not isinstance(part, _ParentPart):
        part = _ParentPart(parent.step, Node(parent.target.name, scope.source))
        node.parts[parent.name] = part
    _add_path(part.node, Scope(scope.text, parent.target, scope.source), names[1:], at)


def _add_type_of(selection: Selection, scope: Scope, item: TypeOf) -> None:
    """Compile `TYPEOF Who WHEN Lead THEN Company ELSE Name END`."""
    at = item.relationship.at
    parent = scope.parent(scope.without_alias(item.relationship.names)[0], at)
    if len(item.relationship.names) > 1 or parent.target is not NAME:
        message = f"TYPEOF is only allowed on polymorphic relationships: {item.relationship}"
        raise located(MALFORMED, scope.text, at, message)
    branches: dict[str, Node] = {}
    for name, paths in item.branches:
        if name.lower() not in (target.lower() for target in parent.reference.reference_to):
            raise unknown_type(scope.text, at, name)
        target = scope.source.describe(name)
        branches[target.name] = _node_of(Scope(scope.text, target, scope.source), paths)
    otherwise = _node_of(Scope(scope.text, NAME, scope.source), item.otherwise) if item.otherwise else None
    selection.node.parts[parent.name] = _TypePart(parent.step, scope.source, branches, otherwise)


def _node_of(scope: Scope, paths: tuple[Path, ...]) -> Node:
    node = Node(scope.sobject.name, scope.source)
    for path in paths:
        _add_path(node, scope, path.names, path.at)
    return node
