"""The objects of an org: their fields, how their ids begin, and what a new record of each holds."""

import itertools
from dataclasses import replace

from connectors.sandbox.salesforce.ids import PREFIXES_WITHOUT_DESCRIBE, make_id
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.schema import Field, SObject, standard_objects
from connectors.sandbox.salesforce.settings_objects import more_objects

_STAMPS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


class Catalogue:
    """What an org is made of. Change `objects` through `add_field` and `remove_field`."""

    def __init__(self) -> None:
        self.objects: dict[str, SObject] = {**more_objects(), **standard_objects()}
        self._names = {name.lower(): name for name in self.objects}
        self._numbers: dict[str, itertools.count[int]] = {}
        self._blank = {name: _blank_row(definition) for name, definition in self.objects.items()}
        own = {name: definition.prefix for name, definition in self.objects.items() if definition.prefix}
        self._prefixes = PREFIXES_WITHOUT_DESCRIBE | own
        self._by_prefix: dict[str, list[str]] = {}
        for name, prefix in self._prefixes.items():
            self._by_prefix.setdefault(prefix, []).append(name)

    def new_id(self, sobject: str) -> str:
        """Return the next 18-character id of an object."""
        numbers = self._numbers.setdefault(sobject, itertools.count(1001))
        return make_id(self._prefixes.get(sobject) or "0zz", next(numbers))

    def find_name(self, text: str) -> str | None:
        """Return the name of an object that is spelt in any case, or None where there is none."""
        return self._names.get(text.lower())

    def list_names(self, id_: str) -> list[str]:
        """Return the objects that an id may belong to by its prefix."""
        return self._by_prefix.get(id_[:3], [])

    def new_row(self, sobject: str) -> Row:
        """Return what a record of an object holds before anything is set."""
        return dict(self._blank[sobject])

    def list_stamps(self, sobject: str) -> tuple[str, ...]:
        """Return the fields of an object that say who wrote a record, and when."""
        return tuple(name for name in _STAMPS if name in self.objects[sobject].fields)

    def add_field(self, sobject: str, definition: Field) -> bool:
        """Take in a field or another definition of it; say whether it is new."""
        known = self.objects[sobject]
        self._define(replace(known, fields={**known.fields, definition.name: definition}))
        return definition.name not in known.fields

    def remove_field(self, sobject: str, name: str) -> None:
        """Forget a field."""
        known = self.objects[sobject]
        self._define(replace(known, fields={key: value for key, value in known.fields.items() if key != name}))

    def _define(self, definition: SObject) -> None:
        self.objects[definition.name] = definition
        self._blank[definition.name] = _blank_row(definition)


def _blank_row(definition: SObject) -> Row:
    blank: Row = {name: False for name, item in definition.fields.items() if item.type == "boolean"}
    return blank | {name: item.default for name, item in definition.fields.items() if item.default is not None}
