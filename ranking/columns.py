"""A candidate's structured fields as numbers: values, categories, dates, what is missing, and how much was written.

A field may be both a number and categories: people type "unknown" where a number belongs, and numbers as texts.
Fitted on the history: a category that it does not know counts as none, a field that it does not know is ignored, and
a value that is missing stays missing (NaN) so that trees may split on it.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ranking.candidate import Candidate, FieldValue

# Values of one field that get a column of their own: the commonest, each if so many leads had it.
MOST_CATEGORIES = 30
LEAST_OF_A_CATEGORY = 5
_DAY_SECONDS = 86_400.0
# Where the values of a linear column are cut off, in standard deviations.
_CUT_OFF = 4.0
# Longer ones are no quantities, and the longest are no numbers to a computer.
_MOST_DIGITS = 30
_NO_DATE = re.compile(r"0000[-/]00[-/]00")  # what some databases hold for none
_TYPED_NUMBER = re.compile(r"\s*[+-]?[$€£]?((\d{1,3}(,\d{3})+|\d+)(\.\d*)?|\.\d+)\s*[%€]?\s*", re.ASCII)
# Trees hold numbers in float32: the largest float64, which some programs write for none, is infinite to them.
_TOO_LARGE = 1e30


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns there are: `numbers` by field, and `categories` as (field, value); plain data, for JSON.

    A field of which at least half of the values given are numbers or dates is among the numbers. A field of more words
    than get columns has one more, for the value None: that no word is given.

    `centre` and `spread` [columns] scale a column for the linear part, after its logarithm was taken.
    """

    numbers: tuple[str, ...]
    categories: tuple[tuple[str, str | None], ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def table(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """Return one row a candidate, [candidates, numbers + categories], NaN where a number is missing."""
        rows = [_values(candidate) for candidate in candidates]
        table = np.zeros((len(rows), len(self.numbers) + len(self.categories)))
        for column, name in enumerate(self.numbers):
            table[:, column] = [to_number(row.get(name)) for row in rows]
        by_field: dict[str, dict[str | None, int]] = {}
        for column, (name, category) in enumerate(self.categories, len(self.numbers)):
            by_field.setdefault(name, {})[category] = column
        for name, columns in by_field.items():
            found = np.array([columns.get(_category(row.get(name)), -1) for row in rows], dtype=np.int64)
            table[np.flatnonzero(found >= 0), found[found >= 0]] = 1.0
        return table

    def line(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a table made fit for a linear model: logarithms, unit spread, missing as average and marked so."""
        logged = np.sign(table) * np.log1p(np.abs(table))
        scaled = (logged - np.array(self.centre)) / np.array(self.spread)
        missing = np.isnan(scaled[:, : len(self.numbers)])
        filled = np.clip(np.where(np.isnan(scaled), 0.0, scaled), -_CUT_OFF, _CUT_OFF)
        return np.concatenate([filled, missing.astype(np.float64)], axis=1)


def fit_columns(candidates: Sequence[Candidate]) -> Columns:
    """Return the columns that these candidates have."""
    rows = [_values(candidate) for candidate in candidates]
    seen: dict[str, list[FieldValue]] = {}
    for row in rows:
        for name, value in row.items():
            seen.setdefault(name, []).append(value)
    numbers: list[str] = []
    categories: list[tuple[str, str | None]] = []
    for name in sorted(seen):
        words = [value for value in map(_category, seen[name]) if value is not None]
        if are_numbers(seen[name]):
            numbers.append(name)
        common = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))[:MOST_CATEGORIES]
        leads = Counter(
            value for _, value in {(c.id, _category(row.get(name))) for c, row in zip(candidates, rows, strict=True)}
        )
        categories += [(name, value) for value, _ in common if leads[value] >= LEAST_OF_A_CATEGORY]
        if len(set(words)) > MOST_CATEGORIES and leads[None] >= LEAST_OF_A_CATEGORY:
            categories.append((name, None))
    bare = Columns(tuple(numbers), tuple(categories), (0.0,) * (len(numbers) + len(categories)), ())
    table = bare.table(candidates)
    logged = np.sign(table) * np.log1p(np.abs(table))
    # A column that is always missing has no average: it counts as zero, and its mark says the rest.
    present = np.maximum((~np.isnan(logged)).sum(0), 1)
    centre = np.nansum(logged, axis=0) / present
    spread = np.sqrt(np.nansum((logged - centre) ** 2, axis=0) / present)
    return Columns(
        bare.numbers, bare.categories, tuple(centre.tolist()), tuple(np.where(spread < 1e-9, 1.0, spread).tolist())
    )


def are_numbers(values: Sequence[FieldValue]) -> bool:
    """Say whether at least half of the values that are given are numbers; dates are days before (`date_as_days`)."""
    counted = sum(not math.isnan(to_number(value)) for value in values)
    return counted >= sum(_category(value) is not None and math.isnan(to_number(value)) for value in values)


def category_values(candidate: Candidate) -> dict[str, str]:
    """Return the fields that hold words and not numbers or dates, the stage among them."""
    found = {name: _category(value) for name, value in _values(candidate).items()}
    return {name: value for name, value in found.items() if value is not None}


def _values(candidate: Candidate) -> Mapping[str, FieldValue]:
    """Return the fields, the stage, and what the texts' number, length and times say."""
    values: dict[str, FieldValue] = {
        name: date_as_days(value, candidate.as_of) for name, value in candidate.fields.items()
    }
    values["stage of the funnel"] = candidate.stage
    values["texts"] = float(len(candidate.passages))
    values["characters of text"] = float(sum(len(passage.text) for passage in candidate.passages))
    if candidate.passages:
        newest = candidate.passages[0].occurred_at
        values["hour of the newest text"] = float(newest.hour)
        values["weekday of the newest text"] = float(newest.weekday())
    return values


def date_as_days(value: FieldValue, as_of: datetime) -> FieldValue:
    """Return a date as days before the snapshot, and any other value as it is.

    A calendar date means nothing to the next month's leads.
    """
    if not isinstance(value, str) or not 10 <= len(value) <= 35 or value[4] not in "-/":
        return value
    try:
        moment = datetime.fromisoformat(value.replace("/", "-").replace(" UTC", "+00:00"))
    except ValueError:
        return None if _NO_DATE.match(value) else value
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (as_of - moment).total_seconds() / _DAY_SECONDS


def to_number(value: FieldValue) -> float:
    """Return a value as a number, also where it was typed as a text (`"$1,200"`, `"35 %"`); NaN if it is none."""
    if isinstance(value, str):
        if len(value) > _MOST_DIGITS or not _TYPED_NUMBER.fullmatch(value):
            return math.nan
        return _finite(float(re.sub(r"[^\d.+-]", "", value)))
    return math.nan if value is None else _finite(float(value))


def _finite(number: float) -> float:
    return math.nan if not math.isfinite(number) else max(-_TOO_LARGE, min(number, _TOO_LARGE))


def _category(value: FieldValue) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
