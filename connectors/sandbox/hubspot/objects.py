"""The data that a sandbox HubSpot portal holds, and the rules by which it changes."""

import itertools
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.hubspot.associations import Associations
from connectors.sandbox.hubspot.definitions import (
    Property,
    ValueFault,
    canonical,
    find_fault,
    parse_definition,
    render_options,
    standard_groups,
    standard_properties,
)
from connectors.sandbox.hubspot.index import SearchIndex
from connectors.sandbox.hubspot.object_types import OBJECT_TYPES, default_type_id
from connectors.sandbox.hubspot.pipelines import (
    Stage,
    closing_properties,
    iter_stages,
    render_pipeline,
    stage_property,
    standard_pipelines,
)
from connectors.sandbox.hubspot.records import APP_ID, Change, Record, Version, merged_ids
from connectors.times import render_time

_FIRST_ID, _ID_STEP = 100_001, 50  # recorded: contact ids come in steps of 50
_HISTORY_DEPTH = {"contacts": 45}
_OTHER_HISTORY_DEPTH = 20
# Tying an existing engagement to a record moves neither's date of change; whether a contact's own date moves could not
# be verified, and a reader that copes without that copes with it.
_ASSOCIATING_MOVES_THE_CONTACT = False


class HubSpotObjects:
    """The portal's tables. `required` names, by type, the properties that no record may lack."""

    def __init__(self, stages: Iterable[tuple[str, str]], clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.lock = threading.RLock()  # held for every call, of the API and of the control port
        self.records: dict[str, dict[str, Record]] = {type_: {} for type_ in OBJECT_TYPES}
        self.ids: dict[str, list[int]] = {type_: [] for type_ in OBJECT_TYPES}
        self.archived: dict[str, dict[str, Record]] = {type_: {} for type_ in OBJECT_TYPES}
        self.merged: dict[str, str] = {}
        self.associations = Associations()
        self.index = SearchIndex(OBJECT_TYPES)
        self.properties = {type_: standard_properties(type_) for type_ in OBJECT_TYPES}
        self.groups = {type_: standard_groups(type_) for type_ in OBJECT_TYPES}
        self.pipelines = standard_pipelines()
        self.owners: list[dict[str, Any]] = []
        self.lists: dict[str, dict[str, Any]] = {}
        self.required: dict[str, tuple[str, ...]] = {}
        self.listeners: list[Callable[[Change], None]] = []
        options = render_options({"label": label, "value": value} for value, label in stages)
        self.properties["contacts"]["hs_lead_status"] = Property(
            "hs_lead_status", "Lead Status", "enumeration", "radio", options=tuple(options)
        )
        self._ids = itertools.count(_FIRST_ID, _ID_STEP)
        self._emails: dict[str, str] = {}

    def find(self, type_: str, id_: str) -> Record | None:
        """Return a live record; the id of a record that was merged away leads to the one it went into."""
        while id_ in self.merged:
            id_ = self.merged[id_]
        return self.records[type_].get(id_)

    def find_by(self, type_: str, name: str, value: str) -> Record | None:
        """Return the record whose unique property `name` has a value; e-mail addresses of contacts are unique."""
        if name == "hs_object_id":
            return self.find(type_, value)
        if (type_, name) == ("contacts", "email"):
            return self.records[type_].get(self._emails.get(value.lower(), ""))
        return next((row for row in self.records[type_].values() if row.properties.get(name) == value), None)

    def page(self, type_: str, after: int, count: int) -> list[Record]:
        """Return the next records behind an id, in the order of ids."""
        ids, table = self.ids[type_], self.records[type_]
        start = bisect_left(ids, after + 1)
        return [table[str(id_)] for id_ in ids[start : start + count]]

    def create(
        self,
        type_: str,
        properties: Mapping[str, str | None],
        created_at: datetime | None = None,
        history: Mapping[str, list[tuple[str, datetime]]] | None = None,
        *,
        source: str = "CRM_UI",
    ) -> Record:
        """Add an object. A given `history` (newest first) replaces the one that the first values make."""
        values = self._canonical(type_, properties)
        kept = {name: [Version(*version) for version in versions] for name, versions in (history or {}).items()}
        record = self.load(type_, values, created_at or self.clock(), kept or None)
        computed = self._computed(type_, record.id, properties, source)
        if computed:
            self._store(type_, record, record.properties | computed, record.created_at)
        self._tell("creation", type_, record.id, source)
        return record

    def load(
        self,
        type_: str,
        values: Mapping[str, str | None],
        created_at: datetime,
        history: dict[str, list[Version]] | None = None,
    ) -> Record:
        """Add an object whose values are already spelt as HubSpot keeps them, without telling anyone."""
        id_ = next(self._ids)
        record = Record(str(id_), {}, created_at, created_at, history)
        self.records[type_][record.id] = record
        self.ids[type_].append(id_)
        self._store(type_, record, values, created_at)
        if type_ == "contacts" and (email := values.get("email")):
            self._emails[email.lower()] = record.id
        return record

    def update(
        self, type_: str, record: Record, properties: Mapping[str, str | None], *, source: str = "CRM_UI"
    ) -> bool:
        """Change an object; say whether that changed it. Writing the values that it has changes nothing."""
        now = self.clock()
        old = record.properties
        new = {name: value for name, value in self._canonical(type_, properties).items() if old.get(name) != value}
        if not new:
            return False
        depth = _HISTORY_DEPTH.get(type_, _OTHER_HISTORY_DEPTH)
        for name, value in new.items():
            versions = self.history(record, name)
            if record.history is None:
                record.history = {}
            record.history[name] = [Version(value or "", now, source), *versions][:depth]
        if type_ == "contacts" and "email" in new:
            self._emails.pop((old.get("email") or "").lower(), None)
            if new["email"]:
                self._emails[new["email"].lower()] = record.id
        merged = old | new
        self._store(type_, record, merged | closing_properties(self.pipelines, type_, merged), now)
        for name, value in new.items():
            self._tell("propertyChange", type_, record.id, source, name=name, value=value or "")
        return True

    def touch(self, type_: str, record: Record, at: datetime | None = None) -> None:
        """Move an object's last change."""
        self._store(type_, record, record.properties, at or self.clock())

    def history(self, record: Record, name: str) -> list[Version]:
        """Return a property's versions, newest first."""
        if record.history is not None and name in record.history:
            return record.history[name]
        value = record.properties.get(name)
        return [Version(value, record.created_at)] if value else []

    def archive(self, type_: str, id_: str, *, source: str = "CRM_UI") -> bool:
        """Put a record into the recycle bin; say whether there was one."""
        record = self.find(type_, id_)
        if record is None:
            return False
        self._take_out(type_, record)
        record.archived_at = self.clock()
        self.archived[type_][record.id] = record
        self._tell("deletion", type_, record.id, source)
        return True

    def restore(self, type_: str, id_: str, *, source: str = "CRM_UI") -> None:
        """Take a record back out of the recycle bin, with what it was tied to."""
        record = self.archived[type_].pop(id_)
        record.archived_at = None
        self.records[type_][id_] = record
        insort(self.ids[type_], int(id_))
        if type_ == "contacts" and record.properties.get("email"):
            self._emails[str(record.properties["email"]).lower()] = id_
        self.index.note(type_, id_, record.properties, self.clock())
        self._tell("restore", type_, id_, source)

    def erase(self, type_: str, id_: str, *, source: str = "CRM_UI") -> None:
        """Delete a record for privacy: it is nowhere any more, the recycle bin included."""
        record = self.find(type_, id_)
        if record is not None:
            self._take_out(type_, record)
        id_ = record.id if record is not None else id_
        if record is None and self.archived[type_].pop(id_, None) is None:
            return
        self.associations.forget(type_, id_)
        self._tell("privacyDeletion", type_, id_, source)

    def merge(self, type_: str, winner: Record, loser: Record, *, source: str = "CRM_UI") -> None:
        """Merge `loser` into `winner`, which gets its associations and the values that it has no own ones for."""
        for other, other_id, ids in list(self.associations.all_of(type_, loser.id)):
            for type_id in ids:
                self.associations.add(type_, winner.id, other, other_id, type_id)
        self.associations.forget(type_, loser.id)
        names = self.properties[type_]
        moved = {
            name: value
            for name, value in loser.properties.items()
            if value and not winner.properties.get(name) and name in names and not names[name].read_only
        }
        self._take_out(type_, loser)
        self.merged[loser.id] = winner.id
        lost = [*merged_ids(winner), loser.id, *merged_ids(loser)]
        self.update(type_, winner, moved | {"hs_merged_object_ids": ";".join(lost)}, source=source)
        self._tell("merge", type_, winner.id, source, other_id=loser.id, moved=len(moved))

    def associate(
        self,
        type_: str,
        id_: str,
        other: str,
        other_id: str,
        type_id: int | None = None,
        *,
        source: str = "CRM_UI",
        seeding: bool = False,
    ) -> None:
        """Tie two records, in both directions; without a type id by the unlabelled association."""
        label = type_id if type_id is not None else default_type_id(type_, other)
        if label is None:
            raise ValueError(f"{type_} and {other} cannot be associated")
        new = self.associations.add(type_, id_, other, other_id, label, None if seeding else self.clock())
        if new and not seeding:
            self._tell_association(type_, id_, other, other_id, label, source, removed=False)
            contact = id_ if type_ == "contacts" else other_id if other == "contacts" else None
            if _ASSOCIATING_MOVES_THE_CONTACT and contact in self.records["contacts"]:
                self.touch("contacts", self.records["contacts"][contact])

    def dissociate(self, type_: str, id_: str, other: str, other_id: str, *, source: str = "CRM_UI") -> None:
        """Untie two records."""
        label = default_type_id(type_, other) or 0
        if self.associations.remove(type_, id_, other, other_id):
            self._tell_association(type_, id_, other, other_id, label, source, removed=True)

    def associated(self, type_: str, id_: str, other: str, *, late_seconds: float = 0.0) -> dict[str, tuple[int, ...]]:
        """Return the live records of type `other` that one is tied to, leaving out ties younger than `late_seconds`."""
        before = self.clock() - timedelta(seconds=late_seconds) if late_seconds else None
        live = self.records[other]
        return {
            other_id: ids
            for other_id, ids in self.associations.of(type_, id_, other, before).items()
            if other_id in live
        }

    def find_faults(self, type_: str, properties: Mapping[str, str | None]) -> list[ValueFault]:
        """Return what HubSpot would refuse in these property values."""
        known = self.properties[type_]
        faults = [find_fault(name, known.get(name), value or "") for name, value in properties.items()]
        found = [fault for fault in faults if fault is not None]
        name = stage_property(type_)
        stage = properties.get(name) if name else None
        if name and stage and stage not in {item.id for item in iter_stages(self.pipelines[type_])}:
            found.append(ValueFault(name, "INVALID_OPTION", f"{stage} is not a stage of any {type_} pipeline"))
        return found

    def find_missing(self, type_: str, properties: Mapping[str, str | None], record: Record | None) -> list[str]:
        """Return the required properties that a record would lack after a write."""
        after = (record.properties if record is not None else {}) | dict(properties)
        return [name for name in self.required.get(type_, ()) if not after.get(name)]

    def define(self, wanted: Mapping[str, Any], type_: str = "contacts") -> Property:
        """Add a property.

        Raises:
            ValueError: HubSpot would not take the definition.
        """
        definition = parse_definition(wanted, self.groups[type_], self.clock())
        self.properties[type_][definition.name] = definition
        return definition

    def set_pipeline(self, type_: str, label: str, stages: Iterable[Stage]) -> None:
        """Give a type one pipeline, `default`, with these stages."""
        self.pipelines[type_] = [render_pipeline("default", label, stages)]

    def _computed(
        self, type_: str, id_: str, properties: Mapping[str, str | None], source: str
    ) -> dict[str, str | None]:
        """Return the properties that HubSpot fills in when a record is created."""
        made: dict[str, str | None] = dict(closing_properties(self.pipelines, type_, properties))
        if source == "CRM_UI":
            return made
        made |= {"hs_object_source": source, "hs_object_source_id": str(APP_ID), "hs_object_source_label": source}
        if type_ == "contacts":
            email = properties.get("email") or ""
            name = " ".join(filter(None, (properties.get("firstname"), properties.get("lastname"))))
            made |= {
                "hs_all_contact_vids": id_,
                "hs_email_domain": email.partition("@")[2] or None,
                "hs_full_name_or_email": name or email or None,
                "hs_is_contact": "true",
                "hs_is_unworked": "true",
                "hs_pipeline": "contacts-lifecycle-pipeline",
                "lifecyclestage": properties.get("lifecyclestage") or "lead",
            }
        return made

    def _canonical(self, type_: str, properties: Mapping[str, str | None]) -> dict[str, str | None]:
        known = self.properties[type_]
        return {name: canonical(known.get(name), value) if value else None for name, value in properties.items()}

    def _store(self, type_: str, record: Record, values: Mapping[str, str | None], at: datetime) -> None:
        """Give a record its values with the dates and id that HubSpot keeps among them."""
        dates = OBJECT_TYPES[type_]
        record.updated_at = at
        record.properties = {
            **values,
            dates.created: render_time(record.created_at),
            dates.modified: render_time(at),
            "hs_object_id": record.id,
        }
        self.index.note(type_, record.id, record.properties, self.clock())

    def _take_out(self, type_: str, record: Record) -> None:
        del self.records[type_][record.id]
        ids = self.ids[type_]
        del ids[bisect_left(ids, int(record.id))]
        email = (record.properties.get("email") or "").lower()
        if type_ == "contacts" and self._emails.get(email) == record.id:
            del self._emails[email]
        self.index.note(type_, record.id, None, self.clock())

    def _tell_association(
        self, type_: str, id_: str, other: str, other_id: str, label: int, source: str, *, removed: bool
    ) -> None:
        if not self.listeners:
            return
        sides = ((type_, id_, other, other_id), (other, other_id, type_, id_))
        for from_, from_id, to, to_id in sides:
            type_id = label if from_ == type_ else default_type_id(from_, to) or 0
            self._tell(
                "associationChange",
                from_,
                from_id,
                source,
                other=to,
                other_id=to_id,
                type_id=type_id,
                removed=removed,
            )

    def _tell(self, kind: str, type_: str, id_: str, source: str, **details: Any) -> None:
        if self.listeners:
            change = Change(kind, type_, id_, self.clock(), source, **details)
            for listener in self.listeners:
                listener(change)
