"""Puts the utilities of leads and the comparisons between some of them together: one figure a lead.

The fused utilities are the most probable ones (MAP) under a normal prior round the ranker's own utilities and a
Bradley-Terry likelihood of what the comparisons say. One figure a lead: the order is transitive by construction,
however much the comparisons contradict each other. The problem is strictly convex, so Newton's steps end at the same
place from any start, and the curvature there gives the uncertainty (Laplace).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
_ALL_PAIRS_UP_TO = 12
_LARGEST_HEAD = 30
_LARGE_STAGE = 200
_MAX_STEPS = 50
_CLOSE_ENOUGH = 1e-10


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """How far comparisons and utilities are trusted.

    `trust` (tau) is how much a unit of utility shows in a comparison: at 0 comparisons say nothing. `first_is_favoured`
    is the order term: the log-odds by which the lead that is read first does better for that alone. `spread` is the
    standard deviation of the utilities, as the ranker gives them, round the true ones.
    """

    trust: float
    first_is_favoured: float
    spread: float


@dataclass(frozen=True, slots=True)
class Fused:
    """`utilities` [leads], higher is better, and their `covariance` [leads, leads]."""

    utilities: Floats
    covariance: Floats

    def bands(self) -> NDArray[np.int64]:
        """Return each lead's tie band, 0 for the best: a band's leads are within one standard deviation of its first.

        The deviation is that of the difference of the two leads.
        """
        order = np.argsort(-self.utilities, kind="stable")
        bands = np.zeros(len(order), dtype=np.int64)
        first, band = order[0] if len(order) else 0, 0
        for lead in order.tolist():
            if self.utilities[first] - self.utilities[lead] > self._deviation(int(first), lead):
                first, band = lead, band + 1
            bands[lead] = band
        return bands

    def _deviation(self, first: int, second: int) -> float:
        c = self.covariance
        return float(np.sqrt(max(c[first, first] + c[second, second] - 2 * c[first, second], 0.0)))


def fuse(
    utilities: Floats,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    verdicts: Floats,
    config: FusionConfig,
) -> Fused:
    """Return the most probable utilities.

    Args:
        utilities: What the ranker gives each lead, [leads].
        first: The lead that was read first in each comparison, [comparisons].
        second: The other one, [comparisons].
        verdicts: The probability that the first is the better one, [comparisons].
        config: How far comparisons and utilities are to be trusted.
    """
    precision = 1 / config.spread**2
    fused = utilities.astype(np.float64)
    hessian = np.diag(np.full(len(fused), precision))
    if not config.trust or not len(first):
        return Fused(fused, np.diag(np.full(len(fused), config.spread**2)))
    for _ in range(_MAX_STEPS):
        chance = expit(config.trust * (fused[first] - fused[second]) + config.first_is_favoured)
        pull = config.trust * (chance - verdicts)
        slope = precision * (fused - utilities)
        slope += np.bincount(first, pull, len(fused)) - np.bincount(second, pull, len(fused))
        weight = config.trust**2 * chance * (1 - chance)
        hessian = np.diag(np.full(len(fused), precision))
        for row, column, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
            np.add.at(hessian, (row, column), sign * weight)
        step = np.linalg.solve(hessian, slope)
        fused = fused - step
        if np.abs(step).max() < _CLOSE_ENOUGH:
            break
    return Fused(fused, np.linalg.inv(hessian))


def head_size(stage_size: int) -> int:
    """Return how many of a stage's first leads are compared with each other: all up to 12, at most 30."""
    return min(stage_size, max(_ALL_PAIRS_UP_TO, min(_LARGEST_HEAD, stage_size // 10)))


def choose_comparisons(stage_size: int, *, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which leads of a stage's head are compared, by their place in its order: (read first, read second).

    In a stage of up to 12 leads every pair once; in a larger one each lead with its two neighbours and with two others
    (a ring and a random ring). Which of the two is read first is drawn. A stage of 200 or more gets at most one
    comparison for ten leads, so that ranking it never costs more than 1.1 passes a lead.
    """
    random = np.random.default_rng(seed)
    leads = head_size(stage_size)
    if stage_size <= _ALL_PAIRS_UP_TO:
        edges = list(combinations(range(leads), 2))
    else:
        rings = (range(leads), random.permutation(leads).tolist())
        steps = (step for ring in rings for step in zip(ring, [*ring[1:], ring[0]], strict=True))
        edges = list(dict.fromkeys((min(step), max(step)) for step in steps))
    if stage_size >= _LARGE_STAGE:
        edges = edges[: stage_size // 10]
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
    turned = random.random(len(pairs)) < 0.5
    pairs[turned] = pairs[turned][:, ::-1]
    return pairs[:, 0], pairs[:, 1]
