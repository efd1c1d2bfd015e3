"""Figures of an order, against other people's code for the same, and their intervals."""

import ir_measures
import numpy as np
import pytest
from ir_measures import P, R, nDCG
from sklearn.calibration import calibration_curve
from sklearn.metrics import ndcg_score, roc_auc_score

from ranking.metrics import (
    area_under_curve,
    bootstrap_difference,
    bootstrap_pair_accuracy,
    calibration_error,
    count_pairs,
    lift_at,
    ndcg,
    pair_accuracy,
    precision_at,
    recall_at,
    sign_flip_p,
)

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


def test_ndcg_agrees_with_scikit_learn_and_ir_measures() -> None:
    random = np.random.default_rng(2)
    scores, gains = random.normal(size=60), random.integers(0, 4, size=60).astype(float)
    scores[5:9] = scores[5]  # scikit-learn shares the gains of ties, as we do
    lists = np.repeat(["a", "b", "c"], 20)
    ours = ndcg(scores, gains, lists.tolist(), 5)

    for place, name in enumerate("abc"):
        rows = lists == name
        assert ours[place] == pytest.approx(ndcg_score([gains[rows]], [scores[rows]], k=5), abs=1e-9)
    untied = random.permutation(60).astype(float)
    qrels = {q: {str(i): int(gains[i]) for i in np.flatnonzero(lists == q)} for q in "abc"}
    run = {q: {str(i): float(untied[i]) for i in np.flatnonzero(lists == q)} for q in "abc"}
    theirs = {m.query_id: m.value for m in ir_measures.iter_calc([nDCG @ 3], qrels, run)}
    assert ndcg(untied, gains, lists.tolist(), 3) == pytest.approx([theirs[q] for q in "abc"], abs=1e-9)


def test_a_constant_score_gets_the_ndcg_of_chance() -> None:
    gains = np.array([1.0, 0.0, 0.0, 0.0])

    assert ndcg(np.zeros(4), gains, ["a"] * 4, 1)[0] == pytest.approx(0.25)


def test_of_a_big_stage_so_many_leads_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth = rng.permutation(600).astype(float)
    stages = ["big"] * 500 + ["small"] * 100
    scores = truth + 200 * rng.normal(size=600)
    whole = pair_accuracy(scores, truth, stages)
    monkeypatch.setattr("ranking.metrics._MOST_OF_A_STAGE", 200)

    assert count_pairs(truth, stages) == 200 * 199 / 2 + 100 * 99 / 2
    assert pair_accuracy(scores, truth, stages) == pytest.approx(whole, abs=0.05)
    assert bootstrap_difference(scores, scores, truth, stages).value == 0.0


def test_a_list_without_a_gain_has_no_ndcg() -> None:
    assert np.isnan(ndcg(np.arange(3.0), np.zeros(3), ["a"] * 3, 1)[0])


def test_the_area_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(3)
    scores, won = random.integers(0, 9, size=200).astype(float), random.integers(0, 2, size=200).astype(float)

    assert area_under_curve(scores, won) == pytest.approx(roc_auc_score(won, scores), abs=1e-12)


def test_precision_and_recall_at_the_top_share_ties() -> None:
    scores, won = np.array([3.0, 2.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0])

    assert precision_at(scores, won, 0.5) == pytest.approx(0.75)
    assert recall_at(scores, won, 0.5) == pytest.approx(0.75)


def test_the_top_agrees_with_ir_measures_and_the_calibration_error_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    scores, won = rng.normal(size=400), (rng.random(400) < 0.3).astype(float)
    qrels = [ir_measures.Qrel("all", str(row), int(won[row])) for row in range(400)]
    run = [ir_measures.ScoredDoc("all", str(row), float(scores[row])) for row in range(400)]
    theirs = {str(m.measure): m.value for m in ir_measures.iter_calc([P @ 40, R @ 40], qrels, run)}
    chances = 1 / (1 + np.exp(-scores))
    seen, said = calibration_curve(won, chances, n_bins=10, strategy="quantile")

    assert precision_at(scores, won, 0.1) == pytest.approx(theirs["P@40"], abs=1e-9)
    assert recall_at(scores, won, 0.1) == pytest.approx(theirs["R@40"], abs=1e-9)
    assert lift_at(scores, won, 0.1) == pytest.approx(theirs["P@40"] / won.mean(), abs=1e-9)
    assert calibration_error(chances, won) == pytest.approx(float(np.abs(seen - said).mean()), abs=1e-9)


def test_calibration_error_is_the_gap_between_said_and_seen() -> None:
    won = np.array([1.0, 0.0] * 50)

    assert calibration_error(np.full(100, 0.5), won) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.9), won) == pytest.approx(0.4)


def test_sign_flips_see_a_difference_and_do_not_invent_one() -> None:
    random = np.random.default_rng(4)

    assert sign_flip_p(random.normal(0.5, 1, size=200)) < 0.01
    assert sign_flip_p(np.array([1.0, -1.0] * 50)) > 0.5


def test_leads_of_one_group_are_resampled_together() -> None:
    truth = np.tile(np.arange(20.0), 5)
    scores = truth + np.tile(np.random.default_rng(5).normal(size=20) * 8, 5)
    stages, groups = ["a"] * 100, list(range(20)) * 5
    alone = bootstrap_pair_accuracy(scores, truth, stages, samples=300)
    together = bootstrap_pair_accuracy(scores, truth, stages, groups=groups, samples=300)

    assert together.high - together.low > 1.5 * (alone.high - alone.low)
