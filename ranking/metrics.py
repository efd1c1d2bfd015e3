"""How good an order is, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def pair_accuracy(scores: NDArray[np.float64], truth: NDArray[np.float64], stages: Sequence[str]) -> float:
    """Return the share of same-stage pairs of different truth that the scores order rightly; a tie counts half.

    Returns 0.5 where there is no such pair.
    """
    right, pairs = _pair_table(scores, truth, stages)
    return float(right.sum() / pairs.sum()) if pairs.sum() else 0.5


def count_pairs(truth: NDArray[np.float64], stages: Sequence[str]) -> int:
    """Return how many pairs `pair_accuracy` counts."""
    return int(_pair_table(truth, truth, stages)[1].sum())


def bootstrap_pair_accuracy(
    scores: NDArray[np.float64], truth: NDArray[np.float64], stages: Sequence[str], *, samples: int = 2_000
) -> Interval:
    """Return the pair accuracy with a percentile interval over resampled leads."""
    right, pairs = _pair_table(scores, truth, stages)
    drawn = [_resampled(right, counts) / _resampled(pairs, counts) for counts in _draws(len(truth), samples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(right.sum() / pairs.sum()), float(low), float(high))


def bootstrap_difference(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    truth: NDArray[np.float64],
    stages: Sequence[str],
    *,
    samples: int = 2_000,
) -> Interval:
    """Return by how much our pair accuracy exceeds theirs, both measured on the same resampled leads."""
    right, pairs = _pair_table(ours, truth, stages)
    gain = right - _pair_table(theirs, truth, stages)[0]
    drawn = [_resampled(gain, counts) / _resampled(pairs, counts) for counts in _draws(len(truth), samples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(gain.sum() / pairs.sum()), float(low), float(high))


def _pair_table(
    scores: NDArray[np.float64], truth: NDArray[np.float64], stages: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two [leads, leads] tables: whether (row better than column) is ordered rightly, and whether it counts."""
    names = np.asarray(stages)
    counts = (truth[:, None] > truth[None, :]) & (names[:, None] == names[None, :])
    gap = scores[:, None] - scores[None, :]
    right = np.where(gap > 0, 1.0, np.where(gap == 0, 0.5, 0.0)) * counts
    return right, counts.astype(np.float64)


def _draws(leads: int, samples: int) -> NDArray[np.float64]:
    """Return how often each lead is drawn in each sample, [samples, leads]."""
    random = np.random.default_rng(0)
    return random.multinomial(leads, np.full(leads, 1 / leads), size=samples).astype(np.float64)


def _resampled(table: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    return float(counts @ table @ counts)
