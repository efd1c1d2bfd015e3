"""Orders side by side: how good each is on the same leads, and by how much ours is ahead."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.metrics import (
    Interval,
    area_under_curve,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_pair_accuracy,
    bootstrap_statistic,
    grouped_area,
    lift_at,
    ndcg,
    precision_at,
    recall_at,
    sign_flip_p,
)

LIST_SIZE = 20
_SAMPLES = 1_000
_TOP = 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much our order exceeds another one, in each figure, on the same resampled leads or lists.

    `ndcg_p` is the two-sided p of a paired sign-flip test of NDCG@1 over lists.
    """

    pair_accuracy: Interval
    ndcg: Mapping[str, Interval]
    ndcg_p: float
    area: Interval | None
    precision_at_10_percent: Interval | None


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What one order achieves. `pair_accuracy` and `ndcg` are inside stages; the rest, where outcomes are 0 or 1, over
    all leads. `lift` is how many times more wins its first 10 % hold than leads taken blindly. `ahead` is None for our
    own order.
    """

    name: str
    pair_accuracy: Interval
    ndcg: Mapping[str, Interval]
    area: Interval | None
    stage_area: float | None
    precision_at_10_percent: Interval | None
    recall_at_10_percent: float | None
    lift: float | None
    ahead: Ahead | None


@dataclass(frozen=True, slots=True)
class Report:
    """All orders on the same leads. Lists are of 20 leads of one stage; `skipped_lists` had nothing to find.

    `one_list` is the NDCG of lists that mix the stages, by name of the order that makes them.
    """

    leads: int
    lists: int
    skipped_lists: int
    orders: tuple[OrderResult, ...]
    one_list: Mapping[str, Mapping[str, Interval]]


def compare_orders(
    orders: Mapping[str, Floats],
    gains: Floats,
    stages: Sequence[str],
    groups: Sequence[Hashable],
    *,
    ours: str,
    one_list: Mapping[str, Floats] | None = None,
) -> Report:
    """Return every order's figures with 95 % intervals: over resampled groups, and for NDCG over resampled lists.

    Args:
        orders: Scores by name, higher is better, [rows] each.
        gains: The truth: 0 or 1 (lost, won), or graded and not negative, [rows].
        stages: The stage of each row; leads of different stages are never compared.
        groups: The lead or person of each row.
        ours: The name of the order that the others are measured against.
        one_list: Scores that compare leads of different stages, by name, [rows] each.
    """
    codes = np.unique(list(stages), return_inverse=True)[1].astype(np.float64)
    lists = draw_lists(codes)
    mixed = draw_lists(np.zeros(len(codes)))
    plain = bool(np.isin(gains, (0.0, 1.0)).all())
    by_list = {name: _list_values(scores, gains, lists) for name, scores in orders.items()}
    useful = ~np.isnan(by_list[ours]["ndcg@1"])

    def over_groups(statistic: Callable[..., float], *columns: Floats) -> Interval | None:
        return bootstrap_statistic(statistic, (*columns, gains), groups, samples=_SAMPLES) if plain else None

    def compare(name: str, scores: Floats) -> Ahead:
        gained = {key: by_list[ours][key] - values for key, values in by_list[name].items()}
        return Ahead(
            pair_accuracy=bootstrap_difference(orders[ours], scores, gains, stages, groups=groups),
            ndcg={key: bootstrap_mean(values) for key, values in gained.items()},
            ndcg_p=sign_flip_p(gained["ndcg@1"]),
            area=over_groups(_area_ahead, orders[ours], scores),
            precision_at_10_percent=over_groups(_precision_ahead, orders[ours], scores),
        )

    def describe(name: str, scores: Floats) -> OrderResult:
        return OrderResult(
            name=name,
            pair_accuracy=bootstrap_pair_accuracy(scores, gains, stages, groups=groups),
            ndcg={key: bootstrap_mean(values) for key, values in by_list[name].items()},
            area=over_groups(area_under_curve, scores),
            stage_area=grouped_area(scores, gains, list(stages)) if plain else None,
            precision_at_10_percent=over_groups(_precision, scores),
            recall_at_10_percent=recall_at(scores, gains, _TOP) if plain else None,
            lift=lift_at(scores, gains, _TOP) if plain else None,
            ahead=None if name == ours else compare(name, scores),
        )

    return Report(
        leads=len(gains),
        lists=int(useful.sum()),
        skipped_lists=int((~useful).sum()),
        orders=tuple(describe(name, scores) for name, scores in orders.items()),
        one_list={
            name: {key: bootstrap_mean(values) for key, values in _list_values(scores, gains, mixed).items()}
            for name, scores in (one_list or {}).items()
        },
    )


def _list_values(scores: Floats, gains: Floats, lists: NDArray[np.int64]) -> dict[str, Floats]:
    """Return NDCG@1, @3 and @5 of each list, NaN for lists whose leads all have the same gain: any order is right."""
    names = list(dict.fromkeys(lists.tolist()))
    told_apart = np.array([np.ptp(gains[lists == name]) > 0 for name in names])
    return {f"ndcg@{k}": np.where(told_apart, ndcg(scores, gains, lists.tolist(), k), np.nan) for k in (1, 3, 5)}


def _area_ahead(ours: Floats, theirs: Floats, won: Floats) -> float:
    return area_under_curve(ours, won) - area_under_curve(theirs, won)


def _precision(scores: Floats, won: Floats) -> float:
    return precision_at(scores, won, _TOP)


def _precision_ahead(ours: Floats, theirs: Floats, won: Floats) -> float:
    return _precision(ours, won) - _precision(theirs, won)


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
