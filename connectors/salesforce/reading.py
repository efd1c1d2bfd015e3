"""Reads leads, their stage history and all that was said to them, oldest change first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.base import InteractionKey, KnownTexts, Listed, Page
from connectors.lead import Interaction, InteractionKind
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.fields import Fields
from connectors.salesforce.notes import NoteReader
from connectors.salesforce.parsing import (
    parse_email,
    parse_event,
    parse_lead,
    parse_lead_change,
    parse_old_note,
    parse_opportunity_change,
    parse_post,
    parse_task,
)
from connectors.salesforce.schema import DOCUMENT, EMAIL, EVENT, KINDS_OF, LEAD_OBJECTS, NOTE, POST, TASK, VERSION
from connectors.salesforce.soql import chunks, list_literal
from connectors.salesforce.stages import StageReader
from connectors.salesforce.ties import LeadTies, Named, OpportunityTies, Tie, Ties
from connectors.salesforce.transport import Transport
from connectors.salesforce.walking import Walk, Walker
from connectors.times import parse_time

Row = Mapping[str, Any]
Parse = Callable[[Sequence[Row]], Page]

ACTIVITIES, NOTES, STAGE_CHANGES, LATE_TIES = "activities", "notes", "stage_changes", "late ties"

# How many leads are read at once with all that was said to them.
_LEADS_AT_ONCE = 50

_DATES = ("CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted")
_TASKS = Walk(
    "Task",
    ("Id", "WhoId", "WhatId", "Subject", *_DATES),
    ("Description", "TaskSubtype", "ActivityDate", "CompletedDateTime"),
)
_EVENTS = Walk(
    "Event",
    ("Id", "WhoId", "WhatId", "Subject", *_DATES),
    ("Description", "StartDateTime"),
    where="IsChild = false",  # an invitee's copy
)
_EMAILS = Walk(
    "EmailMessage",
    ("Id", *_DATES),
    ("Subject", "TextBody", "HtmlBody", "Incoming", "MessageDate", "ActivityId", "RelatedToId"),
    children="(SELECT RelationId FROM EmailMessageRelations WHERE IsDeleted = false)",
    optional=True,
)
_COPIES = Walk(
    "EmailMessage", ("Id", "ActivityId", "IsDeleted", "SystemModstamp"), where="ActivityId != null", optional=True
)
_RELATIONS = Walk("EmailMessageRelation", ("Id", "EmailMessageId", "SystemModstamp"), bulk=False, optional=True)
_OLD_NOTES = Walk("Note", ("Id", "ParentId", "Title", *_DATES), ("Body",), bulk=False, optional=True)
_POSTS = Walk(
    "FeedItem",
    ("Id", "ParentId", *_DATES),
    ("Body",),
    where="Type IN ('TextPost', 'LinkPost', 'ContentPost', 'QuestionPost')",
    optional=True,
)
_ROLES = Walk("OpportunityContactRole", ("Id", "OpportunityId", "SystemModstamp"), bulk=False, optional=True)


@dataclass(frozen=True, slots=True)
class _Part:
    """One walk of a stream, and what becomes of its rows."""

    walk: Walk
    parse: Parse
    rows_at_once: int = 2_000


class Reader:
    """Turns Salesforce's records into leads, interactions and stage changes."""

    def __init__(
        self,
        transport: Transport,
        config: SalesforceConfig,
        stages: StageReader,
        fields: Fields,
        known_texts: KnownTexts,
    ) -> None:
        self._transport = transport
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]
        self._stages = stages
        self._fields = fields
        self._walker = Walker(transport, fields)
        self._notes = NoteReader(transport, self._walker, known_texts)
        self._copies: set[str] | None = None
        self._ties: Ties = (LeadTies if config.object == "Lead" else OpportunityTies)(transport)
        # Late ties come first: what is tied while a listing goes on is then asked for by the next read. Leads come
        # after what belongs to them: with one that is gone goes all of it.
        self.streams = (LATE_TIES, ACTIVITIES, NOTES, STAGE_CHANGES, self._lead.stream)

    def read(self, stream: str, since: datetime | None, position: str | None) -> Iterator[Page]:
        """Yield the pages of one stream; see `Connector.read`."""
        self._ties.refresh()
        self._copies = None
        if stream == LATE_TIES:
            return self._late_ties(since, position) if since is not None else iter([Page()])
        parts, listed = self._parts(stream, whole=since is None)
        return self._read_parts(parts, listed, since, position)

    def read_leads(self, ids: Sequence[str]) -> Page:
        """See `Connector.read_leads`. The id of a lead that was merged into another brings the other."""
        rows = self._select(self._lead_walk(), "Id", ids)
        masters = {row["MasterRecordId"] for row in rows if row.get("MasterRecordId")} - set(ids)
        rows += self._select(self._lead_walk(), "Id", sorted(masters))
        page = self._lead_page(rows)
        found = [lead.id for lead in page.leads]
        interactions = self._interactions_of(found)
        history = self._history_walk()
        key = next(name for name in history.required if name.endswith("Id") and name != "Id")
        changes = self._change_page(self._select(history, key, found)).stage_changes
        missing = set(ids) - {row["Id"] for row in rows}
        return Page(
            leads=page.leads,
            interactions=tuple(item for item in interactions if item.lead_id in set(found)),
            stage_changes=changes,
            gone_leads=tuple(sorted({*page.gone_leads, *missing})),
            told_leads=tuple(found),
        )

    def read_interactions(self, _kind: InteractionKind, ids: Sequence[str]) -> Page:
        """See `Connector.read_interactions`. An id says itself what it is the id of."""
        documents = [id_ for id_ in ids if id_.startswith(DOCUMENT)]
        documents += self._notes.documents_of([id_ for id_ in ids if id_.startswith(VERSION)])
        pages = [self._note_page(self._notes.select(documents))]
        for prefix, part in self._parts_by_prefix().items():
            rows = self._select(part.walk, "Id", [id_ for id_ in ids if id_.startswith(prefix)])
            pages.append(part.parse(rows))
        told = [
            *((kind, id_) for id_ in documents for kind in KINDS_OF[DOCUMENT]),
            *((kind, id_) for id_ in ids for kind in KINDS_OF.get(id_[:3], ())),
            *(key for page in pages for key in page.told_interactions),
        ]
        return Page(
            interactions=tuple(item for page in pages for item in page.interactions),
            told_interactions=tuple(dict.fromkeys(told)),
        )

    # Streams --------------------------------------------------------------------------------------------------------

    def _parts(self, stream: str, *, whole: bool) -> tuple[list[_Part], tuple[Listed, ...]]:
        """Return the walks of a stream, and what a listing by them lists."""
        by_prefix = self._parts_by_prefix()
        if stream == ACTIVITIES:
            kinds = (InteractionKind.TASK, InteractionKind.CALL, InteractionKind.EMAIL, InteractionKind.MEETING)
            tasks = by_prefix[TASK] if not whole else _Part(_TASKS, self._listed_task_page)
            return [by_prefix[EMAIL], tasks, by_prefix[EVENT]], kinds
        if stream == NOTES:
            parts = [_Part(self._notes.walk, self._note_page), by_prefix[NOTE]]
            if not whole:
                parts.append(_Part(self._notes.deleted_walk, self._deleted_note_page))
            return [*parts, *([by_prefix[POST]] if self._config.chatter else ())], (InteractionKind.NOTE,)
        if stream == STAGE_CHANGES:
            return [_Part(self._history_walk(), self._change_page)], ()
        lead_part = _Part(self._lead_walk(), self._lead_page)
        return [lead_part if whole else replace(lead_part, parse=self._changed_lead_page)], ("leads",)

    def _parts_by_prefix(self) -> dict[str, _Part]:
        return {
            EMAIL: _Part(_EMAILS, self._changed_email_page),
            TASK: _Part(_TASKS, self._task_page),
            EVENT: _Part(_EVENTS, self._event_page),
            NOTE: _Part(_OLD_NOTES, self._old_note_page),
            POST: _Part(_POSTS, self._post_page),
        }

    def _read_parts(
        self, parts: Sequence[_Part], listed: tuple[Listed, ...], since: datetime | None, position: str | None
    ) -> Iterator[Page]:
        """Walk one object after the other; `position` is `object:place in its walk`."""
        names = [part.walk.sobject for part in parts]
        name, _, place = (position or f"{names[0]}:").partition(":")
        if name not in names:  # what is walked depends on rights, which may have changed: begin anew
            name, place = names[0], ""
        for part in parts[names.index(name) :]:
            for rows, after in self._walker.walk(part.walk, since, place or None):
                following = _next_position(names, part.walk.sobject, after)
                for start in range(0, len(rows) or 1, part.rows_at_once):
                    page = part.parse(rows[start : start + part.rows_at_once])
                    ended = start + part.rows_at_once >= len(rows)
                    position = following if ended else position or f"{names[0]}:"
                    page = replace(page, position=position)
                    yield replace(page, listed=listed) if since is None and position is None else page
            place = ""

    # Interactions ---------------------------------------------------------------------------------------------------

    def _changed_email_page(self, rows: Sequence[Row]) -> Page:
        """Return a part of the mails that changed; the Task of one that was deleted is all that is left of it."""
        orphans = [row["ActivityId"] for row in rows if row.get("ActivityId") and row["IsDeleted"]]
        page, left = self._email_page(rows), self._task_page(self._select(_TASKS, "Id", orphans))
        return replace(
            page,
            interactions=page.interactions + left.interactions,
            told_interactions=page.told_interactions + left.told_interactions,
        )

    def _email_page(self, rows: Sequence[Row]) -> Page:
        page = self._page(
            EMAIL,
            rows,
            parse_email,
            lambda row: (row.get("RelatedToId"), *(child["RelationId"] for child in _children(row))),
        )
        # Enhanced Email keeps a Task beside every mail, whose text is a copy: it goes when the mail is here.
        here = [row for row in rows if not row["IsDeleted"]]
        copies = [(InteractionKind.EMAIL, row["ActivityId"]) for row in here if row.get("ActivityId")]
        return replace(page, told_interactions=(*page.told_interactions, *copies))

    def _task_page(self, rows: Sequence[Row]) -> Page:
        mails = [row["Id"] for row in rows if row.get("TaskSubtype") == "Email"]
        copies = {row["ActivityId"] for row in self._select(_COPIES, "ActivityId", mails) if not row["IsDeleted"]}
        return self._page_of_tasks(rows, copies)

    def _listed_task_page(self, rows: Sequence[Row]) -> Page:
        """Return a part of all Tasks; which of them are copies is asked once for all, not once for each part."""
        if self._copies is None and any(row.get("TaskSubtype") == "Email" for row in rows):
            self._copies = {row["ActivityId"] for part, _ in self._walker.walk(_COPIES, None, None) for row in part}
        return self._page_of_tasks(rows, self._copies or set())

    def _page_of_tasks(self, rows: Sequence[Row], copies: set[str]) -> Page:
        page = self._page(TASK, rows, parse_task, _who_and_what)
        return replace(page, interactions=tuple(item for item in page.interactions if item.id not in copies))

    def _event_page(self, rows: Sequence[Row]) -> Page:
        return self._page(EVENT, rows, parse_event, _who_and_what)

    def _old_note_page(self, rows: Sequence[Row]) -> Page:
        return self._page(NOTE, rows, parse_old_note, lambda row: (row["ParentId"],))

    def _post_page(self, rows: Sequence[Row]) -> Page:
        return self._page(POST, rows, parse_post, lambda row: (row["ParentId"],))

    def _note_page(self, rows: Sequence[Row]) -> Page:
        present = [row for row in rows if not row["IsDeleted"]]
        links = self._notes.list_links([row["ContentDocumentId"] for row in present])
        ties = self._ties_of(present, lambda row: links.get(row["ContentDocumentId"], ()))
        return Page(
            interactions=tuple(self._notes.parse(present, ties)),
            told_interactions=tuple((InteractionKind.NOTE, row["ContentDocumentId"]) for row in rows),
        )

    def _deleted_note_page(self, rows: Sequence[Row]) -> Page:
        return Page(told_interactions=tuple((InteractionKind.NOTE, row["Id"]) for row in rows if row["IsDeleted"]))

    def _page(
        self,
        prefix: str,
        rows: Sequence[Row],
        parse: Callable[[Row, Sequence[Tie]], list[Interaction]],
        names: Callable[[Row], Sequence[str | None]],
    ) -> Page:
        """Return rows that are interactions, each with all of its leads; one that was deleted has none."""
        present = [row for row in rows if not row["IsDeleted"]]
        ties = self._ties_of(present, names)
        return Page(
            interactions=tuple(item for row, tied in zip(present, ties, strict=True) for item in parse(row, tied)),
            told_interactions=tuple((kind, row["Id"]) for row in rows for kind in KINDS_OF[prefix]),
        )

    def _ties_of(self, rows: Sequence[Row], names: Callable[[Row], Sequence[str | None]]) -> list[tuple[Tie, ...]]:
        return self._ties.find([Named(tuple(filter(None, names(row))), parse_time(row["CreatedDate"])) for row in rows])

    def _interactions_of(self, leads: Sequence[str]) -> list[Interaction]:
        """Return everything that was said to these leads, and what else is tied to what was."""
        names = self._ties.list_names(leads)
        found: list[Interaction] = []
        for walk, parse, columns in (
            (_TASKS, self._task_page, ("WhoId", "WhatId")),
            (_EVENTS, self._event_page, ("WhoId", "WhatId")),
            (_OLD_NOTES, self._old_note_page, ("ParentId",)),
            *(((_POSTS, self._post_page, ("ParentId",)),) if self._config.chatter else ()),
        ):
            rows = {row["Id"]: row for column in columns for row in self._select(walk, column, names)}
            found += parse(list(rows.values())).interactions
        mails = {row["EmailMessageId"] for row in self._select(_RELATIONS, "RelationId", names)}
        rows = {row["Id"]: row for row in self._select(_EMAILS, "Id", sorted(mails))}
        rows |= {row["Id"]: row for row in self._select(_EMAILS, "RelatedToId", names)}
        found += self._email_page(list(rows.values())).interactions
        found += self._note_page(self._notes.select(self._notes.list_linked(names))).interactions
        return found

    # Leads ----------------------------------------------------------------------------------------------------------

    def _lead_walk(self) -> Walk:
        described = tuple(name for name in self._fields.lead_fields() if name not in self._lead.required)
        return Walk(self._lead.name, self._lead.required, described)

    def _changed_lead_page(self, rows: Sequence[Row]) -> Page:
        """Return a part of what changed; with what leads have taken over from others that were merged into them.

        What is handed over is dated anew, so that its own walk finds it; only a link may not be asked for by its date.
        """
        page = self._lead_page(rows)
        masters = sorted({row["MasterRecordId"] for row in rows if row.get("MasterRecordId")})
        if not masters or self._notes.may_walk_links:
            return page
        taken_over = self.read_leads(masters[:_LEADS_AT_ONCE])  # more than that merges nobody in ten minutes
        return replace(
            taken_over,
            leads=page.leads + taken_over.leads,
            gone_leads=page.gone_leads + taken_over.gone_leads,
        )

    def _lead_page(self, rows: Sequence[Row]) -> Page:
        fields = self._fields.lead_fields()
        present = [row for row in rows if not row["IsDeleted"]]
        return Page(
            leads=tuple(parse_lead(row, self._lead, self._stages, fields) for row in present),
            gone_leads=tuple(row["Id"] for row in rows if row["IsDeleted"]),
        )

    def _history_walk(self) -> Walk:
        if self._config.object == "Opportunity":
            return Walk("OpportunityHistory", ("Id", "OpportunityId", "StageName", "CreatedDate"), stamp="CreatedDate")
        return Walk(
            "LeadHistory",
            ("Id", "LeadId", "OldValue", "NewValue", "CreatedDate"),
            where="Field = 'Status'",
            stamp="CreatedDate",
            optional=True,
        )

    def _change_page(self, rows: Sequence[Row]) -> Page:
        parse = parse_opportunity_change if self._config.object == "Opportunity" else parse_lead_change
        return Page(stage_changes=tuple(parse(row) for row in rows))

    # What moves no date of its own ----------------------------------------------------------------------------------

    def _late_ties(self, since: datetime, position: str | None) -> Iterator[Page]:
        """Yield what was tied to leads after it was made: mails, notes, and the people of opportunities."""
        links = _Part(self._notes.young_walk, self._link_page)
        if self._notes.may_walk_links:
            links = _Part(self._notes.link_walk, self._linked_note_page)
        parts = [_Part(_RELATIONS, self._related_page), links]
        if self._config.object == "Opportunity":
            parts.append(_Part(_ROLES, self._role_page, _LEADS_AT_ONCE))
        return self._read_parts(parts, (), since, position)

    def _related_page(self, rows: Sequence[Row]) -> Page:
        mails = sorted({row["EmailMessageId"] for row in rows})
        return self._email_page(self._select(_EMAILS, "Id", mails))

    def _linked_note_page(self, rows: Sequence[Row]) -> Page:
        return self._note_page(self._notes.select(sorted({row["ContentDocumentId"] for row in rows})))

    def _link_page(self, rows: Sequence[Row]) -> Page:
        present = [row for row in rows if not row["IsDeleted"]]
        links = self._notes.list_links([row["ContentDocumentId"] for row in present])
        ties = self._ties_of(present, lambda row: links.get(row["ContentDocumentId"], ()))
        tied: dict[InteractionKey, frozenset[str]] = {
            (InteractionKind.NOTE, row["ContentDocumentId"]): frozenset(tie.lead_id for tie in found)
            for row, found in zip(present, ties, strict=True)
        }
        return Page(interaction_links=tied)

    def _role_page(self, rows: Sequence[Row]) -> Page:
        opportunities = sorted({row["OpportunityId"] for row in rows if row["OpportunityId"]})
        return self.read_leads(opportunities) if opportunities else Page()

    def _select(self, walk: Walk, column: str, values: Sequence[str]) -> list[Row]:
        """Return the rows whose `column` has one of these values, deleted ones included."""
        also = f" AND {walk.where}" if walk.where else ""
        return [
            row
            for chunk in chunks(values, self._walker.room(walk))
            for row in self._walker.select(walk, f" WHERE {column} IN {list_literal(chunk)}{also}")
        ]


def _who_and_what(row: Row) -> tuple[str | None, str | None]:
    return row["WhoId"], row["WhatId"]


def _children(row: Row) -> Sequence[Row]:
    found = row.get("EmailMessageRelations")
    return found["records"] if found else ()


def _next_position(names: Sequence[str], name: str, after: str | None) -> str | None:
    """Return where to go on in a walk over several objects: in this one, at the next one's start, or nowhere."""
    if after is not None:
        return f"{name}:{after}"
    return None if name == names[-1] else f"{names[names.index(name) + 1]}:"
