"""Scores, what leads should show in the CRM, and what it was told, inside a transaction of the store's."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, bindparam, delete, exists, false, func, null, or_, select, update
from sqlalchemy.orm import Session

from connectors.base import WriteOutcome
from connectors.lead import Outcome
from connectors.priority import COMPARED_FIELDS, Band, Priority, PriorityStatus
from worker.store.statements import IDS_AT_ONCE, insert_into, row_count, upsert
from worker.store.tables import DirtyLeadRow, LeadRow, ScoreRow, StageRow, WritebackRow
from worker.store.work import MAX_TRIES, Job, keep_waiting, mark

# As `sent_seq`: a value has left, and nobody knows whether it has arrived.
_ON_ITS_WAY = -1


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of one open lead, shown as it stood at `ranked_at`, and why. `input_hash` names what it saw."""

    lead_id: str
    stage: str
    utility: float
    probability: float
    insufficient: bool
    from_own_history: bool
    reason: str
    input_hash: str
    model_version: str
    ranked_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A score, who calls the lead, and what the CRM holds in the field that names its amount, if there is one."""

    score: Score
    owner: str | None
    amount: str | float | bool | None = None


@dataclass(frozen=True, slots=True)
class DirtyLead:
    """A lead to be scored again: which count of its stage says so, how often that failed, and whether it was told."""

    lead_id: str
    stage: str
    seq: int
    attempts: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class DueWrite:
    """A priority that the CRM does not show yet. `seq` names this value; `before` is what the CRM was last told.

    One that `may_be_shown` was on its way when whoever sent it died, or was overtaken: nobody knows what the CRM shows.
    """

    priority: Priority
    seq: int
    before: dict[str, Any] | None
    may_be_shown: bool


class Order(Protocol):
    """Says what each lead of a tenant shall show."""

    def __call__(
        self, standings: Sequence[Standing], shown: Mapping[str, Priority], *, rescored: Collection[str]
    ) -> Sequence[Priority]:
        """Given where all stand, what each should show so far, and of whom the model has seen something new."""
        ...


def mark_leads(
    session: Session, tenant: str, ids: Sequence[str], now: datetime, delay: timedelta, *, urgent: bool = False
) -> None:
    """Have open leads scored again, and the stages that others have left put in order again."""
    stages: dict[str, str] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        query = select(LeadRow.id, LeadRow.stage).where(
            LeadRow.tenant == tenant, LeadRow.id.in_(some), LeadRow.outcome == Outcome.OPEN.value, LeadRow.stage != ""
        )
        stages |= {row.id: row.stage for row in session.execute(query)}
    closed = [id_ for id_ in ids if id_ not in stages]
    # All stages first and always in one order: no two transactions hold what the other wants.
    left = _stages_with(session, tenant, closed)
    seqs = {
        stage: mark(session, tenant, Job.RANK, now, stage=stage, delay=delay)
        for stage in sorted({*stages.values(), *left})
    }
    rows = [
        {
            "tenant": tenant,
            "lead_id": id_,
            "stage": stage,
            "seq": seqs[stage],
            "urgent": urgent,
            "dirty_at": now,
            "attempts": 0,
            "parked_reason": None,
        }
        for id_, stage in sorted(stages.items())
    ]
    if rows:
        insert = insert_into(session, DirtyLeadRow)
        renewed = {name: insert.excluded[name] for name in ("stage", "seq", "dirty_at", "attempts", "parked_reason")}
        marked = {**renewed, "urgent": or_(DirtyLeadRow.urgent, insert.excluded.urgent)}
        on_conflict = insert.on_conflict_do_update(index_elements=["tenant", "lead_id"], set_=marked)
        session.connection().execute(on_conflict, rows)
    _delete_scores(session, tenant, closed)


def forget_leads(session: Session, tenant: str, ids: Sequence[str], now: datetime, delay: timedelta) -> None:
    """Take leads out of the order: those behind them move up."""
    for stage in sorted(_stages_with(session, tenant, ids)):
        mark(session, tenant, Job.RANK, now, stage=stage, delay=delay)
    _delete_scores(session, tenant, ids)


def _stages_with(session: Session, tenant: str, ids: Sequence[str]) -> set[str]:
    """Return the stages in which these leads are scored, or are to be."""
    found: set[str] = set()
    for table in (ScoreRow, DirtyLeadRow):
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = ids[start : start + IDS_AT_ONCE]
            query = select(table.stage).where(table.tenant == tenant, table.lead_id.in_(some))
            found |= set(session.scalars(query.distinct()))
    return found


def _delete_scores(session: Session, tenant: str, ids: Sequence[str]) -> None:
    for table in (ScoreRow, DirtyLeadRow):
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = ids[start : start + IDS_AT_ONCE]
            session.execute(delete(table).where(table.tenant == tenant, table.lead_id.in_(some)))


def list_dirty(session: Session, tenant: str, stage: str | None, limit: int | None = None) -> list[DirtyLead]:
    """Return the leads of a stage, or of all, that are to be scored again; those that failed come last."""
    query = select(DirtyLeadRow).where(DirtyLeadRow.tenant == tenant, DirtyLeadRow.parked_reason.is_(None))
    if stage is not None:
        query = query.where(DirtyLeadRow.stage == stage)
    query = query.order_by(DirtyLeadRow.attempts, DirtyLeadRow.seq, DirtyLeadRow.lead_id).limit(limit)
    return [DirtyLead(row.lead_id, row.stage, row.seq, row.attempts, row.urgent) for row in session.scalars(query)]


def list_stale(session: Session, tenant: str, stage: str, before: datetime, limit: int | None) -> list[str]:
    """Return the open leads of a stage whose score is older than that, or missing.

    What failed is left to those who score dirty leads: the others are not to wait for it.
    """
    score = and_(ScoreRow.tenant == LeadRow.tenant, ScoreRow.lead_id == LeadRow.id)
    dirty = and_(DirtyLeadRow.tenant == LeadRow.tenant, DirtyLeadRow.lead_id == LeadRow.id)
    query = (
        select(LeadRow.id)
        .outerjoin(ScoreRow, score)
        .outerjoin(DirtyLeadRow, dirty)
        .where(
            LeadRow.tenant == tenant,
            LeadRow.stage == stage,
            LeadRow.outcome == Outcome.OPEN.value,
            or_(ScoreRow.ranked_at.is_(None), ScoreRow.ranked_at < before),
            or_(DirtyLeadRow.attempts.is_(None), DirtyLeadRow.attempts == 0),
            exists().where(StageRow.tenant == tenant, StageRow.id == stage),  # else it is ranked nowhere
        )
        .order_by(LeadRow.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def save_scores(session: Session, tenant: str, scores: Sequence[Score]) -> None:
    """Keep what the model said of leads that are still there: one that was erased meanwhile leaves no words behind."""
    stages: dict[str, str] = {}
    for start in range(0, len(scores), IDS_AT_ONCE):
        ids = [score.lead_id for score in scores[start : start + IDS_AT_ONCE]]
        query = select(LeadRow.id, LeadRow.stage).where(
            LeadRow.tenant == tenant, LeadRow.id.in_(ids), LeadRow.outcome == Outcome.OPEN.value
        )
        stages |= {row.id: row.stage for row in session.execute(query)}
    there = [score for score in scores if stages.get(score.lead_id) == score.stage]
    upsert(session, ScoreRow, [{"tenant": tenant, **asdict(score)} for score in there])


def settle_dirty(session: Session, tenant: str, done: Sequence[DirtyLead]) -> None:
    """Mark leads as scored; one that was marked again meanwhile, here or in another stage, stays to be scored."""
    for item in done:
        session.execute(
            delete(DirtyLeadRow).where(
                DirtyLeadRow.tenant == tenant,
                DirtyLeadRow.lead_id == item.lead_id,
                # Each stage counts by itself: one number can stand for two things.
                DirtyLeadRow.stage == item.stage,
                DirtyLeadRow.seq == item.seq,
            )
        )


def note_failures(
    session: Session, tenant: str, stage: str, failures: Mapping[str, str], now: datetime, *, counted: bool = False
) -> int:
    """Remember which leads could not be scored, and why; one that fails too often waits for a person.

    Return how often the worst of those failed that will be tried again, 0 if none will. With `counted`, this try was
    noted before it was made.
    """
    worst = 0
    for lead_id, reason in failures.items():
        row = session.get(DirtyLeadRow, (tenant, lead_id))
        if row is None:
            row = DirtyLeadRow(tenant=tenant, lead_id=lead_id, stage=stage, seq=0, urgent=False, dirty_at=now)
            row.attempts = 0
            session.add(row)
        row.attempts += not counted
        if row.attempts >= MAX_TRIES:
            row.parked_reason = reason
        else:
            worst = max(worst, row.attempts)
    return worst


def unpark_leads(session: Session, tenant: str, now: datetime) -> int:
    """Have parked leads scored and parked values written again; return how many that were."""
    query = select(DirtyLeadRow.lead_id).where(DirtyLeadRow.tenant == tenant, DirtyLeadRow.parked_reason.is_not(None))
    ids = list(session.scalars(query))
    mark_leads(session, tenant, ids, now, timedelta())
    mark(session, tenant, Job.WRITE, now)  # before the rows, as a writer has it
    parked = and_(WritebackRow.tenant == tenant, or_(WritebackRow.parked, WritebackRow.due_at.is_not(None)))
    refused = session.execute(update(WritebackRow).where(parked).values(parked=False, tries=0, due_at=None))
    return len(ids) + row_count(refused)


def list_standings(session: Session, tenant: str, amount_field: str | None = None) -> list[Standing]:
    """Return every scored open lead of a tenant that is still where it was when it was scored."""
    columns = [getattr(ScoreRow, field.name) for field in fields(Score)]
    held = null() if amount_field is None else LeadRow.fields
    query = (
        select(LeadRow.owner, held, *columns)
        .join(
            LeadRow,
            and_(LeadRow.tenant == ScoreRow.tenant, LeadRow.id == ScoreRow.lead_id, LeadRow.stage == ScoreRow.stage),
        )
        .where(ScoreRow.tenant == tenant, LeadRow.outcome == Outcome.OPEN.value)
        .order_by(ScoreRow.lead_id)
    )
    return [
        Standing(Score(*row), owner, None if amount_field is None else held_fields.get(amount_field))
        for owner, held_fields, *row in session.execute(query)
    ]


def put_in_order(session: Session, tenant: str, order: Order, amount_field: str | None = None) -> tuple[int, bool]:
    """Have `order` say what every scored lead shall show, and keep that.

    It is told what the leads hold in `amount_field`, where one is named.
    Return how many values changed, and whether `order` held some back that it would change if it was asked again.
    """
    query = select(WritebackRow.lead_id, WritebackRow.value, WritebackRow.input_hash).where(
        WritebackRow.tenant == tenant
    )
    rows = session.execute(query).all()
    shown = {id_: parse_priority(id_, value) for id_, value, _ in rows}
    seen = {id_: input_hash for id_, _, input_hash in rows}
    standings = list_standings(session, tenant, amount_field)
    rescored = {
        item.score.lead_id: item.score.input_hash
        for item in standings
        if seen.get(item.score.lead_id) != item.score.input_hash
    }
    ordered = order(standings, shown, rescored=rescored)
    changed = save_desired(session, tenant, ordered, shown)
    again = order(standings, {item.lead_id: item for item in ordered}, rescored=()) if changed else ordered
    held_back = any(_shows_otherwise(one, other) for one, other in zip(ordered, again, strict=True))
    looked_at = update(WritebackRow).where(
        WritebackRow.tenant == tenant, WritebackRow.lead_id == bindparam("whose"), WritebackRow.ranked
    )
    if rescored:
        session.connection().execute(
            looked_at.values(input_hash=bindparam("name")),
            [{"whose": id_, "name": input_hash} for id_, input_hash in rescored.items()],
        )
    return changed, held_back


def save_desired(
    session: Session, tenant: str, priorities: Sequence[Priority], shown: Mapping[str, Priority] | None = None
) -> int:
    """Keep what leads should show in the CRM, which is all that are ranked; return how many values changed.

    A value that only differs in `ranked_at` is the same value. `shown` is what each should show so far, if it is known.
    """
    # He holds his work first and then the rows; so do we, or each could wait for the other.
    keep_waiting(session, tenant, Job.WRITE)
    if shown is None:
        query = select(WritebackRow.lead_id, WritebackRow.value).where(WritebackRow.tenant == tenant)
        shown = {id_: parse_priority(id_, value) for id_, value in session.execute(query)}
    changed = [
        priority
        for priority in priorities
        if priority.lead_id not in shown
        or (shown[priority.lead_id] is not priority and _shows_otherwise(shown[priority.lead_id], priority))
    ]
    rows = [
        {
            "tenant": tenant,
            "lead_id": priority.lead_id,
            "value": render_priority(priority),
            "seq": 1,
            "sent_seq": 0,
            "sent_value": None,
            "tries": 0,
            "refusal": None,
            "due_at": None,
            "parked": False,
            "ranked": True,
            "input_hash": "",
        }
        for priority in changed
    ]
    if rows:
        insert = insert_into(session, WritebackRow)
        renewed = {name: insert.excluded[name] for name in ("value", "tries", "refusal", "due_at", "parked")}
        session.connection().execute(
            insert.on_conflict_do_update(
                index_elements=["tenant", "lead_id"], set_=renewed | {"seq": WritebackRow.seq + 1}
            ),
            rows,
        )
    # A lead that is no longer ranked is not written again; what is known of it is kept, should it come back.
    ranked = {priority.lead_id for priority in priorities}
    _set_ranked(session, tenant, sorted(set(shown) - ranked), ranked=False)
    _set_ranked(session, tenant, sorted(set(shown) & ranked), ranked=True)
    return len(changed)


def _set_ranked(session: Session, tenant: str, ids: Sequence[str], *, ranked: bool) -> None:
    otherwise = select(WritebackRow.lead_id).where(WritebackRow.tenant == tenant, WritebackRow.ranked != ranked)
    wrong = sorted(set(session.scalars(otherwise)) & set(ids))
    for start in range(0, len(wrong), IDS_AT_ONCE):
        some = and_(WritebackRow.tenant == tenant, WritebackRow.lead_id.in_(wrong[start : start + IDS_AT_ONCE]))
        # What the CRM refused of a lead is another matter when it comes back.
        session.execute(update(WritebackRow).where(some).values(ranked=ranked, parked=False, tries=0, due_at=None))


def _shows_otherwise(before: Priority, after: Priority) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in COMPARED_FIELDS)


def list_due_writes(session: Session, tenant: str, now: datetime | None = None) -> list[DueWrite]:
    """Return what the CRM does not show yet, the reps' first calls first.

    With `now`, leave out what was refused and is to be tried later, or not at all.
    """
    query = select(WritebackRow).where(
        WritebackRow.tenant == tenant, WritebackRow.seq != WritebackRow.sent_seq, WritebackRow.ranked
    )
    if now is not None:
        query = query.where(
            WritebackRow.parked == false(), or_(WritebackRow.due_at.is_(None), WritebackRow.due_at <= now)
        )
    due = [
        DueWrite(
            parse_priority(row.lead_id, row.value),
            row.seq,
            row.sent_value,
            may_be_shown=row.sent_value is None and row.sent_seq == _ON_ITS_WAY,
        )
        for row in session.scalars(query)
    ]
    return sorted(
        (item for item in due if item.before is None or differs(item.before, render_priority(item.priority))),
        key=lambda item: (item.priority.band, item.priority.call_order, item.priority.lead_id),
    )


def next_write_at(session: Session, tenant: str) -> datetime | None:
    """Return when the next of what was refused is to be tried again, or None if nothing is."""
    query = select(func.min(WritebackRow.due_at)).where(
        WritebackRow.tenant == tenant, WritebackRow.seq != WritebackRow.sent_seq, WritebackRow.parked == false()
    )
    return session.scalar(query)


def begin_writes(session: Session, tenant: str, due: Sequence[DueWrite]) -> list[DueWrite]:
    """Note that values are about to be sent: if we die now, nobody knows what the CRM shows.

    Return those that are still to be sent: a lead may have been erased meanwhile.
    """
    begun = []
    for item in due:
        row = session.get(WritebackRow, (tenant, item.priority.lead_id))
        if row is not None:
            row.sent_seq, row.sent_value = _ON_ITS_WAY, None
            begun.append(item)
    return begun


def doubt_writes(session: Session, tenant: str, sent: Sequence[DueWrite]) -> None:
    """Note that nobody knows what the CRM shows of these leads: they are written again."""
    for item in sent:
        row = session.get(WritebackRow, (tenant, item.priority.lead_id))
        if row is not None:
            row.seq, row.sent_seq, row.sent_value = row.seq + 1, _ON_ITS_WAY, None


def record_writes(
    session: Session,
    tenant: str,
    sent: Sequence[DueWrite],
    outcomes: Sequence[WriteOutcome],
    retry_at: Callable[[int], datetime],
) -> None:
    """Mark what was stored by the sequence number that was sent; a value that changed meanwhile stays due."""
    for item, outcome in zip(sent, outcomes, strict=True):
        row = session.get(WritebackRow, (tenant, item.priority.lead_id))
        if row is None:
            continue  # the lead was removed while its value was on its way
        if outcome.written:
            row.sent_seq, row.sent_value = item.seq, render_priority(item.priority)
            row.tries, row.refusal, row.due_at = 0, None, None
        else:
            # What is refused for now may have been sent before, unanswered, and arrive yet.
            row.sent_seq, row.sent_value = (_ON_ITS_WAY, None) if outcome.retryable else (0, item.before)
            if row.seq == item.seq:
                row.tries, row.refusal = row.tries + 1, outcome.detail
                row.parked = not outcome.retryable or row.tries >= MAX_TRIES
                row.due_at = None if row.parked else retry_at(row.tries)


def render_priority(priority: Priority) -> dict[str, Any]:
    """Return a priority as it is kept, without whose it is."""
    value = {field.name: getattr(priority, field.name) for field in fields(priority) if field.name != "lead_id"}
    return {
        **value,
        "band": priority.band.value,
        "status": priority.status.value,
        "ranked_at": priority.ranked_at.isoformat(),
    }


def parse_priority(lead_id: str, value: dict[str, Any]) -> Priority:
    """Return a priority that `render_priority` wrote."""
    return Priority(
        **{
            **value,
            "lead_id": lead_id,
            "band": Band(value["band"]),
            "status": PriorityStatus(value["status"]),
            "ranked_at": datetime.fromisoformat(value["ranked_at"]),
        }
    )


def differs(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Say whether the CRM would show something else."""
    return any(before.get(name) != after.get(name) for name in COMPARED_FIELDS)
