"""Orders side by side: how good each is on the same leads, and by how much ours is ahead."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking.metrics import (
    Interval,
    area_under_curve,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_pair_accuracy,
    bootstrap_statistic,
    calibration_error,
    grouped_area,
    lift_at,
    ndcg,
    precision_at,
    recall_at,
    sign_flip_p,
)

LIST_SIZE = 20
# Which leads share a list is chance: the figures are means over so many ways to deal them.
DEALS = 20
_SAMPLES = 1_000
_TOP = 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much our order exceeds another one, in each figure, on the same resampled leads or lists.

    `ndcg_p` is the two-sided p of a paired sign-flip test of NDCG@1 over lists: twice the mean over the deals, which is
    a valid p whatever binds them together (Vovk and Wang, Combining p-values via averaging, Biometrika 107, 2020).
    """

    pair_accuracy: Interval
    ndcg: Mapping[str, Interval]
    ndcg_p: float
    area: Interval | None
    precision_at_10_percent: Interval | None


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What one order achieves. `pair_accuracy`, `ndcg` and `stage_area` are inside stages; the rest is over all leads
    and None for an order that compares none of different stages: `mixed_ndcg` of lists that mix the stages, and, where
    outcomes are 0 or 1, the others. `lift` is how many times more wins its first 10 % hold than leads taken blindly,
    `calibration_error` by how far its chances are off (ECE, ten bins of equally many leads), if it gives chances.
    `ahead` is None for our own order. NDCGs are empty where no list had anything to find.
    """

    name: str
    pair_accuracy: Interval
    ndcg: Mapping[str, Interval]
    mixed_ndcg: Mapping[str, Interval] | None
    area: Interval | None
    stage_area: float | None
    precision_at_10_percent: Interval | None
    recall_at_10_percent: float | None
    lift: float | None
    calibration_error: Interval | None
    ahead: Ahead | None


@dataclass(frozen=True, slots=True)
class Report:
    """All orders on the same leads. Lists are of 20 leads, dealt `deals` times; a deal has `lists` lists of one stage
    on average, beside `skipped_lists` that had nothing to find. `failed` says why an order is missing, by its name.
    """

    leads: int
    deals: int
    lists: int
    skipped_lists: int
    orders: tuple[OrderResult, ...]
    failed: Mapping[str, str]


def compare_orders(
    orders: Mapping[str, Floats],
    gains: Floats,
    stages: Sequence[str],
    groups: Sequence[Hashable],
    *,
    ours: str,
    one_list: Mapping[str, Floats] | None = None,
    calibrated: Collection[str] = (),
    failed: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Return every order's figures with 95 % intervals: over resampled groups, and for NDCG over resampled lists.

    A deal takes one row of each group, so that its lists tell nothing of each other. NDCG's interval is that of one
    deal, on average: a little too wide for a mean over deals.

    Args:
        orders: Scores by name, higher is better, [rows] each.
        gains: The truth: 0 or 1 (lost, won), or graded and not negative, [rows].
        stages: The stage of each row.
        groups: The lead or person of each row.
        ours: The name of the order that the others are measured against.
        one_list: Scores that compare leads of different stages, by name, [rows] each; without, `orders` do.
        calibrated: The names of the orders whose scores in `one_list` are log-odds of a win.
        failed: Why an order is missing, by its name.
    """
    codes = np.unique(list(stages), return_inverse=True)[1].astype(np.float64)
    deals = [draw_lists(codes, groups, seed=seed) for seed in range(DEALS)]
    mixed_deals = [draw_lists(np.zeros(len(codes)), groups, seed=seed) for seed in range(DEALS)]
    plain = bool(np.isin(gains, (0.0, 1.0)).all())
    across = orders if one_list is None else one_list
    by_list = {name: _list_values(scores, gains, deals) for name, scores in orders.items()}
    useful = [~np.isnan(values) for values in by_list[ours]["ndcg@1"]]

    def over_all(statistic: Callable[..., float], *names: str) -> Interval | None:
        if not plain or any(name not in across for name in names):
            return None
        columns = [across[name] for name in names]
        return bootstrap_statistic(statistic, (*columns, gains), groups, samples=_SAMPLES)

    def compare(name: str, scores: Floats) -> Ahead:
        gained = {
            key: [our - their for our, their in zip(by_list[ours][key], values, strict=True)]
            for key, values in by_list[name].items()
        }
        return Ahead(
            pair_accuracy=bootstrap_difference(orders[ours], scores, gains, stages, groups=groups),
            ndcg=_over_deals(gained),
            ndcg_p=min(1.0, 2 * float(np.mean([sign_flip_p(values) for values in gained["ndcg@1"]]))),
            area=over_all(_area_ahead, ours, name),
            precision_at_10_percent=over_all(_precision_ahead, ours, name),
        )

    def describe(name: str, scores: Floats) -> OrderResult:
        mixed = across.get(name)
        return OrderResult(
            name=name,
            pair_accuracy=bootstrap_pair_accuracy(scores, gains, stages, groups=groups),
            ndcg=_over_deals(by_list[name]),
            mixed_ndcg=None if mixed is None else _over_deals(_list_values(mixed, gains, mixed_deals)),
            area=over_all(area_under_curve, name),
            stage_area=grouped_area(scores, gains, list(stages)) if plain else None,
            precision_at_10_percent=over_all(_precision, name),
            recall_at_10_percent=recall_at(mixed, gains, _TOP) if plain and mixed is not None else None,
            lift=lift_at(mixed, gains, _TOP) if plain and mixed is not None else None,
            calibration_error=over_all(_error_of_chances, name) if name in calibrated else None,
            ahead=None if name == ours else compare(name, scores),
        )

    return Report(
        leads=len(gains),
        deals=DEALS,
        lists=round(float(np.mean([kept.sum() for kept in useful]))),
        skipped_lists=round(float(np.mean([(~kept).sum() for kept in useful]))),
        orders=tuple(describe(name, scores) for name, scores in orders.items()),
        failed=dict(failed),
    )


def _list_values(scores: Floats, gains: Floats, deals: Sequence[NDArray[np.int64]]) -> dict[str, list[Floats]]:
    """Return NDCG@1, @3 and @5 of each list of each deal, NaN where all leads have one gain: any order is right."""
    found: dict[str, list[Floats]] = {}
    for lists in deals:
        dealt = lists >= 0
        worth, value, names = gains[dealt], scores[dealt], lists[dealt].tolist()
        told_apart = np.array([np.ptp(worth[lists[dealt] == name]) > 0 for name in dict.fromkeys(names)])
        for k in (1, 3, 5):
            values = np.where(told_apart, ndcg(value, worth, names, k), np.nan)
            found.setdefault(f"ndcg@{k}", []).append(values)
    return found


def _over_deals(by_key: Mapping[str, Sequence[Floats]]) -> dict[str, Interval]:
    """Return the mean over the deals that had something to find, with the mean of their intervals over lists."""
    found = {}
    for key, deals in by_key.items():
        intervals = [astuple(bootstrap_mean(values)) for values in deals if not np.isnan(values).all()]
        if intervals:
            found[key] = Interval(*np.mean(intervals, axis=0).tolist())
    return found


def _area_ahead(ours: Floats, theirs: Floats, won: Floats) -> float:
    return area_under_curve(ours, won) - area_under_curve(theirs, won)


def _error_of_chances(log_odds: Floats, won: Floats) -> float:
    return calibration_error(expit(log_odds), won)


def _precision(scores: Floats, won: Floats) -> float:
    return precision_at(scores, won, _TOP)


def _precision_ahead(ours: Floats, theirs: Floats, won: Floats) -> float:
    return _precision(ours, won) - _precision(theirs, won)


def draw_lists(codes: Floats, groups: Sequence[Hashable], *, seed: int = 0) -> NDArray[np.int64]:
    """Return a list number for each row: rows of one stage, shuffled, 20 to a list; leftovers join the last list.

    One row of each group is dealt, by chance; the others have -1.
    """
    random = np.random.default_rng(seed)
    lists = np.full(len(codes), -1, dtype=np.int64)
    mixed = random.permutation(len(codes))
    _, first = np.unique(np.unique(list(groups), return_inverse=True)[1][mixed], return_index=True)
    dealt = random.permutation(mixed[first])
    following = 0
    for code in np.unique(codes[dealt]):
        rows = dealt[codes[dealt] == code]
        count = max(1, len(rows) // LIST_SIZE)
        lists[rows] = following + np.minimum(np.arange(len(rows)) // LIST_SIZE, count - 1)
        following += count
    return lists
