"""Field paths: which field of which object is meant, and how it is read from a row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from connectors.sandbox.salesforce.schema import Field, SObject, standard_objects
from connectors.sandbox.salesforce.soql.errors import (
    INVALID_FIELD,
    MALFORMED,
    SoqlError,
    located,
    unknown_column,
    unknown_relationship,
)
from connectors.sandbox.salesforce.soql.functions import AGGREGATES, DATE_FUNCTIONS, DATES, ONLY_DATETIME
from connectors.sandbox.salesforce.soql.source import Row, Source
from connectors.sandbox.salesforce.soql.syntax import Call, Path

Reader: TypeAlias = Callable[[Row], Any]
Step: TypeAlias = Callable[[Row], Row | None]

# What can be asked of a parent that may be of several objects.
NAME = standard_objects()["Name"]
_MAX_PARENTS = 5
_ADDRESS = ("City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State", "Street")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A field that was found, under its full name, and how to read it from a row."""

    name: str
    field: Field
    read: Reader


@dataclass(frozen=True, slots=True)
class Parent:
    """A relationship that was found: how to get at the parent's row, and what the parent is."""

    name: str
    reference: Field
    step: Step
    target: SObject


@dataclass(frozen=True)
class Scope:
    """One SELECT's object, in whose terms its paths are written. `names` are other words for the object."""

    text: str
    sobject: SObject
    source: Source
    names: frozenset[str] = frozenset()
    _fields: dict[str, Field] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fields", {name.lower(): item for name, item in self.sobject.fields.items()})

    def resolve(self, target: Path | Call) -> Resolved:
        """Return the field that a path or a date function means.

        Raises:
            SoqlError: There is no such field or relationship, or no such function.
        """
        if isinstance(target, Call):
            return self._resolve_call(target)
        names = self.without_alias(target.names)
        steps: list[Step] = []
        scope, passed = self, ""
        if len(names) > _MAX_PARENTS + 1:
            raise located(
                MALFORMED, self.text, target.at, f"Only {_MAX_PARENTS} levels of parents can be traversed in a path"
            )
        for name in names[:-1]:
            parent = scope.parent(name, target.at)
            steps.append(parent.step)
            passed += f"{parent.name}."
            scope = Scope(self.text, parent.target, self.source)
        found = scope.field(names[-1], target.at)
        read = scope.reader(found)
        for step in reversed(steps):
            read = _through(step, read)
        return Resolved(passed + found.name, found, read)

    def without_alias(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return a path without the leading name of the object itself."""
        return names[1:] if len(names) > 1 and names[0].lower() in self.names else names

    def field(self, name: str, at: int) -> Field:
        """Return a field of this object by its name in any case."""
        found = self._fields.get(name.lower())
        if found is None:
            raise unknown_column(self.text, at, name, self.sobject.name)
        return found

    def reader(self, found: Field) -> Reader:
        """Return how a field of this object is read from its rows."""
        name, source = found.name, self.source
        if self.sobject is NAME and name == "Type":
            # The type of a parent that may be of several objects is known from its id.
            return lambda row: source.type_of(row["Id"])
        if found.type == "boolean" and self.sobject is not NAME:
            return lambda row: bool(row.get(name))
        if found.type == "address":
            return _address_reader(name.removesuffix("Address"))
        if found.type == "base64":
            # A query answers with the place where the content is, and only the record's id is needed for that.
            return lambda row: row.get("Id")
        return lambda row: row.get(name)

    def parent(self, name: str, at: int) -> Parent:
        """Return a parent relationship of this object by its name in any case."""
        references = (
            item for item in self.sobject.fields.values() if (item.relationship or "").lower() == name.lower()
        )
        reference = next(references, None)
        if reference is None or reference.relationship is None:
            raise unknown_relationship(self.text, at, name)
        if len(reference.reference_to) > 1:
            return Parent(reference.relationship, reference, _step(reference, self.source), NAME)
        try:
            target = self.source.describe(reference.reference_to[0])
        except SoqlError as error:
            raise unknown_relationship(self.text, at, name) from error
        step = _definition_step(self.source) if target.name == "EntityDefinition" else _step(reference, self.source)
        return Parent(reference.relationship, reference, step, target)

    def _resolve_call(self, call: Call) -> Resolved:
        function = DATE_FUNCTIONS.get(call.function)
        if function is None or call.argument is None:
            fault = "Invalid Aggregate Function" if call.function in AGGREGATES else f"unknown function {call.function}"
            raise located(MALFORMED, self.text, call.at, fault)
        argument = call.argument
        if isinstance(argument, Call) and argument.function == "CONVERTTIMEZONE" and argument.argument is not None:
            argument = argument.argument
        inner = self.resolve(argument)
        allowed = ("datetime",) if call.function in ONLY_DATETIME else DATES
        if inner.field.type not in allowed:
            message = f"field '{inner.name}' can not be used in function {call.function}"
            raise located(INVALID_FIELD, self.text, call.at, message)
        type_ = "date" if call.function == "DAY_ONLY" else "int"
        made = replace(inner.field, name=call.function, type=type_)
        inner_read = inner.read

        def read(row: Row) -> Any:
            value = inner_read(row)
            return None if value is None else function(value)

        return Resolved(f"{call.function}({inner.name})", made, read)


def _address_reader(prefix: str) -> Reader:
    keys = [(part[0].lower() + part[1:], prefix + part) for part in _ADDRESS]

    def read(row: Row) -> dict[str, Any] | None:
        parts = {key: row.get(name) for key, name in keys}
        return parts if any(value is not None for value in parts.values()) else None

    return read


def _step(reference: Field, source: Source) -> Step:
    name, find = reference.name, source.find

    def step(row: Row) -> Row | None:
        id_ = row.get(name)
        return None if id_ is None else find(id_)

    return step


def _definition_step(source: Source) -> Step:
    """Return the way to a field's object: definitions have durable names instead of ids."""
    known: dict[str, Row] = {}

    def step(row: Row) -> Row | None:
        if not known:
            rows: Iterable[Row] = source.rows("EntityDefinition")
            known.update({row["DurableId"]: row for row in rows})
        return known.get(row.get("EntityDefinitionId") or "")

    return step


def _through(step: Step, inner: Reader) -> Reader:
    def read(row: Row) -> Any:
        parent = step(row)
        return None if parent is None else inner(parent)

    return read
