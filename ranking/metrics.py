"""How good an order is, and how sure that is.

Lists are what a rep sees: the leads of one stage at one time. Every figure comes with the number of lists or pairs that
it rests on; intervals come from resampling whole leads or lists, never rows of one lead apart.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
_MOST_OF_A_STAGE = 4_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def pair_accuracy(scores: Floats, truth: Floats, stages: Sequence[str]) -> float:
    """Return the share of same-stage pairs of different truth that the scores order rightly; a tie counts half.

    Returns 0.5 where there is no such pair.
    """
    tables = list(_pair_tables(scores, truth, stages))
    pairs = sum(float(counts.sum()) for _, _, counts in tables)
    return sum(float(right.sum()) for _, right, _ in tables) / pairs if pairs else 0.5


def count_pairs(truth: Floats, stages: Sequence[str]) -> int:
    """Return how many pairs `pair_accuracy` counts: those among 4,000 leads of a stage at most."""
    return int(sum(counts.sum() for _, _, counts in _pair_tables(truth, truth, stages)))


def bootstrap_pair_accuracy(
    scores: Floats,
    truth: Floats,
    stages: Sequence[str],
    *,
    groups: Sequence[Hashable] | None = None,
    gap: float = 0.0,
    samples: int = 2_000,
) -> Interval:
    """Return the pair accuracy with a percentile interval over resampled groups (leads, where none are given).

    Pairs whose truth differs by no more than `gap` are not counted.
    """
    drawn = _draws(groups if groups is not None else range(len(truth)), samples)
    right, pairs = np.zeros(samples + 1), np.zeros(samples + 1)
    for rows, table, counts in _pair_tables(scores, truth, stages, gap):
        right += _resampled(table, drawn[:, rows])
        pairs += _resampled(counts, drawn[:, rows])
    return _interval(right / np.maximum(pairs, 1e-12))


def bootstrap_difference(
    ours: Floats,
    theirs: Floats,
    truth: Floats,
    stages: Sequence[str],
    *,
    groups: Sequence[Hashable] | None = None,
    samples: int = 2_000,
) -> Interval:
    """Return by how much our pair accuracy exceeds theirs, both measured on the same resampled groups."""
    drawn = _draws(groups if groups is not None else range(len(truth)), samples)
    gain, pairs = np.zeros(samples + 1), np.zeros(samples + 1)
    tables = zip(_pair_tables(ours, truth, stages), _pair_tables(theirs, truth, stages), strict=True)
    for (rows, our_table, counts), (_, their_table, _) in tables:
        gain += _resampled(our_table - their_table, drawn[:, rows])
        pairs += _resampled(counts, drawn[:, rows])
    return _interval(gain / np.maximum(pairs, 1e-12))


def ndcg(scores: Floats, gains: Floats, lists: Sequence[Hashable], k: int) -> Floats:
    """Return NDCG@k of each list, in order of first appearance; NaN for a list without a positive gain.

    The gain is linear (the label as it is) and the discount 1 / log2(position + 1). Leads of equal score share the
    mean of their gains: the value expected of any order among them.
    """
    values = []
    for rows in _groups(lists):
        ideal = _dcg(gains[rows], gains[rows], k)
        values.append(_dcg(scores[rows], gains[rows], k) / ideal if ideal > 0 else np.nan)
    return np.array(values)


def area_under_curve(scores: Floats, won: Floats) -> float:
    """Return the ROC AUC: the chance that a won lead scores above a lost one, ties half; NaN with one kind only."""
    positives, negatives = float((won > 0).sum()), float((won <= 0).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[won > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def grouped_area(scores: Floats, won: Floats, lists: Sequence[Hashable]) -> float:
    """Return the mean AUC inside the lists that hold both kinds; NaN where none does."""
    areas = [area_under_curve(scores[rows], won[rows]) for rows in _groups(lists)]
    known = [area for area in areas if area == area]
    return float(np.mean(known)) if known else float("nan")


def precision_at(scores: Floats, won: Floats, share: float) -> float:
    """Return the share of wins among the best `share` of all leads, at least one lead; ties as expected at random."""
    count = max(1, round(len(scores) * share))
    return _expected_top(scores, won, count) / count


def recall_at(scores: Floats, won: Floats, share: float) -> float:
    """Return the share of all wins that the best `share` of the leads holds; NaN without a win."""
    count = max(1, round(len(scores) * share))
    return _expected_top(scores, won, count) / float(won.sum()) if won.sum() else float("nan")


def lift_at(scores: Floats, won: Floats, share: float) -> float:
    """Return how many times more wins the best `share` of the leads holds than leads taken blindly."""
    return precision_at(scores, won, share) / float(won.mean()) if won.sum() else float("nan")


def calibration_error(chances: Floats, won: Floats, *, bins: int = 10) -> float:
    """Return the expected calibration error: mean |chance - share won| over bins of equally many leads."""
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return float(sum(len(part) * abs(chances[part].mean() - won[part].mean()) for part in parts) / max(len(order), 1))


def bootstrap_mean(values: Floats, *, samples: int = 2_000) -> Interval:
    """Return the mean of per-list values with a percentile interval over resampled lists; NaN lists are left out."""
    known = values[~np.isnan(values)]
    drawn = _draws(range(len(known)), samples)
    return _interval(drawn @ known / len(known))


def bootstrap_statistic(
    statistic: Callable[..., float], columns: Sequence[Floats], groups: Sequence[Hashable], *, samples: int = 1_000
) -> Interval:
    """Return any statistic of columns, with an interval over resampled groups; samples without a value are left out."""
    by_group = [np.array(rows) for rows in _groups(groups)]
    random = np.random.default_rng(0)
    drawn = [statistic(*columns)]
    for _ in range(samples):
        picked = random.integers(len(by_group), size=len(by_group))
        rows = np.concatenate([by_group[index] for index in picked])
        drawn.append(statistic(*(column[rows] for column in columns)))
    return _interval(np.array(drawn))


def sign_flip_p(differences: Floats, *, samples: int = 10_000) -> float:
    """Return the two-sided p of a paired sign-flip test: how often chance alone gives so large a mean difference."""
    known = differences[~np.isnan(differences)]
    signs = np.random.default_rng(0).choice((-1.0, 1.0), size=(samples, len(known)))
    extreme = np.abs(signs @ known) >= abs(known.sum()) - 1e-12
    return float((extreme.sum() + 1) / (samples + 1))


def _dcg(scores: Floats, gains: Floats, k: int) -> float:
    order = np.argsort(-scores, kind="stable")
    sorted_scores, sorted_gains = scores[order], gains[order]
    starts = np.flatnonzero(np.append(True, sorted_scores[1:] != sorted_scores[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    shared = np.repeat(np.add.reduceat(sorted_gains, starts) / sizes, sizes)[:k]
    return float((shared / np.log2(np.arange(2, len(shared) + 2))).sum())


def _expected_top(scores: Floats, won: Floats, count: int) -> float:
    order = np.argsort(-scores, kind="stable")
    border = scores[order[count - 1]]
    sure, tied = scores > border, scores == border
    return float(won[sure].sum() + won[tied].mean() * (count - sure.sum()))


def _pair_tables(
    scores: Floats, truth: Floats, stages: Sequence[str], gap: float = 0.0
) -> Iterator[tuple[Any, Floats, Floats]]:
    """Yield for each stage its rows, and two [rows, rows] tables: pairs (better, worse) ordered rightly, and pairs.

    Of a stage with more than 4,000 rows only so many are looked at, drawn by chance, the same each time: the tables of
    50,000 would take 60 GB.
    """
    for every in _groups(stages):
        rows = every
        if len(every) > _MOST_OF_A_STAGE:
            rows = np.sort(np.random.default_rng(0).choice(every, _MOST_OF_A_STAGE, replace=False)).tolist()
        worth, value = truth[rows], scores[rows]
        counts = worth[:, None] - worth[None, :] > gap
        ahead = value[:, None] - value[None, :]
        right = np.where(ahead > 0, 1.0, np.where(ahead == 0, 0.5, 0.0)) * counts
        yield rows, right, counts.astype(np.float64)


def _groups(names: Sequence[Hashable]) -> list[list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return list(rows.values())


def _draws(groups: Sequence[Hashable] | range, samples: int) -> Floats:
    """Return how often each row counts in each sample, [samples + 1, rows]; the first sample is everything once."""
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    random = np.random.default_rng(0)
    times = random.multinomial(len(places), np.full(len(places), 1 / len(places)), size=samples).astype(np.float64)
    everything = np.ones((1, len(places)))
    return np.concatenate([everything, times])[:, [places[name] for name in groups]]


def _resampled(table: Floats, drawn: Floats) -> Floats:
    return np.asarray(((drawn @ table) * drawn).sum(1))


def _interval(drawn: Floats) -> Interval:
    known = drawn[1:][~np.isnan(drawn[1:])]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(float(drawn[0]), float(low), float(high))
