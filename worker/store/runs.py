"""The schedule, people's hands, and the record of what was done, inside a transaction of the store's."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from connectors.base import WriteOutcome
from connectors.lead import Outcome
from worker.store.ranking import DueWrite
from worker.store.statements import insert_into, upsert
from worker.store.tables import AccountRow, AuditRow, HeartbeatRow, LeadRow, RunRow, WorkRow
from worker.store.work import Job, account_of, mark, mark_stale, take_away

# Polls are named by their minute; that they were done is of no interest the day after.
_POLLS_KEPT = timedelta(days=1)
_SILENT = timedelta(days=1)  # a process that has said nothing for so long is gone


@dataclass(frozen=True, slots=True)
class Run:
    """A scheduled job of a tenant: `nightly` by its day, or `poll` by its minute."""

    job: str
    day: str
    started_at: datetime


def start(session: Session, tenant: str, job: str, day: str, now: datetime) -> bool:
    """Begin a scheduled job and have the CRM read for it; say whether it had not begun yet."""
    insert = insert_into(session, RunRow).values(tenant=tenant, job=job, day=day, started_at=now, finished_at=None)
    fresh = session.execute(insert.on_conflict_do_nothing().returning(RunRow.day)).first() is not None
    if fresh:
        mark(session, tenant, Job.READ, now)
    return fresh


def has_begun(session: Session, tenant: str, job: str, day: str) -> bool:
    """Say whether a scheduled job has begun; of polls, whether any is still going on, or there is nothing yet."""
    if job == "poll":
        account = session.get(AccountRow, tenant)
        if account is None or account.pulled_at is None or list_open(session, tenant):
            return True
        return session.get(RunRow, (tenant, job, day)) is not None
    # A clock that is put back is not to begin the night before this one.
    later = select(RunRow.day).where(RunRow.tenant == tenant, RunRow.job == job, RunRow.day >= day)
    return session.execute(later.limit(1)).first() is not None


def list_open(session: Session, tenant: str) -> list[Run]:
    """Return the scheduled jobs that have begun and not ended, the oldest first."""
    query = (
        select(RunRow)
        .where(RunRow.tenant == tenant, RunRow.finished_at.is_(None))
        .order_by(RunRow.started_at, RunRow.job)
    )
    return [Run(row.job, row.day, row.started_at) for row in session.scalars(query)]


def is_night(session: Session, tenant: str) -> bool:
    """Say whether a night is being read: when it is through, every score is made anew."""
    return any(run.job == "nightly" for run in list_open(session, tenant))


def finish(session: Session, tenant: str, run: Run, now: datetime) -> None:
    """End a scheduled job; a night has every score made anew, as of now."""
    session.get_one(RunRow, (tenant, run.job, run.day)).finished_at = now
    if run.job == "nightly":
        mark_all_stale(session, tenant, now)
    old = delete(RunRow).where(RunRow.tenant == tenant, RunRow.job == "poll", RunRow.finished_at < now - _POLLS_KEPT)
    session.execute(old)


def mark_all_stale(session: Session, tenant: str, now: datetime) -> None:
    """Have every score of a tenant made anew, as of now."""
    stages = select(LeadRow.stage).where(
        LeadRow.tenant == tenant, LeadRow.outcome == Outcome.OPEN.value, LeadRow.stage != ""
    )
    mark_stale(session, tenant, sorted(session.scalars(stages.distinct())), now)


def pause(session: Session, tenant: str, reason: str, now: datetime) -> None:
    """Do nothing for a tenant until `resume`."""
    account = account_of(session, tenant)
    account.paused_at, account.pause_reason = account.paused_at or now, reason
    take_away(session, tenant)
    audit(session, tenant, "pause", now)


def resume(session: Session, tenant: str, now: datetime) -> None:
    """Go on with a tenant that was paused."""
    account = account_of(session, tenant)
    account.paused_at, account.pause_reason, account.throttled_until = None, None, None
    for row in session.scalars(select(WorkRow).where(WorkRow.tenant == tenant)):
        row.due_at = min(row.due_at, now)
    audit(session, tenant, "resume", now)


def audit(session: Session, tenant: str, action: str, now: datetime, lead_id: str | None = None, **detail: Any) -> None:
    """Append what was done."""
    session.add(AuditRow(tenant=tenant, at=now, action=action, lead_id=lead_id, detail=detail))


def audit_writes(
    session: Session, tenant: str, sent: Sequence[DueWrite], outcomes: Sequence[WriteOutcome], now: datetime
) -> None:
    """Append what the CRM was told, and whether it took it."""
    for item, outcome in zip(sent, outcomes, strict=True):
        priority = item.priority
        audit(
            session,
            tenant,
            "write" if outcome.written else "refusal",
            now,
            priority.lead_id,
            seq=item.seq,
            band=priority.band.value,
            score=priority.score,
            rank=priority.rank,
            call_order=priority.call_order,
            status=priority.status.value,
            model_version=priority.model_version,
            ranked_at=priority.ranked_at.isoformat(),
            reason_hash=hashlib.sha256(priority.reason.encode()).hexdigest(),
        )


def beat(session: Session, process: str, kind: str, started_at: datetime, now: datetime) -> None:
    """Note that a process of ours is alive."""
    upsert(session, HeartbeatRow, [{"process": process, "kind": kind, "started_at": started_at, "beat_at": now}])
    session.execute(delete(HeartbeatRow).where(HeartbeatRow.beat_at < now - _SILENT))
