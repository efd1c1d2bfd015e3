"""Notes, which Salesforce keeps as files: a document, its versions, and links to what it is about.

A link can only be asked for by the document or by what it leads to, and the text of a long note costs a call.
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contentdocumentlink.htm
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from connectors.base import KnownTexts
from connectors.lead import Interaction, InteractionKind
from connectors.salesforce.parsing import Row, note_title, parse_note
from connectors.salesforce.replies import MissingObjectError, RefusedError
from connectors.salesforce.soql import chunks, list_literal
from connectors.salesforce.ties import Tie
from connectors.salesforce.transport import Transport
from connectors.salesforce.walking import Walk, Walker
from connectors.text import html_to_text

# Up to this size Salesforce hands a note's text out with the row.
_PREVIEW_BYTES = 255


class NoteReader:
    """Reads notes of one org. A version never changes: what the store has read of it is not read again."""

    walk = Walk(
        "ContentVersion",
        ("Id", "ContentDocumentId", "Title", "ContentSize", "IsDeleted", "CreatedDate", "SystemModstamp"),
        ("TextPreview", "ContentDocument.CreatedDate"),
        where="FileType = 'SNOTE' AND IsLatest = true",
        bulk=False,
        optional=True,
    )
    link_walk = Walk("ContentDocumentLink", ("Id", "ContentDocumentId", "SystemModstamp"), bulk=False, optional=True)
    # Over notes that are young, whenever they were changed: how long one may wait for its link without any other sign.
    young_walk = Walk(
        "ContentVersion",
        ("Id", "ContentDocumentId", "IsDeleted", "CreatedDate"),
        where=walk.where,
        stamp="CreatedDate",
        overlap=timedelta(days=30),
        bulk=False,
        optional=True,
    )
    deleted_walk = Walk(
        "ContentDocument",
        ("Id", "IsDeleted", "SystemModstamp"),
        where="FileType = 'SNOTE' AND IsDeleted = true",
        bulk=False,
        optional=True,
    )

    def __init__(self, transport: Transport, walker: Walker, known_texts: KnownTexts) -> None:
        self._transport = transport
        self._walker = walker
        self._known_texts = known_texts

    @cached_property
    def may_walk_links(self) -> bool:
        """Say whether links may be asked for by their own stamps, as a user with Query All Files may."""
        try:
            self._transport.query("SELECT Id FROM ContentDocumentLink WHERE SystemModstamp > TOMORROW LIMIT 1")
        except RefusedError as error:
            if error.code != "MALFORMED_QUERY":
                raise
            return False
        except MissingObjectError:
            return False
        return True

    def select(self, documents: Sequence[str]) -> list[dict[str, Any]]:
        """Return the newest versions of these documents, as far as they are notes."""
        return self._walker.select_by(self.walk, "ContentDocumentId", documents)

    def documents_of(self, versions: Sequence[str]) -> list[str]:
        """Return the documents that these are versions of."""
        rows = [
            row
            for chunk in chunks(versions)
            for row in self._walker.select(self.walk, f" WHERE Id IN {list_literal(chunk)}")
        ]
        return sorted({row["ContentDocumentId"] for row in rows})

    def list_links(self, documents: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of everything that each document is linked to."""
        links: dict[str, list[str]] = {}
        for row in self._links("ContentDocumentId", documents):
            links.setdefault(row["ContentDocumentId"], []).append(row["LinkedEntityId"])
        return links

    def list_linked(self, names: Sequence[str]) -> list[str]:
        """Return the documents that are linked to one of these ids."""
        return sorted({row["ContentDocumentId"] for row in self._links("LinkedEntityId", names)})

    def parse(self, rows: Sequence[Row], ties: Sequence[tuple[Tie, ...]]) -> Iterator[Interaction]:
        """Yield each note once for each of its leads; the text of one that belongs to none is not asked for."""
        tied = [(row, found) for row, found in zip(rows, ties, strict=True) if found]
        known = self._known_texts(InteractionKind.NOTE, [row["ContentDocumentId"] for row, _ in tied])
        for row, found in tied:
            version = _version(row)
            text = known.get((row["ContentDocumentId"], version))
            yield from parse_note(row, found, self._read_text(row) if text is None else text, version)

    def _read_text(self, row: Row) -> str:
        preview = row.get("TextPreview")
        if preview is not None and (row["ContentSize"] or 0) <= _PREVIEW_BYTES:
            body = str(preview)
        else:
            try:
                content = self._transport.content(f"sobjects/ContentVersion/{row['Id']}/VersionData")
            except RefusedError as error:
                if error.code not in ("NOT_FOUND", "ENTITY_IS_DELETED"):
                    raise
                content = b""  # it was deleted meanwhile, as the next read will say
            body = content.decode("utf-8", errors="replace")
        return "\n".join(filter(None, (note_title(row), html_to_text(body))))

    def _links(self, column: str, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for chunk in chunks(ids):
            where = f"{column} IN {list_literal(chunk)}"
            yield from self._transport.select("ContentDocumentId, LinkedEntityId", "ContentDocumentLink", where)


def _version(row: Row) -> str:
    """Return what a note's text is made of: its version, and its title, which may change without one."""
    title = hashlib.sha256(note_title(row).encode()).hexdigest()[:8]
    return f"{row['Id']} {title}"
