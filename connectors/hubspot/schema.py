"""Which HubSpot properties are read and written, and what we call them."""

from connectors.lead import InteractionKind
from connectors.priority import PriorityField

# Standard contact properties that describe the lead, with our names. Custom properties keep their own.
CONTACT_FIELDS = {
    "company": "company",
    "jobtitle": "title",
    "industry": "industry",
    "country": "country",
    "city": "city",
    "numberofemployees": "employees",
    "annualrevenue": "annual_revenue",
    "hs_analytics_source": "source",
}
NAME_PROPERTIES = ("firstname", "lastname", "email")
OWNER_PROPERTY = "hubspot_owner_id"
GROUP = "callfirst"
PREFIX = "callfirst_"

# For each kind: the properties that hold its text, headline first. Mails prefer their plain part.
INTERACTION_TEXTS: dict[InteractionKind, tuple[str, ...]] = {
    InteractionKind.NOTE: ("hs_note_body",),
    InteractionKind.EMAIL: ("hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_direction"),
    InteractionKind.CALL: ("hs_call_title", "hs_call_body"),
    InteractionKind.MEETING: ("hs_meeting_title", "hs_meeting_body"),
    InteractionKind.TASK: ("hs_task_subject", "hs_task_body"),
}
STREAM_KINDS = {f"{kind}s": kind for kind in InteractionKind}


def modified_property(object_type: str) -> str:
    """Return the property that holds an object's last change; contacts spell it in their own way."""
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


def property_name(field: PriorityField) -> str:
    """Return one of our fields as HubSpot spells it."""
    return "callfirst_priority" if field.name == "band" else PREFIX + field.name
