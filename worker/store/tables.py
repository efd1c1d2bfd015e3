"""The tables. Every key starts with the tenant; every time is stored in UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float, Index, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone was to be stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Table(DeclarativeBase):
    """The root of all tables."""

    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON}


class LeadRow(Table):
    """A lead as last read."""

    __tablename__ = "lead"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(String(255))
    outcome: Mapped[str] = mapped_column(String(8))
    owner: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    fields: Mapped[dict[str, Any]]
    content_hash: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[datetime]


class InteractionRow(Table):
    """A note, email, call, meeting, task or message of one lead, as plain text."""

    __tablename__ = "interaction"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    inbound: Mapped[bool]
    text: Mapped[str] = mapped_column(Text)
    text_version: Mapped[str] = mapped_column(String(80))
    content_hash: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[datetime]
    # By which an interaction is found without its lead: HubSpot tells what changed in it, not whose it is.
    __table_args__ = (Index("interaction_by_id", "tenant", "id", "kind", "lead_id"),)


class StageRow(Table):
    """One step of a funnel."""

    __tablename__ = "stage"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    label: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str] = mapped_column(String(8))


class StageChangeRow(Table):
    """The moment a lead entered a stage."""

    __tablename__ = "stage_change"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(String(255), primary_key=True)
    previous: Mapped[str | None] = mapped_column(String(255))


class CursorRow(Table):
    """Where reading a stream stands.

    `value` is the start of the last read that ended; `position` and `started_at` belong to one that has not.
    """

    __tablename__ = "cursor"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    stream: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[datetime | None]
    position: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]


class InboxRow(Table):
    """Something that a CRM told us and that we have not looked at yet.

    `due_at` is when to look, `attempts` how often we have: what is not there yet is looked for again.
    """

    __tablename__ = "inbox"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(16))
    id: Mapped[str] = mapped_column(String(80))
    change: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer)
    __table_args__ = (Index("inbox_due", "tenant", "done_at", "due_at"),)


class ScoreRow(Table):
    """What the current model says of an open lead."""

    __tablename__ = "score"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    stage: Mapped[str] = mapped_column(String(255))
    utility: Mapped[float] = mapped_column(Float)
    probability: Mapped[float] = mapped_column(Float)
    model_version: Mapped[str] = mapped_column(String(80))
    ranked_at: Mapped[datetime]


class WritebackRow(Table):
    """What a lead should show in the CRM and what the CRM was last told: desired state, one row a lead, no log."""

    __tablename__ = "writeback"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[dict[str, Any]]
    seq: Mapped[int] = mapped_column(Integer)
    sent_seq: Mapped[int] = mapped_column(Integer)
    sent_value: Mapped[dict[str, Any] | None]
    tries: Mapped[int] = mapped_column(Integer)
    refusal: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("writeback_due", "tenant", "seq", "sent_seq"),)


class ModelRow(Table):
    """A trained model. The one promoted last is in use."""

    __tablename__ = "model_version"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[str] = mapped_column(String(80), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    backbone: Mapped[str] = mapped_column(Text)
    trained_at: Mapped[datetime]
    promoted_at: Mapped[datetime | None]
    card: Mapped[dict[str, Any]]
