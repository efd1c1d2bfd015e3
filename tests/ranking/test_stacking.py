"""How loudly each part speaks, by how much history there is to choose by."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.candidate import Candidate, Example
from ranking.preferences import PairConfig
from ranking.stacking import HeldOut, fit_stack, split_in_time, starting_weights, times_of, weights_of

NAMES = ("words, outcomes", "general, all texts")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def history(leads: int) -> tuple[list[Example], NDArray[np.float64], NDArray[np.float64]]:
    """Leads won by chance, what made them win in log-odds, and a score that knows nothing of it."""
    random = np.random.default_rng(0)
    truth, noise = random.normal(size=(2, leads)) * 2
    won = random.random(leads) < 1 / (1 + np.exp(-truth))
    examples = [
        Example(Candidate(str(n), "Demo", NOW), float(won[n]), bool(won[n]), str(n), float(n)) for n in range(leads)
    ]
    return examples, truth, noise


def weights(examples: list[Example], *scores: NDArray[np.float64]) -> tuple[float, float]:
    held_out = HeldOut(np.arange(len(examples)), np.stack(scores, axis=1), NAMES, {}, {})
    found = fit_stack(examples, held_out, PairConfig(required_tiers=()), seed=0).weights
    return found[NAMES[0]], found[NAMES[1]]


def test_without_history_the_general_model_speaks_alone() -> None:
    assert starting_weights(NAMES, 0) == {NAMES[0]: 0.0, NAMES[1]: 1.0}


def test_without_a_general_model_what_was_learned_speaks_from_the_beginning() -> None:
    assert starting_weights(("words, outcomes",), 10) == starting_weights(("words, outcomes",), 10_000)
    assert starting_weights(("words, outcomes",), 0)["words, outcomes"] > 0


def test_the_longer_the_history_the_more_what_was_learned_from_it_is_trusted() -> None:
    learned = [starting_weights(NAMES, leads)[NAMES[0]] for leads in (0, 50, 300, 5_000)]
    general = [starting_weights(NAMES, leads)[NAMES[1]] for leads in (0, 50, 300, 5_000)]

    assert (np.diff(learned) > 0).all()
    assert (np.diff(general) < 0).all()
    assert learned[-1] > general[-1] > 0


def test_a_short_history_does_not_outshout_the_general_model() -> None:
    """Thirty outcomes say little against log-odds of a half."""
    examples, _, noise = history(30)
    learned, general = weights(examples, noise, np.roll(noise, 7) / 4)

    assert general > 5 * learned


def test_a_short_history_is_enough_to_believe_a_loud_general_model() -> None:
    examples, truth, noise = history(30)
    learned, general = weights(examples, noise, truth)

    assert general > 0.7
    assert general > 5 * learned


def test_a_short_history_is_enough_to_silence_a_loud_general_model_that_knows_nothing() -> None:
    examples, truth, noise = history(60)
    learned, general = weights(examples, truth, noise)

    assert learned > 5 * general


def test_lost_leads_alone_refute_a_loud_general_model() -> None:
    examples, truth, noise = history(120)
    lost = [replace(example, won=False) for example in examples]

    assert weights(lost, truth, np.abs(noise))[1] < 0.5 * weights(lost, truth, noise * 0)[1]


@pytest.mark.parametrize("leads", [1_000, 4_000])
def test_a_long_history_overrules_a_general_model_that_knows_nothing_of_it(leads: int) -> None:
    examples, truth, noise = history(leads)
    learned, general = weights(examples, truth, noise)

    assert learned > 10 * general


def test_a_score_that_misleads_is_silenced_and_not_turned_round() -> None:
    examples, truth, noise = history(1_000)
    learned, general = weights(examples, -truth, noise)

    assert learned == 0.0
    assert general >= 0.0


def test_of_one_moment_one_comes_first_by_chance_but_never_of_one_group() -> None:
    examples = [Example(Candidate(str(n), "Demo", NOW), 1.0, True, str(n // 2), 0.0) for n in range(40)]
    taken, ended = times_of(examples)

    assert len(set(taken.tolist())) == 20
    assert (taken == ended).all()
    assert [len(early) for early, _ in split_in_time(examples)] == [16, 22, 28, 34]
    assert not (np.sort(taken) == taken).all()  # nor in the order of their names


def test_what_came_before_comes_before() -> None:
    examples = [Example(Candidate(str(n), "Demo", NOW), 1.0, True, str(n), float(n // 4)) for n in range(40)]
    taken, _ = times_of(examples)

    assert (taken[4:] > taken[:-4]).all()


def test_a_lead_counts_once_and_a_person_as_often_as_he_has_leads() -> None:
    examples = [Example(Candidate(id_, "Demo", NOW), 1.0, True, "Ann", 0.0) for id_ in "aab"]

    assert weights_of(examples).tolist() == [0.5, 0.5, 1.0]
