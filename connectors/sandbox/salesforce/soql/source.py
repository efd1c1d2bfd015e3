"""What the SOQL side needs to know of the org's records."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from connectors.sandbox.salesforce.schema import SObject

Row: TypeAlias = Mapping[str, Any]


class Source(Protocol):
    """An org's objects and records as the running user sees them.

    A row's values are Python's: aware datetimes, dates, booleans, numbers, texts and None; ids have 18 characters.
    """

    def describe(self, sobject: str) -> SObject:
        """Return an object, its name taken in any case, without the fields that the user may not see.

        Raises:
            SoqlError: INVALID_TYPE; the org has no such object or the user may not see it.
        """
        ...

    def rows(self, sobject: str) -> Iterable[Row]:
        """Return every row that the user may see, the deleted and archived ones too."""
        ...

    def lookup(self, sobject: str, field: str, values: Collection[str]) -> Iterable[Row]:
        """Return those of the rows whose `Id` or reference field holds one of the ids, from an index."""
        ...

    def find(self, id: str) -> Row | None:
        """Return the record of an id, whatever its object."""
        ...

    def type_of(self, id: str) -> str | None:
        """Return the name of the object that an id belongs to."""
        ...

    def can_query_all_files(self) -> bool:
        """Return whether the user has the permission Query All Files."""
        ...
