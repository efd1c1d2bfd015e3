"""How often earlier leads with the same value of a field were won: one number for a field of many values.

A column for each value would be too many columns, most of them too rare to learn from. Ordered target statistics
(CatBoost, arXiv 1706.09516, section 3.2): while it is learned from, a lead's value is judged by the leads that ended
before, never by its own outcome; later leads are judged by the whole history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ranking.candidate import Candidate
from ranking.columns import LEAST_OF_A_CATEGORY, MOST_CATEGORIES, category_values

# The history's own rate counts as so many leads of each value.
_PULL = 20.0
# The earliest rows have no rate at all: for want of history almost none of them could have one, and trees would learn
# how that time went as if it were what a value is worth that nobody knows.
_TOO_EARLY = 0.2


@dataclass(frozen=True, slots=True)
class Rates:
    """By field and value, the log-odds of a win above those of the whole history; plain data, for JSON.

    Only of values with at least five leads' weight, so that they tell nothing of a single one.
    """

    by_field: Mapping[str, Mapping[str, float]]

    def table(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """Return a column for each field, [candidates, fields]; 0 where the value is missing or too rare."""
        table = np.zeros((len(candidates), len(self.by_field)))
        for row, candidate in enumerate(candidates):
            values = category_values(candidate)
            for column, (name, rates) in enumerate(self.by_field.items()):
                if name in values:
                    table[row, column] = rates.get(values[name], 0.0)
        return table


def fit_rates(
    candidates: Sequence[Candidate],
    won: NDArray[np.float64],
    weights: NDArray[np.float64],
    taken: NDArray[np.float64],
    ended: NDArray[np.float64],
) -> tuple[Rates, NDArray[np.float64]]:
    """Return the rates of each field of many values, and the table to learn from, [candidates, fields].

    A field whose values came too late, or to too few leads, to be learned from is left out.

    Args:
        candidates: The history.
        won: The outcomes, 1 or 0, NaN where it is not known yet, [candidates].
        weights: How much each row counts, [candidates]; a lead with many snapshots counts once.
        taken: When each row was taken, [candidates].
        ended: When each row's lead ended, at `taken` or later, [candidates]. What is in the table is judged by leads
            that had ended before the row was taken; it is NaN for the first fifth of the rows.
    """
    rows = [category_values(candidate) for candidate in candidates]
    seen: dict[str, set[str]] = {}
    for values in rows:
        for name, value in values.items():
            seen.setdefault(name, set()).add(value)
    names = sorted(name for name, values in seen.items() if len(values) > MOST_CATEGORIES)
    known = np.flatnonzero(~np.isnan(won))
    if not names or not len(known):
        return Rates({}), np.zeros((len(rows), 0))
    share = float(np.clip(np.average(won[known], weights=weights[known]), 1e-3, 1 - 1e-3))
    by_taking = np.argsort(taken, kind="stable")
    by_ending = known[np.argsort(ended[known], kind="stable")]
    # How many of those that ended had done so before each row was taken.
    before = np.searchsorted(ended[by_ending], taken[by_taking], side="left")
    too_early = by_taking[: int(_TOO_EARLY * len(rows))]
    columns: list[NDArray[np.float64]] = []
    by_field: dict[str, dict[str, float]] = {}
    for name in names:
        counted = _Counted(share)
        column = np.zeros(len(rows))
        done = 0
        for row, until in zip(by_taking.tolist(), before.tolist(), strict=True):
            for earlier in by_ending[done:until].tolist():
                counted.add(rows[earlier].get(name), won[earlier], weights[earlier])
            done = until
            column[row] = counted.above(rows[row].get(name))
        for earlier in by_ending[done:].tolist():
            counted.add(rows[earlier].get(name), won[earlier], weights[earlier])
        column[too_early] = np.nan
        low, high = min(np.nanmin(column), 0.0), max(np.nanmax(column), 0.0)
        if low < high:
            # Never beyond what is learned from: trees might take a higher rate for a missing one.
            by_field[name] = {value: float(np.clip(rate, low, high)) for value, rate in counted.values().items()}
            columns.append(column)
    return Rates(by_field), np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))


class _Counted:
    """How many leads of each value have ended so far, and how many of them were won."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._usual = float(logit(share))
        self._wins: dict[str, float] = {}
        self._leads: dict[str, float] = {}

    def add(self, value: str | None, won: float, weight: float) -> None:
        if value is not None:
            self._wins[value] = self._wins.get(value, 0.0) + won * weight
            self._leads[value] = self._leads.get(value, 0.0) + weight

    def above(self, value: str | None) -> float:
        """Return a value's log-odds of a win above the history's; 0 where too few leads had it."""
        leads = 0.0 if value is None else self._leads.get(value, 0.0)
        if value is None or leads < LEAST_OF_A_CATEGORY - 1e-6:  # weights that sum to five may fall short by a rounding
            return 0.0
        rate = (self._wins[value] + _PULL * self._share) / (leads + _PULL)
        return float(logit(rate)) - self._usual

    def values(self) -> dict[str, float]:
        """Return the log-odds of every value that enough leads had."""
        found = {value: self.above(value) for value in sorted(self._leads)}
        return {value: rate for value, rate in found.items() if rate != 0.0}
