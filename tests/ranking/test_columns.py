"""Structured fields as numbers."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from ranking.candidate import Candidate, FieldValue
from ranking.columns import fit_columns

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
