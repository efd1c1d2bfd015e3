"""Fields that know the outcome stop the run, by name."""

import random
from datetime import UTC, datetime

import pytest

from ranking.candidate import Candidate, Example, FieldValue
from ranking.errors import LeakError
from ranking.leaks import find_leaks, refuse_leaks

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def example(number: int, **fields: FieldValue) -> Example:
    won = number % 2 == 1
    return Example(Candidate(str(number), "Demo", NOW, fields), float(won), won, str(number), float(number))


def test_honest_fields_pass() -> None:
    rng = random.Random(0)
    rows = [
        example(n, size=rng.random() + 0.3 * (n % 2), source=rng.choice("abc"), mail=f"{n}@x.example", gap=None)
        for n in range(200)
    ]

    assert find_leaks(rows) == []


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        (lambda n: {"probability": 90.0 + n % 2 * 10}, "AUC"),
        (lambda n: {"signed_by": "Ann" if n % 2 else None}, "empty"),
        (lambda n: {"verdict": "went elsewhere" if n % 2 == 0 else "ordered"}, "AUC"),
        (lambda n: {"handed_over": f"2026-0{6 if n % 2 else 4}-{1 + n % 28:02}"}, "AUC"),
        (lambda n: {"score": f"${50 + n % 2}.{n:04}"}, "AUC"),
        (lambda n: {"score": "unknown" if n == 5 else 50.0 + n % 2 + n / 1000}, "AUC"),
        (lambda n: {"Closed_Lost_Reason": "price"}, "name"),
        (lambda n: {"ConvertedDate": "2026-01-01"}, "name"),
    ],
)
def test_a_field_that_knows_the_outcome_is_named(fields, sign: str) -> None:  # type: ignore[no-untyped-def]
    rows = [example(n, colour="red", **fields(n)) for n in range(100)]
    [name] = fields(0)

    with pytest.raises(LeakError, match=name) as caught:
        refuse_leaks(rows)

    assert sign in str(caught.value)
    assert "colour" not in str(caught.value)
