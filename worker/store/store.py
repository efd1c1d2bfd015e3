"""The store: SQLite by default, PostgreSQL for several machines. Every method is one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from connectors.base import Page, WriteOutcome
from connectors.events import Event
from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.priority import Priority
from worker.errors import LeaseLostError, StoppingError
from worker.store import inbox, pages, ranking, runs, work
from worker.store.database import Database
from worker.store.figures import Figures, read_figures
from worker.store.inbox import Told
from worker.store.pages import Saved
from worker.store.ranking import DirtyLead, DueWrite, Order, Score
from worker.store.runs import Run
from worker.store.statements import IDS_AT_ONCE, upsert
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
from worker.store.work import Claim, Job

# The row of cursors that says what is read; no stream has such a name.
_READS = ", reads"
# A share of all leads may change at a time; what was held back is looked at again after this.
_NEXT_SHARE = timedelta(minutes=1)
_KILLED = "whoever scored it died"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading a stream stands; see `CursorRow`."""

    value: datetime | None = None
    position: str | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A trained model on disk. It is in use if it was promoted last."""

    version: str
    path: Path
    backbone: str
    trained_at: datetime
    card: dict[str, Any]
    promoted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pass:
    """What one look at a stage found: the scores it made, the dirty leads those settle, and what could not be scored.

    `order` puts the tenant in order with them, and is told what leads hold in `amount_field`. `more` says that the
    stage is not through, `one_by_one` that a lead is looked for at which others died, and that its try was noted
    before.
    """

    scores: Sequence[Score]
    settled: Sequence[DirtyLead]
    failures: Mapping[str, str]
    order: Order
    more: bool
    texts_read: int
    tokens_read: int
    one_by_one: bool = False
    amount_field: str | None = None


class Store:
    """One database with the data of all tenants; a tenant is one CRM account.

    A change is to be ranked `debounce` after it was noted: what comes in until then is ranked with it.
    """

    def __init__(
        self,
        url: str,
        *,
        debounce: timedelta = timedelta(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = Database(url)
        self._debounce = debounce
        self._now = now

    def under(self, held: Claim, stopping: Callable[[], bool] = lambda: False) -> "Store":
        """Return the same store for one who holds `held`: each writing transaction makes sure of it and prolongs it.

        They raise `LeaseLostError` when somebody else has taken the work over, `StoppingError` once we are `stopping`.
        """

        def guard(session: Session) -> None:
            work.hold(session, held, self._now())  # first: who lost it has more to do than to stop
            if stopping():
                raise StoppingError("this process is to end")

        guarded = copy(self)
        guarded.database = self.database.guarded(guard)
        return guarded

    def upgrade(self) -> None:
        """Create or migrate the tables."""
        self.database.upgrade()

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    # Reading from the CRM -------------------------------------------------------------------------------------------

    def cursor(self, tenant: str, stream: str) -> Cursor:
        """Return where reading a stream stands."""
        with self.database.reading() as session:
            row = session.get(CursorRow, (tenant, stream))
            return Cursor() if row is None else Cursor(row.value, row.position, row.started_at)

    def start_over_unless(self, tenant: str, reads: str) -> None:
        """Forget where reading stands if it reads something else now than it did; what was read is kept till told."""
        with self.database.writing() as session:
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

        A page without cursors was read because the CRM told us to: what it changes is urgent.

        What the page says is no longer so goes in the same transaction; so does, at the end of a listing of everything
        that `began_at` then, what nobody has named since. Interactions that it ties otherwise than the store holds them
        go into the inbox, to be read again.
        """
        with self.database.writing() as session:
            saved = pages.save_page(session, tenant, page, read_at, began_at, self._debounce, urgent=not cursors)
            after = [{"tenant": tenant, "stream": stream, **asdict(cursor)} for stream, cursor in cursors.items()]
            upsert(session, CursorRow, after)
        return saved

    def remove_orphans(self, tenant: str) -> int:
        """Remove the interactions of leads that are not held; return how many rows that were."""
        with self.database.writing() as session:
            return pages.remove_orphans(session, tenant)

    def known_texts(self, tenant: str, kind: InteractionKind, ids: Sequence[str]) -> dict[tuple[str, str], str]:
        """Return the texts that are held of these interactions, by id and the version that was read."""
        with self.database.reading() as session:
            return pages.known_texts(session, tenant, kind, ids)

    def save_stages(self, tenant: str, stages: Sequence[Stage]) -> None:
        """Replace a tenant's funnel."""
        with self.database.writing() as session:
            session.execute(delete(StageRow).where(StageRow.tenant == tenant))
            upsert(session, StageRow, [{"tenant": tenant, **asdict(stage)} for stage in stages])

    # What CRMs tell -------------------------------------------------------------------------------------------------

    def receive(self, tenant: str, events: Sequence[Event], now: datetime) -> None:
        """Put events into the inbox, all or none; one that is there stays as it is."""
        with self.database.writing() as session:
            inbox.receive(session, tenant, events, now)

    def list_due_events(self, tenant: str, now: datetime, limit: int) -> list[Told]:
        """Return what is to be looked at now, the oldest first."""
        with self.database.reading() as session:
            return inbox.list_due(session, tenant, now, limit)

    def has_told(self, tenant: str, now: datetime) -> bool:
        """Say whether there is something to look at now that the CRM itself has told us."""
        with self.database.reading() as session:
            return inbox.has_told(session, tenant, now)

    def next_event_at(self, tenant: str) -> datetime | None:
        """Return when the next of what waits in the inbox is to be looked at, or None if nothing waits."""
        with self.database.reading() as session:
            return inbox.next_due(session, tenant)

    def erase_told(self, tenant: str, now: datetime) -> int:
        """Erase the persons who asked for it, and settle whatever else was told of them; return how many."""
        with self.database.writing() as session:
            leads = inbox.list_erasures(session, tenant)
            pages.remove_leads(session, tenant, leads, now, self._debounce)
            inbox.settle_about(session, tenant, leads, now)
        return len(leads)

    def settle_events(self, tenant: str, keys: Sequence[str], now: datetime) -> None:
        """Mark events as looked at."""
        with self.database.writing() as session:
            inbox.settle(session, tenant, keys, now)

    def postpone_events(self, tenant: str, keys: Sequence[str], due_at: datetime) -> None:
        """Look at events again later."""
        with self.database.writing() as session:
            inbox.postpone(session, tenant, keys, due_at)

    def forget_events(self, tenant: str, before: datetime) -> None:
        """Remove what was looked at long ago."""
        with self.database.writing() as session:
            inbox.forget(session, tenant, before)

    # What is known --------------------------------------------------------------------------------------------------

    def list_stages(self, tenant: str) -> list[Stage]:
        """Return a tenant's funnel, first stage first."""
        with self.database.reading() as session:
            rows = session.scalars(select(StageRow).where(StageRow.tenant == tenant).order_by(StageRow.position))
            return [Stage(row.id, row.label, row.position, Outcome(row.outcome)) for row in rows]

    def list_leads(self, tenant: str, *outcomes: Outcome, ids: Sequence[str] | None = None) -> list[Lead]:
        """Return a tenant's leads of these outcomes that stand in a stage, by id; with `ids`, those of them."""
        query = (
            select(LeadRow)
            .where(LeadRow.tenant == tenant, LeadRow.outcome.in_(outcomes), LeadRow.stage != "")
            .order_by(LeadRow.id)
        )
        with self.database.reading() as session:
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
                for some in _in_parts(query, LeadRow.id, ids)
                for row in session.scalars(some)
            ]

    def interactions_by_lead(self, tenant: str, ids: Sequence[str] | None = None) -> dict[str, list[Interaction]]:
        """Return every interaction of a tenant, or of these leads, newest first, by lead."""
        query = (
            select(InteractionRow)
            .where(InteractionRow.tenant == tenant)
            .order_by(InteractionRow.occurred_at.desc(), InteractionRow.id)
        )
        found: dict[str, list[Interaction]] = {}
        with self.database.reading() as session:
            for some in _in_parts(query, InteractionRow.lead_id, ids):
                for row in session.scalars(some):
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
        with self.database.reading() as session:
            for row in session.scalars(query):
                change = StageChange(row.lead_id, row.stage, row.changed_at, row.previous)
                found.setdefault(row.lead_id, []).append(change)
        return found

    # Ranking and writing back ---------------------------------------------------------------------------------------

    def list_dirty_leads(self, tenant: str, stage: str | None = None, limit: int | None = None) -> list[DirtyLead]:
        """Return the leads that say something their score does not know yet."""
        with self.database.reading() as session:
            return ranking.list_dirty(session, tenant, stage, limit)

    def list_stale_leads(self, tenant: str, stage: str, before: datetime, limit: int | None) -> list[str]:
        """Return the open leads of a stage whose score is older than that, or missing."""
        with self.database.reading() as session:
            return ranking.list_stale(session, tenant, stage, before, limit)

    def save_ranking(
        self, tenant: str, scores: Sequence[Score], priorities: Sequence[Priority], settled: Sequence[DirtyLead] = ()
    ) -> int:
        """Replace a tenant's scores and what its leads should show; return how many values changed."""
        with self.database.writing() as session:
            work.account_of(session, tenant, alone=True)
            session.execute(delete(ScoreRow).where(ScoreRow.tenant == tenant))
            ranking.save_scores(session, tenant, scores)
            ranking.settle_dirty(session, tenant, settled)
            changed = ranking.save_desired(session, tenant, priorities)
            work.mark(session, tenant, Job.WRITE, self._now())
        return changed

    def save_pass(self, held: Claim, made: Pass, *, stale: bool = False) -> int:
        """Keep what a pass over a stage found and give the stage back; return how many leads shall show something new.

        A tenant is put in order once none of its scores is stale any more; what a night comes upon waits for its end.

        Raises:
            LeaseLostError: Somebody else has the stage now; nothing is kept.
        """
        now, tenant = self._now(), held.tenant
        with self.database.writing() as session:
            work.hold(session, held, now)
            # Whoever puts a tenant in order sees the scores of all passes before, and none of the passes beside.
            work.account_of(session, tenant, alone=True)
            ranking.save_scores(session, tenant, made.scores)
            ranking.settle_dirty(session, tenant, made.settled)
            work.add(session, tenant, "texts_read", made.texts_read)
            work.add(session, tenant, "tokens_read", made.tokens_read)
            work.add(session, tenant, "leads_scored", len(made.scores))
            if made.more:
                work.give_back(session, held, still_suspicious=made.one_by_one)
            elif stale:
                work.finish_stale(session, held)
            else:
                work.finish(session, held, now)
            failed = ranking.note_failures(session, tenant, held.stage, made.failures, now, counted=made.one_by_one)
            if failed:  # it is tried again with what comes in, or after a while; nobody waits for it
                work.mark(session, tenant, Job.RANK, now, stage=held.stage, delay=backoff(failed))
            session.flush()
            if (made.more and stale) or work.is_stale(session, tenant):
                return 0
            told = any(item.urgent for item in made.settled)
            if not stale and not told and runs.is_night(session, tenant):
                return 0  # the end of the night puts all in order, once, however often it is broken off
            changed, held_back = ranking.put_in_order(session, tenant, made.order, made.amount_field)
            if changed:
                work.mark(session, tenant, Job.WRITE, now)
            if held_back:
                work.mark(session, tenant, Job.RANK, now, stage=held.stage, delay=_NEXT_SHARE)
            return changed

    def note_try(self, held: Claim, lead_id: str) -> None:
        """Note, before a lead is scored, that it may be what kills whoever scores it."""
        now = self._now()
        with self.database.writing() as session:
            work.hold(session, held, now)
            ranking.note_failures(session, held.tenant, held.stage, {lead_id: _KILLED}, now)
            # Those who make old scores anew leave it to others from now on.
            work.mark(session, held.tenant, Job.RANK, now, stage=held.stage)

    def list_due_writes(self, tenant: str, now: datetime | None = None) -> list[DueWrite]:
        """Return what the CRM does not show yet, the reps' first calls first.

        With `now`, leave out what was refused and is to be tried later, or not at all.
        """
        with self.database.reading() as session:
            return ranking.list_due_writes(session, tenant, now)

    def begin_writes(self, tenant: str, due: Sequence[DueWrite]) -> list[DueWrite]:
        """Note that values are about to be sent: if we die now, nobody knows what the CRM shows.

        Return those that are still to be sent: a lead may have been erased meanwhile.
        """
        with self.database.writing() as session:
            return ranking.begin_writes(session, tenant, due)

    def record_writes(self, tenant: str, sent: Sequence[DueWrite], outcomes: Sequence[WriteOutcome]) -> None:
        """Mark what was stored by the sequence number that was sent; a value that changed meanwhile stays due.

        What was sent goes into the audit, its reason by hash.

        Raises:
            LeaseLostError: Somebody else writes for this tenant now; what was sent is written again.
        """
        now = self._now()
        try:
            self._record_writes(tenant, sent, outcomes, now)
        except LeaseLostError:
            self._doubt_writes(tenant, sent)
            raise

    def note_broken_writes(self, tenant: str, sent: Sequence[DueWrite]) -> None:
        """Note that a call was broken off: what it sent may arrive yet.

        Raises:
            LeaseLostError: Somebody else writes for this tenant now; what was sent is written again.
        """
        try:
            with self.database.writing():
                pass  # the guard looks whether the work is still ours; then it stays marked as on its way
        except LeaseLostError:
            self._doubt_writes(tenant, sent)
            raise

    def _doubt_writes(self, tenant: str, sent: Sequence[DueWrite]) -> None:
        """Have written again what somebody else may have written meanwhile, and we over it, or he over us."""
        with self.database.unguarded().writing() as session:
            work.mark(session, tenant, Job.WRITE, self._now())  # before the rows, as a writer has it
            ranking.doubt_writes(session, tenant, sent)

    def _record_writes(
        self, tenant: str, sent: Sequence[DueWrite], outcomes: Sequence[WriteOutcome], now: datetime
    ) -> None:
        with self.database.writing() as session:
            ranking.record_writes(session, tenant, sent, outcomes, lambda tries: now + backoff(tries))
            runs.audit_writes(session, tenant, sent, outcomes, now)
            work.add(session, tenant, "leads_written", sum(outcome.written for outcome in outcomes))

    def next_write_at(self, tenant: str) -> datetime | None:
        """Return when the next of what was refused is to be tried again, or None if nothing is."""
        with self.database.reading() as session:
            return ranking.next_write_at(session, tenant)

    def find_priority(self, tenant: str, lead_id: str) -> tuple[Priority, dict[str, Any] | None] | None:
        """Return what a lead should show and what the CRM was last told, or None if it is not ranked."""
        with self.database.reading() as session:
            row = session.get(WritebackRow, (tenant, lead_id))
            return None if row is None else (ranking.parse_priority(lead_id, row.value), row.sent_value)

    # What is to be done ---------------------------------------------------------------------------------------------

    def mark(self, tenant: str, job: Job, *, stage: str = "", delay: timedelta = timedelta()) -> None:
        """Say that there is something to do."""
        with self.database.writing() as session:
            work.mark(session, tenant, job, self._now(), stage=stage, delay=delay)

    def claim(self, job: Job, lease: timedelta, *, stale: bool = False) -> Claim | None:
        """Take the next due work of a kind, or None; of several tenants the one that has waited longest is served."""
        with self.database.writing() as session:
            return work.claim(session, job, self._now(), lease, stale=stale)

    def take(self, tenant: str, job: Job, lease: timedelta) -> Claim | None:
        """Take an account's work of a kind, due or not; None if somebody holds it or the account is paused."""
        with self.database.writing() as session:
            return work.take(session, tenant, job, self._now(), lease)

    def prolong(self, held: Claim) -> None:
        """Keep a claim for another lease.

        Raises:
            LeaseLostError: Somebody else has the work now.
        """
        with self.database.writing() as session:
            work.hold(session, held, self._now())

    def finish(self, held: Claim, *, wake_at: datetime | None = None) -> None:
        """Give work back as done; with `wake_at` there is more to do then."""
        with self.database.writing() as session:
            work.finish(session, held, self._now())
            if wake_at is not None:
                work.mark(session, held.tenant, held.job, self._now(), stage=held.stage, delay=wake_at - self._now())

    def give_back(self, held: Claim, *, still_suspicious: bool = False) -> None:
        """Give work back unfinished: somebody else may go on with it at once.

        It stays `still_suspicious` where that says nothing of what failed before.
        """
        with self.database.writing() as session:
            work.give_back(session, held, still_suspicious=still_suspicious)

    def fail(self, held: Claim, reason: str, *, hopeless: bool, after: timedelta | None = None) -> bool:
        """Give work back as failed; it is tried again after a while that grows.

        What is `hopeless` without a person is parked when it has failed so too often in a row; say whether it is now.
        """
        with self.database.writing() as session:
            wait = backoff(held.attempts + 1) if after is None else after
            return work.fail(session, held, reason, self._now() + wait, hopeless=hopeless)

    def list_due_work(self, *, overdue_by: timedelta = timedelta()) -> list[tuple[str, Job, bool]]:
        """Return tenant and job of what is due and nobody holds; the last says that it is stale scores."""
        now = self._now()
        with self.database.reading() as session:
            return work.list_due(session, now, since=now - overdue_by)

    def is_at_work(self, job: Job) -> bool:
        """Say whether anybody holds work of a kind, and will look for more of it."""
        with self.database.reading() as session:
            return work.is_at_work(session, job, self._now())

    def is_busy(self, tenant: str) -> bool:
        """Say whether anything is left to be read, ranked or written for a tenant, parked work aside."""
        with self.database.reading() as session:
            return work.is_busy(session, tenant)

    def count(self, tenant: str, name: str, amount: int = 1) -> None:
        """Count something across processes and restarts."""
        with self.database.writing() as session:
            work.add(session, tenant, name, amount)

    def set_gauge(self, tenant: str, name: str, value: int) -> None:
        """Keep the last reading of something."""
        with self.database.writing() as session:
            work.set_gauge(session, tenant, name, value)

    # Schedule and people's hands ------------------------------------------------------------------------------------

    def has_run(self, tenant: str, job: str, day: str) -> bool:
        """Say whether a scheduled job has begun; of polls, whether any is still going on, or there is nothing yet."""
        with self.database.reading() as session:
            return runs.has_begun(session, tenant, job, day)

    def start_run(self, tenant: str, job: str, day: str) -> bool:
        """Begin a scheduled job, and have it done; say whether it had not begun yet."""
        with self.database.writing() as session:
            return runs.start(session, tenant, job, day, self._now())

    def list_open_runs(self, tenant: str) -> list[Run]:
        """Return the scheduled jobs that have begun and not ended, the oldest first."""
        with self.database.reading() as session:
            return runs.list_open(session, tenant)

    def finish_run(self, tenant: str, run: Run) -> None:
        """End a scheduled job; a night has every score made anew, as of now."""
        with self.database.writing() as session:
            runs.finish(session, tenant, run, self._now())

    def has_pulled(self, tenant: str) -> None:
        """Note that all of a tenant is held now: from here on there is an order to be made."""
        with self.database.writing() as session:
            account = work.account_of(session, tenant)
            account.pulled_at = account.pulled_at or self._now()

    def pause(self, tenant: str, reason: str) -> None:
        """Do nothing for a tenant until `resume`; what its CRM tells is kept."""
        with self.database.writing() as session:
            runs.pause(session, tenant, reason, self._now())

    def resume(self, tenant: str) -> None:
        """Go on with a tenant that was paused."""
        with self.database.writing() as session:
            runs.resume(session, tenant, self._now())

    def throttle(self, tenant: str, until: datetime) -> None:
        """Leave a CRM alone for a while, all processes together."""
        with self.database.writing() as session:
            account = work.account_of(session, tenant)
            account.throttled_until = max(until, account.throttled_until or until)
            work.add(session, tenant, "throttled", 1)

    def unpark(self, tenant: str) -> int:
        """Try again what was parked, work, leads and values; return how many that were."""
        now = self._now()
        with self.database.writing() as session:
            found = work.unpark(session, tenant, now) + ranking.unpark_leads(session, tenant, now)
            runs.audit(session, tenant, "unpark", now, rows=found)
        return found

    def beat(self, process: str, kind: str, started_at: datetime) -> None:
        """Note that a process of ours is alive."""
        with self.database.writing() as session:
            runs.beat(session, process, kind, started_at, self._now())

    def figures(self, now: datetime) -> Figures:
        """Count how everything stands, without reading a text."""
        with self.database.reading() as session:
            return read_figures(session, now)

    # Models ---------------------------------------------------------------------------------------------------------

    def save_model(self, tenant: str, model: ModelVersion) -> None:
        """Remember a trained model; it is in use if it was promoted last."""
        values = {**asdict(model), "path": str(model.path), "tenant": tenant}
        with self.database.writing() as session:
            upsert(session, ModelRow, [values])
            if model.promoted_at is not None:
                self._follow_another_model(session, tenant)

    def list_models(self, tenant: str) -> list[ModelVersion]:
        """Return every trained model, the newest first."""
        query = select(ModelRow).where(ModelRow.tenant == tenant).order_by(ModelRow.trained_at.desc(), ModelRow.version)
        with self.database.reading() as session:
            return [_parse_model(row) for row in session.scalars(query)]

    def find_model(self, tenant: str) -> ModelVersion | None:
        """Return the model in use: the one that was promoted last."""
        query = (
            select(ModelRow)
            .where(ModelRow.tenant == tenant, ModelRow.promoted_at.is_not(None))
            .order_by(ModelRow.promoted_at.desc())
            .limit(1)
        )
        with self.database.reading() as session:
            row = session.scalars(query).first()
            return None if row is None else _parse_model(row)

    def set_promoted(self, tenant: str, version: str, promoted_at: datetime | None) -> bool:
        """Put a model into use, or take it out of use with None; return whether there is such a model."""
        with self.database.writing() as session:
            row = session.get(ModelRow, (tenant, version))
            if row is None:
                return False
            row.promoted_at = promoted_at
            self._follow_another_model(session, tenant)
            return True

    def _follow_another_model(self, session: Session, tenant: str) -> None:
        now = self._now()
        runs.mark_all_stale(session, tenant, now)  # what two models say is not to be compared
        work.unpark(session, tenant, now, jobs=(Job.RANK,))  # what one model could not rank, another may


def _in_parts(query: Select[Any], column: Any, ids: Sequence[str] | None) -> Iterator[Select[Any]]:
    """Yield a query as it is, or for so many ids at a time as a statement takes."""
    if ids is None:
        yield query
        return
    for start in range(0, len(ids), IDS_AT_ONCE):
        yield query.where(column.in_(ids[start : start + IDS_AT_ONCE]))


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failures in a row: 5 s, 15 s, 45 s, up to 10 minutes."""
    return min(timedelta(seconds=5 * 3 ** (attempts - 1)), timedelta(minutes=10))


def _parse_model(row: ModelRow) -> ModelVersion:
    return ModelVersion(row.version, Path(row.path), row.backbone, row.trained_at, row.card, row.promoted_at)
