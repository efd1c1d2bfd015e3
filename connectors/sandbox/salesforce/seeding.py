"""Fills an org: with the made-up organisation, or with very many records."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.lead import InteractionKind, Outcome
from connectors.sandbox.custom_types import custom_types
from connectors.sandbox.org import STAGES, Organisation, OrgInteraction, OrgLead, OrgStage
from connectors.sandbox.salesforce.activities import add_email, add_event
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.notes import add_note, link_file, plain_text
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.schema import Field
from connectors.sandbox.salesforce.stages import Step, define_stages, define_statuses

_LEAD_FIELDS = {
    "company": "Company",
    "title": "Title",
    "industry": "Industry",
    "country": "Country",
    "city": "City",
    "employees": "NumberOfEmployees",
    "source": "LeadSource",
}
_ACCOUNT_FIELDS = {
    "company": "Name",
    "industry": "Industry",
    "country": "BillingCountry",
    "city": "BillingCity",
    "employees": "NumberOfEmployees",
}
# How Salesforce's standard statuses and stages spell an outcome.
_LEAD_OUTCOMES = {Outcome.WON: "Closed - Converted", Outcome.LOST: "Closed - Not Converted"}
_DEAL_OUTCOMES = {Outcome.WON: "Closed Won", Outcome.LOST: "Closed Lost"}
_CHEAP_WORDS = "they asked for a quote again the budget round is in march we call back on friday no news from legal yet"


def fill_salesforce(
    org: Organisation, clock: Callable[[], datetime] | None = None, lead_object: str = "Lead"
) -> SalesforceOrg:
    """Return an org that holds the organisation's leads as Leads, or as Opportunities with a contact.

    A won Lead is marked as converted and keeps its activities, as it does where reps only set the status.
    """
    records = SalesforceOrg(clock or _utc_now)
    records.history_tracked = {"Lead.Status", "Opportunity.StageName"}
    outcomes = _DEAL_OUTCOMES if lead_object == "Opportunity" else _LEAD_OUTCOMES
    names = {stage.id: outcomes.get(stage.outcome, stage.label) for stage in org.stages}
    steps = [_step(stage, names[stage.id], number, len(org.stages)) for number, stage in enumerate(org.stages)]
    (define_stages if lead_object == "Opportunity" else define_statuses)(records, steps)
    for name, kind in custom_types(org.leads).items():
        records.add_field(lead_object, _custom_field(name, kind), visible=True)
    founded = records.founded_at
    owners = {name: _add_user(records, name, founded) for name in org.owners}
    for lead in org.leads:
        add = _add_deal if lead_object == "Opportunity" else _add_lead
        add(records, lead, owners[lead.owner], names)
    return records


def fill_many_salesforce(
    leads: int, activities: int, notes: int, seed: int, clock: Callable[[], datetime] | None = None
) -> SalesforceOrg:
    """Return a big org quickly: leads of every status, tasks, calls, events and mails of them, and notes."""
    draw = random.Random(seed)
    org = SalesforceOrg(clock or _utc_now)
    org.history_tracked = {"Lead.Status"}
    names = {stage.id: _LEAD_OUTCOMES.get(stage.outcome, stage.label) for stage in STAGES}
    define_statuses(org, [_step(stage, names[stage.id], number, len(STAGES)) for number, stage in enumerate(STAGES)])
    owners = [_add_user(org, f"Rep {number}", org.founded_at) for number in range(20)]
    start = org.clock() - timedelta(days=400)
    texts = [" ".join(draw.choices(_CHEAP_WORDS.split(), k=draw.randint(6, 60))) for _ in range(2000)]
    statuses = list(names.values())
    people: list[str] = []
    for number in range(leads):
        values = {
            "FirstName": f"First{number % 997}",
            "LastName": f"Last{number}",
            "Email": f"lead{number}@example.invalid",
            "Company": f"Company {number % 5003}",
            "OwnerId": draw.choice(owners),
            "Status": draw.choice(statuses),
        }
        people.append(org.insert("Lead", values, _some_time(draw, start))["Id"])
    for number in range(activities if people else 0):
        _add_cheap_activity(org, draw, draw.choice(people), _some_time(draw, start), texts[number % len(texts)])
    for number in range(notes if people else 0):
        at = _some_time(draw, start)
        body = f"<p>{texts[number % len(texts)]}</p>".encode()
        note = add_note(org, f"Note {number}", body, at, by=draw.choice(owners))
        link_file(org, note["ContentDocumentId"], draw.choice(people), at)
    return org


def salesforce_name(field: str) -> str:
    """Return a file's field name as a Salesforce custom field name, which holds 40 characters before its suffix."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", field).strip("_")
    return (words if words[:1].isalpha() else f"F_{words}")[:40].rstrip("_") + "__c"


def _add_lead(org: SalesforceOrg, lead: OrgLead, owner: str, names: dict[str, str]) -> None:
    values: dict[str, Any] = {
        "FirstName": lead.first or None,
        "LastName": lead.last,
        "Email": lead.email,
        "OwnerId": owner,
        "Status": names[lead.stages[0][0]],
    }
    values |= {_LEAD_FIELDS[name]: value for name, value in lead.fields.items()}
    values |= {salesforce_name(name): value for name, value in lead.custom_fields.items()}
    row = org.insert("Lead", values, lead.created_at)
    for item in lead.interactions:
        _add_interaction(org, row["Id"], None, item)
    for stage, at in lead.stages[1:]:
        org.update("Lead", row["Id"], {"Status": names[stage], **_converted(stage, at)}, at)
    org.touch("Lead", row["Id"], lead.stages[-1][1])


def _converted(stage: str, at: datetime) -> dict[str, Any]:
    return {"IsConverted": True, "ConvertedDate": at.date()} if stage == "WON" else {}


def _add_deal(org: SalesforceOrg, lead: OrgLead, owner: str, names: dict[str, str]) -> None:
    firm = {_ACCOUNT_FIELDS[name]: value for name, value in lead.fields.items() if name in _ACCOUNT_FIELDS}
    firm["Name"] = str(firm.get("Name") or lead.last)
    account = org.insert("Account", {**firm, "OwnerId": owner}, lead.created_at)["Id"]
    person: Row = {"FirstName": lead.first or None, "LastName": lead.last, "Email": lead.email, "OwnerId": owner}
    person |= {"AccountId": account, "Title": lead.fields.get("title")}
    contact = org.insert("Contact", person, lead.created_at)["Id"]
    values: dict[str, Any] = {
        "Name": f"{firm['Name']} {lead.last}",
        "AccountId": account,
        "OwnerId": owner,
        "StageName": names[lead.stages[0][0]],
        "CloseDate": (lead.stages[-1][1] + timedelta(days=60)).date(),
        "LeadSource": lead.fields.get("source"),
    }
    values |= {salesforce_name(name): value for name, value in lead.custom_fields.items()}
    deal = org.insert("Opportunity", values, lead.created_at)["Id"]
    role = {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True, "Role": "Decision Maker"}
    org.insert("OpportunityContactRole", role, lead.created_at)
    for number, item in enumerate(lead.interactions):
        # Some people file an activity with the contact and forget the opportunity.
        _add_interaction(org, contact if number % 4 == 3 else deal, contact, item)
    for stage, at in lead.stages[1:]:
        org.update("Opportunity", deal, {"StageName": names[stage]}, at)
    org.touch("Opportunity", deal, lead.stages[-1][1])


def _add_interaction(org: SalesforceOrg, record: str, contact: str | None, item: OrgInteraction) -> None:
    at = item.occurred_at.replace(microsecond=0)
    about = {"WhatId": record, "WhoId": contact} if record.startswith("006") else {"WhoId": record}
    said: dict[str, Any] = {**about, "Subject": item.subject, "Description": plain_text(item.body)}
    match item.kind:
        case InteractionKind.NOTE:
            note = add_note(org, item.subject or None, item.body.encode(), at)
            link_file(org, note["ContentDocumentId"], record, at)
        case InteractionKind.EMAIL:
            add_email(org, record, item.subject, item.body, at, at, incoming=item.inbound)
        case InteractionKind.MEETING:
            end = at + timedelta(minutes=30)
            add_event(org, {**said, "StartDateTime": at, "EndDateTime": end, "ActivityDate": at.date()}, at)
        case InteractionKind.CALL | InteractionKind.TASK | InteractionKind.MESSAGE:
            subtype = "Call" if item.kind is InteractionKind.CALL else "Task"
            done = {"TaskSubtype": subtype, "Status": "Completed", "ActivityDate": at.date(), "CompletedDateTime": at}
            org.insert("Task", {**said, **done}, at)


def _add_cheap_activity(org: SalesforceOrg, draw: random.Random, lead: str, at: datetime, text: str) -> None:
    match draw.randrange(8):
        case 0:
            add_email(org, lead, "Your quote", f"<p>{text}</p>", at, at, incoming=draw.random() < 0.5)
        case 1:
            end = at + timedelta(minutes=30)
            values = {"WhoId": lead, "Subject": "Meeting", "Description": text}
            add_event(org, {**values, "StartDateTime": at, "EndDateTime": end, "ActivityDate": at.date()}, at)
        case number:
            values = {"WhoId": lead, "Subject": "Call" if number < 5 else "To do", "Description": text}
            values["TaskSubtype"] = "Call" if number < 5 else "Task"
            done: dict[str, Any] = {"Status": "Completed", "ActivityDate": at.date(), "CompletedDateTime": at}
            org.insert("Task", {**values, **done}, at)


def _add_user(org: SalesforceOrg, name: str, at: datetime) -> str:
    first, _, last = name.partition(" ")
    login = f"{name.lower().replace(' ', '.')}@callfirst.example"
    person: Row = {"FirstName": first, "LastName": last or first, "Username": login, "Email": login, "IsActive": True}
    return str(org.insert("User", {**person, "UserType": "Standard"}, at)["Id"])


def _step(stage: OrgStage, name: str, number: int, count: int) -> Step:
    won = stage.outcome is Outcome.WON
    closed = stage.outcome is not Outcome.OPEN
    chance = 100.0 if won else 0.0 if closed else round(100.0 * (number + 1) / (count + 1))
    return Step(name, won=won, closed=closed, chance=chance)


def _custom_field(name: str, kind: str) -> Field:
    given = salesforce_name(name)
    match kind:
        case "number":
            return Field(given, "double", label=name[:40], custom=True, precision=18, scale=6)
        case "bool":
            return Field(given, "boolean", label=name[:40], custom=True, nillable=False, default=False)
        case _:
            return Field(given, "string", label=name[:40], custom=True, length=255)


def _some_time(draw: random.Random, start: datetime) -> datetime:
    return start + timedelta(seconds=draw.randrange(399 * 24 * 3600))


def _utc_now() -> datetime:
    return datetime.now(UTC)
