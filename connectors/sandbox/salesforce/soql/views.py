"""Objects without records of their own: feeds and activity lists, which Salesforce makes of other records."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from connectors.sandbox.salesforce.soql.source import Row, Source

_FEEDS = {"LeadFeed": "Lead", "OpportunityFeed": "Opportunity"}
_ACTIVITIES = {"ActivityHistory": True, "OpenActivity": False}
VIEWS = {*_FEEDS, *_ACTIVITIES, "NoteAndAttachment", "AttachedContentDocument"}


def read_rows(source: Source, sobject: str) -> Iterable[Row]:
    """Return an object's rows, be they stored or made of others."""
    return _view(source, sobject, source.rows) if sobject in VIEWS else source.rows(sobject)


def look_up(source: Source, sobject: str, field: str, values: Collection[str]) -> Iterable[Row]:
    """Return those of the rows whose field holds one of the ids."""
    if sobject not in VIEWS:
        return source.lookup(sobject, field, values)
    return _view(source, sobject, lambda stored: source.lookup(stored, field, values))


def _view(source: Source, sobject: str, read: Callable[[str], Iterable[Row]]) -> Iterator[Row]:
    if sobject in _FEEDS:
        for row in read("FeedItem"):
            if source.type_of(row.get("ParentId") or "") == _FEEDS[sobject]:
                yield row
    elif sobject in _ACTIVITIES:
        closed = _ACTIVITIES[sobject]
        for kind in ("Task", "Event"):
            yield from (row for row in map(_activity, read(kind)) if row["IsClosed"] == closed)
    elif sobject == "NoteAndAttachment":
        yield from ({**row, "IsNote": True} for row in read("Note"))
    else:
        for link in read("ContentDocumentLink"):
            document = source.find(link["ContentDocumentId"])
            if document is not None:
                yield {**document, **link}


def _activity(row: Row) -> dict[str, Any]:
    """Return a task or an event as the activity lists show it."""
    task = row["Id"].startswith("00T")
    kind = row.get("TaskSubtype") if task else row.get("EventSubtype")
    return {**row, "IsTask": task, "IsClosed": bool(row.get("IsClosed")), "ActivitySubtype": kind}
