"""Utilities and comparisons in one: transitive, exact where nothing is trusted, and bounded in cost."""

import numpy as np
import pytest

from ranking.fusion import FusionConfig, choose_comparisons, fuse, head_size

UTILITIES = np.array([1.0, 0.8, 0.2, -0.5])
FIRST, SECOND = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])


def test_without_trust_the_utilities_come_back_exactly() -> None:
    fused = fuse(UTILITIES, FIRST, SECOND, np.array([0.01, 0.9, 0.1, 0.9]), FusionConfig(0.0, 0.3, 0.5))

    assert fused.utilities.tolist() == UTILITIES.tolist()


def test_a_clear_verdict_turns_two_close_leads_round_and_leaves_far_ones() -> None:
    verdicts = np.array([0.05, 0.7, 0.7, 0.05])
    fused = fuse(UTILITIES, FIRST, SECOND, verdicts, FusionConfig(1.0, 0.0, 1.0)).utilities

    assert fused[1] > fused[0] > fused[2] > fused[3]


def test_a_cycle_of_verdicts_cancels_out() -> None:
    level = np.zeros(3)
    fused = fuse(level, np.array([0, 1, 2]), np.array([1, 2, 0]), np.full(3, 0.9), FusionConfig(1.0, 0.0, 1.0))

    assert np.allclose(fused.utilities, 0.0, atol=1e-8)


def test_what_only_being_read_first_is_worth_moves_nothing() -> None:
    favoured = 0.8
    verdict = 1 / (1 + np.exp(-favoured))
    config = FusionConfig(1.0, favoured, 1.0)
    fused = fuse(np.zeros(2), np.array([0]), np.array([1]), np.array([verdict]), config)

    assert np.allclose(fused.utilities, 0.0, atol=1e-8)


def test_comparisons_make_surer_and_ties_share_a_band() -> None:
    config = FusionConfig(1.0, 0.0, 0.5)
    alone = fuse(UTILITIES, FIRST[:0], SECOND[:0], np.zeros(0), config)
    compared = fuse(UTILITIES, FIRST, SECOND, np.array([0.6, 0.7, 0.7, 0.2]), config)

    assert (np.diag(compared.covariance) < np.diag(alone.covariance)).all()
    assert alone.bands().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("size", [0, 1, 2, 5, 12, 13, 40, 199, 200, 230, 300, 1_000, 5_000])
def test_a_large_stage_costs_at_most_a_tenth_of_a_pass_more_a_lead(size: int) -> None:
    first, second = choose_comparisons(size)
    edges = {frozenset(edge) for edge in zip(first.tolist(), second.tolist(), strict=True)}

    assert len(edges) == len(first)
    assert all(len(edge) == 2 and max(edge) < head_size(size) for edge in edges)
    if size <= 12:
        assert len(first) == size * (size - 1) // 2
    else:
        assert {place for edge in edges for place in edge} == set(range(head_size(size)))
    if size >= 200:
        assert len(first) <= size / 10


def test_either_lead_may_be_read_first() -> None:
    first, second = choose_comparisons(600)

    assert 0.3 < (first < second).mean() < 0.7
