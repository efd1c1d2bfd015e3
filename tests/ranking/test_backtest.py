"""The report: our order beside others, on leads that nobody learned from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ranking.backtest import OURS, evaluate, split_by_time
from ranking.baselines import BASELINES
from ranking.candidate import Candidate, Example, Passage
from ranking.errors import InsufficientHistoryError
from ranking.oracles import RemoteOracle
from ranking.reader import CachedReader
from ranking.report import compare_orders, draw_lists
from ranking.zero_shot import zero_shot_orders

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def history(leads: int = 160) -> list[Example]:
    """The notes tell the outcome in three of four leads; the fields tell nothing."""
    rng = np.random.default_rng(0)
    examples = []
    for n in range(leads):
        won = bool(rng.random() < 0.5)
        word = "granted" if won != (rng.random() < 0.25) else "refused"  # of one length, which the fields may see
        passage = Passage(f"note:{n}", "note", NOW + timedelta(hours=n), f"budget {word} in room {n % 7}")
        fields = {"size": float(rng.integers(9))}
        examples.append(
            Example(
                Candidate(str(n), "Demo" if n % 2 else "Offer", NOW, fields, (passage,)), float(won), won, str(n), n
            )
        )
    return examples


def test_our_order_beats_what_cannot_see_the_text(reader: CachedReader) -> None:
    report = evaluate(history(), reader, None, backbone="words")
    orders = {order.name: order for order in report.orders}

    assert report.leads == 48
    assert orders[OURS].ahead is None
    assert orders[OURS].pair_accuracy.value > 0.65
    for blind in ("random", "fields, XGBoost", "ours, text shuffled", "ours, fields only"):
        ahead = orders[blind].ahead
        assert ahead is not None
        assert ahead.pair_accuracy.value > 0.1, blind
        assert ahead.area is not None
        assert ahead.area.value > 0.1, blind
        assert ahead.precision_at_10_percent is not None
    error = orders[OURS].calibration_error
    assert error is not None
    assert 0 < error.low < error.high < 0.5
    assert orders["random"].calibration_error is None
    assert {"ours, pointwise only (no pairs)", "ours, flat (no stages)", "ours, text only"} <= set(orders)
    by_chance, flat, random = (orders[name].mixed_ndcg or {} for name in (OURS, "ours, flat (no stages)", "random"))
    assert by_chance["ndcg@5"].value > 0.6
    assert flat["ndcg@5"].value > 0.6
    assert by_chance["ndcg@5"].value > random["ndcg@5"].value


def test_an_endpoint_that_does_not_answer_costs_its_own_rows_only(reader: CachedReader) -> None:
    nobody = RemoteOracle("http://127.0.0.1:9/v1", "a-model", "the key", first_pause_seconds=0.0)

    report = evaluate(
        history(), reader, None, backbone="words", ablations=False, others=zero_shot_orders("a-model", nobody)
    )

    assert {order.name for order in report.orders} == {OURS, *BASELINES}
    assert set(report.failed) == {"a-model, asked lead by lead", "a-model, asked two by two"}
    assert all("127.0.0.1:9" in reason for reason in report.failed.values())


@pytest.mark.parametrize(("windows", "judged"), [(1, 48), (3, 96)])
def test_later_leads_are_judged_and_never_both_sides(windows: int, judged: int) -> None:
    parts = split_by_time(history(), windows)

    for early, late in parts:
        assert max(example.order for example in early) < min(example.order for example in late)
        assert not {example.group for example in early} & {example.group for example in late}
    assert [len(early) for early, _ in parts] == [160 - judged + judged // windows * n for n in range(windows)]
    assert len({example.group for _, late in parts for example in late}) == judged


def test_leads_of_different_windows_are_not_compared(reader: CachedReader) -> None:
    once, thrice = (
        evaluate(history(), reader, None, backbone="words", windows=windows, ablations=False) for windows in (1, 3)
    )
    recency = {order.name: order for order in thrice.orders}["newest activity first"]

    assert (once.leads, thrice.leads) == (48, 96)
    assert thrice.lists == 6  # of two stages, in three windows of 32 leads
    assert {order.name for order in thrice.orders} == {order.name for order in once.orders}
    assert recency.pair_accuracy.value < 0.6  # later windows have newer activity, which must tell nothing


def test_a_history_that_ends_in_one_outcome_only_is_refused(reader: CachedReader) -> None:
    rows = [e for e in history() if e.won or e.order < 80]

    with pytest.raises(InsufficientHistoryError, match="one outcome"):
        evaluate(rows, reader, None, backbone="words")


def test_a_field_that_hardly_anybody_fills_in_breaks_no_baseline() -> None:
    examples = [
        replace(e, candidate=replace(e.candidate, fields={"size": 5.0 if n == 3 else None}))
        for n, e in enumerate(history(60))
    ]
    candidates = [example.candidate for example in examples]

    for name in (name for name in BASELINES if name.startswith("fields")):
        assert np.isfinite(BASELINES[name](examples, candidates)).all(), name


def test_lists_are_of_one_stage_and_of_twenty() -> None:
    codes = np.array([0.0] * 45 + [1.0] * 7)
    lists = draw_lists(codes, range(52))

    assert sorted(np.bincount(lists).tolist()) == [7, 20, 25]
    assert set(lists[:45]).isdisjoint(lists[45:])


def test_a_perfect_order_is_perfect_and_a_constant_one_is_chance() -> None:
    gains = np.array([1.0, 0.0] * 40)
    orders = {OURS: gains, "constant": np.zeros(80)}
    report = compare_orders(orders, gains, ["a"] * 80, list(range(80)), ours=OURS)
    perfect, constant = report.orders

    assert perfect.ndcg["ndcg@1"].value == perfect.pair_accuracy.value == 1.0
    assert constant.pair_accuracy.value == 0.5
    assert constant.ndcg["ndcg@1"].value == pytest.approx(0.5, abs=0.1)
    assert constant.ahead is not None
    assert constant.ahead.pair_accuracy.low > 0.4
    assert constant.ahead.ndcg["ndcg@1"].low > 0.3
    assert constant.ahead.ndcg_p == pytest.approx(0.25, abs=0.04)  # four lists: 2 of 16 sign patterns, and twice that


def test_figures_over_all_leads_are_of_scores_that_compare_stages() -> None:
    """Inside a stage both scores are the same order; across stages only the second knows which stage wins more."""
    gains = np.array([0.0, 0.0, 0.0, 1.0] * 5 + [0.0] * 20 + [0.0, 1.0, 1.0, 1.0] * 10)
    utilities = np.tile(np.arange(4.0), 20)
    orders = {OURS: utilities, "flat": utilities}
    report = compare_orders(
        orders,
        gains,
        ["a"] * 40 + ["b"] * 40,
        list(range(80)),
        ours=OURS,
        one_list={OURS: utilities + np.repeat([0.0, 10.0], 40), "flat": utilities},
    )
    ours, flat = report.orders

    assert ours.pair_accuracy == flat.pair_accuracy
    assert ours.ndcg == flat.ndcg
    assert ours.area is not None
    assert flat.area is not None
    assert ours.area.value > flat.area.value
    assert ours.lift is not None
    assert flat.lift is not None
    assert ours.lift > flat.lift
    assert ours.mixed_ndcg is not None
    assert flat.mixed_ndcg is not None
    assert ours.mixed_ndcg["ndcg@3"].value > flat.mixed_ndcg["ndcg@3"].value
    assert flat.ahead is not None
    assert flat.ahead.area is not None
    assert flat.ahead.area.value == pytest.approx(ours.area.value - flat.area.value)


def test_a_deal_takes_one_row_of_each_lead() -> None:
    groups = [row // 3 for row in range(150)]
    deals = [draw_lists(np.zeros(150), groups, seed=seed) for seed in range(2)]

    for lists in deals:
        dealt = np.flatnonzero(lists >= 0)
        assert sorted(groups[row] for row in dealt) == list(range(50))
        assert sorted(np.bincount(lists[dealt]).tolist()) == [20, 30]
    assert (deals[0] != deals[1]).any()


def test_leads_with_many_rows_are_dealt_like_the_others() -> None:
    groups = [*range(40), *(lead for lead in range(40, 80) for _ in range(3))]
    first = [np.flatnonzero(draw_lists(np.zeros(160), groups, seed=seed) == 0) for seed in range(100)]

    assert np.mean([groups[row] >= 40 for rows in first for row in rows]) == pytest.approx(0.5, abs=0.05)


def test_boosting_that_has_nothing_to_learn_from_says_the_same_of_everybody() -> None:
    bare = [replace(e, candidate=replace(e.candidate, stage="a", fields={})) for e in history(60)]

    for name in ("fields, XGBoost", "fields, scikit-learn boosting"):
        assert np.ptp(BASELINES[name](bare, [example.candidate for example in bare])) == 0, name


def test_lists_are_dealt_many_times_so_that_one_deal_decides_nothing() -> None:
    """The best lead, which the order puts second, meets the one that is put first in one list, or in none."""
    gains = np.array([1.0, 0.5] + [0.25] * 38)
    scores = np.array([1.0, 2.0] + [0.0] * 38)
    report = compare_orders({OURS: scores}, gains, ["a"] * 40, list(range(40)), ours=OURS)

    found = []
    for seed in range(report.deals):
        lists = draw_lists(np.zeros(40), range(40), seed=seed)
        found.append(0.5 if lists[0] == lists[1] else 1.0)
    assert 0.5 < np.mean(found) < 1.0
    assert report.orders[0].ndcg["ndcg@1"].value == pytest.approx(np.mean(found))


def test_an_order_that_compares_no_stages_has_no_figures_over_all_leads() -> None:
    gains = np.array([1.0, 0.0] * 40)
    report = compare_orders(
        {OURS: gains, "two by two": gains}, gains, ["a"] * 80, list(range(80)), ours=OURS, one_list={OURS: gains}
    )
    ours, theirs = report.orders

    assert ours.area is not None
    assert (theirs.area, theirs.lift, theirs.recall_at_10_percent, theirs.mixed_ndcg) == (None, None, None, None)
    assert theirs.stage_area == 1.0
    assert theirs.ahead is not None
    assert theirs.ahead.area is None


def test_what_knows_of_no_text_is_not_moved_by_texts() -> None:
    examples = history(80)
    candidates = [example.candidate for example in examples]
    later = [
        replace(c, passages=(replace(p, text="x" * 999, occurred_at=p.occurred_at + timedelta(hours=7)), p))
        for c in candidates
        for p in c.passages
    ]

    of_fields, of_amounts = BASELINES["fields, XGBoost"], BASELINES["fields and amounts of text, XGBoost"]
    assert (of_fields(examples, later) == of_fields(examples, candidates)).all()
    assert (of_amounts(examples, later) != of_amounts(examples, candidates)).any()
