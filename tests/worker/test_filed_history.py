"""A file's train rows become a history, whatever its labels, its order and its users are like."""

from collections import Counter
from itertools import pairwise

import pytest

from ranking.candidate import Example
from worker.datafile import DataRow
from worker.filed_history import list_train_examples


def rows(*labels: float, groups: int | None = None) -> list[DataRow]:
    return [
        DataRow(
            id=str(n),
            lead=str(n),
            split="train",
            stage="s",
            as_of=None,
            order=float(n),
            fields={},
            text="",
            label=label,
            group=str(n if groups is None else f"user {n % groups}"),
        )
        for n, label in enumerate(labels)
    ]


def oldest_first(examples: list[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: example.order)


def test_a_grade_of_half_the_highest_counts_as_won() -> None:
    examples = list_train_examples(rows(*[0, 1, 2, 3, 4] * 10))

    assert [example.level for example in examples[:5]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [example.won for example in examples[:5]] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("labels", "won"),
    [
        ([0, 1, 2, 3] * 50 + [1_000], 101),  # one outlier would make all others losers
        ([1, 2, 2] * 40, 80),  # two classes, as some number them
        ([0] * 70 + [1] * 20 + [2] * 6 + [3] * 3 + [10], 30),
        ([0] * 200 + [1] * 4, 4),  # nothing else to part them by
        ([1] * 30, 30),
    ],
)
def test_where_grades_leave_too_few_on_one_side_they_are_parted_elsewhere(labels: list[float], won: int) -> None:
    examples = list_train_examples(rows(*labels))

    assert sum(example.won is True for example in examples) == won
    assert all(0 <= example.level <= 1 for example in examples)
    assert [a.level < b.level for a, b in pairwise(examples)] == [a < b for a, b in pairwise(labels)]


def test_outcomes_that_are_sorted_in_time_are_dealt_by_chance() -> None:
    examples = oldest_first(list_train_examples(rows(*[0] * 100, *[1] * 100)))

    assert 20 < sum(example.won is True for example in examples[:80]) < 60


def test_any_other_order_stands() -> None:
    examples = list_train_examples(rows(*[0, 0, 0, 1, 1] * 40))

    assert [example.order for example in examples] == [float(n) for n in range(200)]


def test_rows_of_one_moment_are_not_sorted_by_the_file() -> None:
    """Each day's rows stand in the file with the lost ones first; the days are a history all the same."""
    days = [row for day in range(4) for row in rows(*[0] * 50, *[1] * 50)]
    dated = [
        DataRow(**{name: getattr(row, name) for name in row.__slots__} | {"id": str(n), "order": float(n // 100)})
        for n, row in enumerate(days)
    ]
    examples = list_train_examples(dated)

    assert Counter(example.order for example in examples) == Counter({0.0: 100, 1.0: 100, 2.0: 100, 3.0: 100})


@pytest.mark.parametrize(("users", "groups"), [(8, 400), (100, 100)])
def test_rows_of_a_handful_of_users_are_told_apart_by_lead(users: int, groups: int) -> None:
    examples = list_train_examples(rows(*[0, 1, 1, 0] * 100, groups=users))

    assert len({example.group for example in examples}) == groups
