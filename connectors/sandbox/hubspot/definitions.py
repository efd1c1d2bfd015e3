"""Property definitions: what a portal's objects can hold, and which values HubSpot takes for it."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.hubspot.object_types import ENGAGEMENTS, OBJECT_TYPES
from connectors.times import parse_time, render_time

NAME = re.compile(r"^[a-z][a-z0-9_]{0,99}$")
FIELD_TYPES = {
    "string": {"text", "textarea", "html", "phonenumber", "file"},
    "number": {"number", "calculation_equation"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
    "bool": {"booleancheckbox"},
    "date": {"date"},
    "datetime": {"date"},
    "phone_number": {"phonenumber"},
}
MAX_TEXT = 65_536
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")

# name:type:fieldType; text is the default. `!` marks what HubSpot computes itself.
_STANDARD = {
    "contacts": "firstname lastname email phone mobilephone company website jobtitle industry country city "
    "annualrevenue:number:number numberofemployees:number:number hs_analytics_source lifecyclestage:enumeration:radio "
    "hubspot_owner_id:enumeration:select !hs_merged_object_ids !hs_all_contact_vids !hs_email_domain "
    "!hs_full_name_or_email !hs_is_contact:bool:booleancheckbox !hs_is_unworked:bool:booleancheckbox "
    "hs_pipeline:enumeration:select !num_notes:number:number !notes_last_updated:datetime:date",
    "companies": "name domain website phone industry city country hubspot_owner_id:enumeration:select "
    "!hs_merged_object_ids",
    "deals": "dealname description:string:textarea amount:number:number closedate:datetime:date pipeline:enumeration "
    "dealstage:enumeration:radio closed_lost_reason:string:textarea closed_won_reason:string:textarea "
    "hubspot_owner_id:enumeration:select dealtype !hs_is_closed:bool:booleancheckbox "
    "!hs_is_closed_won:bool:booleancheckbox !hs_deal_stage_probability:number:number !hs_merged_object_ids",
    "leads": "hs_lead_name hs_lead_type hs_lead_label hs_pipeline:enumeration:select "
    "hs_pipeline_stage:enumeration:select hubspot_owner_id:enumeration:select !hs_merged_object_ids",
    "notes": "hs_note_body:string:html !hs_body_preview",
    "emails": "hs_email_subject hs_email_text:string:textarea hs_email_html:string:html hs_email_headers:string "
    "hs_email_direction hs_email_status hs_email_thread_id !hs_body_preview",
    "calls": "hs_call_title hs_call_body:string:html hs_call_summary:string:html hs_call_direction hs_call_disposition "
    "hs_call_duration:number:number hs_call_status !hs_body_preview",
    "meetings": "hs_meeting_title hs_meeting_body:string:html hs_internal_meeting_notes:string:html "
    "hs_meeting_start_time:datetime:date hs_meeting_end_time:datetime:date hs_meeting_outcome !hs_body_preview",
    "tasks": "hs_task_subject hs_task_body:string:html hs_task_status hs_task_priority hs_task_type !hs_body_preview",
    "communications": "hs_communication_body:string:html hs_communication_channel_type !hs_body_preview",
}
_GROUPS = {
    "contacts": ("contactinformation", "Contact information"),
    "companies": ("companyinformation", "Company information"),
    "deals": ("dealinformation", "Deal information"),
    "leads": ("lead_information", "Lead information"),
}
_LIFECYCLE = "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other"


@dataclass(frozen=True, slots=True)
class Property:
    """One property definition. `read_only` ones are computed by HubSpot; `external` ones have options elsewhere."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    options: tuple[Mapping[str, Any], ...] = ()
    hubspot_defined: bool = True
    description: str = ""
    form_field: bool = False
    unique: bool = False
    read_only: bool = False
    external: bool = False
    changed_at: datetime = field(default_factory=lambda: datetime(2020, 6, 30, tzinfo=UTC))

    def render(self) -> dict[str, Any]:
        """Return the definition with the keys that the properties API was recorded to send."""
        at = render_time(self.changed_at)
        body: dict[str, Any] = {
            "updatedAt": at,
            "createdAt": at,
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": list(self.options),
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyValue": self.read_only,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
        }
        if self.hubspot_defined:
            return body | {"hubspotDefined": True}
        return body | {"createdUserId": "1", "updatedUserId": "1", "archived": False}


def standard_groups(type_: str) -> dict[str, str]:
    """Return the property groups that a new portal has for a type, name and label."""
    name, label = _GROUPS.get(type_, ("engagement", "Engagement Info"))
    return {name: label}


def standard_properties(type_: str) -> dict[str, Property]:
    """Return the properties that a new portal has for a type."""
    group = next(iter(standard_groups(type_)))
    dates = OBJECT_TYPES[type_]
    words = _STANDARD[type_].split()
    words += [f"!{dates.created}:datetime:date", f"!{dates.modified}:datetime:date", "!hs_object_id:number:number"]
    words += ["!hs_object_source", "!hs_object_source_id", "!hs_object_source_label"]
    if type_ in ENGAGEMENTS:
        words += ["hs_timestamp:datetime:date", "hubspot_owner_id:enumeration:select"]
    properties = {}
    for word in words:
        name, *kinds = word.removeprefix("!").split(":")
        kind = kinds[0] if kinds else "string"
        field_type = kinds[1] if len(kinds) > 1 else {"number": "number", "enumeration": "select"}.get(kind, "text")
        options: tuple[Mapping[str, Any], ...] = ()
        if name == "lifecyclestage":
            options = tuple(render_options({"label": value.title(), "value": value} for value in _LIFECYCLE.split()))
        elif kind == "bool":
            options = tuple(render_options({"label": value.title(), "value": value} for value in ("true", "false")))
        external = kind == "enumeration" and not options
        properties[name] = Property(
            name, name, kind, field_type, group, options, read_only=word.startswith("!"), external=external
        )
    return properties


def render_options(options: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return options as HubSpot stores them: each with an order and a visibility."""
    return [
        {
            "label": str(option["label"]),
            "value": str(option["value"]),
            "displayOrder": option.get("displayOrder", order),
            "hidden": bool(option.get("hidden", False)),
            **({"description": option["description"]} if "description" in option else {}),
        }
        for order, option in enumerate(options)
    ]


def parse_definition(wanted: Mapping[str, Any], groups: Mapping[str, str], changed_at: datetime) -> Property:
    """Return the property that a request describes.

    Raises:
        ValueError: HubSpot would not take the definition.
    """
    name, type_, field_type = (str(wanted.get(key) or "") for key in ("name", "type", "fieldType"))
    group = str(wanted.get("groupName") or "")
    if not NAME.match(name):
        raise ValueError(
            f"Property name '{name}' is invalid. It must start with a letter and hold only lower-case letters, "
            "digits and underscores, at most 100"
        )
    if not wanted.get("label"):
        raise ValueError(f"Property '{name}' needs a label")
    if group not in groups:
        raise ValueError(f"Property group '{group}' does not exist")
    if field_type not in FIELD_TYPES.get(type_, ()):
        raise ValueError(f"Property '{name}': field type '{field_type}' does not go with type '{type_}'")
    options = tuple(render_options(wanted.get("options") or ()))
    values = [option["value"] for option in options]
    if type_ == "bool" and sorted(values) != ["false", "true"]:
        raise ValueError(f"Property '{name}': a boolean property needs exactly the options true and false")
    if len(set(values)) < len(values):
        raise ValueError(f"Property '{name}' has two options of the same value")
    return Property(
        name,
        str(wanted["label"]),
        type_,
        field_type,
        group,
        options,
        hubspot_defined=False,
        description=str(wanted.get("description") or ""),
        form_field=bool(wanted.get("formField")),
        unique=bool(wanted.get("hasUniqueValue")),
        changed_at=changed_at,
    )


@dataclass(frozen=True, slots=True)
class ValueFault:
    """Why HubSpot does not take a property value."""

    name: str
    code: str
    message: str

    def render(self) -> dict[str, Any]:
        return {"message": self.message, "code": self.code, "context": {"propertyName": [self.name]}}

    def render_short(self) -> dict[str, Any]:
        return {"isValid": False, "message": self.message, "error": self.code, "name": self.name}


def find_fault(name: str, definition: Property | None, value: str) -> ValueFault | None:
    """Return what is wrong with a value that somebody writes, if anything is."""
    if definition is None:
        return ValueFault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition.read_only:
        return ValueFault(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if value == "":
        return None
    if name == "email" and not _EMAIL.match(value):
        return ValueFault(name, "INVALID_EMAIL", f"Email address {value} is invalid")
    if len(value) > MAX_TEXT:
        return ValueFault(name, "INVALID_STRING", f"{name} is longer than {MAX_TEXT} characters")
    if definition.type in ("enumeration", "bool") and definition.options:
        known = {option["value"] for option in definition.options}
        picked = value.split(";") if definition.field_type == "checkbox" else [value]
        if not known.issuperset(picked):
            return ValueFault(
                name, "INVALID_OPTION", f"{value} was not one of the allowed options: {json.dumps(sorted(known))}"
            )
    if definition.type == "number" and parse_number(value) is None:
        return ValueFault(name, "INVALID_INTEGER", f"{value} was not a valid number.")
    if definition.type in ("date", "datetime"):
        try:
            canonical(definition, value)
        except (ValueError, OverflowError, OSError):
            return ValueFault(name, "INVALID_DATE", f"{value} was not a valid date.")
    return None


def canonical(definition: Property | None, value: str) -> str:
    """Return a value as HubSpot stores it: dates in one spelling, so that their texts sort as their times do.

    Raises:
        ValueError: A date is none.
    """
    if definition is None or value == "":
        return value
    if definition.type == "datetime":
        return render_time(parse_time(value))
    if definition.type == "date":
        return parse_time(value).date().isoformat()
    return value


def parse_number(value: str) -> float | None:
    """Return a number property's value, or None if it is no number."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
