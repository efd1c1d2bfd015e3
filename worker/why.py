"""Why a lead stands where it stands, or before another one: each text's and each field's share, quoted, not told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from connectors.priority import Priority
from ranking.candidate import Candidate
from ranking.model import RankingModel, ScoredCandidate
from ranking.reader import CachedReader
from worker.errors import WorkerError
from worker.history import list_candidates
from worker.store import Store

_MOST_TEXTS = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """One text or field, word for word, and how much it adds to the lead's utility, in log-odds."""

    source: str
    voice: str
    occurred_at: datetime | None
    quote: str
    effect: float


@dataclass(frozen=True, slots=True)
class LeadReasons:
    """One lead's chance in percent, its rank in its stage, and the evidence for and against it, strongest first."""

    lead_id: str
    stage: str
    score: float
    rank: int
    insufficient: bool
    supporting: tuple[Evidence, ...]
    opposing: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """`first` is to be called before `second`, if there is one.

    `read_together` is the probability that `first` is the better one as the model sees the two side by side, in both
    orders; None where comparisons are not in use.
    """

    first: LeadReasons
    second: LeadReasons | None
    read_together: float | None


def why(
    store: Store,
    tenant: str,
    model: RankingModel,
    reader: CachedReader,
    ids: Sequence[str],
    *,
    now: datetime | None = None,
) -> Why:
    """Return the reasons of one lead, or of two in the order in which they are to be called.

    Raises:
        WorkerError: A lead is not ranked.
    """
    known = {lead.id: candidate for lead, candidate in list_candidates(store, tenant, now or datetime.now(UTC))}
    priorities = {id_: found[0] for id_ in ids if (found := store.find_priority(tenant, id_)) is not None}
    missing = [id_ for id_ in ids if id_ not in known or id_ not in priorities]
    if missing:
        raise WorkerError(f"lead {missing[0]} is not ranked: unknown id, finished, or `callfirst rank` has not run")
    # The order is the one that the CRM is told, which depends on the whole stage; what a text adds does not.
    scored = model.score([known[id_] for id_ in sorted(ids, key=lambda id_: priorities[id_].call_order)], reader)
    reasons = [_reasons(item, priorities[item.candidate.id], model, reader) for item in scored]
    together = None
    if len(scored) == 2 and model.refinement is not None:
        first, second = (item.candidate for item in scored)
        there, back = model.refinement.comparator.verdicts([(first, second), (second, first)], reader)
        together = float(there + 1 - back) / 2
    return Why(reasons[0], reasons[1] if len(reasons) == 2 else None, together)


def _reasons(scored: ScoredCandidate, priority: Priority, model: RankingModel, reader: CachedReader) -> LeadReasons:
    texts = [
        Evidence(passage.source, passage.voice, passage.occurred_at, passage.text, effect)
        for passage, effect in zip(scored.candidate.passages, scored.effects, strict=True)
    ]
    found = sorted([*texts, *_field_evidence(scored.candidate, model, reader)], key=lambda item: -item.effect)
    return LeadReasons(
        lead_id=scored.candidate.id,
        stage=scored.candidate.stage,
        score=priority.score,
        rank=priority.rank,
        insufficient=scored.insufficient,
        supporting=tuple(item for item in found if item.effect > 0)[:_MOST_TEXTS],
        opposing=tuple(item for item in reversed(found) if item.effect < 0)[:_MOST_TEXTS],
    )


def _field_evidence(candidate: Candidate, model: RankingModel, reader: CachedReader) -> list[Evidence]:
    """Return what the utility would be without each field: the field is blanked, as if the CRM did not have it."""
    names = [name for name, value in candidate.fields.items() if value is not None]
    blanked = [replace(candidate, fields={**candidate.fields, name: None}) for name in names]
    whole, *without = model.utilities([candidate, *blanked], reader, refine=False).tolist()
    return [
        Evidence(f"field:{name}", "field", None, f"{name}: {candidate.fields[name]}", whole - utility)
        for name, utility in zip(names, without, strict=True)
    ]
