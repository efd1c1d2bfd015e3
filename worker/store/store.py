"""The store: SQLite by default. Every method is one transaction."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, delete, event, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connectors.base import InteractionKey, Listed, Page, WriteOutcome
from connectors.events import Change, Event, Subject
from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.priority import COMPARED_FIELDS, Band, Priority, PriorityStatus
from worker.store.tables import (
    CursorRow,
    InboxRow,
    InteractionRow,
    LeadRow,
    ModelRow,
    ScoreRow,
    StageChangeRow,
    StageRow,
    Table,
    WritebackRow,
)

# The row of cursors that says what is read; no stream has such a name.
_READS = ", reads"
_IDS_AT_ONCE = 500  # SQLite takes a limited number of values in one statement


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading a stream stands; see `CursorRow`."""

    value: datetime | None = None
    position: str | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """How many rows a page had, how many of them said something new, and how many rows of the store are gone."""

    records: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class Told:
    """An event in the inbox, and how often it was looked at in vain."""

    event: Event
    attempts: int


@dataclass(frozen=True, slots=True)
class Score:
    """What the current model says of one open lead."""

    lead_id: str
    stage: str
    utility: float
    probability: float


@dataclass(frozen=True, slots=True)
class DueWrite:
    """A priority that the CRM does not show yet. `seq` names this value; `before` is what the CRM was last told."""

    priority: Priority
    seq: int
    before: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A trained model on disk. It is in use if it was promoted last."""

    version: str
    path: Path
    backbone: str
    trained_at: datetime
    card: dict[str, Any]
    promoted_at: datetime | None


class Store:
    """One database with the data of all tenants; a tenant is one CRM account."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = create_engine(url, hide_parameters=True)  # an error must not show texts
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)

    def upgrade(self) -> None:
        """Create or migrate the tables."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revisions(self) -> tuple[str | None, str | None]:
        """Return the version of the tables that are there, and the newest that there is."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self._engine.connect() as connection:
            there = MigrationContext.configure(connection).get_current_revision()
        return there, ScriptDirectory.from_config(config).get_current_head()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # Reading from the CRM -------------------------------------------------------------------------------------------

    def cursor(self, tenant: str, stream: str) -> Cursor:
        """Return where reading a stream stands."""
        with self._session() as session:
            row = session.get(CursorRow, (tenant, stream))
            return Cursor() if row is None else Cursor(row.value, row.position, row.started_at)

    def start_over_unless(self, tenant: str, reads: str) -> None:
        """Forget where reading stands if it reads something else now than it did; what was read is kept till told."""
        with self._session() as session:
            known = session.get(CursorRow, (tenant, _READS))
            if known is None or known.position != reads:
                session.execute(delete(CursorRow).where(CursorRow.tenant == tenant))
                self._upsert(session, CursorRow, [{"tenant": tenant, "stream": _READS, **asdict(Cursor(None, reads))}])

    def save_page(
        self,
        tenant: str,
        page: Page,
        *,
        read_at: datetime,
        began_at: datetime | None = None,
        cursors: Mapping[str, Cursor] = MappingProxyType({}),
    ) -> Saved:
        """Keep a page and the cursors after it, by stream, together: a run that dies repeats a page and skips none.

        What the page says is no longer so goes in the same transaction; so does, at the end of a listing of everything
        that `began_at` then, what nobody has named since. Interactions that it ties otherwise than the store holds them
        go into the inbox, to be read again.
        """
        leads = {lead.id: _lead_values(tenant, lead) for lead in page.leads}
        items = {(i.kind, i.id, i.lead_id): _interaction_values(tenant, i) for i in page.interactions}
        changes = {(c.lead_id, c.changed_at, c.stage): {"tenant": tenant, **asdict(c)} for c in page.stage_changes}
        dated = {"read_at": read_at}
        with self._session() as session:
            removed = self._remove_leads(session, tenant, page.gone_leads)
            changed = self._upsert_hashed(session, LeadRow, [row | dated for row in leads.values()])
            changed += self._upsert_hashed(session, InteractionRow, [row | dated for row in items.values()])
            self._upsert(session, StageChangeRow, list(changes.values()))
            removed += self._remove_untold(session, tenant, page)
            removed += self._compare_links(session, tenant, page, read_at)
            if began_at is not None:
                removed += sum(self._remove_unlisted(session, tenant, what, began_at) for what in page.listed)
            after = [{"tenant": tenant, "stream": stream, **asdict(cursor)} for stream, cursor in cursors.items()]
            self._upsert(session, CursorRow, after)
        return Saved(len(leads) + len(items) + len(changes), changed, removed)

    def remove_leads(self, tenant: str, ids: Sequence[str]) -> None:
        """Remove leads and all that belongs to them."""
        with self._session() as session:
            self._remove_leads(session, tenant, ids)

    def _remove_leads(self, session: Session, tenant: str, ids: Sequence[str]) -> int:
        """Remove leads and all that belongs to them; return how many rows of leads and interactions that were."""
        removed = 0
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            leads = delete(LeadRow).where(LeadRow.tenant == tenant, LeadRow.id.in_(some))
            items = delete(InteractionRow).where(InteractionRow.tenant == tenant, InteractionRow.lead_id.in_(some))
            removed += _row_count(session.execute(leads)) + _row_count(session.execute(items))
            for table in (StageChangeRow, ScoreRow, WritebackRow):
                session.execute(delete(table).where(table.tenant == tenant, table.lead_id.in_(some)))
        return removed

    def _remove_unlisted(self, session: Session, tenant: str, what: Listed, began_at: datetime) -> int:
        """Remove what a listing of everything did not name."""
        seen = (
            select(LeadRow.id).where(LeadRow.tenant == tenant, LeadRow.read_at >= began_at)
            if what == "leads"
            else select(InteractionRow.id).where(
                InteractionRow.tenant == tenant, InteractionRow.kind == what.value, InteractionRow.read_at >= began_at
            )
        )
        if session.execute(seen.limit(1)).first() is None:
            return 0  # a listing that names nothing at all is likelier a fault than an emptied CRM
        if what == "leads":
            unseen = select(LeadRow.id).where(LeadRow.tenant == tenant, LeadRow.read_at < began_at)
            return self._remove_leads(session, tenant, list(session.scalars(unseen)))
        unlisted = delete(InteractionRow).where(
            InteractionRow.tenant == tenant, InteractionRow.kind == what.value, InteractionRow.read_at < began_at
        )
        return _row_count(session.execute(unlisted))

    def _remove_untold(self, session: Session, tenant: str, page: Page) -> int:
        """Remove the rows of what the page tells in full that are not on it; return how many that were."""
        on_page = {(item.lead_id, item.kind.value, item.id) for item in page.interactions}
        told_keys = {(kind.value, id_) for kind, id_ in page.told_interactions}
        told_leads = set(page.told_leads)
        held = self._keys_by(session, tenant, InteractionRow.id, [id_ for _, id_ in told_keys])
        held += self._keys_by(session, tenant, InteractionRow.lead_id, page.told_leads)
        gone = {key for key in held if key not in on_page and (key[1:] in told_keys or key[0] in told_leads)}
        self._remove_interactions(session, tenant, list(gone))
        return len(gone)

    def _compare_links(self, session: Session, tenant: str, page: Page, now: datetime) -> int:
        """Untie what a page says does not belong together, and have read what it says does; return how many went."""
        by_lead: dict[str, set[InteractionKey]] = {id_: set() for id_ in page.lead_links}
        for lead_id, kind, id_ in self._keys_by(session, tenant, InteractionRow.lead_id, list(by_lead)):
            by_lead[lead_id].add((InteractionKind(kind), id_))
        by_key: dict[InteractionKey, set[str]] = {key: set() for key in page.interaction_links}
        for lead_id, kind, id_ in self._keys_by(session, tenant, InteractionRow.id, [id_ for _, id_ in by_key]):
            by_key.get((InteractionKind(kind), id_), set()).add(lead_id)
        wrong = [
            (lead, kind.value, id_) for lead, keys in page.lead_links.items() for kind, id_ in by_lead[lead] - keys
        ]
        unread = {key for lead, keys in page.lead_links.items() for key in keys - by_lead[lead]}
        unread |= {key for key, leads in page.interaction_links.items() if by_key[key] != leads}
        events = [
            Event(f"link {kind} {id_} {now:%y%m%d%H%M%S}", kind, id_, Change.CHANGED, now) for kind, id_ in unread
        ]
        self._receive(session, tenant, events, now)
        self._remove_interactions(session, tenant, wrong)
        return len(wrong)

    def _keys_by(self, session: Session, tenant: str, column: Any, values: Sequence[str]) -> list[tuple[str, str, str]]:
        """Return lead, kind and id of the interactions whose `column` has one of these values."""
        found: list[tuple[str, str, str]] = []
        for start in range(0, len(values), _IDS_AT_ONCE):
            query = select(InteractionRow.lead_id, InteractionRow.kind, InteractionRow.id).where(
                InteractionRow.tenant == tenant, column.in_(values[start : start + _IDS_AT_ONCE])
            )
            found += [(lead_id, kind, id_) for lead_id, kind, id_ in session.execute(query)]
        return found

    def _remove_interactions(self, session: Session, tenant: str, keys: Sequence[tuple[str, str, str]]) -> None:
        columns = tuple_(InteractionRow.lead_id, InteractionRow.kind, InteractionRow.id)
        for start in range(0, len(keys), _IDS_AT_ONCE):
            chosen = columns.in_(keys[start : start + _IDS_AT_ONCE])
            session.execute(delete(InteractionRow).where(InteractionRow.tenant == tenant, chosen))

    # What CRMs tell -------------------------------------------------------------------------------------------------

    def receive(self, tenant: str, events: Sequence[Event], now: datetime) -> int:
        """Put events into the inbox, all or none; return how many were not there yet."""
        with self._session() as session:
            return self._receive(session, tenant, events, now)

    def _receive(self, session: Session, tenant: str, events: Sequence[Event], now: datetime) -> int:
        fresh = {"received_at": now, "due_at": now, "done_at": None, "attempts": 0}
        rows = {told.key: {"tenant": tenant, **asdict(told), **fresh} for told in events}
        if not rows:
            return 0
        insert = self._insert(InboxRow).on_conflict_do_nothing()
        return _row_count(session.connection().execute(insert, list(rows.values())))

    def list_due_events(self, tenant: str, now: datetime, limit: int) -> list[Told]:
        """Return what is to be looked at now, the oldest first."""
        query = (
            select(InboxRow)
            .where(InboxRow.tenant == tenant, InboxRow.done_at.is_(None), InboxRow.due_at <= now)
            .order_by(InboxRow.due_at, InboxRow.occurred_at, InboxRow.key)
            .limit(limit)
        )
        with self._session() as session:
            return [_parse_told(row) for row in session.scalars(query)]

    def list_due_erasures(self, tenant: str) -> list[Told]:
        """Return the persons to erase who have not been erased yet."""
        query = select(InboxRow).where(
            InboxRow.tenant == tenant, InboxRow.done_at.is_(None), InboxRow.change == Change.ERASED.value
        )
        with self._session() as session:
            return [_parse_told(row) for row in session.scalars(query)]

    def settle_events_about(self, tenant: str, subject: Subject, ids: Sequence[str], now: datetime) -> None:
        """Mark all events about these records as looked at."""
        with self._session() as session:
            for start in range(0, len(ids), _IDS_AT_ONCE):
                about = InboxRow.id.in_(ids[start : start + _IDS_AT_ONCE])
                query = update(InboxRow).where(InboxRow.tenant == tenant, InboxRow.subject == subject, about)
                session.execute(query.where(InboxRow.done_at.is_(None)).values(done_at=now))

    def settle_events(self, tenant: str, keys: Sequence[str], now: datetime) -> None:
        """Mark events as looked at."""
        self._update_events(tenant, keys, {"done_at": now})

    def postpone_events(self, tenant: str, keys: Sequence[str], due_at: datetime) -> None:
        """Look at events again later."""
        self._update_events(tenant, keys, {"due_at": due_at, "attempts": InboxRow.attempts + 1})

    def forget_events(self, tenant: str, before: datetime) -> None:
        """Remove what was looked at long ago: no delivery of it will come again."""
        with self._session() as session:
            session.execute(delete(InboxRow).where(InboxRow.tenant == tenant, InboxRow.done_at < before))

    def _update_events(self, tenant: str, keys: Sequence[str], values: dict[str, Any]) -> None:
        with self._session() as session:
            for start in range(0, len(keys), _IDS_AT_ONCE):
                chosen = InboxRow.key.in_(keys[start : start + _IDS_AT_ONCE])
                session.execute(update(InboxRow).where(InboxRow.tenant == tenant, chosen).values(values))

    def save_stages(self, tenant: str, stages: Sequence[Stage]) -> None:
        """Replace a tenant's funnel."""
        with self._session() as session:
            session.execute(delete(StageRow).where(StageRow.tenant == tenant))
            self._upsert(session, StageRow, [{"tenant": tenant, **asdict(stage)} for stage in stages])

    # What is known --------------------------------------------------------------------------------------------------

    def list_stages(self, tenant: str) -> list[Stage]:
        """Return a tenant's funnel, first stage first."""
        with self._session() as session:
            rows = session.scalars(select(StageRow).where(StageRow.tenant == tenant).order_by(StageRow.position))
            return [Stage(row.id, row.label, row.position, Outcome(row.outcome)) for row in rows]

    def list_leads(self, tenant: str, *outcomes: Outcome) -> list[Lead]:
        """Return a tenant's leads of these outcomes that stand in a stage, by id."""
        query = (
            select(LeadRow)
            .where(LeadRow.tenant == tenant, LeadRow.outcome.in_(outcomes), LeadRow.stage != "")
            .order_by(LeadRow.id)
        )
        with self._session() as session:
            return [
                Lead(
                    id=row.id,
                    name=row.name,
                    stage=row.stage,
                    outcome=Outcome(row.outcome),
                    owner=row.owner,
                    created_at=row.created_at,
                    modified_at=row.modified_at,
                    fields=row.fields,
                )
                for row in session.scalars(query)
            ]

    def interactions_by_lead(self, tenant: str) -> dict[str, list[Interaction]]:
        """Return every interaction of a tenant, newest first, by lead."""
        query = (
            select(InteractionRow)
            .where(InteractionRow.tenant == tenant)
            .order_by(InteractionRow.occurred_at.desc(), InteractionRow.id)
        )
        found: dict[str, list[Interaction]] = {}
        with self._session() as session:
            for row in session.scalars(query):
                found.setdefault(row.lead_id, []).append(
                    Interaction(
                        id=row.id,
                        lead_id=row.lead_id,
                        kind=InteractionKind(row.kind),
                        occurred_at=row.occurred_at,
                        created_at=row.created_at,
                        modified_at=row.modified_at,
                        text=row.text,
                        inbound=row.inbound,
                    )
                )
        return found

    def stage_changes_by_lead(self, tenant: str) -> dict[str, list[StageChange]]:
        """Return every stage change of a tenant, oldest first, by lead."""
        query = select(StageChangeRow).where(StageChangeRow.tenant == tenant).order_by(StageChangeRow.changed_at)
        found: dict[str, list[StageChange]] = {}
        with self._session() as session:
            for row in session.scalars(query):
                change = StageChange(row.lead_id, row.stage, row.changed_at, row.previous)
                found.setdefault(row.lead_id, []).append(change)
        return found

    # Ranking and writing back ---------------------------------------------------------------------------------------

    def save_ranking(self, tenant: str, scores: Sequence[Score], priorities: Sequence[Priority]) -> int:
        """Keep scores and desired CRM values, together; return how many values changed.

        A value that only differs in `ranked_at` is the same value.
        """
        values = {priority.lead_id: _priority_value(priority) for priority in priorities}
        with self._session() as session:
            session.execute(delete(ScoreRow).where(ScoreRow.tenant == tenant))
            ranked = {priority.lead_id: priority for priority in priorities}
            self._upsert(
                session,
                ScoreRow,
                [
                    {
                        "tenant": tenant,
                        **asdict(score),
                        "model_version": ranked[score.lead_id].model_version,
                        "ranked_at": ranked[score.lead_id].ranked_at,
                    }
                    for score in scores
                ],
            )
            rows = {
                row.lead_id: row for row in session.scalars(select(WritebackRow).where(WritebackRow.tenant == tenant))
            }
            changed = 0
            for lead_id, value in values.items():
                row = rows.get(lead_id)
                if row is None:
                    session.add(WritebackRow(tenant=tenant, lead_id=lead_id, value=value, seq=1, sent_seq=0, tries=0))
                elif _differs(row.value, value):
                    row.value, row.seq, row.tries, row.refusal = value, row.seq + 1, 0, None
                else:
                    continue
                changed += 1
            # A lead that is no longer ranked is not written again; what was sent is remembered.
            for lead_id, row in rows.items():
                if lead_id not in values and row.seq != row.sent_seq:
                    row.seq = row.sent_seq
        return changed

    def list_due_writes(self, tenant: str) -> list[DueWrite]:
        """Return what the CRM does not show yet, first of the call order first."""
        query = select(WritebackRow).where(
            WritebackRow.tenant == tenant, WritebackRow.seq != WritebackRow.sent_seq, WritebackRow.seq > 0
        )
        with self._session() as session:
            due = [
                DueWrite(_parse_priority(row.lead_id, row.value), row.seq, row.sent_value)
                for row in session.scalars(query)
            ]
        return sorted(
            (item for item in due if item.before is None or _differs(item.before, _priority_value(item.priority))),
            key=lambda item: item.priority.call_order,
        )

    def record_writes(self, tenant: str, sent: Sequence[DueWrite], outcomes: Sequence[WriteOutcome]) -> None:
        """Mark what was stored by the sequence number that was sent; a value that changed meanwhile stays due."""
        with self._session() as session:
            for item, outcome in zip(sent, outcomes, strict=True):
                row = session.get_one(WritebackRow, (tenant, item.priority.lead_id))
                if outcome.written:
                    row.sent_seq, row.sent_value = item.seq, _priority_value(item.priority)
                    row.tries, row.refusal = 0, None
                else:
                    row.tries, row.refusal = row.tries + 1, outcome.detail

    def find_priority(self, tenant: str, lead_id: str) -> tuple[Priority, dict[str, Any] | None] | None:
        """Return what a lead should show and what the CRM was last told, or None if it is not ranked."""
        with self._session() as session:
            row = session.get(WritebackRow, (tenant, lead_id))
            return None if row is None else (_parse_priority(lead_id, row.value), row.sent_value)

    # Models ---------------------------------------------------------------------------------------------------------

    def save_model(self, tenant: str, model: ModelVersion) -> None:
        """Remember a trained model; it is in use if it was promoted last."""
        values = {**asdict(model), "path": str(model.path), "tenant": tenant}
        with self._session() as session:
            self._upsert(session, ModelRow, [values])

    def list_models(self, tenant: str) -> list[ModelVersion]:
        """Return every trained model, the newest first."""
        query = select(ModelRow).where(ModelRow.tenant == tenant).order_by(ModelRow.trained_at.desc(), ModelRow.version)
        with self._session() as session:
            return [_parse_model(row) for row in session.scalars(query)]

    def find_model(self, tenant: str) -> ModelVersion | None:
        """Return the model in use: the one that was promoted last."""
        query = (
            select(ModelRow)
            .where(ModelRow.tenant == tenant, ModelRow.promoted_at.is_not(None))
            .order_by(ModelRow.promoted_at.desc())
            .limit(1)
        )
        with self._session() as session:
            row = session.scalars(query).first()
            return None if row is None else _parse_model(row)

    def set_promoted(self, tenant: str, version: str, promoted_at: datetime | None) -> bool:
        """Put a model into use, or take it out of use with None; return whether there is such a model."""
        with self._session() as session:
            row = session.get(ModelRow, (tenant, version))
            if row is None:
                return False
            row.promoted_at = promoted_at
            return True

    # ----------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _upsert_hashed(
        self, session: Session, table: type[LeadRow | InteractionRow], rows: list[dict[str, Any]]
    ) -> int:
        """Upsert rows and return how many of them differ from what was there."""
        keys = [column.name for column in table.__table__.primary_key]
        chosen = table.id if table is LeadRow else InteractionRow.lead_id
        ids = sorted({row["id"] if table is LeadRow else row["lead_id"] for row in rows})
        known: dict[tuple[Any, ...], str] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            query = select(*(getattr(table, key) for key in keys), table.content_hash).where(
                table.tenant == rows[0]["tenant"], chosen.in_(ids[start : start + _IDS_AT_ONCE])
            )
            known |= {tuple(row[:-1]): row[-1] for row in session.execute(query)}
        self._upsert(session, table, rows)
        return sum(known.get(tuple(row[key] for key in keys)) != row["content_hash"] for row in rows)

    def _upsert(self, session: Session, table: type[Table], rows: Sequence[dict[str, Any]]) -> None:
        """Insert or replace rows, which differ in their keys."""
        if not rows:
            return
        keys = [column.name for column in table.__table__.primary_key.columns]  # type: ignore[attr-defined]  # a Table here
        insert = self._insert(table)
        rest = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        session.connection().execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), list(rows))

    def _insert(self, table: type[Table]) -> "sqlite.Insert | postgresql.Insert":
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)


def _row_count(result: Any) -> int:
    """Return how many rows a statement touched."""
    return int(result.rowcount)


def _parse_told(row: InboxRow) -> Told:
    event = Event(row.key, _parse_subject(row.subject), row.id, Change(row.change), row.occurred_at)
    return Told(event, row.attempts)


def _parse_subject(name: str) -> Subject:
    return "lead" if name == "lead" else InteractionKind(name)


def _configure_sqlite(connection: Any, _: Any) -> None:
    # The driver must not open transactions of its own: BEGIN IMMEDIATE does, and waits for its turn.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _lead_values(tenant: str, lead: Lead) -> dict[str, Any]:
    # `modified_at` is left out of the hash: our own write moves it.
    digest = _hash(lead.name, lead.stage, lead.outcome, lead.owner, dict(lead.fields))
    return {"tenant": tenant, **asdict(lead), "fields": dict(lead.fields), "content_hash": digest}


def _interaction_values(tenant: str, item: Interaction) -> dict[str, Any]:
    digest = _hash(item.kind, item.occurred_at, item.inbound, item.text)
    return {"tenant": tenant, **asdict(item), "content_hash": digest}


def _parse_model(row: ModelRow) -> ModelVersion:
    return ModelVersion(row.version, Path(row.path), row.backbone, row.trained_at, row.card, row.promoted_at)


def _priority_value(priority: Priority) -> dict[str, Any]:
    value = {field.name: getattr(priority, field.name) for field in fields(priority) if field.name != "lead_id"}
    return {
        **value,
        "band": priority.band.value,
        "status": priority.status.value,
        "ranked_at": priority.ranked_at.isoformat(),
    }


def _parse_priority(lead_id: str, value: dict[str, Any]) -> Priority:
    return Priority(
        **{
            **value,
            "lead_id": lead_id,
            "band": Band(value["band"]),
            "status": PriorityStatus(value["status"]),
            "ranked_at": datetime.fromisoformat(value["ranked_at"]),
        }
    )


def _differs(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return any(before.get(name) != after.get(name) for name in COMPARED_FIELDS)
