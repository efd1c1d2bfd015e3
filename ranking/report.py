"""Orders side by side: how good each is on the same leads, and by how much ours is ahead."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.metrics import (
    Interval,
    area_under_curve,
    bootstrap_difference,
    bootstrap_pair_accuracy,
    bootstrap_statistic,
    grouped_area,
    ndcg,
    precision_at,
    recall_at,
)

LIST_SIZE = 20
_REDRAWS = 5
_SAMPLES = 200
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What one order achieves. `pair_accuracy` and `ndcg` are inside stages; the rest, where outcomes are 0 or 1, over
    all leads. `ahead` is our pair accuracy less this one's on the same resampled leads; None for our own order.
    """

    name: str
    pair_accuracy: Interval
    ndcg: Mapping[str, Interval]
    area: Interval | None
    stage_area: float | None
    precision_at_10_percent: Interval | None
    recall_at_10_percent: float | None
    ahead: Interval | None
    ahead_area: Interval | None


@dataclass(frozen=True, slots=True)
class Report:
    """All orders on the same leads. Lists are of 20 leads of one stage; `skipped_lists` had nothing to find."""

    leads: int
    lists: int
    skipped_lists: int
    orders: tuple[OrderResult, ...]


def compare_orders(
    orders: Mapping[str, Floats],
    gains: Floats,
    stages: Sequence[str],
    groups: Sequence[Hashable],
    *,
    ours: str,
) -> Report:
    """Return every order's figures with 95 % intervals over resampled groups.

    Args:
        orders: Scores by name, higher is better, [rows] each.
        gains: The truth: 0 or 1 (lost, won), or graded and not negative, [rows].
        stages: The stage of each row; leads of different stages are never compared.
        groups: The lead or person of each row.
        ours: The name of the order that the others are measured against.
    """
    codes = np.unique(list(stages), return_inverse=True)[1].astype(np.float64)
    drawn = draw_lists(codes)
    useful = [len(set(gains[drawn == name].tolist())) > 1 for name in np.unique(drawn)]
    plain = bool(np.isin(gains, (0.0, 1.0)).all())

    def describe(name: str, scores: Floats) -> OrderResult:
        def at(k: int) -> Interval:
            return bootstrap_statistic(
                lambda s, g, c: mean_ndcg(s, g, c, k), (scores, gains, codes), groups, samples=_SAMPLES
            )

        def area_ahead(mine: Floats, theirs: Floats, won: Floats) -> float:
            return area_under_curve(mine, won) - area_under_curve(theirs, won)

        is_ours = name == ours
        return OrderResult(
            name=name,
            pair_accuracy=bootstrap_pair_accuracy(scores, gains, stages, groups=groups),
            ndcg={f"ndcg@{k}": at(k) for k in (1, 3, 5)},
            area=bootstrap_statistic(area_under_curve, (scores, gains), groups, samples=_SAMPLES) if plain else None,
            stage_area=grouped_area(scores, gains, list(stages)) if plain else None,
            precision_at_10_percent=bootstrap_statistic(
                lambda s, g: precision_at(s, g, 0.1), (scores, gains), groups, samples=_SAMPLES
            )
            if plain
            else None,
            recall_at_10_percent=recall_at(scores, gains, 0.1) if plain else None,
            ahead=None if is_ours else bootstrap_difference(orders[ours], scores, gains, stages, groups=groups),
            ahead_area=bootstrap_statistic(area_ahead, (orders[ours], scores, gains), groups, samples=_SAMPLES)
            if plain and not is_ours
            else None,
        )

    return Report(
        leads=len(gains),
        lists=sum(useful),
        skipped_lists=len(useful) - sum(useful),
        orders=tuple(describe(name, scores) for name, scores in orders.items()),
    )


def mean_ndcg(scores: Floats, gains: Floats, codes: Floats, k: int) -> float:
    """Return the mean NDCG@k over lists of 20 drawn five times inside each stage; NaN without any list.

    Lists whose leads all have the same gain are left out: any order of them is right.
    """
    values: list[float] = []
    for redraw in range(_REDRAWS):
        lists = draw_lists(codes, seed=redraw)
        found = ndcg(scores, gains, lists.tolist(), k)
        places = {name: place for place, name in enumerate(dict.fromkeys(lists.tolist()))}
        for name, place in places.items():
            inside = gains[lists == name]
            if inside.max() > inside.min():
                values.append(float(found[place]))
    return float(np.mean(values)) if values else float("nan")


def draw_lists(codes: Floats, *, seed: int = 0) -> NDArray[np.int64]:
    """Return a list number for each row: rows of one stage, shuffled, 20 to a list; leftovers join the last list."""
    random = np.random.default_rng(seed)
    lists = np.zeros(len(codes), dtype=np.int64)
    following = 0
    for code in np.unique(codes):
        rows = random.permutation(np.flatnonzero(codes == code))
        count = max(1, len(rows) // LIST_SIZE)
        lists[rows] = following + np.minimum(np.arange(len(rows)) // LIST_SIZE, count - 1)
        following += count
    return lists
