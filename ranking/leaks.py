"""Fields that know the outcome: found before anything is learned from them.

A field that is filled in during or after the sale makes a model that is brilliant on the past and useless on open
leads. Three signs: its name says so; it alone tells won from lost; or whether it is empty does. The limits are those
of TransmogrifAI's RawFeatureFilter and SanityChecker, tightened: a correlation of .95 there is an AUC of .95 here.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ranking.candidate import Example, FieldValue
from ranking.columns import are_numbers, date_as_days, to_number
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
    areas = [area_under_curve(numbers, won) for numbers in _as_numbers(values, won)]
    area = max(max(area, 1 - area) for area in areas)
    return f"it alone tells won from lost with an AUC of {area:.2f}" if area > _MAX_AREA else ""


def _as_numbers(
    values: Sequence[FieldValue], won: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Yield what a field comes to where it is learned from: numbers, words, or both, if both are in it.

    A word is the share won among leads of the other half that have it. The halves are drawn: a lead's own outcome must
    not enter its number, not even by being left out of a mean.
    """
    if are_numbers(values):
        numbers = np.array([to_number(value) for value in values])
        known = numbers[~np.isnan(numbers)]
        yield np.where(np.isnan(numbers), np.median(known) if len(known) else 0.0, numbers)
    if not any(isinstance(value, str) for value in values):
        return
    halves = np.random.default_rng(0).integers(2, size=len(values)).tolist()
    seen: dict[tuple[int, str], list[float]] = defaultdict(list)
    for half, value, outcome in zip(halves, values, won.tolist(), strict=True):
        seen[half, str(value)].append(outcome)
    overall = float(won.mean())
    yield np.array(
        [
            (sum(others := seen[1 - half, str(value)]) + overall) / (len(others) + 1)
            for half, value in zip(halves, values, strict=True)
        ]
    )
