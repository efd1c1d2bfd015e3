"""Keeps what a read returned, and drops what that says is no longer so, inside a transaction of the store's."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, select, tuple_
from sqlalchemy.orm import Session

from connectors.base import InteractionKey, Page
from connectors.events import Change, Event
from connectors.lead import Interaction, InteractionKind, Lead, StageChange
from worker.store.inbox import COMPARED, receive
from worker.store.ranking import forget_leads, mark_leads
from worker.store.statements import IDS_AT_ONCE, row_count, upsert
from worker.store.tables import InteractionRow, LeadRow, StageChangeRow, WritebackRow


@dataclass(frozen=True, slots=True)
class Saved:
    """How many rows a page had, how many of them said something new, and how many rows of the store are gone."""

    records: int
    changed: int
    removed: int


def save_page(
    session: Session,
    tenant: str,
    page: Page,
    read_at: datetime,
    began_at: datetime | None,
    debounce: timedelta,
    *,
    urgent: bool,
) -> Saved:
    """Keep a page's rows; see `Store.save_page`."""
    leads = {lead.id: _lead_values(tenant, lead) for lead in page.leads}
    items = {(i.kind, i.id, i.lead_id): _interaction_values(tenant, i) for i in page.interactions}
    changes = {(c.lead_id, c.changed_at, c.stage): {"tenant": tenant, **asdict(c)} for c in page.stage_changes}
    dated = {"read_at": read_at}
    removed = remove_leads(session, tenant, page.gone_leads, read_at, debounce)
    stood_in = _stages_of(session, tenant, list(leads))
    news = _upsert_hashed(session, LeadRow, [row | dated for row in leads.values()])
    news += _upsert_hashed(session, InteractionRow, [row | dated for row in items.values()])
    upsert(session, StageChangeRow, list(changes.values()))
    upsert(session, StageChangeRow, _watched_changes(session, tenant, page.leads, stood_in))
    lost = _remove_untold(session, tenant, page)
    lost += _compare_links(session, tenant, page, read_at)
    if began_at is not None:
        for what in page.listed:
            if what == "leads":
                unseen = _unlisted_leads(session, tenant, began_at)
                removed += remove_leads(session, tenant, unseen, read_at, debounce)
            else:
                lost += _remove_unlisted(session, tenant, what, began_at)
    mark_leads(session, tenant, sorted({*news, *lost}), read_at, debounce, urgent=urgent)
    return Saved(len(leads) + len(items) + len(changes), len(news), removed + len(lost))


def remove_leads(session: Session, tenant: str, ids: Sequence[str], now: datetime, debounce: timedelta) -> int:
    """Remove leads and all that belongs to them; return how many rows of leads and interactions that were."""
    removed = 0
    forget_leads(session, tenant, ids, now, debounce)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        leads = delete(LeadRow).where(LeadRow.tenant == tenant, LeadRow.id.in_(some))
        items = delete(InteractionRow).where(InteractionRow.tenant == tenant, InteractionRow.lead_id.in_(some))
        removed += row_count(session.execute(leads)) + row_count(session.execute(items))
        for table in (StageChangeRow, WritebackRow):
            session.execute(delete(table).where(table.tenant == tenant, table.lead_id.in_(some)))
    return removed


def known_texts(session: Session, tenant: str, kind: InteractionKind, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the texts that are held of these interactions, by id and the version that was read."""
    found: dict[tuple[str, str], str] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(InteractionRow.id, InteractionRow.text_version, InteractionRow.text).where(
            InteractionRow.tenant == tenant,
            InteractionRow.id.in_(ids[start : start + IDS_AT_ONCE]),
            InteractionRow.kind == kind.value,
            InteractionRow.text_version != "",
        )
        found |= {(id_, version): text for id_, version, text in session.execute(query)}
    return found


def _stages_of(session: Session, tenant: str, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(LeadRow.id, LeadRow.stage).where(
            LeadRow.tenant == tenant, LeadRow.id.in_(ids[start : start + IDS_AT_ONCE])
        )
        found |= {row.id: row.stage for row in session.execute(query)}
    return found


def _watched_changes(
    session: Session, tenant: str, leads: Sequence[Lead], stood_in: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the stage changes that we saw ourselves and the CRM's history does not tell: it may not be kept there."""
    moved = {lead.id: lead for lead in leads if stood_in.get(lead.id, lead.stage) != lead.stage}
    told: dict[str, str] = {}
    ids = list(moved)
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = (
            select(StageChangeRow.lead_id, StageChangeRow.stage)
            .where(StageChangeRow.tenant == tenant, StageChangeRow.lead_id.in_(ids[start : start + IDS_AT_ONCE]))
            .order_by(StageChangeRow.changed_at)
        )
        told |= {row.lead_id: row.stage for row in session.execute(query)}
    return [
        {"tenant": tenant, **asdict(StageChange(id_, lead.stage, lead.modified_at, stood_in[id_]))}
        for id_, lead in moved.items()
        if told.get(id_) != lead.stage
    ]


def remove_orphans(session: Session, tenant: str) -> int:
    """Remove the interactions of leads that are not held; return how many rows that were."""
    held = select(LeadRow.id).where(LeadRow.tenant == tenant, LeadRow.id == InteractionRow.lead_id).exists()
    return row_count(session.execute(delete(InteractionRow).where(InteractionRow.tenant == tenant, ~held)))


def _unlisted_leads(session: Session, tenant: str, began_at: datetime) -> list[str]:
    """Return the leads that a listing of everything did not name."""
    query = select(LeadRow.id).where(LeadRow.tenant == tenant)
    if session.execute(query.where(LeadRow.read_at >= began_at).limit(1)).first() is None:
        return []  # a listing that names nothing at all is likelier a fault than an emptied CRM
    return list(session.scalars(query.where(LeadRow.read_at < began_at)))


def _remove_unlisted(session: Session, tenant: str, kind: InteractionKind, began_at: datetime) -> list[str]:
    """Remove the interactions that a listing of everything did not name; return whose each of them was."""
    of_kind = and_(InteractionRow.tenant == tenant, InteractionRow.kind == kind.value)
    seen = select(InteractionRow.id).where(of_kind, InteractionRow.read_at >= began_at)
    if session.execute(seen.limit(1)).first() is None:
        return []  # as with leads
    unlisted = and_(of_kind, InteractionRow.read_at < began_at)
    lost = list(session.scalars(select(InteractionRow.lead_id).where(unlisted)))
    session.execute(delete(InteractionRow).where(unlisted))
    return lost


def _remove_untold(session: Session, tenant: str, page: Page) -> list[str]:
    """Remove the rows of what the page tells in full that are not on it; return whose each of them was."""
    on_page = {(item.lead_id, item.kind.value, item.id) for item in page.interactions}
    told_keys = {(kind.value, id_) for kind, id_ in page.told_interactions}
    told_leads = set(page.told_leads)
    held = _keys_by(session, tenant, InteractionRow.id, [id_ for _, id_ in told_keys])
    held += _keys_by(session, tenant, InteractionRow.lead_id, page.told_leads)
    gone = {key for key in held if key not in on_page and (key[1:] in told_keys or key[0] in told_leads)}
    _remove_interactions(session, tenant, list(gone))
    return [lead_id for lead_id, _, _ in gone]


def _compare_links(session: Session, tenant: str, page: Page, now: datetime) -> list[str]:
    """Untie what a page says does not belong together, and have read what it says does; return whose each was."""
    by_lead: dict[str, set[InteractionKey]] = {id_: set() for id_ in page.lead_links}
    for lead_id, kind, id_ in _keys_by(session, tenant, InteractionRow.lead_id, list(by_lead)):
        by_lead[lead_id].add((InteractionKind(kind), id_))
    by_key: dict[InteractionKey, set[str]] = {key: set() for key in page.interaction_links}
    for lead_id, kind, id_ in _keys_by(session, tenant, InteractionRow.id, [id_ for _, id_ in by_key]):
        by_key.get((InteractionKind(kind), id_), set()).add(lead_id)
    wrong = [(lead, kind.value, id_) for lead, keys in page.lead_links.items() for kind, id_ in by_lead[lead] - keys]
    unread = {key for lead, keys in page.lead_links.items() for key in keys - by_lead[lead]}
    unread |= {key for key, leads in page.interaction_links.items() if by_key[key] != leads}
    events = [
        Event(f"{COMPARED}{kind} {id_} {now:%y%m%d%H%M%S}", kind, id_, Change.CHANGED, now) for kind, id_ in unread
    ]
    receive(session, tenant, events, now)
    _remove_interactions(session, tenant, wrong)
    return [lead_id for lead_id, _, _ in wrong]


def _keys_by(session: Session, tenant: str, column: Any, values: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return lead, kind and id of the interactions whose `column` has one of these values."""
    found: list[tuple[str, str, str]] = []
    for start in range(0, len(values), IDS_AT_ONCE):
        query = select(InteractionRow.lead_id, InteractionRow.kind, InteractionRow.id).where(
            InteractionRow.tenant == tenant, column.in_(values[start : start + IDS_AT_ONCE])
        )
        found += [(lead_id, kind, id_) for lead_id, kind, id_ in session.execute(query)]
    return found


def _remove_interactions(session: Session, tenant: str, keys: Sequence[tuple[str, str, str]]) -> None:
    columns = tuple_(InteractionRow.lead_id, InteractionRow.kind, InteractionRow.id)
    for start in range(0, len(keys), IDS_AT_ONCE):
        chosen = columns.in_(keys[start : start + IDS_AT_ONCE])
        session.execute(delete(InteractionRow).where(InteractionRow.tenant == tenant, chosen))


def _upsert_hashed(session: Session, table: type[LeadRow | InteractionRow], rows: list[dict[str, Any]]) -> list[str]:
    """Upsert rows and return, for each of them that differs from what was there, whose it is."""
    keys = [column.name for column in table.__table__.primary_key]
    lead = "id" if table is LeadRow else "lead_id"
    ids = sorted({row[lead] for row in rows})
    known: dict[tuple[Any, ...], str] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        query = select(*(getattr(table, key) for key in keys), table.content_hash).where(
            table.tenant == rows[0]["tenant"], getattr(table, lead).in_(ids[start : start + IDS_AT_ONCE])
        )
        known |= {tuple(row[:-1]): row[-1] for row in session.execute(query)}
    upsert(session, table, rows)
    return [row[lead] for row in rows if known.get(tuple(row[key] for key in keys)) != row["content_hash"]]


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _lead_values(tenant: str, lead: Lead) -> dict[str, Any]:
    # `modified_at` is left out of the hash: our own write moves it.
    digest = _hash(lead.name, lead.stage, lead.outcome, lead.owner, dict(lead.fields))
    return {"tenant": tenant, **asdict(lead), "fields": dict(lead.fields), "content_hash": digest}


def _interaction_values(tenant: str, item: Interaction) -> dict[str, Any]:
    digest = _hash(item.kind, item.occurred_at, item.inbound, item.text)
    return {"tenant": tenant, **asdict(item), "content_hash": digest}
