"""Which objects are tied to which, in both directions."""

from collections.abc import Iterable
from datetime import datetime

from connectors.sandbox.hubspot.object_types import OBJECT_TYPES, default_type_id, label_of, way_back

_Links = dict[str, dict[str, tuple[int, ...]]]


class Associations:
    """The ties between objects: for every pair of types, from an id to the other ids and their association types.

    A tie that was made while the portal ran knows when, so that a reader can be kept from seeing it for a while.
    """

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], _Links] = {
            (one, other): {} for one in OBJECT_TYPES for other in OBJECT_TYPES
        }
        self.version = 0
        self._made_at: dict[tuple[str, str, str, str], datetime] = {}
        self._shared: dict[tuple[int, ...], tuple[int, ...]] = {}  # hundreds of thousands of ties, a dozen kinds

    def add(self, type_: str, id_: str, other: str, other_id: str, type_id: int, at: datetime | None = None) -> bool:
        """Tie two objects; say whether that is new."""
        there = self._links[type_, other].setdefault(id_, {})
        had = there.get(other_id, ())
        if type_id in had:
            return False
        self.version += 1
        default = default_type_id(type_, other)
        # A label comes with the unlabelled association.
        ids = {*had, type_id} | ({default} if default is not None else set())
        there[other_id] = self._share(ids)
        back = self._links[other, type_].setdefault(other_id, {})
        back[id_] = self._share({way_back(type_, other, item) for item in ids})
        if at is not None and not had:
            self._made_at[type_, id_, other, other_id] = self._made_at[other, other_id, type_, id_] = at
        return True

    def remove(self, type_: str, id_: str, other: str, other_id: str) -> bool:
        """Untie two objects; say whether they were tied."""
        self.version += 1
        removed = self._links[type_, other].get(id_, {}).pop(other_id, None)
        self._links[other, type_].get(other_id, {}).pop(id_, None)
        self._made_at.pop((type_, id_, other, other_id), None)
        self._made_at.pop((other, other_id, type_, id_), None)
        return removed is not None

    def of(self, type_: str, id_: str, other: str, made_before: datetime | None = None) -> dict[str, tuple[int, ...]]:
        """Return the ids of one type that an object is tied to, with the association types of each."""
        found = self._links[type_, other].get(id_, {})
        if made_before is None or not self._made_at:
            return found
        return {
            other_id: ids
            for other_id, ids in found.items()
            if (at := self._made_at.get((type_, id_, other, other_id))) is None or at <= made_before
        }

    def all_of(self, type_: str, id_: str) -> Iterable[tuple[str, str, tuple[int, ...]]]:
        """Yield every tie of an object: the other type, the other id and the association types."""
        for other in OBJECT_TYPES:
            for other_id, ids in self._links[type_, other].get(id_, {}).items():
                yield other, other_id, ids

    def _share(self, ids: set[int]) -> tuple[int, ...]:
        ordered = tuple(sorted(ids))
        return self._shared.setdefault(ordered, ordered)

    def forget(self, type_: str, id_: str) -> None:
        """Untie an object from everything."""
        for other, other_id, _ in list(self.all_of(type_, id_)):
            self.remove(type_, id_, other, other_id)


def render_association_types(type_: str, other: str, ids: Iterable[int]) -> list[dict[str, object]]:
    """Return association types as the v4 API shows them."""
    return [
        {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": label_of(type_, other, type_id)} for type_id in ids
    ]
