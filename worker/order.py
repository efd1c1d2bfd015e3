"""Puts scored leads in order: inside each stage by utility, across stages by chance, in bands that reps can work off.

One new note moves every lead behind it by one place. A rep does not care, and a CRM that is told so keeps a history of
it and starts its workflows: what moved little keeps showing what it shows.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from connectors.priority import COMPARED_FIELDS, Band, Priority, PriorityStatus
from ranking.columns import to_number
from worker.settings import BandConfig, SteadinessConfig
from worker.store import Standing


def order(standings: Sequence[Standing], bands: BandConfig) -> list[Priority]:
    """Return a priority for each scored lead, first of the call order first.

    Inside a stage the chance rises with the utility, so the call order, by chance, keeps each stage's own order. Leads
    without anything to read come last; equal ones are ordered by id, so that the same input gives the same order.
    """
    by_chance = sorted(
        standings,
        key=lambda item: (item.score.insufficient, -item.score.probability, -item.score.utility, item.score.lead_id),
    )
    in_order = by_chance if bands.amount_field is None else _by_worth(by_chance)
    ranks: dict[str, int] = {}
    of_owner: dict[str | None, int] = {}
    priorities = []
    for call_order, item in enumerate(in_order, start=1):
        score = item.score
        ranks[score.stage] = ranks.get(score.stage, 0) + 1
        if not score.insufficient:
            of_owner[item.owner] = of_owner.get(item.owner, 0) + 1
        place = of_owner.get(item.owner, 0)
        called_first = Band.A if place <= bands.a else Band.B if place <= bands.a + bands.b else Band.C
        rests_on = PriorityStatus.RANKED if score.from_own_history else PriorityStatus.BASE
        priorities.append(
            Priority(
                lead_id=score.lead_id,
                band=Band.C if score.insufficient else called_first,
                score=round(100 * score.probability, 1),
                rank=ranks[score.stage],
                call_order=call_order,
                reason=score.reason,
                status=PriorityStatus.INSUFFICIENT if score.insufficient else rests_on,
                model_version=score.model_version,
                ranked_at=score.ranked_at,
            )
        )
    return priorities


def _by_worth(by_chance: Sequence[Standing]) -> list[Standing]:
    """Return leads by chance times amount, as far as no stage's own order, by chance, is touched.

    Where a stage's order and the worth of its leads contradict each other, neighbours share their mean worth (isotonic
    regression): two stages are merged by what is next to be called in each. A lead without an amount counts as the
    middle one.
    """
    from scipy.optimize import isotonic_regression  # what sends webhooks on need not wait for it

    amounts = np.array([max(to_number(item.amount), 0.0) for item in by_chance])
    known = amounts[~np.isnan(amounts)]
    amounts = np.where(np.isnan(amounts), np.median(known) if len(known) else 1.0, amounts)
    worth = amounts * np.array([item.score.probability for item in by_chance])
    stages = np.array([item.score.stage for item in by_chance])
    readable = np.array([not item.score.insufficient for item in by_chance], dtype=np.bool_)
    for stage in np.unique(stages):
        rows = np.flatnonzero((stages == stage) & readable)
        if len(rows):
            worth[rows] = isotonic_regression(worth[rows], increasing=False).x
    # The sort is stable: where worths are equal, the chance decides, as it did before.
    return [by_chance[row] for row in np.lexsort((-worth, ~readable)).tolist()]


def order_steadily(
    standings: Sequence[Standing],
    shown: Mapping[str, Priority],
    bands: BandConfig,
    steadiness: SteadinessConfig,
    *,
    rescored: Collection[str] = (),
) -> list[Priority]:
    """Return what each lead shall show: what it shows already, unless it is `rescored` or has moved beyond doubt.

    Of those that moved and were not rescored, at most the share `max_churn` of all is renewed, the reps' first calls
    first; the others have their turn when the tenant is next put in order.
    """
    fresh = order(standings, bands)
    renewed: dict[str, Priority] = {}
    moved: list[Priority] = []
    for priority in fresh:
        before = shown.get(priority.lead_id)
        if before is None or priority.lead_id in rescored or before.model_version != priority.model_version:
            renewed[priority.lead_id] = priority
        elif is_worth_telling(before, priority, steadiness):
            moved.append(priority)
    moved.sort(key=lambda priority: (priority.band, priority.call_order))
    at_most = max(1, int(steadiness.max_churn * len(fresh)))
    renewed |= {priority.lead_id: priority for priority in moved[:at_most]}
    return [renewed.get(p.lead_id) or shown[p.lead_id] for p in fresh]


def is_worth_telling(before: Priority, after: Priority, steadiness: SteadinessConfig) -> bool:
    """Say whether a rep would want to know: another band, status or reason, or a place that is really another one.

    Who is to be called today is told his exact rank.
    """
    if any(getattr(before, name) != getattr(after, name) for name in COMPARED_FIELDS if name not in _MEASURED):
        return True
    if after.band is Band.A and before.rank != after.rank:
        return True
    places = ((before.rank, after.rank), (before.call_order, after.call_order))
    return (
        any(abs(new - old) > max(steadiness.places, steadiness.share * min(old, new)) for old, new in places)
        or abs(after.score - before.score) > steadiness.points
    )


_MEASURED = ("score", "rank", "call_order")
