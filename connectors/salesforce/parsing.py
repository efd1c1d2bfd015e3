"""Salesforce's rows as our leads, interactions and stage changes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors.lead import FieldValue, Interaction, InteractionKind, Lead, StageChange
from connectors.salesforce.schema import LeadObject
from connectors.salesforce.stages import StageReader
from connectors.salesforce.ties import A_DAY, Tie
from connectors.text import html_to_text, mail_to_text
from connectors.times import parse_time

Row = Mapping[str, Any]

_UNTITLED_NOTE = "Untitled Note"  # Salesforce's own name for a note that its writer did not name
_TASK_KINDS = {"Call": InteractionKind.CALL, "Email": InteractionKind.EMAIL}


def parse_lead(row: Row, lead: LeadObject, stages: StageReader, fields: Mapping[str, str]) -> Lead:
    """Return a row of the object that is ranked; `fields` are the paths that describe it, with our names."""
    return Lead(
        id=row["Id"],
        name=row["Name"] or "",
        stage=row[lead.stage] or "",
        outcome=stages.outcome_of(row),
        owner=row["OwnerId"],
        created_at=parse_time(row["CreatedDate"]),
        modified_at=parse_time(row["SystemModstamp"]),
        fields={ours: _parse_value(_at(row, path)) for path, ours in fields.items()},
    )


def parse_lead_change(row: Row) -> StageChange:
    """Return a row of the LeadHistory of `Status`."""
    return StageChange(row["LeadId"], row["NewValue"] or "", parse_time(row["CreatedDate"]), previous=row["OldValue"])


def parse_opportunity_change(row: Row) -> StageChange:
    """Return a row of the OpportunityHistory, which has one for every change of stage, amount, chance or date."""
    return StageChange(row["OpportunityId"], row["StageName"] or "", parse_time(row["CreatedDate"]))


def parse_task(row: Row, ties: Iterable[Tie]) -> list[Interaction]:
    """Return a Task once for each of its leads."""
    kind = _TASK_KINDS.get(row.get("TaskSubtype") or "", InteractionKind.TASK)
    happened = row.get("CompletedDateTime") or row.get("ActivityDate")
    text = _joined(row["Subject"], html_to_text(row.get("Description") or ""))
    return _interactions(row, ties, kind, text, happened)


def parse_event(row: Row, ties: Iterable[Tie]) -> list[Interaction]:
    """Return an Event once for each of its leads."""
    text = _joined(row["Subject"], html_to_text(row.get("Description") or ""))
    return _interactions(row, ties, InteractionKind.MEETING, text, row.get("StartDateTime"))


def parse_email(row: Row, ties: Iterable[Tie]) -> list[Interaction]:
    """Return an EmailMessage once for each of its leads, without the replies that it quotes."""
    # The HTML says what is quoted and what is a signature; as plain text they look like the mail.
    body = mail_to_text(row.get("HtmlBody") or row.get("TextBody") or "")
    text = _joined(row.get("Subject"), body)
    inbound = bool(row.get("Incoming"))
    return _interactions(row, ties, InteractionKind.EMAIL, text, row.get("MessageDate"), inbound=inbound)


def parse_old_note(row: Row, ties: Iterable[Tie]) -> list[Interaction]:
    """Return a Note of the classic kind once for each of its leads."""
    text = _joined(row["Title"], html_to_text(row.get("Body") or ""))
    return _interactions(row, ties, InteractionKind.NOTE, text, None)


def parse_post(row: Row, ties: Iterable[Tie]) -> list[Interaction]:
    """Return a Chatter post once for each of its leads."""
    return _interactions(row, ties, InteractionKind.NOTE, html_to_text(row.get("Body") or ""), None)


def parse_note(row: Row, ties: Iterable[Tie], text: str, text_version: str) -> list[Interaction]:
    """Return the newest version of a note once for each of its leads, under the id that all versions share."""
    document = {
        "Id": row["ContentDocumentId"],
        "CreatedDate": _at(row, "ContentDocument.CreatedDate") or row["CreatedDate"],
        "LastModifiedDate": row["CreatedDate"],  # a version is not edited: an edit makes another
    }
    return _interactions(document, ties, InteractionKind.NOTE, text, None, text_version=text_version)


def note_title(row: Row) -> str:
    """Return what the writer called a note; nothing if it was not named."""
    title = row.get("Title") or ""
    return "" if title == _UNTITLED_NOTE else title


def _interactions(
    row: Row,
    ties: Iterable[Tie],
    kind: InteractionKind,
    text: str,
    occurred: str | None,
    *,
    inbound: bool = False,
    text_version: str = "",
) -> list[Interaction]:
    return [
        Interaction(
            id=row["Id"],
            lead_id=tie.lead_id,
            kind=kind,
            occurred_at=parse_time(occurred or row["CreatedDate"]),
            created_at=parse_time(row["CreatedDate"]),
            modified_at=_edited_at(row, tie),
            text=text,
            inbound=inbound,
            text_version=text_version,
        )
        for tie in ties
    ]


def _edited_at(row: Row, tie: Tie) -> datetime:
    """Return when somebody last edited a text.

    A conversion hands every activity on, which may date it anew though nobody changed a word: what was last changed on
    that day counts as not edited, or a won lead would seem to have had no texts before it was won. [Whether it does
    date them anew is not verified.]
    """
    edited_at = parse_time(row["LastModifiedDate"])
    handed_on = tie.converted_on is not None and abs(edited_at.date() - tie.converted_on) <= A_DAY
    return parse_time(row["CreatedDate"]) if handed_on else edited_at


def _joined(title: str | None, text: str) -> str:
    return "\n".join(filter(None, (title, text)))


def _at(row: Row, path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = None if value is None else value.get(name)
    return value


def _parse_value(value: Any) -> FieldValue:
    if isinstance(value, bool) or value is None:
        return value
    return float(value) if isinstance(value, int | float) else str(value)
