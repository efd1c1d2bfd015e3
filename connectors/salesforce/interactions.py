"""Reads what was said to leads: each record with all of its leads, whichever way it is come upon."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import InteractionKey, Page
from connectors.lead import Interaction, InteractionKind
from connectors.salesforce.notes import NoteReader
from connectors.salesforce.parsing import parse_email, parse_event, parse_old_note, parse_post, parse_task
from connectors.salesforce.schema import EMAIL, EVENT, KINDS_OF, NOTE, POST, TASK
from connectors.salesforce.ties import Named, Tie, Ties
from connectors.salesforce.walking import Walk, Walker
from connectors.times import parse_time

Row = Mapping[str, Any]

_DATES = ("CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted")
TASKS = Walk(
    "Task",
    ("Id", "WhoId", "WhatId", "Subject", *_DATES),
    ("Description", "TaskSubtype", "ActivityDate", "CompletedDateTime"),
)
EVENTS = Walk(
    "Event",
    ("Id", "WhoId", "WhatId", "Subject", *_DATES),
    ("Description", "StartDateTime"),
    where="IsChild = false",  # an invitee's copy
)
EMAILS = Walk(
    "EmailMessage",
    ("Id", *_DATES),
    ("Subject", "TextBody", "HtmlBody", "Incoming", "MessageDate", "ActivityId", "RelatedToId"),
    children="(SELECT RelationId FROM EmailMessageRelations WHERE IsDeleted = false)",
    optional=True,
)
_COPIES = Walk(
    "EmailMessage", ("Id", "ActivityId", "IsDeleted", "SystemModstamp"), where="ActivityId != null", optional=True
)
RELATIONS = Walk("EmailMessageRelation", ("Id", "EmailMessageId", "SystemModstamp"), bulk=False, optional=True)
OLD_NOTES = Walk("Note", ("Id", "ParentId", "Title", *_DATES), ("Body",), bulk=False, optional=True)
POSTS = Walk(
    "FeedItem",
    ("Id", "ParentId", *_DATES),
    ("Body",),
    where="Type IN ('TextPost', 'LinkPost', 'ContentPost', 'QuestionPost')",
    optional=True,
)


class InteractionReader:
    """Turns rows into pages of interactions. Every page tells all leads of what it holds, and what has none."""

    def __init__(self, walker: Walker, notes: NoteReader, ties: Ties, *, chatter: bool) -> None:
        self._walker = walker
        self._notes = notes
        self._ties = ties
        self._chatter = chatter
        self._copies: set[str] | None = None

    def refresh(self) -> None:
        """Ask anew about what may have changed since the last read: who became whom, which tasks are only copies."""
        self._ties.refresh()
        self._copies = None

    def changed_email_page(self, rows: Sequence[Row]) -> Page:
        """Return a part of the mails that changed; the Task of one that was deleted is all that is left of it."""
        orphans = [row["ActivityId"] for row in rows if row.get("ActivityId") and row["IsDeleted"]]
        page, left = self.email_page(rows), self.task_page(self._walker.select_by(TASKS, "Id", orphans))
        return replace(
            page,
            interactions=page.interactions + left.interactions,
            told_interactions=page.told_interactions + left.told_interactions,
        )

    def email_page(self, rows: Sequence[Row]) -> Page:
        """Return mails, and that the tasks which only repeat them are none."""
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

    def task_page(self, rows: Sequence[Row]) -> Page:
        """Return tasks, calls and logged mails, without those that only repeat a mail."""
        mails = [row["Id"] for row in rows if row.get("TaskSubtype") == "Email"]
        copies = {
            row["ActivityId"] for row in self._walker.select_by(_COPIES, "ActivityId", mails) if not row["IsDeleted"]
        }
        return self._page_of_tasks(rows, copies)

    def listed_task_page(self, rows: Sequence[Row]) -> Page:
        """Return a part of all Tasks; which of them are copies is asked once for all, not once for each part."""
        if self._copies is None and any(row.get("TaskSubtype") == "Email" for row in rows):
            self._copies = {row["ActivityId"] for part, _ in self._walker.walk(_COPIES, None, None) for row in part}
        return self._page_of_tasks(rows, self._copies or set())

    def _page_of_tasks(self, rows: Sequence[Row], copies: set[str]) -> Page:
        page = self._page(TASK, rows, parse_task, _who_and_what)
        return replace(page, interactions=tuple(item for item in page.interactions if item.id not in copies))

    def event_page(self, rows: Sequence[Row]) -> Page:
        """Return meetings."""
        return self._page(EVENT, rows, parse_event, _who_and_what)

    def old_note_page(self, rows: Sequence[Row]) -> Page:
        """Return notes of the classic kind."""
        return self._page(NOTE, rows, parse_old_note, lambda row: (row["ParentId"],))

    def post_page(self, rows: Sequence[Row]) -> Page:
        """Return Chatter posts."""
        return self._page(POST, rows, parse_post, lambda row: (row["ParentId"],))

    def note_page(self, rows: Sequence[Row]) -> Page:
        """Return the newest versions of notes."""
        present = [row for row in rows if not row["IsDeleted"]]
        links = self._notes.list_links([row["ContentDocumentId"] for row in present])
        ties = self._ties_of(present, lambda row: links.get(row["ContentDocumentId"], ()))
        return Page(
            interactions=tuple(self._notes.parse(present, ties)),
            told_interactions=tuple((InteractionKind.NOTE, row["ContentDocumentId"]) for row in rows),
        )

    def deleted_note_page(self, rows: Sequence[Row]) -> Page:
        """Return which notes are gone."""
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

    def list_interactions(self, leads: Sequence[str]) -> list[Interaction]:
        """Return everything that was said to these leads, and what else is tied to what was."""
        names = self._ties.list_names(leads)
        found: list[Interaction] = []
        for walk, parse, columns in (
            (TASKS, self.task_page, ("WhoId", "WhatId")),
            (EVENTS, self.event_page, ("WhoId", "WhatId")),
            (OLD_NOTES, self.old_note_page, ("ParentId",)),
            *(((POSTS, self.post_page, ("ParentId",)),) if self._chatter else ()),
        ):
            rows = {row["Id"]: row for column in columns for row in self._walker.select_by(walk, column, names)}
            found += parse(list(rows.values())).interactions
        mails = {row["EmailMessageId"] for row in self._walker.select_by(RELATIONS, "RelationId", names)}
        rows = {row["Id"]: row for row in self._walker.select_by(EMAILS, "Id", sorted(mails))}
        rows |= {row["Id"]: row for row in self._walker.select_by(EMAILS, "RelatedToId", names)}
        found += self.email_page(list(rows.values())).interactions
        found += self.note_page(self._notes.select(self._notes.list_linked(names))).interactions
        return found

    def related_page(self, rows: Sequence[Row]) -> Page:
        """Return the mails whose relations these rows are."""
        mails = sorted({row["EmailMessageId"] for row in rows})
        return self.email_page(self._walker.select_by(EMAILS, "Id", mails))

    def linked_note_page(self, rows: Sequence[Row]) -> Page:
        """Return the notes whose links these rows are."""
        return self.note_page(self._notes.select(sorted({row["ContentDocumentId"] for row in rows})))

    def link_page(self, rows: Sequence[Row]) -> Page:
        """Return what these notes are tied to, without the notes."""
        present = [row for row in rows if not row["IsDeleted"]]
        links = self._notes.list_links([row["ContentDocumentId"] for row in present])
        ties = self._ties_of(present, lambda row: links.get(row["ContentDocumentId"], ()))
        tied: dict[InteractionKey, frozenset[str]] = {
            (InteractionKind.NOTE, row["ContentDocumentId"]): frozenset(tie.lead_id for tie in found)
            for row, found in zip(present, ties, strict=True)
        }
        return Page(interaction_links=tied)


def _who_and_what(row: Row) -> tuple[str | None, str | None]:
    return row["WhoId"], row["WhatId"]


def _children(row: Row) -> Sequence[Row]:
    found = row.get("EmailMessageRelations")
    return found["records"] if found else ()
