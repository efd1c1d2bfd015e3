"""Ranks a CRM's open leads: all of them at once, or what changed in one stage."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isnan

from connectors.lead import Outcome
from ranking.columns import to_number
from ranking.model import RankingModel
from ranking.reader import CachedReader
from worker.history import list_candidates
from worker.order import order, order_steadily
from worker.scores import make_scores, make_scores_or_say
from worker.settings import BandConfig, SteadinessConfig
from worker.store import Claim, DirtyLead, Pass, Standing, Store

# What is scored between two commits: a lead that changes meanwhile waits no longer than this takes.
_LEADS_AT_ONCE = 100
# After so many deaths in a row at one stage its leads are scored one by one, to find the one that kills.
_SUSPICIOUS = 2


@dataclass(frozen=True, slots=True)
class RankReport:
    """What one ranking did.

    `passes` counts the texts that the language model had to read, `unknown_stage` the open leads left out because
    their stage is in none of the CRM's stage lists, `without_amount` those without a number in the field that
    `bands.amount_field` names, if it names one.
    """

    leads: int
    unknown_stage: int
    insufficient: int
    without_amount: int
    stages: int
    changed: int
    passes: int


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one pass over a stage did; `more` says that it is not through."""

    scored: int
    failed: int
    changed: int
    passes: int
    more: bool


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
    """Rank every open lead and keep scores and desired CRM values, to the place; nothing is written to the CRM."""
    before = reader.passes
    dirty = store.list_dirty_leads(tenant)
    pairs = list_candidates(store, tenant, now or datetime.now(UTC))
    scores = make_scores(pairs, model, reader, progress=progress)
    leads = {lead.id: lead for lead, _ in pairs}
    standings = [
        Standing(score, leads[score.lead_id].owner, leads[score.lead_id].fields.get(bands.amount_field or ""))
        for score in scores
    ]
    priorities = order(standings, bands)
    changed = store.save_ranking(tenant, scores, priorities, dirty)
    return RankReport(
        leads=len(priorities),
        unknown_stage=len(store.list_leads(tenant, Outcome.OPEN)) - len(pairs),
        insufficient=sum(score.insufficient for score in scores),
        without_amount=sum(isnan(to_number(item.amount)) for item in standings) if bands.amount_field else 0,
        stages=len({score.stage for score in scores}),
        changed=changed,
        passes=reader.passes - before,
    )


def rank_stage(
    store: Store,
    held: Claim,
    model: RankingModel,
    reader: CachedReader,
    bands: BandConfig,
    steadiness: SteadinessConfig,
    *,
    stale: bool = False,
    now: datetime | None = None,
) -> StageReport:
    """Score the leads of a stage that changed, or with `stale` those whose score is old, and put the tenant in order.

    At most a hundred leads are scored. A lead that cannot be scored keeps its score and keeps nobody waiting.

    Raises:
        LeaseLostError: Somebody else has the stage now; nothing was kept.
    """
    before, tokens_before = reader.passes, reader.tokens
    # Old scores are made anew as of one moment, so that a night that is interrupted ends as it would have.
    at = held.stale_before if stale and held.stale_before is not None else now or datetime.now(UTC)
    one_by_one = held.attempts >= _SUSPICIOUS
    limit = 1 if one_by_one else _LEADS_AT_ONCE
    if stale:
        found = store.list_stale_leads(held.tenant, held.stage, at, limit + 1)
        settled: list[DirtyLead] = []
    else:
        settled = store.list_dirty_leads(held.tenant, held.stage, limit + 1)
        found = [item.lead_id for item in settled]
    ids, settled, more = found[:limit], settled[:limit], len(found) > limit
    if one_by_one and ids:
        store.note_try(held, ids[0])
        settled = [item for item in store.list_dirty_leads(held.tenant, held.stage) if item.lead_id == ids[0]]
    if model.refinement is not None and ids and not one_by_one:
        # The head of a stage is compared lead by lead: it cannot be scored in parts.
        ids = [lead.id for lead in store.list_leads(held.tenant, Outcome.OPEN) if lead.stage == held.stage]
    pairs = list_candidates(store, held.tenant, at, ids)
    scores, failures = make_scores_or_say(pairs, model, reader) if pairs else ([], {})
    made = Pass(
        scores=scores,
        settled=[item for item in settled if item.lead_id not in failures],
        failures=failures,
        order=partial(order_steadily, bands=bands, steadiness=steadiness),
        amount_field=bands.amount_field,
        more=more,
        texts_read=reader.passes - before,
        tokens_read=reader.tokens - tokens_before,
        one_by_one=one_by_one,
    )
    changed = store.save_pass(held, made, stale=stale)
    return StageReport(len(scores), len(failures), changed, made.texts_read, more)
