"""The store: SQLite by default. Every method is one transaction."""

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
from sqlalchemy import create_engine, delete, event, select
from sqlalchemy.orm import Session

from connectors.base import Page, WriteOutcome
from connectors.events import Event
from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.priority import COMPARED_FIELDS, Band, Priority, PriorityStatus
from worker.store import inbox, pages
from worker.store.inbox import Told
from worker.store.pages import Saved
from worker.store.statements import upsert
from worker.store.tables import (
    CursorRow,
    InteractionRow,
    LeadRow,
    ModelRow,
    ScoreRow,
    StageChangeRow,
    StageRow,
    WritebackRow,
)

# The row of cursors that says what is read; no stream has such a name.
_READS = ", reads"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading a stream stands; see `CursorRow`."""

    value: datetime | None = None
    position: str | None = None
    started_at: datetime | None = None


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
                upsert(session, CursorRow, [{"tenant": tenant, "stream": _READS, **asdict(Cursor(None, reads))}])

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
        with self._session() as session:
            saved = pages.save_page(session, tenant, page, read_at, began_at)
            after = [{"tenant": tenant, "stream": stream, **asdict(cursor)} for stream, cursor in cursors.items()]
            upsert(session, CursorRow, after)
        return saved

    def remove_orphans(self, tenant: str) -> int:
        """Remove the interactions of leads that are not held; return how many rows that were."""
        with self._session() as session:
            return pages.remove_orphans(session, tenant)

    def known_texts(self, tenant: str, kind: InteractionKind, ids: Sequence[str]) -> dict[tuple[str, str], str]:
        """Return the texts that are held of these interactions, by id and the version that was read."""
        with self._session() as session:
            return pages.known_texts(session, tenant, kind, ids)

    def save_stages(self, tenant: str, stages: Sequence[Stage]) -> None:
        """Replace a tenant's funnel."""
        with self._session() as session:
            session.execute(delete(StageRow).where(StageRow.tenant == tenant))
            upsert(session, StageRow, [{"tenant": tenant, **asdict(stage)} for stage in stages])

    # What CRMs tell -------------------------------------------------------------------------------------------------

    def receive(self, tenant: str, events: Sequence[Event], now: datetime) -> None:
        """Put events into the inbox, all or none; one that is there stays as it is."""
        with self._session() as session:
            inbox.receive(session, tenant, events, now)

    def list_due_events(self, tenant: str, now: datetime, limit: int) -> list[Told]:
        """Return what is to be looked at now, the oldest first."""
        with self._session() as session:
            return inbox.list_due(session, tenant, now, limit)

    def erase_told(self, tenant: str, now: datetime) -> int:
        """Erase the persons who asked for it, and settle whatever else was told of them; return how many."""
        with self._session() as session:
            leads = inbox.list_erasures(session, tenant)
            pages.remove_leads(session, tenant, leads)
            inbox.settle_about(session, tenant, leads, now)
        return len(leads)

    def settle_events(self, tenant: str, keys: Sequence[str], now: datetime) -> None:
        """Mark events as looked at."""
        with self._session() as session:
            inbox.settle(session, tenant, keys, now)

    def postpone_events(self, tenant: str, keys: Sequence[str], due_at: datetime) -> None:
        """Look at events again later."""
        with self._session() as session:
            inbox.postpone(session, tenant, keys, due_at)

    def forget_events(self, tenant: str, before: datetime) -> None:
        """Remove what was looked at long ago."""
        with self._session() as session:
            inbox.forget(session, tenant, before)

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
                        text_version=row.text_version,
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
            upsert(
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
            upsert(session, ModelRow, [values])

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


def _configure_sqlite(connection: Any, _: Any) -> None:
    # The driver must not open transactions of its own: BEGIN IMMEDIATE does, and waits for its turn.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


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
