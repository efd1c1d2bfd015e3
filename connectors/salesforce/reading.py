"""Reads Leads, their status history and their activities, oldest change first.

`SystemModstamp` is neither unique nor stamped at commit: reading starts ten minutes early and goes on from a pair of
stamp and id, so that no row is left out and a lost locator costs nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Page
from connectors.errors import SchemaError
from connectors.lead import FieldValue, Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.salesforce.schema import LEAD_FIELDS, PREFIX, REQUIRED_FIELDS
from connectors.salesforce.soql import list_literal, text_literal, time_literal
from connectors.salesforce.transport import SalesforceConfig, Transport
from connectors.text import html_to_text, mail_to_text
from connectors.times import parse_time

_OVERLAP = timedelta(minutes=10)
_IDS_PER_QUERY = 200  # keeps a query string well below Salesforce's 16,000 bytes
# Up to this size Salesforce hands a note's text out with the row; a longer one costs a call of its own.
_PREVIEW_BYTES = 255
_UNTITLED_NOTE = "Untitled Note"  # Salesforce's own name for a note that its writer did not name


@dataclass(frozen=True, slots=True)
class _Stream:
    """One sObject that is walked by (stamp, Id)."""

    sobject: str
    fields: tuple[str, ...]
    where: str = ""
    stamp: str = "SystemModstamp"


_STREAMS = {
    "leads": _Stream("Lead", REQUIRED_FIELDS),
    "stage_changes": _Stream(
        "LeadHistory",
        ("Id", "LeadId", "Lead.CreatedDate", "OldValue", "NewValue", "CreatedDate"),
        where="Field = 'Status'",
        stamp="CreatedDate",
    ),
    "notes": _Stream(
        "ContentVersion",
        ("Id", "ContentDocumentId", "Title", "TextPreview", "ContentSize", "CreatedDate", "SystemModstamp"),
        where="FileType = 'SNOTE' AND IsLatest = true",
    ),
    "emails": _Stream(
        "EmailMessage",
        ("Id", "Subject", "TextBody", "HtmlBody", "Incoming", "MessageDate", "CreatedDate", "SystemModstamp"),
    ),
    "tasks": _Stream(
        "Task",
        (
            *("Id", "WhoId", "Subject", "Description", "TaskSubtype", "ActivityDate", "CompletedDateTime"),
            *("CreatedDate", "SystemModstamp"),
        ),
        where="Who.Type = 'Lead'",
    ),
    "meetings": _Stream(
        "Event",
        ("Id", "WhoId", "Subject", "Description", "StartDateTime", "CreatedDate", "SystemModstamp"),
        where="Who.Type = 'Lead' AND IsChild = false",
    ),
}


class Reader:
    """Turns Salesforce's records into leads, interactions and stage changes."""

    streams = tuple(_STREAMS)

    def __init__(self, transport: Transport, config: SalesforceConfig) -> None:
        self._transport = transport
        self._config = config
        self._described: dict[str, dict[str, Any]] | None = None
        self._parsers: dict[str, Callable[[Sequence[dict[str, Any]]], Page]] = {
            "leads": self._parse_leads,
            "stage_changes": self._parse_changes,
            "notes": self._parse_notes,
            "emails": self._parse_emails,
            "tasks": self._parse_tasks,
            "meetings": self._parse_meetings,
        }

    def list_stages(self) -> list[Stage]:
        """Return the lead statuses, in the org's order."""
        rows = self._transport.query_rows(
            "SELECT ApiName, MasterLabel, SortOrder, IsConverted FROM LeadStatus ORDER BY SortOrder"
        )
        names = [row["ApiName"] for row in rows]
        if not set(self._config.lost) & set(names):
            raise SchemaError(
                f"[salesforce] lost = {list(self._config.lost)} names no lead status; the org's are {names}"
            )
        return [
            Stage(row["ApiName"], row["MasterLabel"], position, self._outcome(row["ApiName"], row["IsConverted"]))
            for position, row in enumerate(rows)
        ]

    def read(self, stream: str, since: datetime | None, position: str | None) -> Iterator[Page]:
        """Yield the pages of one stream; see `Connector.read`."""
        plan = _STREAMS[stream]
        fields = (*plan.fields, *self.lead_fields()) if stream == "leads" else plan.fields
        conditions = [plan.where] if plan.where else []
        if since is not None:
            conditions.append(f"{plan.stamp} >= {time_literal(since - _OVERLAP)}")
        if position is not None:
            stamp, _, last_id = position.partition("|")
            conditions.append(f"(({plan.stamp} = {stamp} AND Id > {text_literal(last_id)}) OR {plan.stamp} > {stamp})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        soql = f"SELECT {', '.join(fields)} FROM {plan.sobject}{where} ORDER BY {plan.stamp}, Id"
        found = self._transport.query(soql)
        while True:
            rows = found["records"]
            page = self._parsers[stream](rows)
            last = f"{time_literal(parse_time(rows[-1][plan.stamp]))}|{rows[-1]['Id']}" if rows else None
            yield Page(page.leads, page.interactions, page.stage_changes, None if found["done"] else last)
            if found["done"]:
                return
            found = self._transport.query_more(found["nextRecordsUrl"])

    def lead_fields(self) -> dict[str, str]:
        """Return the Lead fields that describe a lead and that we may see, with our names."""
        described = self.describe_lead()
        hidden = [name for name in REQUIRED_FIELDS if name not in described]
        if hidden:
            raise SchemaError(
                f"Salesforce: Lead.{', Lead.'.join(hidden)} is not visible to the integration user:"
                " grant read access (field-level security)"
            )
        names: dict[str, str] = {}
        for name, description in described.items():
            if name in LEAD_FIELDS:
                names[name] = LEAD_FIELDS[name]
            elif description["custom"] and not name.startswith(PREFIX):
                names[name] = name.removesuffix("__c")
        return {name: ours for name, ours in names.items() if not {name, ours} & set(self._config.excluded_fields)}

    def describe_lead(self, *, fresh: bool = False) -> dict[str, dict[str, Any]]:
        """Return the Lead fields that the integration user may see, by name."""
        if self._described is None or fresh:
            reply = self._transport.rest("GET", "sobjects/Lead/describe")
            self._described = {field["name"]: field for field in reply["fields"]}
        return self._described

    def _outcome(self, status: str, converted: bool) -> Outcome:
        if converted:
            return Outcome.WON
        return Outcome.LOST if status in self._config.lost else Outcome.OPEN

    def _parse_leads(self, rows: Sequence[dict[str, Any]]) -> Page:
        fields = self.lead_fields()
        return Page(
            leads=tuple(
                Lead(
                    id=row["Id"],
                    name=row["Name"],
                    stage=row["Status"],
                    outcome=self._outcome(row["Status"], row["IsConverted"]),
                    owner=row["OwnerId"],
                    created_at=parse_time(row["CreatedDate"]),
                    modified_at=parse_time(row["SystemModstamp"]),
                    fields={ours: _field_value(row.get(name)) for name, ours in fields.items()},
                )
                for row in rows
            )
        )

    def _parse_changes(self, rows: Sequence[dict[str, Any]]) -> Page:
        return Page(
            stage_changes=tuple(
                StageChange(row["LeadId"], row["NewValue"], parse_time(row["CreatedDate"]), previous=row["OldValue"])
                for row in rows
            )
        )

    def _parse_notes(self, rows: Sequence[dict[str, Any]]) -> Page:
        links = self._linked_leads("ContentDocumentLink", "ContentDocumentId", "LinkedEntityId", rows)
        interactions = []
        for row in rows:
            leads = links.get(row["ContentDocumentId"], [])
            if not leads:
                continue
            title = "" if row["Title"] == _UNTITLED_NOTE else row["Title"] or ""
            text = "\n".join(filter(None, (title, self._note_text(row))))
            interactions += [_interaction(row, lead, InteractionKind.NOTE, text, row["CreatedDate"]) for lead in leads]
        return Page(interactions=tuple(interactions))

    def _note_text(self, row: dict[str, Any]) -> str:
        if row["TextPreview"] is not None and (row["ContentSize"] or 0) <= _PREVIEW_BYTES:
            return html_to_text(row["TextPreview"])
        path = f"sobjects/ContentVersion/{row['Id']}/VersionData"
        body = self._transport.call(
            "GET ContentVersion/VersionData",
            lambda client: client._call_salesforce("GET", client.base_url + path).content,
        )
        return html_to_text(body.decode("utf-8", errors="replace"))

    def _parse_emails(self, rows: Sequence[dict[str, Any]]) -> Page:
        links: dict[str, list[str]] = {}
        for chunk in _chunks([row["Id"] for row in rows]):
            found = self._transport.query_rows(
                "SELECT EmailMessageId, RelationId, RelationObjectType FROM EmailMessageRelation"
                f" WHERE EmailMessageId IN {list_literal(chunk)}"
            )
            for link in found:
                if link["RelationObjectType"] == "Lead":
                    leads = links.setdefault(link["EmailMessageId"], [])
                    leads += [link["RelationId"]] if link["RelationId"] not in leads else []
        interactions = []
        for row in rows:
            text = "\n".join(filter(None, (row["Subject"], mail_to_text(row["TextBody"] or row["HtmlBody"] or ""))))
            for lead in links.get(row["Id"], ()):
                interactions.append(
                    _interaction(row, lead, InteractionKind.EMAIL, text, row["MessageDate"], inbound=row["Incoming"])
                )
        return Page(interactions=tuple(interactions))

    def _parse_tasks(self, rows: Sequence[dict[str, Any]]) -> Page:
        copies = self._copies_of_mails(rows)
        interactions = []
        for row in rows:
            if row["Id"] in copies:
                continue
            kind = {"Call": InteractionKind.CALL, "Email": InteractionKind.EMAIL}.get(
                row["TaskSubtype"], InteractionKind.TASK
            )
            text = "\n".join(filter(None, (row["Subject"], html_to_text(row["Description"] or ""))))
            happened = row["CompletedDateTime"] or row["ActivityDate"]
            interactions.append(_interaction(row, row["WhoId"], kind, text, happened))
        return Page(interactions=tuple(interactions))

    def _copies_of_mails(self, rows: Sequence[dict[str, Any]]) -> set[str]:
        """Return the ids of Tasks that only repeat an EmailMessage, which holds the text in full."""
        mails = [row["Id"] for row in rows if row["TaskSubtype"] == "Email"]
        copies: set[str] = set()
        for chunk in _chunks(mails):
            found = self._transport.query_rows(
                f"SELECT ActivityId FROM EmailMessage WHERE ActivityId IN {list_literal(chunk)}"
            )
            copies |= {row["ActivityId"] for row in found}
        return copies

    def _parse_meetings(self, rows: Sequence[dict[str, Any]]) -> Page:
        return Page(
            interactions=tuple(
                _interaction(
                    row,
                    row["WhoId"],
                    InteractionKind.MEETING,
                    "\n".join(filter(None, (row["Subject"], html_to_text(row["Description"] or "")))),
                    row["StartDateTime"],
                )
                for row in rows
            )
        )

    def _linked_leads(
        self, sobject: str, key: str, target: str, rows: Sequence[dict[str, Any]]
    ) -> dict[str, list[str]]:
        links: dict[str, list[str]] = {}
        for chunk in _chunks([row[key] for row in rows]):
            found = self._transport.query_rows(
                f"SELECT {key}, {target} FROM {sobject} WHERE {key} IN {list_literal(chunk)}"
            )
            for link in found:
                if link[target].startswith("00Q"):  # the key prefix of Leads
                    links.setdefault(link[key], []).append(link[target])
        return links


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_PER_QUERY):
        yield ids[start : start + _IDS_PER_QUERY]


def _interaction(
    row: dict[str, Any], lead: str, kind: InteractionKind, text: str, occurred: str | None, *, inbound: bool = False
) -> Interaction:
    return Interaction(
        id=row["Id"],
        lead_id=lead,
        kind=kind,
        occurred_at=parse_time(occurred or row["CreatedDate"]),
        created_at=parse_time(row["CreatedDate"]),
        modified_at=parse_time(row["SystemModstamp"]),
        text=text,
        inbound=inbound,
    )


def _field_value(value: Any) -> FieldValue:
    if isinstance(value, bool) or value is None:
        return value
    return float(value) if isinstance(value, int | float) else str(value)
