"""What is to be done and who does it: rows that are marked, claimed for a while, and finished.

A claim is a lease with a fencing token: it ends by itself when its holder dies, and a holder that was only slow can
commit nothing once somebody else has claimed the row. A row that is marked while it is held stays due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from worker.errors import LeaseLostError
from worker.store.statements import insert_into, row_count, upsert
from worker.store.tables import AccountRow, CounterRow, WorkRow

# What fails this often in a row, and can only be mended by a person, waits for one.
MAX_TRIES = 5
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Job(StrEnum):
    """What work there is. Reading and writing concern a whole account, ranking one of its stages."""

    READ = "read"
    RANK = "rank"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Claim:
    """Work that we hold. `seq` is how far it was marked when it was claimed, `attempts` how often it failed in a row.

    `stale_before`, where it is set, asks for every score of the stage to be at least as young.
    """

    tenant: str
    job: Job
    stage: str
    token: int
    seq: int
    attempts: int
    stale_before: datetime | None
    lease: timedelta


def mark(
    session: Session, tenant: str, job: Job, now: datetime, *, stage: str = "", delay: timedelta = timedelta()
) -> int:
    """Say that there is something to do, and return by which number; it is due after `delay`, or when it was before."""
    due_at = now + delay
    fresh = _clean(tenant, job, stage, due_at) | {"dirty_seq": 1, "dirty_at": now}
    insert = insert_into(session, WorkRow).values(**fresh)
    clean = WorkRow.dirty_seq == WorkRow.done_seq
    # What has failed waits for its next try, whatever comes in meanwhile.
    next_due = case(
        (WorkRow.attempts > 0, WorkRow.due_at),
        (or_(clean, WorkRow.due_at > due_at), due_at),
        else_=WorkRow.due_at,
    )
    marked = insert.on_conflict_do_update(
        index_elements=["tenant", "job", "stage"],
        set_={
            "dirty_seq": WorkRow.dirty_seq + 1,
            "dirty_at": func.coalesce(WorkRow.dirty_at, now),
            "due_at": next_due,
        },
    ).returning(WorkRow.dirty_seq)
    return int(session.execute(marked).scalar_one())


def mark_stale(session: Session, tenant: str, stages: Sequence[str], before: datetime) -> None:
    """Have every score of these stages that is older made anew, when there is time."""
    for stage in stages:
        session.execute(
            insert_into(session, WorkRow).values(**_clean(tenant, Job.RANK, stage, before)).on_conflict_do_nothing()
        )
        row = session.get_one(WorkRow, (tenant, Job.RANK.value, stage), populate_existing=True, with_for_update=True)
        row.stale_before = max(row.stale_before or before, before)


def is_stale(session: Session, tenant: str) -> bool:
    """Say whether a tenant's scores are of several ages, and not to be compared yet."""
    stale = select(WorkRow.stage).where(
        WorkRow.tenant == tenant, WorkRow.stale_before.is_not(None), WorkRow.parked_reason.is_(None)
    )
    return session.execute(stale.limit(1)).first() is not None


def claim(session: Session, job: Job, now: datetime, lease: timedelta, *, stale: bool = False) -> Claim | None:
    """Take the next due work of a kind, or None; of several tenants the one that has waited longest is served.

    With `stale`, take a stage whose scores are to be made anew.
    """
    due = _is_due(job, now, stale=stale)
    other = aliased(WorkRow)
    served_at = (
        select(func.max(other.claimed_at))
        .where(other.tenant == WorkRow.tenant, other.job == job.value)
        .correlate(WorkRow)
        .scalar_subquery()
    )
    query = (
        select(WorkRow)
        .where(due)
        .order_by(func.coalesce(served_at, _NEVER), WorkRow.due_at, WorkRow.tenant, WorkRow.stage)
        .limit(1)
        .with_for_update(of=WorkRow, skip_locked=True)
    )
    row = session.scalars(query).first()
    if row is None:
        return None
    # A lease that ran out, rather than being given back, belonged to somebody who died at this work.
    row.attempts += row.lease_until > _NEVER
    row.token += 1
    row.lease_until = now + lease
    row.claimed_at = now
    return Claim(
        row.tenant,
        job,
        row.stage,
        row.token,
        row.dirty_seq,
        row.attempts,
        row.stale_before,
        lease,
    )


def take(session: Session, tenant: str, job: Job, now: datetime, lease: timedelta) -> Claim | None:
    """Take an account's work of a kind, due or not; None if somebody holds it or the account is paused."""
    session.execute(insert_into(session, WorkRow).values(**_clean(tenant, job, "", now)).on_conflict_do_nothing())
    row = session.get_one(WorkRow, (tenant, job.value, ""), populate_existing=True, with_for_update=True)
    if row.lease_until > now or account_of(session, tenant).paused_at is not None:
        return None
    row.token += 1
    row.lease_until = now + lease
    return Claim(tenant, job, "", row.token, row.dirty_seq, row.attempts, None, lease)


def keep_waiting(session: Session, tenant: str, job: Job) -> None:
    """Keep whoever does this work of an account waiting with his next transaction until this one ends."""
    row = and_(WorkRow.tenant == tenant, WorkRow.job == job.value, WorkRow.stage == "")
    session.execute(select(WorkRow.token).where(row).with_for_update())


def hold(session: Session, held: Claim, now: datetime) -> None:
    """Make sure that a claim is still ours, and prolong it; until the transaction ends nobody can take it.

    Raises:
        LeaseLostError: Somebody else has the work now.
    """
    query = update(WorkRow).where(_is(held)).values(lease_until=now + held.lease)
    if row_count(session.execute(query)) == 0:
        raise LeaseLostError(f"{held.job} {held.tenant} {held.stage}: the work was taken over while this was slow")


def finish(session: Session, held: Claim, now: datetime) -> None:
    """Give work back as done, as far as it was marked when it was claimed."""
    row = _row_of(session, held)
    row.done_seq = max(row.done_seq, held.seq)
    row.dirty_at = now if row.dirty_seq > row.done_seq else None
    row.attempts, row.failures, row.lease_until = 0, 0, _NEVER


def finish_stale(session: Session, held: Claim) -> None:
    """Give a stage back whose scores are all young enough; what was marked in it stays to be done."""
    row = _row_of(session, held)
    row.attempts, row.failures, row.lease_until = 0, 0, _NEVER
    if row.stale_before == held.stale_before:
        row.stale_before = None


def give_back(session: Session, held: Claim, *, still_suspicious: bool = False) -> None:
    """Give work back unfinished but not failed: it is due again at once.

    It stays `still_suspicious` while what killed its holders has not been found.
    """
    row = _row_of(session, held)
    row.lease_until = _NEVER
    if not still_suspicious:
        row.attempts = row.failures = 0


def fail(session: Session, held: Claim, reason: str, due_at: datetime, *, hopeless: bool) -> bool:
    """Give work back as failed: it is tried again at `due_at`.

    What is `hopeless` without a person is parked when it has failed so too often in a row; say whether it is now.
    """
    row = _row_of(session, held)
    row.attempts, row.lease_until, row.due_at = row.attempts + 1, _NEVER, due_at
    row.failures += hopeless
    if row.failures >= MAX_TRIES:
        row.parked_reason = reason
    return row.parked_reason is not None


def is_at_work(session: Session, job: Job, now: datetime) -> bool:
    """Say whether anybody holds work of a kind, and will look for more of it."""
    held = select(WorkRow.tenant).where(WorkRow.job == job.value, WorkRow.lease_until > now)
    return session.execute(held.limit(1)).first() is not None


def list_due(session: Session, now: datetime, *, since: datetime) -> list[tuple[str, Job, bool]]:
    """Return tenant and job of what has been due since then and nobody holds; the last says that it is stale scores."""
    found: list[tuple[str, Job, bool]] = []
    for job in Job:
        for stale in (False, True) if job is Job.RANK else (False,):
            due = and_(_is_due(job, now, stale=stale), WorkRow.due_at <= since, WorkRow.lease_until <= since)
            found += [(tenant, job, stale) for tenant in session.scalars(select(WorkRow.tenant).where(due).distinct())]
    return found


def is_busy(session: Session, tenant: str) -> bool:
    """Say whether anything is left to be done for a tenant, parked work aside."""
    left = or_(WorkRow.dirty_seq > WorkRow.done_seq, WorkRow.stale_before.is_not(None))
    query = select(WorkRow.job).where(WorkRow.tenant == tenant, WorkRow.parked_reason.is_(None), left)
    return session.execute(query.limit(1)).first() is not None


def unpark(session: Session, tenant: str, now: datetime, *, jobs: Sequence[Job] = tuple(Job)) -> int:
    """Try again what was parked, and at once what waits for its next try; return how many rows were parked."""
    ours = and_(WorkRow.tenant == tenant, WorkRow.job.in_([job.value for job in jobs]))
    parked = and_(ours, WorkRow.parked_reason.is_not(None))
    found = row_count(session.execute(update(WorkRow).where(parked).values(parked_reason=None, attempts=1)))
    waiting = and_(ours, WorkRow.attempts > 0)
    session.execute(update(WorkRow).where(waiting).values(attempts=0, failures=0, due_at=now))
    return found


def take_away(session: Session, tenant: str) -> None:
    """Take all work of a tenant from whoever holds it: he can commit nothing more."""
    rows = update(WorkRow).where(WorkRow.tenant == tenant)
    session.execute(rows.values(token=WorkRow.token + 1, lease_until=_NEVER))


def add(session: Session, tenant: str, name: str, amount: int) -> None:
    """Count something across processes and restarts."""
    insert = insert_into(session, CounterRow).values(tenant=tenant, name=name, value=amount)
    counted = insert.on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"value": CounterRow.value + insert.excluded.value}
    )
    session.execute(counted)


def set_gauge(session: Session, tenant: str, name: str, value: int) -> None:
    """Keep the last reading of something."""
    upsert(session, CounterRow, [{"tenant": tenant, "name": name, "value": value}])


def account_of(session: Session, tenant: str, *, alone: bool = False) -> AccountRow:
    """Return how it stands with a tenant; with `alone`, keep others who ask so waiting until the transaction ends."""
    session.execute(insert_into(session, AccountRow).values(tenant=tenant).on_conflict_do_nothing())
    return session.get_one(AccountRow, tenant, with_for_update=alone, populate_existing=True)


def _clean(tenant: str, job: Job, stage: str, due_at: datetime) -> dict[str, Any]:
    """Return the row of work that nobody has marked or claimed yet."""
    key = {"tenant": tenant, "job": job.value, "stage": stage}
    counts = dict.fromkeys(("dirty_seq", "done_seq", "token", "attempts", "failures"), 0)
    return key | counts | {"due_at": due_at, "lease_until": _NEVER}


def _is(held: Claim) -> ColumnElement[bool]:
    return and_(
        WorkRow.tenant == held.tenant,
        WorkRow.job == held.job.value,
        WorkRow.stage == held.stage,
        WorkRow.token == held.token,
    )


def _row_of(session: Session, held: Claim) -> WorkRow:
    row = session.get(WorkRow, (held.tenant, held.job.value, held.stage), populate_existing=True, with_for_update=True)
    if row is None or row.token != held.token:
        raise LeaseLostError(f"{held.job} {held.tenant} {held.stage}: the work was taken over while this was slow")
    return row


def _is_due(job: Job, now: datetime, *, stale: bool) -> ColumnElement[bool]:
    account = exists().where(AccountRow.tenant == WorkRow.tenant)
    may_be_done = (
        # The model needs no CRM; but until all leads are held once, there is no order to be made of them.
        account.where(AccountRow.pulled_at.is_not(None), AccountRow.paused_at.is_(None))
        if job is Job.RANK
        else ~account.where(or_(AccountRow.paused_at.is_not(None), AccountRow.throttled_until > now))
    )
    return and_(
        WorkRow.job == job.value,
        WorkRow.stale_before.is_not(None) if stale else WorkRow.dirty_seq > WorkRow.done_seq,
        WorkRow.parked_reason.is_(None),
        WorkRow.due_at <= now,
        WorkRow.lease_until <= now,
        may_be_done,
    )
