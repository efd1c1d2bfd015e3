"""Leads as they stood: snapshots for learning from the past, and for ranking now.

A snapshot holds only what the CRM held at that moment: interactions that were recorded by then and not edited since,
and the stage of the stage history. Structured fields have no history here and are taken as they are now.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.lead import Interaction, Lead, Outcome, Stage, StageChange
from ranking.candidate import Candidate, Example, Passage
from worker.store import Store

# The snapshot is taken just before the lead left the stage: the last moment at which its order there mattered.
_BEFORE_LEAVING = timedelta(seconds=1)
DEFAULT_HORIZON = timedelta(days=180)
# What happened within the horizon, from 0 (lost) to 1 (won).
_STALLED, _ADVANCED, _ADVANCED_FURTHER = 0.25, 0.5, 0.75


@dataclass(frozen=True, slots=True)
class _Stay:
    """A lead's time in one open stage, which it has left."""

    stage: str
    entered_at: datetime
    left_at: datetime


def list_examples(
    store: Store, tenant: str, *, now: datetime | None = None, horizon: timedelta = DEFAULT_HORIZON
) -> list[Example]:
    """Return one example for each open stage that each finished lead has passed through, with what happened next.

    The level of an example is what happened within the horizon after it; how the lead ended is known beside it. Leads
    that are still open give no examples: as losers to those that went further they were tried, and taught the model
    that what is unfinished is bad.
    """
    moment = now or datetime.now(UTC)
    stages = {stage.id: stage for stage in store.list_stages(tenant)}
    interactions = store.interactions_by_lead(tenant)
    changes = store.stage_changes_by_lead(tenant)
    examples: list[Example] = []
    for lead in store.list_leads(tenant, Outcome.WON, Outcome.LOST):
        texts = interactions.get(lead.id, [])
        path = changes.get(lead.id, [])
        for stay in _stays(lead, path, stages):
            as_of = stay.left_at - _BEFORE_LEAVING
            level, complete = _level(as_of, path, stages, stay.stage, moment, horizon)
            examples.append(
                Example(
                    candidate=snapshot(lead, stages[stay.stage].label, texts, as_of),
                    level=level,
                    won=lead.outcome is Outcome.WON,
                    group=person_of(lead),
                    order=as_of.timestamp(),
                    complete=complete,
                )
            )
    return examples


def list_candidates(
    store: Store, tenant: str, as_of: datetime, ids: Sequence[str] | None = None
) -> list[tuple[Lead, Candidate]]:
    """Return every open lead as it stands; with `ids`, those of them.

    Nothing that is held is left out, whatever the time: a CRM's clock may be ahead of ours.
    """
    stages = {stage.id: stage for stage in store.list_stages(tenant)}
    interactions = store.interactions_by_lead(tenant, ids)
    pairs = []
    for lead in store.list_leads(tenant, Outcome.OPEN, ids=ids):
        if lead.stage in stages:
            texts = interactions.get(lead.id, [])
            newest = max((max(item.created_at, item.modified_at) for item in texts), default=as_of)
            pairs.append((lead, snapshot(lead, stages[lead.stage].label, texts, max(as_of, newest))))
    return pairs


def snapshot(lead: Lead, stage: str, interactions: Sequence[Interaction], as_of: datetime) -> Candidate:
    """Return a lead as the CRM showed it at `as_of`; `interactions` are newest first."""
    return Candidate(
        id=lead.id,
        stage=stage,
        as_of=as_of,
        fields={name: value for name, value in lead.fields.items() if name != "company"},
        passages=tuple(
            Passage(
                source=f"{item.kind}:{item.id}",
                voice=f"customer {item.kind}" if item.inbound else str(item.kind),
                occurred_at=item.occurred_at,
                text=item.text,
            )
            for item in interactions
            if item.created_at <= as_of and item.modified_at <= as_of and item.text.strip()
        ),
    )


def person_of(lead: Lead) -> str:
    """Return who a lead is, so that a duplicate record does not stand on both sides of a split."""
    return f"{lead.name}|{lead.fields.get('company') or lead.id}".lower()


def _stays(lead: Lead, changes: Sequence[StageChange], stages: Mapping[str, Stage]) -> Iterator[_Stay]:
    """Yield the lead's times in open stages that it has left; `changes` are oldest first."""
    if not changes:
        return
    entered_at = lead.created_at
    stage = changes[0].previous
    for change in changes:
        if stage is not None and stage != change.stage:
            if _is_open(stage, stages) and change.changed_at > entered_at:
                yield _Stay(stage, entered_at, change.changed_at)
            entered_at = change.changed_at
        elif stage is None:
            entered_at = change.changed_at
        stage = change.stage


def _level(
    as_of: datetime,
    changes: Sequence[StageChange],
    stages: Mapping[str, Stage],
    stage: str,
    now: datetime,
    horizon: timedelta,
) -> tuple[float, bool]:
    """Return how far a lead got within the horizon after `as_of`, and whether that horizon has passed."""
    end = min(as_of + horizon, now)
    position = stages[stage].position
    reached = position
    for change in changes:
        if as_of < change.changed_at <= end and change.stage in stages:
            after = stages[change.stage]
            if after.outcome is not Outcome.OPEN:
                return (1.0 if after.outcome is Outcome.WON else 0.0), True
            reached = after.position
    steps = sum(position < other.position <= reached for other in stages.values() if other.outcome is Outcome.OPEN)
    level = _STALLED if steps == 0 else _ADVANCED if steps == 1 else _ADVANCED_FURTHER
    return level, as_of + horizon <= now


def _is_open(stage: str, stages: Mapping[str, Stage]) -> bool:
    return stage in stages and stages[stage].outcome is Outcome.OPEN
