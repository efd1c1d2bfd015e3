"""Reads leads, their stage history and all that was said to them, oldest change first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.base import KnownTexts, Listed, Page
from connectors.lead import InteractionKind
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.fields import Fields
from connectors.salesforce.interactions import (
    EMAILS,
    EVENTS,
    OLD_NOTES,
    POSTS,
    RELATIONS,
    TASKS,
    InteractionReader,
)
from connectors.salesforce.notes import NoteReader
from connectors.salesforce.parsing import (
    parse_lead,
    parse_lead_change,
    parse_opportunity_change,
)
from connectors.salesforce.schema import DOCUMENT, EMAIL, EVENT, KINDS_OF, LEAD_OBJECTS, NOTE, POST, TASK, VERSION
from connectors.salesforce.stages import StageReader
from connectors.salesforce.ties import LeadTies, OpportunityTies, Ties
from connectors.salesforce.transport import Transport
from connectors.salesforce.walking import Walk, Walker

Row = Mapping[str, Any]
Parse = Callable[[Sequence[Row]], Page]

ACTIVITIES, NOTES, STAGE_CHANGES, LATE_TIES = "activities", "notes", "stage_changes", "late ties"

# How many leads are read at once with all that was said to them.
_LEADS_AT_ONCE = 50

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
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]
        self._stages = stages
        self._fields = fields
        self._walker = Walker(transport, fields)
        self._notes = NoteReader(transport, self._walker, known_texts)
        ties: Ties = LeadTies(transport) if config.object == "Lead" else OpportunityTies(transport)
        self._said = InteractionReader(self._walker, self._notes, ties, chatter=config.chatter)
        # Late ties come first: what is tied while a listing goes on is then asked for by the next read. Leads come
        # after what belongs to them: with one that is gone goes all of it.
        self.streams = (LATE_TIES, ACTIVITIES, NOTES, STAGE_CHANGES, self._lead.stream)

    def read(self, stream: str, since: datetime | None, position: str | None) -> Iterator[Page]:
        """Yield the pages of one stream; see `Connector.read`."""
        self._said.refresh()
        if stream == LATE_TIES:
            return self._late_ties(since, position) if since is not None else iter([Page()])
        parts, listed = self._parts(stream, whole=since is None)
        return self._read_parts(parts, listed, since, position)

    def read_leads(self, ids: Sequence[str]) -> Page:
        """See `Connector.read_leads`. The id of a lead that was merged into another brings the other."""
        rows = self._walker.select_by(self._lead_walk(), "Id", ids)
        masters = {row["MasterRecordId"] for row in rows if row.get("MasterRecordId")} - set(ids)
        rows += self._walker.select_by(self._lead_walk(), "Id", sorted(masters))
        page = self._lead_page(rows)
        found = [lead.id for lead in page.leads]
        interactions = self._said.list_interactions(found)
        history = self._history_walk()
        key = next(name for name in history.required if name.endswith("Id") and name != "Id")
        changes = self._change_page(self._walker.select_by(history, key, found)).stage_changes
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
        pages = [self._said.note_page(self._notes.select(documents))]
        for prefix, part in self._parts_by_prefix().items():
            rows = self._walker.select_by(part.walk, "Id", [id_ for id_ in ids if id_.startswith(prefix)])
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
            tasks = by_prefix[TASK] if not whole else _Part(TASKS, self._said.listed_task_page)
            return [by_prefix[EMAIL], tasks, by_prefix[EVENT]], kinds
        if stream == NOTES:
            parts = [_Part(self._notes.walk, self._said.note_page), by_prefix[NOTE]]
            if not whole:
                parts.append(_Part(self._notes.deleted_walk, self._said.deleted_note_page))
            return [*parts, *([by_prefix[POST]] if self._config.chatter else ())], (InteractionKind.NOTE,)
        if stream == STAGE_CHANGES:
            return [_Part(self._history_walk(), self._change_page)], ()
        if whole or self._notes.may_walk_links:
            return [_Part(self._lead_walk(), self._lead_page)], ("leads",)
        return [_Part(self._lead_walk(), self._changed_lead_page, _LEADS_AT_ONCE)], ("leads",)

    def _parts_by_prefix(self) -> dict[str, _Part]:
        return {
            EMAIL: _Part(EMAILS, self._said.changed_email_page),
            TASK: _Part(TASKS, self._said.task_page),
            EVENT: _Part(EVENTS, self._said.event_page),
            NOTE: _Part(OLD_NOTES, self._said.old_note_page),
            POST: _Part(POSTS, self._said.post_page),
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

    # Leads ----------------------------------------------------------------------------------------------------------

    def _lead_walk(self) -> Walk:
        described = tuple(name for name in self._fields.lead_fields() if name not in self._lead.required)
        return Walk(self._lead.name, self._lead.required, described)

    def _changed_lead_page(self, rows: Sequence[Row]) -> Page:
        """Return leads that changed; with what some have taken over from others that were merged into them.

        What is handed over is dated anew, so that its own walk finds it; only links, where they may not be walked, not.
        """
        page = self._lead_page(rows)
        masters = sorted({row["MasterRecordId"] for row in rows if row.get("MasterRecordId")})
        if not masters:
            return page
        taken_over = self.read_leads(masters)
        leads, gone = page.leads + taken_over.leads, page.gone_leads + taken_over.gone_leads
        return replace(taken_over, leads=leads, gone_leads=gone)

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
        links = _Part(self._notes.young_walk, self._said.link_page)
        if self._notes.may_walk_links:
            links = _Part(self._notes.link_walk, self._said.linked_note_page)
        parts = [_Part(RELATIONS, self._said.related_page), links]
        if self._config.object == "Opportunity":
            parts.append(_Part(_ROLES, self._role_page, _LEADS_AT_ONCE))
        return self._read_parts(parts, (), since, position)

    def _role_page(self, rows: Sequence[Row]) -> Page:
        opportunities = sorted({row["OpportunityId"] for row in rows if row["OpportunityId"]})
        return self.read_leads(opportunities) if opportunities else Page()


def _next_position(names: Sequence[str], name: str, after: str | None) -> str | None:
    """Return where to go on in a walk over several objects: in this one, at the next one's start, or nowhere."""
    if after is not None:
        return f"{name}:{after}"
    return None if name == names[-1] else f"{names[names.index(name) + 1]}:"
