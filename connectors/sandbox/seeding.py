"""Fills a sandbox CRM: with the made-up organisation, or with leads from a file."""

import html
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.lead import FieldValue, InteractionKind, Outcome
from connectors.sandbox.custom_types import custom_types
from connectors.sandbox.hubspot import HubSpotObjects
from connectors.sandbox.hubspot.changes import BODIES
from connectors.sandbox.hubspot.pipelines import Stage
from connectors.sandbox.org import STAGES, Organisation, OrgInteraction, OrgLead, OrgStage
from connectors.sandbox.salesforce.seeding import fill_many_salesforce as fill_many_salesforce
from connectors.sandbox.salesforce.seeding import fill_salesforce as fill_salesforce
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
# The properties that hold a lead's stage, by the HubSpot type that is the lead.
_STAGES = {"contacts": ("hs_lead_status",), "deals": ("dealstage",), "leads": ("hs_pipeline_stage",)}
_PRIMARY_CONTACT = 578  # HubSpot's association of a lead with its main contact
_CHEAP_TYPES = ("notes", "notes", "emails", "emails", "calls", "meetings", "tasks")
_CHEAP_WORDS = "they asked for a quote again the budget round is in march we call back on friday no news from legal yet"


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


def fill_hubspot(
    org: Organisation,
    clock: Callable[[], datetime] | None = None,
    object_type: str = "contacts",
) -> HubSpotObjects:
    """Return a portal that holds the organisation's leads as contacts, or as deals or leads each with a contact."""
    objects = HubSpotObjects([(stage.id, stage.label) for stage in org.stages], clock or _utc_now)
    if object_type != "contacts":
        objects.set_pipeline(object_type, "Sales Pipeline", _pipeline_stages(org.stages))
    owners = {name: str(7001 + number) for number, name in enumerate(org.owners)}
    for name, id_ in owners.items():
        first, _, last = name.partition(" ")
        owner = {"id": id_, "email": f"{last.lower()}@example.com", "firstName": first, "lastName": last}
        objects.owners.append(owner | {"type": "PERSON", "userId": int(id_), "archived": False})
    _define_custom(objects, org.leads, object_type)
    for lead in org.leads:
        changed_at = max([lead.stages[-1][1], *(item.occurred_at for item in lead.interactions)])
        person = _person(lead, owners)
        stage = _stage_values(lead, object_type)
        history = {name: [(stage, at) for stage, at in reversed(lead.stages)] for name in _STAGES[object_type]}
        if object_type == "contacts":
            ranked = contact = objects.create("contacts", {**person, **stage}, lead.created_at, history)
        else:
            contact = objects.create("contacts", person, lead.created_at)
            ranked = objects.create(
                object_type, {**stage, "hubspot_owner_id": owners[lead.owner]}, lead.created_at, history
            )
            label = _PRIMARY_CONTACT if object_type == "leads" else None
            objects.associate(object_type, ranked.id, "contacts", contact.id, label, seeding=True)
        for item in lead.interactions:
            type_ = "communications" if item.kind is InteractionKind.MESSAGE else f"{item.kind}s"
            record = objects.create(type_, _hubspot_properties(item), item.occurred_at)
            objects.associate(type_, record.id, "contacts", contact.id, seeding=True)
            if ranked is not contact and object_type == "leads":
                objects.associate("leads", ranked.id, type_, record.id, seeding=True)
            elif ranked is not contact:
                objects.associate(type_, record.id, object_type, ranked.id, seeding=True)
        objects.touch("contacts", contact, changed_at)
        if ranked is not contact:
            objects.touch(object_type, ranked, changed_at)
    objects.index.catch_up(None)
    return objects


def fill_many(
    contacts: int, engagements: int, seed: int, clock: Callable[[], datetime] | None = None
) -> HubSpotObjects:
    """Return a big portal quickly: contacts on every stage, and engagements with cheap texts, one to five a contact."""
    draw = random.Random(seed)
    objects = HubSpotObjects([(stage.id, stage.label) for stage in STAGES], clock or _utc_now)
    owners = [str(7001 + number) for number in range(20)]
    for id_ in owners:
        person = {"id": id_, "email": f"{id_}@example.com", "firstName": "Rep", "lastName": id_}
        objects.owners.append(person | {"type": "PERSON", "userId": int(id_), "archived": False})
    start = objects.clock() - timedelta(days=400)
    texts = [f"<p>{' '.join(draw.choices(_CHEAP_WORDS.split(), k=draw.randint(6, 60)))}</p>" for _ in range(2000)]
    people: list[str] = []
    for number in range(contacts):
        values = {
            "firstname": f"First{number % 997}",
            "lastname": f"Last{number}",
            "email": f"lead{number}@example.invalid",
            "company": f"Company {number % 5003}",
            "hubspot_owner_id": draw.choice(owners),
            "hs_lead_status": draw.choice(STAGES).id,
        }
        people.append(objects.load("contacts", values, start + timedelta(minutes=draw.randrange(400 * 24 * 60))).id)
    said = 0
    while said < engagements and people:
        for contact in people:
            for _ in range(min(draw.randint(1, 5), engagements - said)):
                type_ = draw.choice(_CHEAP_TYPES)
                at = start + timedelta(minutes=draw.randrange(400 * 24 * 60))
                values = {BODIES[type_]: draw.choice(texts), "hs_timestamp": render_time(at)}
                record = objects.load(type_, values, at)
                objects.associate(type_, record.id, "contacts", contact, seeding=True)
                said += 1
            if said >= engagements:
                break
    objects.index.catch_up(None)
    return objects


def hubspot_name(field: str) -> str:
    """Return a file's field name as a HubSpot property name."""
    words = re.sub(r"[^a-z0-9]+", "_", field.lower()).strip("_")
    return (words if words[:1].isalpha() else f"f_{words}")[:100]


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
        case InteractionKind.MESSAGE:
            return {"hs_communication_body": item.body, "hs_timestamp": at}


def _pipeline_stages(stages: Sequence[OrgStage]) -> list[Stage]:
    """Return a funnel as a pipeline: the further, the likelier a sale."""
    open_stages = [stage for stage in stages if stage.outcome is Outcome.OPEN]
    chances = {stage.id: round((number + 1) / (len(open_stages) + 1), 2) for number, stage in enumerate(open_stages)}
    states = {Outcome.OPEN: "IN_PROGRESS", Outcome.WON: "QUALIFIED", Outcome.LOST: "UNQUALIFIED"}
    return [
        Stage(
            stage.id,
            stage.label,
            chances.get(stage.id, 1.0 if stage.outcome is Outcome.WON else 0.0),
            closed=stage.outcome is not Outcome.OPEN,
            state=states[stage.outcome],
        )
        for stage in stages
    ]


def _define_custom(objects: HubSpotObjects, leads: Sequence[OrgLead], type_: str) -> None:
    """Define the leads' own fields as properties."""
    for name, kind in custom_types(leads).items():
        field_type = {"number": "number", "bool": "booleancheckbox"}.get(kind, "text")
        options = [{"label": value.title(), "value": value} for value in ("true", "false")] if kind == "bool" else []
        wanted = {"name": hubspot_name(name), "label": name, "type": kind, "fieldType": field_type, "options": options}
        objects.define({**wanted, "groupName": next(iter(objects.groups[type_]))}, type_)


def _person(lead: OrgLead, owners: Mapping[str, str]) -> dict[str, str | None]:
    properties: dict[str, str | None] = {
        "firstname": lead.first,
        "lastname": lead.last,
        "email": lead.email,
        "hubspot_owner_id": owners[lead.owner],
    }
    return properties | {_HUBSPOT_FIELDS[name]: _text(value) for name, value in lead.fields.items()}


def _stage_values(lead: OrgLead, object_type: str) -> dict[str, str | None]:
    """Return what a lead's record says of its stage, with the lead's own fields."""
    values: dict[str, str | None] = {hubspot_name(name): _text(value) for name, value in lead.custom_fields.items()}
    title = " ".join(filter(None, (str(lead.fields.get("company") or ""), lead.last)))
    match object_type:
        case "deals":
            return values | {"dealname": title, "pipeline": "default", "dealstage": lead.stage}
        case "leads":
            return values | {"hs_lead_name": title, "hs_pipeline": "default", "hs_pipeline_stage": lead.stage}
        case _:
            return values | {"hs_lead_status": lead.stage}


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
