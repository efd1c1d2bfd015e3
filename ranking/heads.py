"""Two linear heads on what is known of a lead: a pairwise utility and a pointwise chance.

The utility minimises the mean over pairs of -log sigmoid(u_winner - u_loser - margin), HPRO's loss (arXiv 2606.04387,
equation 2), with TRL's centring term; the chance minimises the mean binary cross-entropy (equation 4). Features are
fixed here, so the two share nothing and each problem is convex: solved by itself, in float64, to the same end from
any start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, issparse
from scipy.special import expit
from threadpoolctl import threadpool_limits

from ranking.preferences import Pairs

Matrix: TypeAlias = "NDArray[np.float64] | csr_matrix"
# Scores [rows] to the loss and its slope at each score [rows].
Loss: TypeAlias = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]

_CENTRING = 0.01
_MAX_STEPS = 100
# Beyond this many rows their inner products cost more than they save.
MOST_ROWS_FOR_A_FACTOR = 4_000
_JITTER = 1e-9


@dataclass(frozen=True, slots=True)
class Heads:
    """Row 0 of `weight` [2, features] and `bias` [2] give the utility, row 1 the log-odds of a win."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def apply(self, features: Matrix) -> NDArray[np.float64]:
        """Return utility and log-odds, [rows, 2]."""
        return np.asarray(features @ self.weight.T) + self.bias


def fit_heads(
    features: Matrix,
    won: NDArray[np.float64],
    weights: NDArray[np.float64],
    pairs: Pairs,
    *,
    ridge: float,
    start: Heads | None = None,
) -> Heads:
    """Return the heads that minimise the two losses.

    Args:
        features: Scaled, [examples, features], dense or sparse.
        won: The outcomes, 1 or 0, NaN where it is not known yet, [examples].
        weights: How much each example counts, [examples]; a lead with many snapshots counts once.
        pairs: Which example is preferred to which.
        ridge: Penalty on the squared weights; there are more features than leads.
        start: Heads to begin from; the solution is the same, only sooner found.
    """
    width = features.shape[1]
    known = ~np.isnan(won)
    target = np.where(known, won, 0.0)
    point_weights = weights * known
    point_weights = point_weights / max(point_weights.sum(), 1e-12)
    centre_weights = weights / weights.sum()
    pair_weights = weights[pairs.winners] * weights[pairs.losers]
    pair_weights = pair_weights / max(pair_weights.sum(), 1e-12)

    def point(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss = float((point_weights * (np.logaddexp(0.0, z) - target * z)).sum())
        return loss, point_weights * (expit(z) - target)

    def pair(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gap = z[pairs.winners] - z[pairs.losers] - pairs.margins
        loss = float((pair_weights * np.logaddexp(0.0, -gap)).sum() + _CENTRING * (centre_weights * z**2).sum())
        pull = pair_weights * -expit(-gap)
        slope = np.bincount(pairs.winners, pull, len(z)) - np.bincount(pairs.losers, pull, len(z))
        return loss, slope + 2 * _CENTRING * centre_weights * z

    rows = [
        _minimise(features, loss, ridge, None if start is None else np.append(start.weight[row], start.bias[row]))
        for row, loss in enumerate((pair, point))
    ]
    return Heads(np.stack([row[:width] for row in rows]), np.array([row[width] for row in rows]))


def fit_path(
    features: Matrix,
    won: NDArray[np.float64],
    weights: NDArray[np.float64],
    pairs: Pairs,
    ridges: Sequence[float],
    *,
    inner: NDArray[np.float64] | None = None,
) -> list[Heads]:
    """Return the heads under each penalty, strongest first: each fit begins where the one before ended.

    With fewer examples than features, the best weights are a mixture of the examples' own features (representer
    theorem), so the fit runs on a Cholesky factor of their inner products, [examples, examples]: the same, sooner.
    `inner` gives those products where the caller has a quicker way to them; it is overwritten.
    """
    rows, columns = features.shape
    small = rows < columns and rows <= MOST_ROWS_FOR_A_FACTOR and _filled(features) > rows * rows / 4
    table: Matrix = features
    if small:
        product: Any = features @ features.T if inner is None else inner
        kernel = product.toarray() if issparse(product) else product
        # Rows that hold nothing at all, as where only numbers are known, have no inner product either.
        kernel[np.diag_indices(rows)] += _JITTER * (kernel.trace() or 1.0) / rows
        table = cholesky(kernel, lower=True)
    found: list[Heads] = []
    # Many products of a table and one vector: sharing each among threads takes four times as long as one thread needs.
    with threadpool_limits(1, user_api="blas"):
        for ridge in ridges:
            found.append(fit_heads(table, won, weights, pairs, ridge=ridge, start=found[-1] if found else None))
    if not small:
        return found
    return [
        Heads(np.asarray(features.T @ solve_triangular(table, heads.weight.T, lower=True, trans="T")).T, heads.bias)
        for heads in found
    ]


def _filled(features: Matrix) -> int:
    """Return how many cells a product has to visit."""
    return int(features.nnz if isinstance(features, csr_matrix) else features.size)


def _minimise(features: Matrix, loss: Loss, ridge: float, start: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return weights and, last, the bias that minimise `loss` of the scores plus the penalty on the weights."""

    def objective(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = loss(np.asarray(features @ w[:-1]) + w[-1])
        gradient = np.append(np.asarray(features.T @ slope) + 2 * ridge * w[:-1], slope.sum())
        return value + ridge * float(w[:-1] @ w[:-1]), gradient

    first = np.zeros(features.shape[1] + 1) if start is None else start
    found: NDArray[np.float64] = minimize(
        objective, first, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_STEPS}
    ).x
    return found
