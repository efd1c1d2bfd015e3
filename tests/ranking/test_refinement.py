"""Comparing leads two by two: it learns, it is gated, and it is kept with the model."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ranking.candidate import Candidate, Example, Passage
from ranking.comparator import learn_comparator
from ranking.fusion import FusionConfig
from ranking.model import RankingModel
from ranking.preferences import PairConfig, make_pairs
from ranking.reader import CachedReader
from ranking.refinement import Refinement, try_refinement
from ranking.training import TrainingConfig, train

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def candidate(id_: str, text: str) -> Candidate:
    return Candidate(id_, "Demo", NOW, {}, (Passage(f"note:{id_}", "note", NOW, text),))


def history(leads: int = 240) -> list[Example]:
    examples = []
    for n in range(leads):
        won = n % 2 == 0
        text = f"budget {'approved' if won else 'frozen'} in room {n % 7}"
        examples.append(Example(candidate(str(n), text), float(won), won, str(n), float(n)))
    return examples


def test_a_comparator_learns_which_is_better_in_both_orders(reader: CachedReader) -> None:
    examples = history()
    comparator = learn_comparator(examples, make_pairs(examples), reader)
    good, bad = candidate("a", "budget approved in room 9"), candidate("b", "budget frozen in room 9")

    there, back = comparator.verdicts([(good, bad), (bad, good)], reader)

    assert there > 0.8
    assert back < 0.2


def test_a_pair_is_read_once_and_each_direction_for_itself(reader: CachedReader) -> None:
    examples = history()
    comparator = learn_comparator(examples, make_pairs(examples), reader)
    good, bad = candidate("a", "approved"), candidate("b", "frozen")
    before = reader.pair_passes
    comparator.verdicts([(good, bad)], reader)
    comparator.verdicts([(good, bad), (bad, good)], reader)

    assert reader.pair_passes - before == 2


def test_refinement_is_on_where_it_wins(reader: CachedReader) -> None:
    examples = history()
    blind = np.random.default_rng(0).normal(size=len(examples)) * 0.1

    trial = try_refinement(examples, np.arange(len(examples)), blind, PairConfig(), reader)

    assert trial.refinement is not None
    assert trial.ahead is not None
    assert trial.ahead.low > 0.1


def test_refinement_is_off_where_it_does_not_win(reader: CachedReader) -> None:
    examples = history()
    random = np.random.default_rng(0)
    by_chance = [
        replace(e, level=float(won), won=bool(won)) for e, won in zip(examples, random.random(240) < 0.5, strict=True)
    ]
    utilities = np.array([example.level for example in by_chance]) + random.normal(size=240)

    trial = try_refinement(by_chance, np.arange(len(examples)), utilities, PairConfig(), reader)

    assert trial.refinement is None
    assert "does not order later leads better" in trial.reason


def test_leads_that_never_share_a_stage_leave_it_off(reader: CachedReader) -> None:
    alone = [replace(e, candidate=replace(e.candidate, stage="Demo" if e.won else "Offer")) for e in history()]

    trial = try_refinement(alone, np.arange(len(alone)), np.zeros(len(alone)), PairConfig(), reader)

    assert trial.refinement is None
    assert "too few finished leads" in trial.reason


def test_a_short_history_leaves_it_off(reader: CachedReader) -> None:
    trial = try_refinement(history(8), np.arange(8), np.zeros(8), PairConfig(), reader)

    assert trial.refinement is None
    assert trial.ahead is None


@pytest.fixture
def refined(reader: CachedReader) -> RankingModel:
    """A model whose refinement is in use, whatever the gate says."""
    examples = history()
    model = train(examples, reader, None, backbone="words", config=TrainingConfig(refine=True))
    comparator = learn_comparator(examples, make_pairs(examples), reader)
    config = FusionConfig(1.0, comparator.first_is_favoured, 2.0)
    assert model.card.refinement is not None
    card = replace(model.card, refinement={**model.card.refinement, "on": True, "config": asdict(config)})
    return RankingModel(card, model.parts, model.stack, model.calibration, None, Refinement(comparator, config))


def test_a_refined_model_is_the_same_after_loading(refined: RankingModel, reader: CachedReader, tmp_path: Path) -> None:
    refined.save(tmp_path / "model")
    again = RankingModel.load(tmp_path / "model", None)
    leads = [candidate(str(n), f"budget {'approved' if n % 3 else 'frozen'} in room {n}") for n in range(30)]

    assert again.utilities(leads, reader).tolist() == refined.utilities(leads, reader).tolist()
    assert refined.utilities(leads, reader).tolist() != refined.utilities(leads, reader, refine=False).tolist()


def test_the_shown_order_never_contradicts_the_refined_one(refined: RankingModel, reader: CachedReader) -> None:
    leads = [candidate(str(n), f"budget {'approved' if n % 3 else 'frozen'} in room {n}") for n in range(30)]
    scored = refined.score(leads, reader)

    by_utility = sorted(scored, key=lambda item: -item.utility)
    chances = [item.probability for item in by_utility]

    assert chances == sorted(chances, reverse=True)
