"""HubSpot's records to ours."""

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.hubspot.schema import DIRECTION_PROPERTY, INTERACTION_TEXTS, MERGED_PROPERTY
from connectors.lead import FieldValue, Interaction, InteractionKind, StageChange
from connectors.text import html_to_text, mail_to_text
from connectors.times import parse_time


def parse_interaction(kind: InteractionKind, row: Any, lead: str) -> Interaction:
    """Return an engagement as an interaction of one lead."""
    properties: Mapping[str, str | None] = row.properties
    if kind is InteractionKind.EMAIL:
        body = mail_to_text(properties.get("hs_email_text") or properties.get("hs_email_html") or "")
        parts = [html_to_text(properties.get("hs_email_subject") or ""), body]
    else:
        parts = [html_to_text(properties.get(name) or "") for name in INTERACTION_TEXTS[kind]]
    occurred = properties.get("hs_timestamp")
    return Interaction(
        id=row.id,
        lead_id=lead,
        kind=kind,
        occurred_at=parse_time(occurred) if occurred else row.created_at,
        created_at=row.created_at,
        modified_at=row.updated_at,
        text="\n".join(filter(None, parts)),
        inbound=properties.get(DIRECTION_PROPERTY) == "INCOMING_EMAIL",
    )


def parse_changes(row: Any, stage_property: str) -> list[StageChange]:
    """Return the stages that a lead entered, as its history tells."""
    versions = (row.properties_with_history or {}).get(stage_property, ())
    return [
        StageChange(row.id, version.value, parse_time(str(version.timestamp))) for version in versions if version.value
    ]


def parse_merged(rows: Iterable[Any]) -> list[str]:
    """Return the ids that were merged into these records; HubSpot lists them with semicolons."""
    return [id_ for row in rows for id_ in (row.properties.get(MERGED_PROPERTY) or "").split(";") if id_]


def parse_value(type_: str, value: str | None) -> FieldValue:
    """Return a property's value in its own type; HubSpot sends every value as text."""
    if value is None or value == "":
        return None
    if type_ == "number":
        try:
            return float(value)
        except ValueError:
            return value
    if type_ == "bool":
        return value.lower() == "true"
    return value
