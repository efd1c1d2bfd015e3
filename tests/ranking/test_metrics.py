"""Pair accuracy and its intervals."""

import numpy as np
import pytest

from ranking.metrics import bootstrap_difference, bootstrap_pair_accuracy, pair_accuracy

TRUTH = np.array([3.0, 2.0, 1.0, 0.0])
STAGES = ["a", "a", "a", "a"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([4, 3, 2, 1], 1.0), ([1, 2, 3, 4], 0.0), ([5, 5, 5, 5], 0.5), ([4, 2, 3, 1], 5 / 6)],
)
def test_pair_accuracy_counts_right_pairs_and_half_of_ties(scores: list[float], expected: float) -> None:
    assert pair_accuracy(np.array(scores, dtype=float), TRUTH, STAGES) == pytest.approx(expected)


def test_pairs_of_different_stages_do_not_count() -> None:
    assert pair_accuracy(np.array([1.0, 9.0]), np.array([1.0, 0.0]), ["a", "b"]) == 0.5


def test_the_interval_holds_the_value_and_narrows_with_more_leads() -> None:
    random = np.random.default_rng(1)

    def width(leads: int) -> float:
        truth = random.normal(size=leads)
        interval = bootstrap_pair_accuracy(truth + random.normal(size=leads), truth, ["a"] * leads, samples=200)
        assert interval.low < interval.value < interval.high
        return interval.high - interval.low

    assert width(400) < width(40)


def test_the_difference_of_an_order_to_itself_is_nothing() -> None:
    difference = bootstrap_difference(TRUTH, TRUTH, TRUTH, STAGES, samples=50)

    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
