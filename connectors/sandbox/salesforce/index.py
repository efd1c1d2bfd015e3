"""Finds records by what they refer to, and remembers what of them is not committed yet."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Tables: TypeAlias = dict[str, dict[str, Row]]


class Index:
    """Which records have a value in a field. Built when somebody asks first, kept current by every later write."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._built: dict[str, dict[str, dict[Any, dict[str, None]]]] = {}

    def ids(self, sobject: str, field: str, values: Collection[Any]) -> list[str]:
        """Return the ids of the records whose field has one of the values."""
        built = self._built.setdefault(sobject, {})
        if field not in built:
            found = built[field] = {}
            for id_, row in self._tables[sobject].items():
                value = row.get(field)
                if value is not None:
                    found.setdefault(value, {})[id_] = None
        return [id_ for value in values for id_ in built[field].get(value, ())]

    def move(self, sobject: str, id_: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Take in that a record has other values now."""
        for field, found in self._built.get(sobject, {}).items():
            old, new = before.get(field), after.get(field)
            if old == new:
                continue
            if old is not None:
                found.get(old, {}).pop(id_, None)
            if new is not None:
                found.setdefault(new, {})[id_] = None


class LateCommits:
    """Writes that are stamped already and not to be seen yet, as those of a long transaction are."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[datetime, str, Row | None]] = {}

    def hold(self, sobject: str, id_: str, before: Row | None, until: datetime) -> None:
        """Show the record as it was before, if it was at all, until a time."""
        known = self._waiting.get(id_)
        self._waiting[id_] = (until, sobject, known[2] if known else before)

    def settle(self) -> bool:
        """Let go of what is committed by now; say whether anything is left."""
        now = self._clock()
        for id_ in [id_ for id_, (until, _, _) in self._waiting.items() if until <= now]:
            del self._waiting[id_]
        return bool(self._waiting)

    def release(self, id_: str) -> None:
        """Let a record be seen as it is."""
        self._waiting.pop(id_, None)

    def seen(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield each record as it can be seen; leave out those that cannot."""
        for row in rows:
            held = self._waiting.get(row["Id"])
            if held is None:
                yield row
            elif held[2] is not None:
                yield held[2]

    def held(self, sobject: str) -> list[str]:
        """Return the ids of an object's records that are shown as they were."""
        return [id_ for id_, (_, type_, before) in self._waiting.items() if type_ == sobject and before is not None]
