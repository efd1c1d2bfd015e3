"""Orders a CRM's open leads: inside each stage by utility, across stages by chance, in bands that reps can work off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.lead import Lead, Outcome
from connectors.priority import Band, Priority, PriorityStatus
from ranking.explanation import explain, sentences, strongest
from ranking.model import RankingModel, ScoredCandidate
from ranking.reader import CachedReader
from worker.history import list_candidates
from worker.settings import BandConfig
from worker.store import Score, Store

# A line up to this long is quoted whole; in a longer text the telling sentence is looked for.
_QUOTED_WHOLE = 88


@dataclass(frozen=True, slots=True)
class RankReport:
    """What one ranking did.

    `passes` counts the texts that the language model had to read, `unknown_stage` the open leads left out because
    their stage is in none of the CRM's stage lists.
    """

    leads: int
    unknown_stage: int
    insufficient: int
    stages: int
    changed: int
    passes: int


def rank(
    store: Store,
    tenant: str,
    model: RankingModel,
    reader: CachedReader,
    bands: BandConfig,
    *,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RankReport:
    """Rank every open lead and keep scores and desired CRM values; nothing is written to the CRM."""
    ranked_at = now or datetime.now(UTC)
    before = reader.passes
    pairs = list_candidates(store, tenant, ranked_at)
    scored = model.score([candidate for _, candidate in pairs], reader, progress=progress)
    quotes = choose_quotes(scored, model, reader)
    leads = {lead.id: lead for lead, _ in pairs}
    priorities = order(scored, leads, bands, quotes, model.version, ranked_at, from_own_history=model.card.examples > 0)
    scores = [
        Score(item.candidate.id, leads[item.candidate.id].stage, item.utility, item.probability) for item in scored
    ]
    changed = store.save_ranking(tenant, scores, priorities)
    return RankReport(
        leads=len(priorities),
        unknown_stage=len(store.list_leads(tenant, Outcome.OPEN)) - len(pairs),
        insufficient=sum(item.insufficient for item in scored),
        stages=len({lead.stage for lead in leads.values()}),
        changed=changed,
        passes=reader.passes - before,
    )


def order(
    scored: Sequence[ScoredCandidate],
    leads: Mapping[str, Lead],
    bands: BandConfig,
    quotes: Mapping[str, Mapping[str, str]],
    model_version: str,
    ranked_at: datetime,
    *,
    from_own_history: bool = True,
) -> list[Priority]:
    """Return a priority for each scored lead, first of the call order first.

    Inside a stage the chance rises with the utility, so the call order, by chance, keeps each stage's own order. Leads
    without anything to read come last; equal ones are ordered by id, so that the same input gives the same order.
    """
    in_order = sorted(scored, key=lambda item: (item.insufficient, -item.probability, -item.utility, item.candidate.id))
    rests_on = PriorityStatus.RANKED if from_own_history else PriorityStatus.BASE
    ranks: dict[str, int] = {}
    of_owner: dict[str | None, int] = {}
    priorities = []
    for call_order, item in enumerate(in_order, start=1):
        lead = leads[item.candidate.id]
        ranks[lead.stage] = ranks.get(lead.stage, 0) + 1
        if not item.insufficient:
            of_owner[lead.owner] = of_owner.get(lead.owner, 0) + 1
        place = of_owner.get(lead.owner, 0)
        called_first = Band.A if place <= bands.a else Band.B if place <= bands.a + bands.b else Band.C
        priorities.append(
            Priority(
                lead_id=lead.id,
                band=Band.C if item.insufficient else called_first,
                score=round(100 * item.probability, 1),
                rank=ranks[lead.stage],
                call_order=call_order,
                reason=explain(item, quotes.get(lead.id, {})),
                status=PriorityStatus.INSUFFICIENT if item.insufficient else rests_on,
                model_version=model_version,
                ranked_at=ranked_at,
            )
        )
    return priorities


def choose_quotes(
    scored: Sequence[ScoredCandidate], model: RankingModel, reader: CachedReader
) -> dict[str, dict[str, str]]:
    """Return, by lead and source, the sentence of each cited long text that says it most."""
    wanted: list[tuple[str, int, str, list[str]]] = []
    for item in scored:
        for sign in (+1, -1):
            passage = strongest(item, sign)
            if passage is not None and ("\n" in passage.text or len(passage.text) > _QUOTED_WHOLE):
                wanted.append((item.candidate.id, sign, passage.source, sentences(passage.text)))
    effects = model.text_effects([part for _, _, _, parts in wanted for part in parts], reader)
    quotes: dict[str, dict[str, str]] = {}
    for lead, sign, source, parts in wanted:
        best = max(parts, key=lambda part: sign * effects[part])
        quotes.setdefault(lead, {})[source] = best
    return quotes
