"""The tables. Every key starts with the tenant; every time is stored in UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Dialect, Float, Index, Integer, String, Text, TypeDecorator
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


class AccountRow(Table):
    """How it stands with a tenant as a whole.

    `pulled_at` is when all of it was first held; before that there is no order to be made. `paused_at` is a person's
    doing, `throttled_until` the CRM's: it has had enough calls of all our processes together.
    """

    __tablename__ = "account"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    pulled_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(Text)
    throttled_until: Mapped[datetime | None]


class WorkRow(Table):
    """What is to be done for a tenant, or for one of its stages.

    It is due while `dirty_seq` is ahead of `done_seq`. Whoever does it holds it until `lease_until` and may commit only
    with the `token` of that claim: one who was taken for dead finds that it has moved on. `dirty_at` is when the oldest
    change that is not done was noted. Scores made before `stale_before` are to be made anew, when there is time.
    """

    __tablename__ = "work"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    job: Mapped[str] = mapped_column(String(16), primary_key=True)
    stage: Mapped[str] = mapped_column(String(255), primary_key=True)  # empty for what concerns the whole account
    dirty_seq: Mapped[int] = mapped_column(BigInteger)
    done_seq: Mapped[int] = mapped_column(BigInteger)
    dirty_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    stale_before: Mapped[datetime | None]
    token: Mapped[int] = mapped_column(BigInteger)
    lease_until: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer)
    failures: Mapped[int] = mapped_column(Integer)  # of the attempts, those that only a person can help
    parked_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("work_due", "job", "due_at"),)


class DirtyLeadRow(Table):
    """An open lead that says something its score does not know yet. `seq` is its stage's `dirty_seq` that marked it.

    It is `urgent` if the CRM told us so, and not if we came upon it.
    """

    __tablename__ = "dirty_lead"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    stage: Mapped[str] = mapped_column(String(255))
    seq: Mapped[int] = mapped_column(BigInteger)
    urgent: Mapped[bool] = mapped_column(Boolean)
    dirty_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer)
    parked_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("dirty_lead_by_stage", "tenant", "stage"),)


class ScoreRow(Table):
    """What a model says of an open lead, and why, in the lead's own words.

    `input_hash` names what the model was shown, `ranked_at` the moment of the snapshot.
    """

    __tablename__ = "score"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    stage: Mapped[str] = mapped_column(String(255))
    utility: Mapped[float] = mapped_column(Float)
    probability: Mapped[float] = mapped_column(Float)
    insufficient: Mapped[bool] = mapped_column(Boolean)
    from_own_history: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(Text)
    input_hash: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[str] = mapped_column(String(80))
    ranked_at: Mapped[datetime]
    __table_args__ = (Index("score_by_stage", "tenant", "stage", "ranked_at"),)


class WritebackRow(Table):
    """What a lead should show in the CRM and what the CRM was last told: desired state, one row a lead, no log.

    A refusal that may pass is tried again at `due_at`; one that will not is `parked` until the value changes or a
    person says so. What is not `ranked` any more is left as it is. `input_hash` names what the model had seen of the
    lead when the value was last looked at. `sent_seq` is below zero while a value is on its way.
    """

    __tablename__ = "writeback"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    lead_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[dict[str, Any]]
    seq: Mapped[int] = mapped_column(Integer)
    sent_seq: Mapped[int] = mapped_column(Integer)
    sent_value: Mapped[dict[str, Any] | None]
    tries: Mapped[int] = mapped_column(Integer)
    refusal: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None]
    parked: Mapped[bool] = mapped_column(Boolean)
    ranked: Mapped[bool] = mapped_column(Boolean)
    input_hash: Mapped[str] = mapped_column(String(64))
    __table_args__ = (Index("writeback_due", "tenant", "seq", "sent_seq"),)


class RunRow(Table):
    """One scheduled job of one tenant, named by its day or minute: however often it is started, it is done once."""

    __tablename__ = "run"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)
    job: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class AuditRow(Table):
    """What was done to a lead or an account, in order. Nothing is ever changed here; texts are named by their hash."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(16))
    lead_id: Mapped[str | None] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]]
    __table_args__ = (Index("audit_by_lead", "tenant", "lead_id", "at"),)


class HeartbeatRow(Table):
    """A process of ours that was alive at `beat_at`."""

    __tablename__ = "heartbeat"
    process: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]


class CounterRow(Table):
    """Something that is counted across processes and restarts, or the last reading of a gauge."""

    __tablename__ = "counter"
    tenant: Mapped[str] = mapped_column(String(80), primary_key=True)  # empty for what concerns no tenant
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


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
