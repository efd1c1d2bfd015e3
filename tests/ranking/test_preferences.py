"""Which leads are compared with which, and how far apart they shall be."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ranking.candidate import Candidate, Example
from ranking.errors import InsufficientHistoryError
from ranking.preferences import MARGINS, PairConfig, Tier, make_pairs

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def example(number: int, level: float, stage: str = "Demo", *, complete: bool = True, order: float = 0.0) -> Example:
    won = True if level == 1 else False if level == 0 else None
    return Example(Candidate(str(number), stage, NOW), level, won, str(number), order, complete)


def test_pairs_are_of_one_stage_and_never_of_one_lead_with_itself() -> None:
    examples = [example(n, float(n % 2), "Demo" if n < 10 else "Offer") for n in range(20)]
    examples.append(replace(examples[0], level=1.0, won=True))

    pairs = make_pairs(examples, PairConfig(cross_stage_share=0.0))

    assert len(pairs)
    for winner, loser in zip(pairs.winners, pairs.losers, strict=True):
        assert examples[winner].candidate.stage == examples[loser].candidate.stage
        assert examples[winner].level > examples[loser].level
        assert examples[winner].group != examples[loser].group


def test_a_share_of_the_pairs_is_across_stages() -> None:
    examples = [example(n, float(n % 2), "Demo" if n < 20 else "Offer") for n in range(40)]

    pairs = make_pairs(examples, PairConfig(cross_stage_share=0.25))

    stages = np.array([e.candidate.stage for e in examples])
    across = (stages[pairs.winners] != stages[pairs.losers]).sum()
    assert across == pytest.approx(0.2 * len(pairs), abs=5)


def test_the_further_apart_the_outcomes_the_wider_the_margin() -> None:
    pairs = make_pairs([example(0, 0.0), example(1, 0.25), example(2, 0.5), example(3, 1.0)])

    found = {
        (int(winner), int(loser)): Tier(int(tier))
        for winner, loser, tier in zip(pairs.winners, pairs.losers, pairs.tiers, strict=True)
    }
    assert found[3, 0] is Tier.GLOBAL
    assert found[2, 0] is Tier.KEY
    assert found[1, 0] is Tier.SOFT
    assert {float(m) for m in pairs.margins} == set(MARGINS.values())
    assert pairs.counts() == {"soft": 2, "key": 2, "global": 2}


def test_a_lead_whose_time_has_not_run_out_never_loses() -> None:
    examples = [example(0, 0.25, complete=False), example(1, 1.0), example(2, 0.0)]

    pairs = make_pairs(examples)

    assert 0 not in pairs.losers
    assert 0 in pairs.winners


def test_snapshots_too_far_apart_in_time_are_not_compared() -> None:
    examples = [example(0, 0.0, order=0.0), example(1, 1.0, order=10.0), example(2, 1.0, order=1_000.0)]

    pairs = make_pairs(examples, PairConfig(window=100.0))

    assert set(pairs.winners.tolist()) == {1}


def test_no_lead_dominates() -> None:
    examples = [example(0, 1.0), *[example(n, 0.0) for n in range(1, 200)]]

    pairs = make_pairs(examples, PairConfig(max_per_example=30))

    assert len(pairs) == 30


def test_training_refuses_a_tier_without_pairs() -> None:
    with pytest.raises(InsufficientHistoryError, match="key"):
        make_pairs([example(0, 0.0), example(1, 1.0)], PairConfig(required_tiers=(Tier.GLOBAL, Tier.KEY)))
