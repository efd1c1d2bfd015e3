"""What the portal's search sees: the records as they were some seconds ago."""

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, TypeVar

Values: TypeAlias = Mapping[str, str | None]
Predicate: TypeAlias = Callable[[Values], bool]
_Key = TypeVar("_Key")

_REMEMBERED_SEARCHES = 24


@dataclass
class _Table:
    """One type's indexed rows. `changed` lists the ids of every row that changed, in order."""

    rows: dict[int, Values] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)


@dataclass
class _Found:
    """A remembered search: the ids that match, and up to which change that is known."""

    ids: list[int]
    known: int


class SearchIndex:
    """A copy of every type's rows that is brought up to date when somebody searches.

    A client that walks a result asks the same question for every page. The matching ids are therefore remembered, and
    only the rows that changed since are looked at again.
    """

    def __init__(self, types: Iterable[str]) -> None:
        self._tables = {type_: _Table() for type_ in types}
        self._waiting: deque[tuple[datetime, str, int, Values | None]] = deque()
        self._found: OrderedDict[tuple[str, str], _Found] = OrderedDict()
        self._ordered: OrderedDict[tuple[str, str, str], _Found] = OrderedDict()

    def note(self, type_: str, id_: str, values: Values | None, at: datetime) -> None:
        """Take in that a row has other values now, or (None) that it is gone."""
        self._waiting.append((at, type_, int(id_), values))

    def catch_up(self, until: datetime | None) -> None:
        """Apply the changes up to a time, or all of them."""
        waiting = self._waiting
        while waiting and (until is None or waiting[0][0] <= until):
            _, type_, id_, values = waiting.popleft()
            table = self._tables[type_]
            if values is None:
                if table.rows.pop(id_, None) is not None:
                    del table.ids[bisect_left(table.ids, id_)]
            else:
                if id_ not in table.rows:
                    if table.ids and id_ < table.ids[-1]:
                        insort(table.ids, id_)
                    else:
                        table.ids.append(id_)
                table.rows[id_] = values
            table.changed.append(id_)

    def rows(self, type_: str) -> Mapping[int, Values]:
        return self._tables[type_].rows

    def matching(self, type_: str, key: str, predicate: Predicate | None) -> list[int]:
        """Return the sorted ids of the rows that match; `key` says the same as the predicate, for remembering it."""
        table = self._tables[type_]
        if predicate is None:
            return table.ids
        found = self._found.get((type_, key))
        if found is None:
            rows = table.rows
            found = _Found([id_ for id_ in table.ids if predicate(rows[id_])], len(table.changed))
            _remember(self._found, (type_, key), found)
        elif found.known < len(table.changed):
            for id_ in dict.fromkeys(table.changed[found.known :]):
                values = table.rows.get(id_)
                place = bisect_left(found.ids, id_)
                present = place < len(found.ids) and found.ids[place] == id_
                wanted = values is not None and predicate(values)
                if present and not wanted:
                    del found.ids[place]
                elif wanted and not present:
                    found.ids.insert(place, id_)
            found.known = len(table.changed)
        return found.ids

    def ordered(self, type_: str, key: str, order: str, sort: Callable[[], list[int]]) -> list[int]:
        """Return a result in another order than by id; sorted again only after a change."""
        known = len(self._tables[type_].changed)
        found = self._ordered.get((type_, key, order))
        if found is None or found.known < known:
            found = _Found(sort(), known)
            _remember(self._ordered, (type_, key, order), found)
        return found.ids


def _remember(store: OrderedDict[_Key, _Found], key: _Key, found: _Found) -> None:
    store[key] = found
    while len(store) > _REMEMBERED_SEARCHES:
        store.popitem(last=False)
