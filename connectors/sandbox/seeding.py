"""Fills a sandbox CRM: with the made-up organisation, or with leads from a file."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.lead import FieldValue, InteractionKind, Outcome
from connectors.sandbox.hubspot_objects import HubSpotObjects
from connectors.sandbox.org import Organisation, OrgInteraction, OrgLead, OrgStage
from connectors.sandbox.salesforce_records import CustomField, SalesforceRecords
from connectors.times import render_time

_HUBSPOT_FIELDS = {
    "company": "company",
    "title": "jobtitle",
    "industry": "industry",
    "country": "country",
    "city": "city",
    "employees": "numberofemployees",
    "source": "hs_analytics_source",
}
_SALESFORCE_FIELDS = {
    "company": "Company",
    "title": "Title",
    "industry": "Industry",
    "country": "Country",
    "city": "City",
    "employees": "NumberOfEmployees",
    "source": "LeadSource",
}
# How Salesforce's standard statuses spell an outcome.
UNTITLED_NOTE = "Untitled Note"  # what Salesforce calls a note that its writer did not name
_SALESFORCE_OUTCOMES = {Outcome.WON: "Closed - Converted", Outcome.LOST: "Closed - Not Converted"}


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One lead of a data file. `won` is None for a lead that is still open."""

    id: str
    stage: str
    won: bool | None
    text: str
    fields: dict[str, FieldValue]


def organisation_from_rows(rows: Sequence[SeedRow], now: datetime) -> Organisation:
    """Return an organisation whose closed leads are the finished rows, in the rows' order of time.

    Each text becomes one note. A finished lead is lost or won after the note was written; an open one is not.
    """
    names = sorted({row.stage for row in rows})
    stages = [OrgStage(_option_value(name), name) for name in names]
    stages += [OrgStage("WON", "Won", Outcome.WON), OrgStage("LOST", "Lost", Outcome.LOST)]
    start = now - timedelta(minutes=10 * len(rows) + 60 * 24 * 40)
    leads = []
    for number, row in enumerate(rows):
        created_at = start + timedelta(minutes=10 * number)
        entries = [(_option_value(row.stage), created_at)]
        if row.won is not None:
            entries.append(("WON" if row.won else "LOST", created_at + timedelta(days=14)))
        note = OrgInteraction(
            InteractionKind.NOTE, created_at + timedelta(minutes=1), "", html.escape(row.text).replace("\n", "<br>")
        )
        leads.append(
            OrgLead(
                key=row.id,
                first="",
                last=row.id,
                email=f"{row.id}@example.invalid".lower(),
                owner="Robin Falk",
                created_at=created_at,
                stages=tuple(entries),
                fields={"company": row.id},
                interactions=(note,) if row.text.strip() else (),
                custom_fields=row.fields,
            )
        )
    return Organisation(tuple(stages), ("Robin Falk",), tuple(leads))


def fill_hubspot(org: Organisation, clock: Callable[[], datetime] | None = None) -> HubSpotObjects:
    """Return a portal that holds the organisation's leads as contacts."""
    objects = HubSpotObjects([(stage.id, stage.label) for stage in org.stages], clock or _utc_now)
    owners = {name: str(7001 + number) for number, name in enumerate(org.owners)}
    for name, id_ in owners.items():
        first, _, last = name.partition(" ")
        person = {"id": id_, "email": f"{last.lower()}@example.com", "firstName": first, "lastName": last}
        objects.owners.append(person | {"type": "PERSON", "userId": int(id_), "archived": False})
    custom = _custom_types(org.leads)
    for name, type_ in custom.items():
        kind = {"number": "number", "bool": "booleancheckbox"}.get(type_, "text")
        options = [{"label": value, "value": value} for value in ("true", "false")] if type_ == "bool" else []
        objects.define(
            {
                "name": hubspot_name(name),
                "label": name,
                "type": type_,
                "fieldType": kind,
                "groupName": "contactinformation",
                "options": options,
            }
        )
    for lead in org.leads:
        properties: dict[str, str | None] = {
            "firstname": lead.first,
            "lastname": lead.last,
            "email": lead.email,
            "hubspot_owner_id": owners[lead.owner],
            "hs_lead_status": lead.stage,
        }
        properties |= {_HUBSPOT_FIELDS[name]: _text(value) for name, value in lead.fields.items()}
        properties |= {hubspot_name(name): _text(value) for name, value in lead.custom_fields.items()}
        history = {"hs_lead_status": [(stage, at) for stage, at in reversed(lead.stages)]}
        contact = objects.create("contacts", properties, lead.created_at, history)
        for item in lead.interactions:
            type_ = f"{item.kind}s"
            record = objects.create(type_, _hubspot_properties(item), item.occurred_at)
            objects.associate(type_, record.id, contact.id)
        changed_at = max([lead.stages[-1][1], *(item.occurred_at for item in lead.interactions)])
        objects.touch("contacts", contact, changed_at)
    return objects


def fill_salesforce(org: Organisation, clock: Callable[[], datetime] | None = None) -> SalesforceRecords:
    """Return an org that holds the organisation's leads as Leads; the won ones are converted."""
    records = SalesforceRecords(clock or _utc_now)
    statuses = {stage.id: _SALESFORCE_OUTCOMES.get(stage.outcome, stage.label) for stage in org.stages}
    for order, stage in enumerate(org.stages):
        name = statuses[stage.id]
        won = stage.outcome is Outcome.WON
        records.insert("LeadStatus", {"ApiName": name, "MasterLabel": name, "SortOrder": order + 1, "IsConverted": won})
    owners = {name: records.insert("User", {"Name": name, "IsActive": True})["Id"] for name in org.owners}
    types = {"number": "double", "bool": "boolean", "string": "string"}
    for name, type_ in _custom_types(org.leads).items():
        records.custom_fields[salesforce_name(name)] = CustomField(types[type_], name, visible=True)
    for lead in org.leads:
        values: dict[str, object] = {
            "FirstName": lead.first or None,
            "LastName": lead.last,
            "Email": lead.email,
            "OwnerId": owners[lead.owner],
            "Status": statuses[lead.stage],
            "IsConverted": lead.stage == "WON",
        }
        values |= {_SALESFORCE_FIELDS[name]: value for name, value in lead.fields.items()}
        values |= {salesforce_name(name): value for name, value in lead.custom_fields.items()}
        row = records.insert("Lead", values, lead.created_at)
        for (before, _), (after, at) in zip(lead.stages, lead.stages[1:], strict=False):
            records.log_status(row["Id"], statuses[before], statuses[after], at)
        for item in lead.interactions:
            _add_activity(records, row["Id"], item)
        row["SystemModstamp"] = row["LastModifiedDate"] = lead.stages[-1][1]
    return records


def _add_activity(records: SalesforceRecords, lead: str, item: OrgInteraction) -> None:
    at = item.occurred_at
    text = re.sub(r"<[^>]+>", " ", item.body)
    match item.kind:
        case InteractionKind.NOTE:
            records.link_note(records.add_note(item.subject or UNTITLED_NOTE, item.body.encode(), at), lead)
        case InteractionKind.EMAIL:
            # Enhanced Email keeps a Task beside every message; its text is a copy.
            copy = {"WhoId": lead, "Subject": f"Email: {item.subject}", "TaskSubtype": "Email", "ActivityDate": at}
            task = records.insert("Task", {**copy, "Description": html.unescape(text)}, at)
            message = records.insert(
                "EmailMessage",
                {
                    "Subject": item.subject,
                    "HtmlBody": item.body,
                    "Incoming": item.inbound,
                    "MessageDate": at,
                    "ActivityId": task["Id"],
                },
                at,
            )
            relation = {"EmailMessageId": message["Id"], "RelationId": lead, "RelationObjectType": "Lead"}
            records.insert("EmailMessageRelation", relation, at)
        case InteractionKind.MEETING:
            event = {"WhoId": lead, "Subject": item.subject, "Description": html.unescape(text), "StartDateTime": at}
            records.insert("Event", event, at)
        case InteractionKind.CALL | InteractionKind.TASK:
            subtype = "Call" if item.kind is InteractionKind.CALL else "Task"
            task = {"WhoId": lead, "Subject": item.subject, "Description": html.unescape(text), "TaskSubtype": subtype}
            records.insert("Task", {**task, "ActivityDate": at, "CompletedDateTime": at}, at)


def hubspot_name(field: str) -> str:
    """Return a file's field name as a HubSpot property name."""
    words = re.sub(r"[^a-z0-9]+", "_", field.lower()).strip("_")
    return (words if words[:1].isalpha() else f"f_{words}")[:100]


def salesforce_name(field: str) -> str:
    """Return a file's field name as a Salesforce custom field name, which holds 40 characters before its suffix."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", field).strip("_")
    return (words if words[:1].isalpha() else f"F_{words}")[:40].rstrip("_") + "__c"


def _hubspot_properties(item: OrgInteraction) -> dict[str, str | None]:
    at = render_time(item.occurred_at)
    match item.kind:
        case InteractionKind.NOTE:
            return {"hs_note_body": item.body, "hs_timestamp": at}
        case InteractionKind.EMAIL:
            direction = "INCOMING_EMAIL" if item.inbound else "EMAIL"
            mail = {"hs_email_subject": item.subject, "hs_email_html": item.body, "hs_timestamp": at}
            return {**mail, "hs_email_direction": direction}
        case InteractionKind.CALL:
            return {"hs_call_title": item.subject, "hs_call_body": item.body, "hs_timestamp": at}
        case InteractionKind.MEETING:
            return {"hs_meeting_title": item.subject, "hs_meeting_body": item.body, "hs_timestamp": at}
        case InteractionKind.TASK:
            return {"hs_task_subject": item.subject, "hs_task_body": item.body, "hs_timestamp": at}


def _custom_types(leads: Sequence[OrgLead]) -> dict[str, str]:
    """Return the type of each custom field: number or bool where every value is one."""
    values: dict[str, set[type]] = {}
    for lead in leads:
        for name, value in lead.custom_fields.items():
            values.setdefault(name, set()).update({type(value)} if value is not None else set())
    return {
        name: "bool" if found == {bool} else "number" if found and found <= {int, float} else "string"
        for name, found in values.items()
    }


def _option_value(label: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", label.upper()).strip("_")


def _text(value: FieldValue) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _utc_now() -> datetime:
    return datetime.now(UTC)
