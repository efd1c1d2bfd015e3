"""Which HubSpot objects and properties are read and written, and what we call them."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.lead import InteractionKind
from connectors.priority import PriorityField

OWNER_PROPERTY = "hubspot_owner_id"
MERGED_PROPERTY = "hs_merged_object_ids"
GROUP = "callfirst"
PREFIX = "callfirst_"


@dataclass(frozen=True, slots=True)
class LeadObject:
    """A HubSpot object that a portal may rank as its lead.

    `fields` are the standard properties that describe it, with our names; custom properties keep their own. What only
    the outcome fills (a deal's close date, its lost reason, its forecast) is not among them.
    """

    type: str
    type_id: str
    singular: str
    created: str
    modified: str
    name_properties: tuple[str, ...]
    fields: Mapping[str, str]
    # Deals and leads: the properties that hold pipeline and stage. A contact's stage is a setting.
    pipeline: str | None = None
    stage: str | None = None


LEAD_OBJECTS = {
    "contacts": LeadObject(
        type="contacts",
        type_id="0-1",
        singular="contact",
        created="createdate",
        modified="lastmodifieddate",
        name_properties=("firstname", "lastname", "company", "email"),
        fields={
            "company": "company",
            "jobtitle": "title",
            "industry": "industry",
            "country": "country",
            "city": "city",
            "numberofemployees": "employees",
            "annualrevenue": "annual_revenue",
            "hs_analytics_source": "source",
        },
    ),
    "deals": LeadObject(
        type="deals",
        type_id="0-3",
        singular="deal",
        created="createdate",
        modified="hs_lastmodifieddate",
        name_properties=("dealname",),
        fields={"amount": "amount", "dealtype": "type", "hs_analytics_source": "source"},
        pipeline="pipeline",
        stage="dealstage",
    ),
    "leads": LeadObject(
        type="leads",
        type_id="0-136",
        singular="lead",
        created="hs_createdate",
        modified="hs_lastmodifieddate",
        name_properties=("hs_lead_name",),
        fields={"hs_lead_type": "type", "hs_lead_label": "label"},
        pipeline="hs_pipeline",
        stage="hs_pipeline_stage",
    ),
}

# For each kind: the properties that hold its text, headline first. Mails prefer their plain part.
INTERACTION_TEXTS: dict[InteractionKind, tuple[str, ...]] = {
    InteractionKind.NOTE: ("hs_note_body",),
    InteractionKind.EMAIL: ("hs_email_subject", "hs_email_text", "hs_email_html"),
    InteractionKind.CALL: ("hs_call_title", "hs_call_body"),
    InteractionKind.MEETING: ("hs_meeting_title", "hs_meeting_body", "hs_internal_meeting_notes"),
    InteractionKind.TASK: ("hs_task_subject", "hs_task_body"),
    InteractionKind.MESSAGE: ("hs_communication_body",),
}
DIRECTION_PROPERTY = "hs_email_direction"
# What HubSpot calls each kind, in paths and in webhooks.
OBJECT_TYPES = {
    InteractionKind.NOTE: "notes",
    InteractionKind.EMAIL: "emails",
    InteractionKind.CALL: "calls",
    InteractionKind.MEETING: "meetings",
    InteractionKind.TASK: "tasks",
    InteractionKind.MESSAGE: "communications",
}
OBJECT_TYPE_IDS = {
    InteractionKind.NOTE: "0-46",
    InteractionKind.EMAIL: "0-49",
    InteractionKind.CALL: "0-48",
    InteractionKind.MEETING: "0-47",
    InteractionKind.TASK: "0-27",
    InteractionKind.MESSAGE: "0-18",
}
INTERACTION_CREATED = "hs_createdate"
INTERACTION_MODIFIED = "hs_lastmodifieddate"


def interaction_properties(kind: InteractionKind) -> list[str]:
    """Return the properties of an interaction that are read."""
    direction = [DIRECTION_PROPERTY] if kind is InteractionKind.EMAIL else []
    return [*INTERACTION_TEXTS[kind], *direction, "hs_timestamp", INTERACTION_CREATED, INTERACTION_MODIFIED]


def property_name(field: PriorityField) -> str:
    """Return one of our fields as HubSpot spells it."""
    return "callfirst_priority" if field.name == "band" else PREFIX + field.name
