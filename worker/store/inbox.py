"""What CRMs have told us and we have not looked at yet, inside a transaction of the store's."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from connectors.events import Change, Event, Subject
from connectors.lead import InteractionKind
from worker.store.statements import IDS_AT_ONCE, insert_into
from worker.store.tables import InboxRow
from worker.store.work import Job, mark

# How the keys of events begin that are our own: found by comparing what we hold with what we read.
COMPARED = "link "


# What is told within this time is looked at together: a look takes as many API calls for one event as for fifty.
GATHERED = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Told:
    """An event in the inbox, and how often it was looked at in vain."""

    event: Event
    attempts: int


def receive(session: Session, tenant: str, events: Sequence[Event], now: datetime) -> None:
    """Put events into the inbox; one that is there stays as it is."""
    fresh = {"received_at": now, "due_at": now, "done_at": None, "attempts": 0}
    rows = {event.key: {"tenant": tenant, **asdict(event), **fresh} for event in events}
    if rows:
        insert = insert_into(session, InboxRow).on_conflict_do_nothing()
        session.connection().execute(insert, list(rows.values()))
        mark(session, tenant, Job.READ, now, delay=GATHERED)


def list_due(session: Session, tenant: str, now: datetime, limit: int) -> list[Told]:
    """Return what is to be looked at now, the oldest first."""
    query = (
        select(InboxRow)
        .where(InboxRow.tenant == tenant, InboxRow.done_at.is_(None), InboxRow.due_at <= now)
        .order_by(InboxRow.due_at, InboxRow.occurred_at, InboxRow.key)
        .limit(limit)
    )
    return [_parse_told(row) for row in session.scalars(query)]


def next_due(session: Session, tenant: str) -> datetime | None:
    """Return when the next of what waits is to be looked at, or None if nothing waits."""
    query = select(func.min(InboxRow.due_at)).where(InboxRow.tenant == tenant, InboxRow.done_at.is_(None))
    return session.scalar(query)


def has_told(session: Session, tenant: str, now: datetime) -> bool:
    """Say whether there is something to look at now that the CRM itself has told us."""
    query = select(InboxRow.key).where(
        InboxRow.tenant == tenant,
        InboxRow.done_at.is_(None),
        InboxRow.due_at <= now,
        ~InboxRow.key.startswith(COMPARED, autoescape=True),
    )
    return session.execute(query.limit(1)).first() is not None


def list_erasures(session: Session, tenant: str) -> list[str]:
    """Return the leads that are to be erased and have not been yet."""
    erased = InboxRow.change == Change.ERASED.value
    query = select(InboxRow.id).where(InboxRow.tenant == tenant, InboxRow.done_at.is_(None), erased).distinct()
    return sorted(session.scalars(query))


def settle_about(session: Session, tenant: str, leads: Sequence[str], now: datetime) -> None:
    """Mark all events about these leads as looked at."""
    for start in range(0, len(leads), IDS_AT_ONCE):
        about = InboxRow.id.in_(leads[start : start + IDS_AT_ONCE])
        query = update(InboxRow).where(InboxRow.tenant == tenant, InboxRow.subject == "lead", about)
        session.execute(query.where(InboxRow.done_at.is_(None)).values(done_at=now))


def settle(session: Session, tenant: str, keys: Sequence[str], now: datetime) -> None:
    """Mark events as looked at."""
    _update(session, tenant, keys, {"done_at": now})


def postpone(session: Session, tenant: str, keys: Sequence[str], due_at: datetime) -> None:
    """Look at events again later."""
    _update(session, tenant, keys, {"due_at": due_at, "attempts": InboxRow.attempts + 1})


def forget(session: Session, tenant: str, before: datetime) -> None:
    """Remove what was looked at long ago: no delivery of it will come again."""
    session.execute(delete(InboxRow).where(InboxRow.tenant == tenant, InboxRow.done_at < before))


def _update(session: Session, tenant: str, keys: Sequence[str], values: dict[str, Any]) -> None:
    for start in range(0, len(keys), IDS_AT_ONCE):
        chosen = InboxRow.key.in_(keys[start : start + IDS_AT_ONCE])
        session.execute(update(InboxRow).where(InboxRow.tenant == tenant, chosen).values(values))


def _parse_told(row: InboxRow) -> Told:
    event = Event(row.key, _parse_subject(row.subject), row.id, Change(row.change), row.occurred_at)
    return Told(event, row.attempts)


def _parse_subject(name: str) -> Subject:
    return "lead" if name == "lead" else InteractionKind(name)
