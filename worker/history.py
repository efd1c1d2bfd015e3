"""Leads as they stood: snapshots for learning from the past, and for ranking now.

A snapshot holds only what the CRM held at that moment: interactions that were recorded by then and not edited since,
and the stage of the stage history. Structured fields have no history here and are taken as they are now.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from connectors.lead import Interaction, Lead, Outcome, StageChange
from ranking.candidate import Candidate, Example, Passage
from worker.store import Store

# The snapshot is taken just before the lead left the stage: the last moment at which its order there mattered.
_BEFORE_LEAVING = timedelta(seconds=1)


def list_examples(store: Store, tenant: str) -> list[Example]:
    """Return one example for each stage that each finished lead has passed through."""
    stages = {stage.id: stage for stage in store.list_stages(tenant)}
    open_stages = {id_ for id_, stage in stages.items() if stage.outcome is Outcome.OPEN}
    interactions = store.interactions_by_lead(tenant)
    changes = store.stage_changes_by_lead(tenant)
    examples: list[Example] = []
    for lead in store.list_leads(tenant, Outcome.WON, Outcome.LOST):
        texts = interactions.get(lead.id, [])
        for stage, left_at in _stays(changes.get(lead.id, [])):
            if stage not in open_stages:
                continue
            as_of = left_at - _BEFORE_LEAVING
            candidate = snapshot(lead, stages[stage].label, texts, as_of)
            examples.append(
                Example(
                    candidate=candidate,
                    won=lead.outcome is Outcome.WON,
                    group=person_of(lead),
                    order=left_at.timestamp(),
                )
            )
    return examples


def list_candidates(store: Store, tenant: str, as_of: datetime) -> list[tuple[Lead, Candidate]]:
    """Return every open lead with its snapshot."""
    stages = {stage.id: stage for stage in store.list_stages(tenant)}
    interactions = store.interactions_by_lead(tenant)
    return [
        (lead, snapshot(lead, stages[lead.stage].label, interactions.get(lead.id, []), as_of))
        for lead in store.list_leads(tenant, Outcome.OPEN)
        if lead.stage in stages
    ]


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


def _stays(changes: Sequence[StageChange]) -> Iterator[tuple[str, datetime]]:
    """Yield the stages that one lead has left, each with the moment; `changes` are oldest first."""
    if not changes:
        return
    previous = changes[0].previous
    for change in changes:
        if previous is not None and previous != change.stage:
            yield previous, change.changed_at
        previous = change.stage
