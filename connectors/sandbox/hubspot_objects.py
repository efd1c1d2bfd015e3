"""The data that a sandbox HubSpot portal holds: objects, property definitions, history and associations."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.times import parse_time, render_time

OBJECT_TYPES = {"contacts": "contact", "notes": "note", "emails": "email", "calls": "call", "meetings": "meeting"} | {
    "tasks": "task"
}
# https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide lists these type ids.
CONTACT_TYPE_IDS = {"notes": 202, "emails": 198, "calls": 194, "meetings": 200, "tasks": 204}

_TEXT_PROPERTIES = {
    "contacts": "firstname lastname email company jobtitle industry country city annualrevenue:number "
    "numberofemployees:number hs_analytics_source lifecyclestage hubspot_owner_id",
    "notes": "hs_note_body",
    "emails": "hs_email_subject hs_email_text hs_email_html hs_email_direction hs_email_status",
    "calls": "hs_call_title hs_call_body hs_call_direction hs_call_status",
    "meetings": "hs_meeting_title hs_meeting_body hs_meeting_start_time:datetime",
    "tasks": "hs_task_subject hs_task_body hs_task_status",
}
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,99}$")


@dataclass
class Property:
    """One property definition, as the properties API shows it."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    options: list[dict[str, Any]] = field(default_factory=list)
    hubspot_defined: bool = True

    def render(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": self.options,
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": False,
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "formField": False,
            "dataSensitivity": "non_sensitive",
            "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        }


@dataclass
class Record:
    """One object. `history` holds each property's values, newest first."""

    id: str
    properties: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
    history: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)


class HubSpotObjects:
    """The portal's tables and the rules by which they change."""

    def __init__(self, stages: Iterable[tuple[str, str]], clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.records: dict[str, dict[str, Record]] = {type_: {} for type_ in OBJECT_TYPES}
        self.associations: dict[tuple[str, str, str], dict[str, None]] = {}
        self.groups: dict[str, str] = {"contactinformation": "Contact information"}
        self.owners: list[dict[str, Any]] = []
        self.properties = {type_: _standard_properties(type_) for type_ in OBJECT_TYPES}
        options = [
            {"label": label, "value": value, "displayOrder": order, "hidden": False}
            for order, (value, label) in enumerate(stages)
        ]
        self.properties["contacts"]["hs_lead_status"] = Property(
            "hs_lead_status", "Lead Status", "enumeration", "radio", options=options
        )
        self._ids = itertools.count(100_001)

    def create(
        self,
        type_: str,
        properties: Mapping[str, str | None],
        created_at: datetime | None = None,
        history: Mapping[str, list[tuple[str, datetime]]] | None = None,
    ) -> Record:
        """Add an object. A given `history` (newest first) replaces the one that the first values make."""
        at = created_at or self.clock()
        id_ = str(next(self._ids))
        made = {name: [(value, at)] for name, value in properties.items() if value}
        record = Record(id_, dict(properties), at, at, {**made, **(history or {})})
        self._stamp(type_, record)
        self.records[type_][id_] = record
        return record

    def update(self, type_: str, record: Record, properties: Mapping[str, str | None]) -> None:
        """Change an object. Writing the values that it has changes nothing, as in HubSpot."""
        now = self.clock()
        changed = False
        for name, value in properties.items():
            new = value or None
            if (record.properties.get(name) or None) == new:
                continue
            record.properties[name] = new
            record.history.setdefault(name, []).insert(0, (new or "", now))
            changed = True
        if changed:
            self.touch(type_, record)

    def touch(self, type_: str, record: Record, at: datetime | None = None) -> None:
        """Move an object's last change."""
        record.updated_at = at or self.clock()
        self._stamp(type_, record)

    def associate(self, type_: str, id_: str, contact: str) -> None:
        """Tie an engagement to a contact, in both directions."""
        self.associations.setdefault((type_, id_, "contacts"), {})[contact] = None
        self.associations.setdefault(("contacts", contact, type_), {})[id_] = None

    def associated(self, type_: str, id_: str, other: str) -> list[str]:
        """Return the ids of the objects of type `other` that one is tied to."""
        return list(self.associations.get((type_, id_, other), ()))

    def find_faults(self, type_: str, properties: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what HubSpot would refuse in these property values."""
        faults = []
        for name, value in properties.items():
            definition = self.properties[type_].get(name)
            code = "PROPERTY_DOESNT_EXIST" if definition is None else _value_fault(definition, value)
            if code:
                faults.append(
                    {"message": f'Property "{name}" is not valid', "code": code, "context": {"propertyName": [name]}}
                )
        return faults

    def define(self, wanted: Mapping[str, Any], *, hubspot_defined: bool = False) -> Property:
        """Add a contact property.

        Raises:
            ValueError: HubSpot would not take the definition.
        """
        name = str(wanted["name"])
        if not _NAME.match(name) or wanted["groupName"] not in self.groups:
            raise ValueError(f"{name}: not a property name, or group {wanted['groupName']} does not exist")
        definition = Property(
            name,
            str(wanted.get("label") or name),
            str(wanted["type"]),
            str(wanted["fieldType"]),
            str(wanted["groupName"]),
            list(wanted.get("options") or ()),
            hubspot_defined,
        )
        self.properties["contacts"][name] = definition
        return definition

    def _stamp(self, type_: str, record: Record) -> None:
        created, modified = ("createdate", "lastmodifieddate") if type_ == "contacts" else ("hs_createdate", "")
        record.properties[created] = render_time(record.created_at)
        record.properties[modified or "hs_lastmodifieddate"] = render_time(record.updated_at)
        record.properties["hs_object_id"] = record.id


def comparable(definition: Property | None, value: str | None) -> float | str | None:
    """Return a property value in the order in which HubSpot's search compares it."""
    if value is None or value == "":
        return None
    if definition is not None and definition.type == "number":
        return float(value)
    if definition is not None and definition.type == "datetime":
        return parse_time(value).timestamp()
    return value.lower()


def _standard_properties(type_: str) -> dict[str, Property]:
    properties = {}
    for word in _TEXT_PROPERTIES[type_].split():
        name, _, kind = word.partition(":")
        properties[name] = Property(name, name, kind or "string", "number" if kind == "number" else "text")
    created, modified = (
        ("createdate", "lastmodifieddate") if type_ == "contacts" else ("hs_createdate", "hs_lastmodifieddate")
    )
    for name in (created, modified, "hs_timestamp"):
        properties[name] = Property(name, name, "datetime", "date")
    properties["hs_object_id"] = Property("hs_object_id", "Record ID", "number", "number")
    return properties


def _value_fault(definition: Property, value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        return "INVALID_STRING"
    if definition.type == "enumeration" and value not in {option["value"] for option in definition.options}:
        return "INVALID_OPTION"
    if definition.type == "number":
        try:
            float(value)
        except ValueError:
            return "INVALID_INTEGER"
    if definition.type == "datetime":
        try:
            parse_time(value).astimezone(UTC)
        except ValueError:
            return "INVALID_DATE"
    return "READ_ONLY_VALUE" if definition.name in ("hs_object_id", "createdate", "lastmodifieddate") else None
