"""Structured fields as numbers."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ranking.candidate import Candidate, FieldValue
from ranking.columns import MOST_CATEGORIES, fit_columns
from ranking.rendering import render_fields

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def lead(**fields: FieldValue) -> Candidate:
    return Candidate("1", "Demo", NOW, fields)


def test_a_number_is_a_column_and_missing_stays_missing() -> None:
    columns = fit_columns([lead(size=3.0), lead(size=None), lead()])
    column = columns.numbers.index("size")

    values = columns.table([lead(size=3.0), lead(), lead(size=math.nan)])[:, column]
    assert values[0] == 3.0
    assert np.isnan(values[1:]).all()


def test_a_category_is_a_column_if_it_is_common() -> None:
    common = [replace(lead(source="fair"), id=str(n)) for n in range(5)]
    columns = fit_columns([*common, lead(source="rare"), *[lead(source="one lead's, many times")] * 50])

    assert ("source", "fair") in columns.categories
    assert [value for name, value in columns.categories if name == "source"] == ["fair"]


def test_a_date_becomes_days_before_the_snapshot() -> None:
    columns = fit_columns([lead(demo_on="2026-04-21"), lead(demo_on="2026-04-11T00:00:00+00:00")])
    column = columns.numbers.index("demo_on")

    assert columns.table([lead(demo_on="2026-04-21")])[0, column] == 10.0


def test_what_history_did_not_know_changes_nothing() -> None:
    columns = fit_columns([lead(size=float(n), source="fair") for n in range(9)])
    known = columns.table([lead(size=2.0)])

    assert np.array_equal(columns.table([lead(size=2.0, colour="red", shoe=44.0)]), known, equal_nan=True)
    assert np.isfinite(columns.line(columns.table([lead(size="word", source=3.0)]))).all()


def test_the_linear_columns_are_finite_and_mark_what_is_missing() -> None:
    columns = fit_columns([lead(size=1e12), lead(size=-5.0), lead(empty=None)])
    line = columns.line(columns.table([lead(size=1e300), lead()]))

    assert np.isfinite(line).all()
    assert np.abs(line).max() <= 4.0
    assert line[0, -len(columns.numbers) + columns.numbers.index("size")] == 0.0
    assert line[1, -len(columns.numbers) + columns.numbers.index("size")] == 1.0


def test_a_naive_date_is_read_as_utc() -> None:
    start = NOW - timedelta(days=3)
    columns = fit_columns([lead(seen=start.replace(tzinfo=None).isoformat())])

    assert columns.table([lead(seen=start.isoformat())])[0, columns.numbers.index("seen")] == 3.0


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        *[("1.5", 1.5), (" 12 ", 12.0), ("$1,200.50", 1200.5), ("-35 %", -35.0), ("700€", 700.0), ("-.5", -0.5)],
        *[("1e5", None), ("1,5", None), ("12 boxes", None), ("٣", None), ("nan", None), ("", None), ("9" * 400, None)],
    ],
)
def test_a_number_may_be_typed_as_a_text(typed: str, number: float | None) -> None:
    columns = fit_columns([lead(size=1.0)])

    [value] = columns.table([lead(size=typed)])[:, columns.numbers.index("size")]
    assert value == number or (number is None and math.isnan(value))


@pytest.mark.parametrize("none", [1.7976931348623157e308, -3.5e38])
def test_the_largest_numbers_are_none_that_trees_take_for_infinite(none: float) -> None:
    columns = fit_columns([lead(size=1.0)])

    [value] = columns.table([lead(size=none)])[:, columns.numbers.index("size")]
    assert np.isfinite(np.float32(value))
    assert np.sign(value) == np.sign(none)


@pytest.mark.parametrize(("values", "marked"), [(MOST_CATEGORIES, False), (MOST_CATEGORIES + 1, True)])
def test_whether_a_field_of_many_words_is_filled_is_a_column(values: int, marked: bool) -> None:
    filled = [replace(lead(mail=f"a{n}@b.org"), id=str(n)) for n in range(values)]
    empty = [replace(lead(mail=None), id=f"empty {n}") for n in range(5)]
    columns = fit_columns([*filled, *empty])

    assert (("mail", None) in columns.categories) == marked
    assert ("mail", None) not in fit_columns([*filled, *empty[:4]]).categories
    if marked:
        column = len(columns.numbers) + columns.categories.index(("mail", None))
        assert columns.table([filled[0], empty[0], lead(mail="new@b.org")])[:, column].tolist() == [0.0, 1.0, 0.0]


def test_a_word_among_numbers_costs_neither() -> None:
    rows = [replace(lead(size=float(n) if n < 30 else "unknown"), id=str(n)) for n in range(40)]
    columns = fit_columns(rows)
    table = columns.table([rows[7], rows[35]])

    assert table[0, columns.numbers.index("size")] == 7.0
    assert np.isnan(table[1, columns.numbers.index("size")])
    unknown = len(columns.numbers) + columns.categories.index(("size", "unknown"))
    assert table[:, unknown].tolist() == [0.0, 1.0]


def test_a_number_among_words_makes_no_column() -> None:
    assert "source" not in fit_columns([lead(source="fair"), lead(source="web"), lead(source=3.0)]).numbers


@pytest.mark.parametrize("date", ["2026/04/21", "2026-04-21 00:00:00 UTC", "2026-04-21T00:00:00Z"])
def test_a_date_may_be_written_in_other_ways(date: str) -> None:
    columns = fit_columns([lead(demo_on=date), lead(demo_on="0000-00-00"), lead(demo_on="soon")])

    values = columns.table([lead(demo_on=date), lead(demo_on="0000-00-00")])[:, columns.numbers.index("demo_on")]
    assert values[0] == 10.0
    assert math.isnan(values[1])


def test_only_words_are_read_of_the_fields() -> None:
    fields: dict[str, FieldValue] = {
        "a": "B2B",
        "b": "A",
        "c": "2026-04-21 00:00:00 UTC",
        "d": "$12",
        "e": 3.0,
        "f": "東",
    }

    assert render_fields(lead(**fields)) == ["stage: Demo", "a: B2B", "b: A", "f: 東"]


def test_a_code_that_looks_like_no_date_is_a_code() -> None:
    columns = fit_columns([replace(lead(code="0000-12345-AB"), id=str(n)) for n in range(5)])

    assert ("code", "0000-12345-AB") in columns.categories
