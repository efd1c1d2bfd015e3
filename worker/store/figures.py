"""How things stand, counted by the database: what waits, for how long, and what waits for a person.

No text is read for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from connectors.priority import COMPARED_FIELDS
from worker.store.tables import (
    AccountRow,
    CounterRow,
    DirtyLeadRow,
    HeartbeatRow,
    InboxRow,
    RunRow,
    WorkRow,
    WritebackRow,
)
from worker.store.work import Job


@dataclass(frozen=True, slots=True)
class WorkFigures:
    """How one kind of work of one tenant stands; `oldest_seconds` is the age of the oldest change that is not done.

    `due` is what nobody is at, `held` is being done, `expired` belonged to somebody who died, and is due again.
    """

    tenant: str
    job: Job
    oldest_seconds: float
    due: int
    held: int
    expired: int
    stale: int
    parked: int


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """How one tenant stands as a whole."""

    tenant: str
    paused: bool
    throttled_seconds: float
    dirty_leads: int
    parked_leads: int
    undelivered: int
    parked_writes: int
    inbox_waiting: int
    inbox_oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """How everything stands. Counters are by tenant and name, the age of the last run by tenant and job.

    `heartbeats` has, by kind, the seconds since any process of that kind said that it is alive.
    """

    work: Sequence[WorkFigures]
    accounts: Sequence[AccountFigures]
    counters: Mapping[tuple[str, str], int]
    runs: Mapping[tuple[str, str], float]
    heartbeats: Mapping[str, float]


def read_figures(session: Session, now: datetime) -> Figures:
    """Count how everything stands."""
    work = _count_work(session, now)
    runs = session.execute(select(RunRow.tenant, RunRow.job, func.max(RunRow.started_at)).group_by("tenant", "job"))
    beats = session.execute(select(HeartbeatRow.kind, func.max(HeartbeatRow.beat_at)).group_by(HeartbeatRow.kind))
    return Figures(
        work=work,
        accounts=_count_accounts(session, {item.tenant for item in work}, now),
        counters={(row.tenant, row.name): row.value for row in session.scalars(select(CounterRow))},
        runs={(tenant, job): _age(at, now) for tenant, job, at in runs},
        heartbeats={kind: _age(at, now) for kind, at in beats},
    )


def _count_work(session: Session, now: datetime) -> list[WorkFigures]:
    dirty = and_(WorkRow.dirty_seq > WorkRow.done_seq, WorkRow.parked_reason.is_(None))
    # Until all leads are held once there is no order to be made, and nothing to wait for.
    wanted = and_(dirty, or_(WorkRow.job != Job.RANK.value, AccountRow.pulled_at.is_not(None)))
    free = WorkRow.lease_until <= now
    query = (
        select(
            WorkRow.tenant,
            WorkRow.job,
            func.min(WorkRow.dirty_at).filter(wanted),
            _count(wanted, free, WorkRow.due_at <= now),
            _count(WorkRow.lease_until > now),
            _count(free, WorkRow.lease_until > WorkRow.claimed_at),
            _count(WorkRow.stale_before.is_not(None), WorkRow.parked_reason.is_(None)),
            _count(WorkRow.parked_reason.is_not(None)),
        )
        .outerjoin(AccountRow, AccountRow.tenant == WorkRow.tenant)
        .group_by(WorkRow.tenant, WorkRow.job)
        .order_by(WorkRow.tenant, WorkRow.job)
    )
    return [
        WorkFigures(tenant, Job(job), _age(oldest, now), due, held, expired, stale, parked)
        for tenant, job, oldest, due, held, expired, stale, parked in session.execute(query)
    ]


def _count_accounts(session: Session, tenants: Iterable[str], now: datetime) -> list[AccountFigures]:
    accounts = {row.tenant: row for row in session.scalars(select(AccountRow))}
    waits = DirtyLeadRow.parked_reason.is_(None)
    leads = _by_tenant(session, DirtyLeadRow.tenant, _count(waits), _count(~waits))
    undelivered = and_(WritebackRow.seq != WritebackRow.sent_seq, WritebackRow.ranked, _shows_something_else())
    writes = _by_tenant(
        session,
        WritebackRow.tenant,
        _count(undelivered, WritebackRow.parked == false()),
        _count(WritebackRow.parked == true()),
    )
    told = _by_tenant(
        session, InboxRow.tenant, func.count(), func.min(InboxRow.received_at), where=InboxRow.done_at.is_(None)
    )
    found: list[AccountFigures] = []
    for tenant in sorted({*tenants, *accounts, *leads, *writes, *told}):
        account = accounts.get(tenant)
        until = None if account is None else account.throttled_until
        dirty_leads, parked_leads = leads.get(tenant, (0, 0))
        due_writes, parked_writes = writes.get(tenant, (0, 0))
        waiting, received_at = told.get(tenant, (0, None))
        found.append(
            AccountFigures(
                tenant,
                paused=account is not None and account.paused_at is not None,
                throttled_seconds=0.0 if until is None else max(0.0, (until - now).total_seconds()),
                dirty_leads=dirty_leads,
                parked_leads=parked_leads,
                undelivered=due_writes,
                parked_writes=parked_writes,
                inbox_waiting=waiting,
                inbox_oldest_seconds=_age(received_at, now),
            )
        )
    return found


def _shows_something_else() -> ColumnElement[bool]:
    """Say whether the CRM was last told something else: a value that went there and back is not sent again."""
    return or_(
        *(
            WritebackRow.value[name].as_string().is_distinct_from(WritebackRow.sent_value[name].as_string())
            for name in COMPARED_FIELDS
        )
    )


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(*conditions)


def _by_tenant(
    session: Session, tenant: Any, *columns: Any, where: ColumnElement[bool] | None = None
) -> dict[str, tuple[Any, ...]]:
    query = select(tenant, *columns).group_by(tenant)
    rows = session.execute(query if where is None else query.where(where))
    return {row[0]: tuple(row[1:]) for row in rows}


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
