"""Turns utilities into chances: one slope, one level for each stage, fitted on leads that the parts did not learn from.

Inside a stage the chance rises with the utility, so a stage's order is never contradicted; the stages' levels are what
lets leads of several stages stand in one list. Platt's method with his smoothed targets; a stage with few finished
leads is pulled to the common level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

_LEAST_SLOPE = 0.01
_STAGE_PULL = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """chance = 1 / (1 + exp(-(slope * utility + level + stages[stage]))); an unknown stage has the common level."""

    slope: float = 1.0
    level: float = 0.0
    stages: Mapping[str, float] | None = None

    def log_odds(self, utilities: NDArray[np.float64], stages: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-odds to be won of each utility, [rows]: leads of different stages can be compared by them."""
        known = self.stages or {}
        levels = self.level + np.array([known.get(stage, 0.0) for stage in stages])
        return np.asarray(self.slope * utilities + levels)

    def chances(self, utilities: NDArray[np.float64], stages: Sequence[str]) -> NDArray[np.float64]:
        """Return the chance to be won of each utility, [rows]."""
        return np.asarray(expit(self.log_odds(utilities, stages)))


def fit_calibration(
    utilities: NDArray[np.float64], won: NDArray[np.float64], weights: NDArray[np.float64], stages: Sequence[str]
) -> Calibration:
    """Return the calibration of these leads; NaN outcomes are left out, without any the utilities stay as they are."""
    known = ~np.isnan(won)
    if not known.any():
        return Calibration()
    names = sorted(set(stages))
    levels = np.array([[stage == name for name in names] for stage in stages], dtype=np.float64)[known]
    u, y, w = utilities[known], won[known], weights[known]
    w = w * len(w) / w.sum()
    high, low = (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2)
    target = np.where(y > 0, high, low)

    def objective(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = p[0] * u + p[1] + levels @ p[2:]
        slope = w * (expit(z) - target)
        value = (w * (np.logaddexp(0.0, z) - target * z)).sum() + 0.5 * (p[0] - 1) ** 2 + _STAGE_PULL * (p[2:] @ p[2:])
        gradient = np.concatenate([[slope @ u + (p[0] - 1), slope.sum()], levels.T @ slope + 2 * _STAGE_PULL * p[2:]])
        return float(value), gradient

    start = np.concatenate([[1.0, 0.0], np.zeros(len(names))])
    # A slope of zero or below would turn the order round: the order stays, the chance is then a flat one.
    bounds = [(_LEAST_SLOPE, None)] + [(None, None)] * (len(names) + 1)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(found[0]), float(found[1]), dict(zip(names, map(float, found[2:]), strict=True)))
