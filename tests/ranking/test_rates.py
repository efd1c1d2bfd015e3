"""Fields of many values: what earlier leads of the same value came to."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit

from ranking.candidate import Candidate, Example
from ranking.columns import MOST_CATEGORIES
from ranking.inputs import build_inputs, read_texts
from ranking.metrics import area_under_curve
from ranking.model import RankingModel
from ranking.parts import fit_trees
from ranking.preferences import PairConfig
from ranking.rates import Rates, fit_rates
from ranking.reader import CachedReader
from ranking.stacking import describe_outcomes
from ranking.training import train

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MANY = 40
Floats = NDArray[np.float64]


def lead(number: int, **fields: str | float | None) -> Candidate:
    return Candidate(str(number), "Demo", NOW, fields)


def towns(leads: int = 600) -> tuple[list[Candidate], Floats]:
    """Leads of 40 towns, in turns; those of the first half of the towns are won."""
    won = np.array([float(n % MANY < MANY / 2) for n in range(leads)])
    return [lead(n, town=f"town {n % MANY}") for n in range(leads)], won


def rates_of(
    candidates: list[Candidate], won: Floats, taken: Floats | None = None, ended: Floats | None = None
) -> tuple[Rates, Floats]:
    """The rates of leads that end where they are taken, one after another."""
    taken = np.arange(len(candidates), dtype=np.float64) if taken is None else taken
    return fit_rates(candidates, won, np.ones(len(candidates)), taken, taken if ended is None else ended)


def learned_from(examples: list[Example]) -> list[float]:
    """What is learned from of each example, as parts are told of them; 0 for the earliest."""
    outcomes = describe_outcomes(examples, PairConfig(required_tiers=()), seed=0)
    candidates = [example.candidate for example in examples]
    table = fit_rates(candidates, outcomes.won, outcomes.weights, outcomes.taken, outcomes.ended)[1]
    return [float(rate) for rate in np.nan_to_num(table[:, 0])]


def test_a_value_is_worth_what_its_leads_came_to() -> None:
    rates, table = rates_of(*towns())
    asked = [lead(1, town="town 0"), lead(2, town="town 39"), lead(3, town="elsewhere"), lead(4)]

    good, poor, unknown, missing = rates.table(asked)[:, 0]
    # The last lead of its town was judged by 14 of 14 won, and half of 20 more: 24 of 34 against a half of all. The
    # 15th would make it more than anything that was learned from.
    assert np.isclose(good, np.log(24 / 10))
    assert np.isclose(poor, -good)
    assert unknown == missing == 0.0
    assert table.shape == (600, 1)


def test_no_lead_knows_its_own_outcome_or_a_later_one() -> None:
    candidates, won = towns()
    before = rates_of(candidates, won)[1]
    for row, twin in ((0, 20), (257, 270), (598, 5)):  # two change places, so that as many are won as before
        other = won.copy()
        other[row], other[twin] = won[twin], won[row]
        after = rates_of(candidates, other)[1]

        first = min(row, twin)
        assert other[row] != won[row]
        assert np.array_equal(after[: first + 1], before[: first + 1], equal_nan=True)
        assert not np.array_equal(after[first + 1 :], before[first + 1 :], equal_nan=True)


def test_a_lead_is_judged_by_those_that_had_ended_before_it_was_taken() -> None:
    candidates, won = towns()
    taken = np.arange(600, dtype=np.float64)
    table = rates_of(candidates, won, taken, taken + 300)[1]

    assert (table[120:301] == 0).all()
    assert np.isclose(table[599, 0], np.log(10 / 17))  # seven of its town had ended, all lost, and half of 20 more


@pytest.mark.parametrize("taken", [np.zeros(600), np.arange(600) - 1e6])
def test_leads_that_nobody_had_ended_before_teach_no_rates(taken: Floats) -> None:
    candidates, won = towns()

    assert rates_of(candidates, won, taken, np.zeros(600))[0] == Rates({})


def test_no_snapshot_knows_how_its_lead_ends() -> None:
    examples = [
        Example(lead(n, town=f"town {n % MANY}"), float(n % 2), bool(n % 2), str(n), float(n + 600 * late))
        for n in range(600)
        for late in (0, 1)
    ]
    before = learned_from(examples)
    for group, twin in (("0", "1"), ("300", "451")):  # they change places, so that as many are won as before
        other = [replace(e, won=not e.won) if e.group in (group, twin) else e for e in examples]
        changed = [e.order for e, one, two in zip(examples, before, learned_from(other), strict=True) if one != two]

        assert changed
        assert min(changed) > int(group) + 600


def test_the_earliest_have_no_rate() -> None:
    table = rates_of(*towns())[1]

    assert np.isnan(table[:120]).all()
    assert np.isfinite(table[120:]).all()
    assert (table[240:] != 0).all()


def test_the_order_of_the_rows_does_not_matter() -> None:
    candidates, won = towns()
    taken = np.arange(600, dtype=np.float64)
    mixed = np.random.default_rng(0).permutation(600)
    rates, table = rates_of(candidates, won)
    again, other = rates_of([candidates[row] for row in mixed], won[mixed], taken[mixed])

    assert again == rates
    assert np.array_equal(other, table[mixed], equal_nan=True)


def test_many_snapshots_of_a_lead_count_once() -> None:
    candidates, won = towns()
    times = np.where(won == 1.0, 3, 1)
    owner = np.repeat(np.arange(600), times)
    ended = owner.astype(np.float64)
    rates, table = fit_rates([candidates[row] for row in owner], won[owner], 1 / times[owner], ended, ended)
    once, plain = rates_of(candidates, won)

    assert rates.by_field["town"].keys() == once.by_field["town"].keys()
    assert np.allclose(rates.table(candidates), once.table(candidates))
    assert np.allclose(table[owner >= 240], plain[owner][owner >= 240])


def test_a_lead_that_has_not_ended_is_judged_and_not_counted() -> None:
    candidates, won = towns()
    unknown = won.copy()
    unknown[300:] = np.nan
    rates, table = rates_of(candidates, unknown)

    share = 160 / 300  # eight leads of each town of the first half, all won, and seven of the others
    assert np.isclose(rates.table(candidates)[0, 0], logit((8 + 20 * share) / 28) - logit(share))
    assert np.array_equal(table[300:], rates.table(candidates[300:]))


def test_values_of_few_leads_are_not_kept() -> None:
    candidates, won = towns(MANY * 4)

    rates, table = rates_of(candidates, won)

    assert rates == Rates({})
    assert table.shape == (MANY * 4, 0)


def test_five_leads_are_enough_however_many_snapshots_they_have() -> None:
    candidates, won = towns(MANY * 6)
    owner = np.repeat(
        np.arange(MANY * 6), 49
    )  # the sixth of each town is judged by five; 49 times 1/49 is less than 1 as a computer adds
    ended = owner.astype(np.float64)
    rates, _ = fit_rates([candidates[row] for row in owner], won[owner], np.full(len(owner), 1 / 49), ended, ended)

    assert len(rates.by_field["town"]) == MANY


def test_only_fields_of_many_values_are_judged() -> None:
    candidates = [lead(n, town=f"town {n % MOST_CATEGORIES}", size=float(n)) for n in range(400)]

    assert rates_of(candidates, np.tile([0.0, 1.0], 200))[0] == Rates({})


def test_a_history_of_one_outcome_or_none() -> None:
    candidates, won = towns()

    rates, table = rates_of(candidates, won * np.nan)
    assert rates == Rates({})
    assert table.shape == rates.table(candidates).shape == (600, 0)
    for same in (np.zeros(600), np.ones(600)):
        assert np.isfinite(rates_of(candidates, same)[1][120:]).all()


def scattered() -> list[Example]:
    """Leads of 200 towns, some five each: in every other town most are won."""
    random = np.random.default_rng(0)
    drawn = [int(town) for town in random.integers(0, 200, 1_500)]
    return [
        Example(lead(n, town=f"town {town}"), float(won), won, str(n), float(n))
        for n, town in enumerate(drawn)
        for won in [bool(random.random() < (0.85 if town % 2 else 0.15))]
    ]


def area_of_trees(examples: list[Example], taught: int, reader: CachedReader) -> float:
    """Return how well trees that learned from the first `taught` examples order the others."""
    candidates = [example.candidate for example in examples]
    inputs = build_inputs(candidates, read_texts(candidates, reader, None))
    outcomes = describe_outcomes(examples[:taught], PairConfig(required_tiers=()), seed=0)

    trees = fit_trees(inputs.take(np.arange(taught)), outcomes)[1]
    scores = trees.scores(inputs.take(np.arange(taught, len(examples))))[:, 0]
    return area_under_curve(scores, np.array([float(bool(example.won)) for example in examples[taught:]]))


def test_trees_learn_from_a_field_of_many_values(reader: CachedReader) -> None:
    assert area_of_trees(scattered(), 1_200, reader) > 0.7


def test_trees_tell_a_small_category_from_the_rest_where_few_are_won(reader: CachedReader) -> None:
    """Of a hundred leads one is won, but one in ten of two sources: of each of them the trees see some eighty leads."""
    random = np.random.default_rng(0)
    drawn = [int(source) for source in random.integers(0, 25, 3_000)]
    examples = [
        Example(lead(n, source=f"source {source}"), float(won), won, str(n), float(n))
        for n, source in enumerate(drawn)
        for won in [bool(random.random() < (0.1 if source < 2 else 0.005))]
    ]

    assert area_of_trees(examples, 2_000, reader) > 0.65


def test_a_saved_model_keeps_the_rates(reader: CachedReader, tmp_path: Path) -> None:
    examples = scattered()
    later = [example.candidate for example in examples[1_200:]]
    model = train(examples[:1_200], reader, None, backbone="words")
    model.save(tmp_path / "model")

    again = RankingModel.load(tmp_path / "model", None)
    assert np.array_equal(again.utilities(later, reader), model.utilities(later, reader))
    assert again.version == model.version
    document = (tmp_path / "model" / "model.json").read_text()
    counts = {f"town {town}": 0 for town in range(200)}
    for example in examples[:1_200]:
        counts[str(example.candidate.fields["town"])] += 1
    kept = set(json.loads(document)["parts"]["trees"]["rates"]["town"])
    assert kept == {town for town, count in counts.items() if count >= 5}
    assert set(re.findall(r"town \d+", document)) <= kept
