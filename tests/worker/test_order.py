"""What moved little keeps showing what it shows; who is to be called today is told his exact place."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from connectors.priority import Band, Priority, PriorityStatus
from tests.worker.store.rows import standing
from worker.order import order, order_steadily
from worker.settings import BandConfig, SteadinessConfig
from worker.store import Standing

BANDS = BandConfig(a=3, b=5)
STEADINESS = SteadinessConfig()
ALL_AT_ONCE = SteadinessConfig(max_churn=1.0)


def many(count: int = 40) -> list[Standing]:
    """Return leads 0, 1, ... whose chances fall by one point each."""
    return [standing(str(n), 0.9 - n / 100) for n in range(count)]


def by_id(priorities: Sequence[Priority]) -> dict[str, Priority]:
    return {priority.lead_id: priority for priority in priorities}


def moved(standings: Sequence[Standing], lead_id: str, probability: float) -> list[Standing]:
    """Return the leads, one of them with another chance."""
    return [standing(lead_id, probability) if item.score.lead_id == lead_id else item for item in standings]


def steadily(
    standings: Sequence[Standing], shown: dict[str, Priority], steadiness: SteadinessConfig, *rescored: str
) -> dict[str, Priority]:
    return by_id(order_steadily(standings, shown, BANDS, steadiness, rescored=rescored))


def changed(before: dict[str, Priority], after: dict[str, Priority]) -> set[str]:
    return {lead_id for lead_id in after if before.get(lead_id) != after[lead_id]}


def worth(lead_id: str, probability: float, amount: str | float | None, stage: str = "new") -> Standing:
    return replace(standing(lead_id, probability, stage=stage), amount=amount)


BY_WORTH = BandConfig(a=3, b=5, amount_field="amount")


# The exact order --------------------------------------------------------------------------------------------------


def test_the_likeliest_lead_is_called_first() -> None:
    ordered = order([standing("1", 0.2), standing("2", 0.7), standing("3", 0.5)], BANDS)

    assert [(item.lead_id, item.call_order) for item in ordered] == [("2", 1), ("3", 2), ("1", 3)]


def test_each_stage_has_its_own_ranks() -> None:
    ordered = order([standing("1", 0.2), standing("2", 0.7, stage="demo"), standing("3", 0.5)], BANDS)

    assert {item.lead_id: item.rank for item in ordered} == {"2": 1, "3": 1, "1": 2}


def test_equal_leads_are_ordered_by_their_ids_however_they_come() -> None:
    leads = [standing(id_, 0.5) for id_ in "cab"]

    assert [item.lead_id for item in order(leads, BANDS)] == ["a", "b", "c"]


def test_each_rep_has_bands_of_his_own() -> None:
    leads = [standing(str(n), 0.9 - n / 100, owner=f"rep {n % 2}") for n in range(20)]
    bands = [item.band for item in order(leads, BANDS)]

    assert [bands.count(band) for band in Band] == [6, 10, 4]


def test_by_worth_a_big_lead_is_called_before_a_likelier_one_of_another_stage() -> None:
    leads = [worth("1", 0.5, 100.0), worth("2", 0.2, "$1,000", "demo"), worth("3", 0.9, 10.0, "demo")]

    # In its stage the likelier third keeps its place before the second, and is called with it.
    assert [item.lead_id for item in order(leads, BY_WORTH)] == ["3", "2", "1"]
    assert [item.lead_id for item in order(leads, BANDS)] == ["3", "1", "2"]


def test_by_worth_a_lead_without_an_amount_counts_as_the_middle_one() -> None:
    leads = [worth("1", 0.5, 10.0, "a"), worth("2", 0.5, None, "b"), worth("3", 0.5, 30.0, "c"), worth("4", 0.5, 20.0)]

    assert [item.lead_id for item in order(leads, BY_WORTH)] == ["3", "2", "4", "1"]
    assert [item.lead_id for item in order([worth("1", 0.2, None), worth("2", 0.3, "soon")], BY_WORTH)] == ["2", "1"]


def test_by_worth_no_lead_is_no_order() -> None:
    assert order([], BY_WORTH) == []


@pytest.mark.parametrize("seed", range(5))
def test_by_worth_each_stage_keeps_its_own_order(seed: int) -> None:
    rng = random.Random(seed)
    leads = [worth(str(n), rng.random(), rng.choice([None, 10 ** rng.random()]), rng.choice("abc")) for n in range(60)]
    leads += [replace(silent(f"silent {n}", 0.99), amount=1e9) for n in range(3)]

    by_worth, by_chance = order(leads, BY_WORTH), order(leads, BANDS)

    assert {item.lead_id: item.rank for item in by_worth} == {item.lead_id: item.rank for item in by_chance}
    assert [item.lead_id for item in by_worth] != [item.lead_id for item in by_chance]
    assert {item.lead_id for item in by_worth[-3:]} == {"silent 0", "silent 1", "silent 2"}


def silent(lead_id: str, probability: float) -> Standing:
    item = standing(lead_id, probability)
    return Standing(replace(item.score, insufficient=True), item.owner)


def test_a_lead_with_nothing_to_read_comes_last_and_takes_nobodys_place_in_a_band() -> None:
    ordered = by_id(order([silent("0", 0.99), *many(3)[1:], standing("3", 0.1)], BANDS))

    assert (ordered["0"].call_order, ordered["0"].band, ordered["0"].status) == (4, Band.C, PriorityStatus.INSUFFICIENT)
    assert {ordered[id_].band for id_ in "123"} == {Band.A}


# The steady order -------------------------------------------------------------------------------------------------


def test_what_shows_nothing_yet_shows_its_exact_place() -> None:
    assert steadily(many(), {}, STEADINESS) == by_id(order(many(), BANDS))


def test_a_lead_that_jumps_to_the_top_renews_itself_band_a_and_who_crossed_a_band() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(moved(many(), "30", 0.99), before, STEADINESS, "30")

    # 0 and 1 stay in band A one place lower, 2 falls out of it, 7 out of band B.
    assert changed(before, after) == {"30", "0", "1", "2", "7"}


def test_a_lead_that_falls_from_the_top_renews_itself_band_a_and_who_crossed_a_band() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(moved(many(), "0", 0.555), before, STEADINESS, "0")

    assert changed(before, after) == {"0", "1", "2", "3", "8"}


def test_a_lead_that_moved_within_band_c_renews_itself_only() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(moved(many(), "39", 0.755), before, STEADINESS, "39")

    assert changed(before, after) == {"39"}


def test_a_lead_that_was_scored_again_shows_its_exact_place() -> None:
    before = by_id(order(many(), BANDS))
    leads = moved(many(), "20", 0.695)  # one place further up, and half a point
    after = steadily(leads, before, STEADINESS, "20")

    assert after["20"] == by_id(order(leads, BANDS))["20"]


def test_a_lead_that_nobody_scored_again_keeps_showing_a_place_that_is_almost_right() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(moved(many(), "20", 0.695), before, STEADINESS)

    assert after == before


@pytest.mark.parametrize(("points", "is_told"), [(1.9, False), (2.1, True)])
def test_a_score_is_told_when_it_moved_by_more_than_the_points(points: float, is_told: bool) -> None:
    leads = [standing(str(n), 0.9 - n / 10) for n in range(9)]
    before = by_id(order(leads, BANDS))
    after = steadily(moved(leads, "8", 0.1 + points / 100), before, ALL_AT_ONCE)

    assert changed(before, after) == ({"8"} if is_told else set())


@pytest.mark.parametrize(("places", "is_told"), [(3, False), (4, True)])
def test_a_place_is_told_when_it_moved_by_more_than_the_places(places: int, is_told: bool) -> None:
    leads = [standing(str(n), 0.5 - n / 1000) for n in range(30)]
    before = by_id(order(leads, BANDS))
    after = steadily(moved(leads, "20", 0.5 - 20 / 1000 + (places + 0.5) / 1000), before, ALL_AT_ONCE)

    assert changed(before, after) == ({"20"} if is_told else set())


def test_far_down_a_share_of_the_place_is_borne() -> None:
    leads = [standing(str(n), 0.9 - n / 10_000) for n in range(300)]
    before = by_id(order(leads, BANDS))
    after = steadily(moved(leads, "200", 0.9 - 185.5 / 10_000), before, ALL_AT_ONCE)  # 15 of 186 places

    assert changed(before, after) == set()


def with_reason(item: Standing, reason: str) -> Standing:
    return Standing(replace(item.score, reason=reason), item.owner)


def test_another_reason_is_told() -> None:
    before = by_id(order(many(), BANDS))
    leads = [with_reason(item, "another") if item.score.lead_id == "30" else item for item in many()]

    assert changed(before, steadily(leads, before, STEADINESS)) == {"30"}


def test_what_another_model_says_is_told_of_all_at_once() -> None:
    before = by_id(order(many(), BANDS))
    leads = [Standing(replace(item.score, model_version="another"), item.owner) for item in many()]

    assert changed(before, steadily(leads, before, STEADINESS)) == set(before)


def turned_round(count: int = 40) -> list[Standing]:
    """Return the leads, the last of them first; nearly all have moved far."""
    return [standing(str(n), 0.5 + n / 100) for n in range(count)]


def test_of_those_that_moved_by_themselves_a_share_is_renewed() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(turned_round(), before, STEADINESS)

    assert len(changed(before, after)) == 12


def test_the_reps_first_calls_are_renewed_first() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(turned_round(), before, STEADINESS)

    assert changed(before, after) == {str(n) for n in range(28, 40)}


def test_those_that_were_scored_again_are_renewed_beside_the_share() -> None:
    before = by_id(order(many(), BANDS))
    after = steadily(turned_round(), before, STEADINESS, "0", "1", "2")

    assert len(changed(before, after)) == 15


def test_the_others_have_their_turn_until_all_are_right() -> None:
    shown = by_id(order(many(), BANDS))
    counts = []
    for _ in range(5):
        after = steadily(turned_round(), shown, STEADINESS)
        counts.append(len(changed(shown, after)))
        shown = after

    assert counts[:3] == [12, 12, 12]
    assert counts[-1] == 0


def test_one_lead_at_least_is_renewed_where_there_are_few() -> None:
    before = by_id(order(many(2), BANDS))
    after = steadily(turned_round(2), before, SteadinessConfig(max_churn=0.01))

    assert len(changed(before, after)) == 1


def shaken(leads: Sequence[Standing], dice: random.Random) -> tuple[list[Standing], set[str]]:
    """Return the leads after something happened to some of them, and who was scored again."""
    after, rescored = [], set()
    for item in leads:
        if dice.random() < 0.1:
            rescored.add(item.score.lead_id)
            item = standing(
                item.score.lead_id, round(dice.random(), 3), stage=dice.choice(["new", "demo"]), owner=item.owner
            )
        elif dice.random() < 0.3:
            chance = min(1.0, max(0.0, item.score.probability + dice.uniform(-0.03, 0.03)))
            item = replace(item, score=replace(item.score, probability=chance, utility=chance))
        if dice.random() > 0.02:
            after.append(item)
    return after, rescored


def start(seed: int) -> tuple[random.Random, list[Standing]]:
    dice = random.Random(seed)
    leads = [
        standing(str(n), dice.random(), stage=dice.choice(["new", "demo"]), owner=dice.choice(["x", "y", None]))
        for n in range(dice.randint(1, 150))
    ]
    return dice, leads


@pytest.mark.parametrize("seed", range(40))
def test_what_is_shown_is_never_further_from_the_truth_than_is_borne(seed: int) -> None:
    dice, leads = start(seed)
    shown: dict[str, Priority] = {}
    for _ in range(8):
        leads, rescored = shaken(leads, dice)
        shown |= steadily(leads, shown, ALL_AT_ONCE, *rescored)
        for truth in order(leads, BANDS):
            said = shown[truth.lead_id]
            assert (said.band, said.status, said.reason) == (truth.band, truth.status, truth.reason)
            assert abs(said.score - truth.score) <= ALL_AT_ONCE.points
            for told, true in ((said.rank, truth.rank), (said.call_order, truth.call_order)):
                assert abs(told - true) <= max(ALL_AT_ONCE.places, ALL_AT_ONCE.share * min(told, true))
            assert truth.band is not Band.A or said.rank == truth.rank


@pytest.mark.parametrize("seed", range(40))
def test_the_same_again_changes_nothing(seed: int) -> None:
    dice, leads = start(seed)
    before = by_id(order(leads, BANDS))
    leads, rescored = shaken(leads, dice)
    once = steadily(leads, before, ALL_AT_ONCE, *rescored)

    assert steadily(leads, once, ALL_AT_ONCE, *rescored) == once


@pytest.mark.parametrize("seed", range(10))
def test_every_lead_shows_something_and_no_other_does(seed: int) -> None:
    dice, leads = start(seed)
    before = by_id(order(leads, BANDS))
    leads, rescored = shaken(leads, dice)

    assert set(steadily(leads, before, STEADINESS, *rescored)) == {item.score.lead_id for item in leads}
