"""Leads, notes, scores and priorities of which only what matters is said."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage
from connectors.priority import Band, Priority, PriorityStatus
from worker.store import Claim, DirtyLead, Job, Pass, Score, Standing, Store
from worker.store.tables import Table
from worker.store.work import MAX_TRIES

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)
STAGES = [
    Stage("new", "New", 0, Outcome.OPEN),
    Stage("demo", "Demo", 1, Outcome.OPEN),
    Stage("won", "Won", 2, Outcome.WON),
]


def lead(
    id_: str,
    stage: str = "new",
    outcome: Outcome = Outcome.OPEN,
    *,
    owner: str | None = "rep",
    modified_at: datetime = LONG_AGO,
) -> Lead:
    return Lead(id_, f"Lead {id_}", stage, outcome, owner, LONG_AGO, modified_at, {})


def note(lead_id: str, text: str = "worth 1", *, id_: str = "", at: datetime = LONG_AGO) -> Interaction:
    return Interaction(id_ or f"note of {lead_id}", lead_id, InteractionKind.NOTE, at, at, at, text)


def score(
    lead_id: str,
    stage: str = "new",
    probability: float = 0.5,
    *,
    ranked_at: datetime = LONG_AGO,
    reason: str = "because",
    model_version: str = "m",
    insufficient: bool = False,
) -> Score:
    return Score(lead_id, stage, probability, probability, insufficient, True, reason, "", model_version, ranked_at)


def standing(lead_id: str, probability: float, *, stage: str = "new", owner: str | None = "rep") -> Standing:
    return Standing(score(lead_id, stage, probability), owner)


def priority(lead_id: str, rank: int = 1, *, reason: str = "because") -> Priority:
    return Priority(lead_id, Band.A, 50.0, rank, rank, reason, PriorityStatus.RANKED, "m", LONG_AGO)


def by_chance(
    standings: Sequence[Standing], shown: Mapping[str, Priority], *, rescored: Collection[str]
) -> Sequence[Priority]:
    """Put leads in order, the likeliest first."""
    in_order = sorted(standings, key=lambda item: (-item.score.probability, item.score.lead_id))
    return [priority(item.score.lead_id, place) for place, item in enumerate(in_order, start=1)]


def found(
    *scores: Score,
    settled: Sequence[DirtyLead] = (),
    failures: Mapping[str, str] | None = None,
    more: bool = False,
) -> Pass:
    """Return what a pass over a stage found."""
    return Pass(scores, settled, failures or {}, by_chance, more, 0, 0)


def claimed(store: Store, job: Job, *, stale: bool = False) -> Claim:
    """Claim work that is there."""
    held = store.claim(job, LEASE, stale=stale)
    assert held is not None, f"no {job} is due"
    return held


def rows_of(store: Store, tenant: str, *tables: type[Table]) -> dict[str, list[dict[str, Any]]]:
    """Return what the tables hold of a tenant, in the order of their keys."""
    found: dict[str, list[dict[str, Any]]] = {}
    with store.database.reading() as session:
        for table in tables:
            columns = table.__table__.columns
            rows = session.execute(select(*columns).where(columns.tenant == tenant)).mappings()
            keys = [column.name for column in table.__table__.primary_key]
            found[table.__tablename__] = sorted(map(dict, rows), key=lambda row: tuple(str(row[key]) for key in keys))
    return found


def park(store: Store, held: Claim, reason: str) -> None:
    """Fail at work until it waits for a person."""
    for _ in range(MAX_TRIES):
        store.fail(held, reason, hopeless=True)
