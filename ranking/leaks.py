"""Fields that know the outcome: found before anything is learned from them.

A field that is filled in during or after the sale makes a model that is brilliant on the past and useless on open
leads. Three signs: its name says so; it alone tells won from lost; or whether it is empty does. The limits are those
of TransmogrifAI's RawFeatureFilter and SanityChecker, tightened: a correlation of .95 there is an AUC of .95 here.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ranking.candidate import Example, FieldValue
from ranking.columns import date_as_days
from ranking.errors import LeakError
from ranking.metrics import area_under_curve

# What CRMs fill in at or after the end of a sale; matched on names in lower case with spaces.
_BANNED = re.compile(
    r"\b(clos(e|ed|ing) ?(date|reason|lost|won)|(lost|won) ?reason|reason ?(for )?(lost|won)"
    r"|converted ?(date|account|contact|opportunity)?( ?id)?|is ?(won|closed|converted)"
    r"|contract (signed|number|date)|invoice|onboarding)\b"
)
_MAX_AREA = 0.95
_MAX_EMPTY_CORRELATION = 0.9
# Fewer examples than this make any field look perfect now and then.
_MIN_EXAMPLES = 40


@dataclass(frozen=True, slots=True)
class Leak:
    """A field that must be excluded, and the sign that gave it away."""

    field: str
    sign: str


def find_leaks(examples: Sequence[Example]) -> list[Leak]:
    """Return the fields that know the outcome, by name."""
    finished = [example for example in examples if example.won is not None]
    won = np.array([float(bool(example.won)) for example in finished])
    leaks = []
    for name in sorted({name for example in finished for name in example.candidate.fields}):
        values = [date_as_days(e.candidate.fields.get(name), e.candidate.as_of) for e in finished]
        sign = _sign_of_name(name, values) or (_sign_of_values(values, won) if len(finished) >= _MIN_EXAMPLES else "")
        if sign:
            leaks.append(Leak(name, sign))
    return leaks


def refuse_leaks(examples: Sequence[Example]) -> None:
    """Stop before learning from a field that knows the outcome.

    Raises:
        LeakError: Names every such field and why.
    """
    leaks = find_leaks(examples)
    if leaks:
        listed = "; ".join(f"{leak.field!r} ({leak.sign})" for leak in leaks)
        raise LeakError(
            f"these fields know how the sale ended, and would not help with open leads: {listed}."
            " Name them in excluded_fields, then train again"
        )


def _sign_of_name(name: str, values: Sequence[FieldValue]) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
    if _BANNED.search(spaced) and any(value not in (None, "") for value in values):
        return "its name is that of a field filled in at the end of a sale"
    return ""


def _sign_of_values(values: Sequence[FieldValue], won: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    empty = np.array([float(value is None or value == "") for value in values])
    if 0 < empty.sum() < len(empty) and 0 < won.sum() < len(won):
        correlation = float(np.corrcoef(empty, won)[0, 1])
        if abs(correlation) > _MAX_EMPTY_CORRELATION:
            return f"whether it is empty has a correlation of {correlation:.2f} with the outcome"
    area = area_under_curve(_as_numbers(values, won), won)
    if max(area, 1 - area) > _MAX_AREA:
        return f"it alone tells won from lost with an AUC of {max(area, 1 - area):.2f}"
    return ""


def _as_numbers(
    values: Sequence[FieldValue], won: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return numbers as they are, and a category as the share won among leads of the other half that have it.

    The halves are drawn: a lead's own outcome must not enter its number, not even by being left out of a mean.
    """
    if all(isinstance(value, int | float) or value is None for value in values):
        known = [float(value) for value in values if isinstance(value, int | float)]
        middle = float(np.median(known)) if known else 0.0
        return np.array([float(value) if isinstance(value, int | float) else middle for value in values])
    halves = np.random.default_rng(0).integers(2, size=len(values)).tolist()
    seen: dict[tuple[int, str], list[float]] = defaultdict(list)
    for half, value, outcome in zip(halves, values, won.tolist(), strict=True):
        seen[half, str(value)].append(outcome)
    overall = float(won.mean())
    return np.array(
        [
            (sum(others := seen[1 - half, str(value)]) + overall) / (len(others) + 1)
            for half, value in zip(halves, values, strict=True)
        ]
    )
