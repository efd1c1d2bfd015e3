"""Changed leads are marked, scored and put in order; what fails waits and keeps nobody else waiting."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event as Signal
from threading import Thread
from typing import overload

import pytest
from sqlalchemy import delete, update

from connectors.lead import Outcome
from tests.worker.store.databases import Clock
from tests.worker.store.rows import LEASE, LONG_AGO, claimed, found, lead, park, priority, rows_of, score
from tests.worker.store.steps import deleted, erased, keep, priorities_due, ranked, settled
from worker.store import DirtyLead, Job, Score, Store
from worker.store.tables import DirtyLeadRow, InteractionRow, LeadRow, ScoreRow, WritebackRow
from worker.store.work import MAX_TRIES


def dirty_ids(store: Store) -> list[str]:
    return sorted(item.lead_id for item in store.list_dirty_leads("a"))


def due_stages(store: Store) -> list[str]:
    """Claim all that is to be ranked, and say in which stages that is."""
    stages = []
    while (held := store.claim(Job.RANK, LEASE)) is not None:
        stages.append(held.stage)
    return sorted(stages)


# What is marked ---------------------------------------------------------------------------------------------------


def test_new_leads_are_dirty_and_their_stages_due(store: Store) -> None:
    keep(store, lead("1"), lead("2", "demo"))
    store.has_pulled("a")

    assert (dirty_ids(store), due_stages(store)) == (["1", "2"], ["demo", "new"])


def test_a_changed_note_marks_its_lead_and_its_stage_only(store: Store) -> None:
    keep(store, lead("1"), lead("2"), lead("3", "demo"), notes=["1", "2", "3"])
    settled(store, "new", "demo")
    keep(store, notes=["1:worth 2"])

    assert (dirty_ids(store), due_stages(store)) == (["1"], ["new"])


def test_an_unchanged_page_marks_nothing(store: Store) -> None:
    keep(store, lead("1"), notes=["1"])
    settled(store)
    keep(store, lead("1"), notes=["1"])

    assert (dirty_ids(store), due_stages(store)) == ([], [])


def test_a_lead_that_only_we_have_written_marks_nothing(store: Store) -> None:
    keep(store, lead("1"))
    settled(store)
    keep(store, lead("1", modified_at=LONG_AGO + timedelta(days=1)))

    assert (dirty_ids(store), due_stages(store)) == ([], [])


def test_a_note_of_a_lead_that_is_closed_marks_nothing(store: Store) -> None:
    keep(store, lead("1", "won", Outcome.WON))
    store.has_pulled("a")
    keep(store, notes=["1"])

    assert (dirty_ids(store), due_stages(store)) == ([], [])


def test_a_lead_that_moved_is_dirty_in_its_new_stage(store: Store) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    keep(store, lead("1", "demo"))

    assert [item.lead_id for item in store.list_dirty_leads("a", "demo")] == ["1"]


def test_a_lead_that_moved_has_one_score_in_its_new_stage(store: Store) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    keep(store, lead("1", "demo"))
    settled(store, "demo")

    assert {row["lead_id"]: row["stage"] for row in rows_of(store, "a", ScoreRow)["score"]} == {"1": "demo", "2": "new"}


def test_a_lead_that_moved_shows_nothing_new_until_it_is_scored_there(store: Store) -> None:
    keep(store, lead("1"), lead("2"), notes=["1", "2"])
    settled(store)
    keep(store, lead("1", "demo"), notes=["2:worth 2"])
    held = next(claim for claim in (claimed(store, Job.RANK), claimed(store, Job.RANK)) if claim.stage == "new")
    store.save_pass(held, found(score("2"), settled=store.list_dirty_leads("a", "new")))

    assert priorities_due(store) == ["2"]


def shown(store: Store) -> dict[str, int]:
    return {row["lead_id"]: row["value"]["rank"] for row in rows_of(store, "a", WritebackRow)["writeback"]}


def closed(store: Store) -> None:
    keep(store, lead("1", "won", Outcome.WON))


@pytest.mark.parametrize("leave", [closed, deleted, erased])
def test_the_stage_that_a_lead_has_left_for_good_is_put_in_order(store: Store, leave: Callable[[Store], None]) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    leave(store)
    stage_is_due = claimed(store, Job.RANK)
    store.save_pass(stage_is_due, found())

    assert (stage_is_due.stage, dirty_ids(store), shown(store)["2"]) == ("new", [], 1)


@pytest.mark.parametrize("leave", [closed, deleted, erased])
def test_a_lead_that_has_left_for_good_keeps_no_score(store: Store, leave: Callable[[Store], None]) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    leave(store)

    assert [row["lead_id"] for row in rows_of(store, "a", ScoreRow)["score"]] == ["2"]


@pytest.mark.parametrize("leave", [deleted, erased])
def test_of_a_lead_that_is_gone_nothing_is_kept(store: Store, leave: Callable[[Store], None]) -> None:
    keep(store, lead("1"), lead("2"), notes=["1", "2"])
    settled(store)
    leave(store)

    tables = rows_of(store, "a", LeadRow, InteractionRow, ScoreRow, DirtyLeadRow, WritebackRow)
    assert [row.get("lead_id", row.get("id")) for rows in tables.values() for row in rows] == ["2", "2", "2", "2"]


# Scoring ----------------------------------------------------------------------------------------------------------


def test_a_lead_that_was_marked_again_while_it_was_scored_stays_dirty(store: Store) -> None:
    keep(store, lead("1"), lead("2"), notes=["1", "2"])
    store.has_pulled("a")
    held = claimed(store, Job.RANK)
    dirty = store.list_dirty_leads("a", "new")
    keep(store, notes=["1:worth 2"])
    store.save_pass(held, found(score("1"), score("2"), settled=dirty))

    assert (dirty_ids(store), claimed(store, Job.RANK).stage) == (["1"], "new")


def test_a_lead_that_moved_while_it_was_scored_stays_dirty_though_both_stages_have_counted_as_far(store: Store) -> None:
    keep(store, lead("1"))
    store.has_pulled("a")
    held, dirty = claimed(store, Job.RANK), store.list_dirty_leads("a", "new")

    keep(store, lead("1", "demo"))
    store.save_pass(held, found(score("1"), settled=dirty))

    assert dirty_ids(store) == ["1"]


def test_a_pass_that_is_not_through_leaves_its_stage_due(store: Store) -> None:
    keep(store, lead("1"))
    store.has_pulled("a")
    store.save_pass(claimed(store, Job.RANK), found(more=True))

    assert claimed(store, Job.RANK).attempts == 0


def failed(store: Store, clock: Clock, times: int) -> None:
    """Have lead 1 fail so often in a row, whenever its stage is due."""
    for _ in range(times):
        clock.go_on(3600)
        store.save_pass(claimed(store, Job.RANK), found(failures={"1": "ValueError"}))


def test_a_lead_that_failed_is_tried_again_after_the_others(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2"))
    store.has_pulled("a")
    failed(store, clock, 1)

    assert store.list_dirty_leads("a", "new") == [DirtyLead("2", "new", 1, 0, True), DirtyLead("1", "new", 1, 1, True)]


@pytest.mark.parametrize(("times", "is_parked"), [(MAX_TRIES - 1, False), (MAX_TRIES, True)])
def test_a_lead_is_parked_when_it_failed_too_often(store: Store, clock: Clock, times: int, is_parked: bool) -> None:
    keep(store, lead("1"))
    store.has_pulled("a")
    failed(store, clock, times)

    assert (store.list_dirty_leads("a") == []) is is_parked
    assert [row["parked_reason"] for row in rows_of(store, "a", DirtyLeadRow)["dirty_lead"]] == [
        "ValueError" if is_parked else None
    ]


def test_a_parked_lead_is_scored_again_when_it_changes(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), notes=["1"])
    store.has_pulled("a")
    failed(store, clock, MAX_TRIES)
    keep(store, notes=["1:worth 2"])

    assert [item.attempts for item in store.list_dirty_leads("a")] == [0]


def test_unparking_has_a_parked_lead_scored_again_at_once(store: Store, clock: Clock) -> None:
    keep(store, lead("1"))
    store.has_pulled("a")
    failed(store, clock, MAX_TRIES)
    store.unpark("a")

    assert ([item.attempts for item in store.list_dirty_leads("a")], claimed(store, Job.RANK).stage) == ([0], "new")


def test_a_lead_that_was_scored_on_its_last_try_is_not_parked(store: Store, clock: Clock) -> None:
    keep(store, lead("1"))
    store.has_pulled("a")
    failed(store, clock, MAX_TRIES - 1)
    clock.go_on(3600)
    held = claimed(store, Job.RANK)
    store.note_try(held, "1")
    [row] = rows_of(store, "a", DirtyLeadRow)["dirty_lead"]
    tried = [DirtyLead("1", "new", row["seq"], row["attempts"])]
    store.save_pass(held, found(score("1"), settled=tried))

    assert rows_of(store, "a", DirtyLeadRow) == {"dirty_lead": []}


# Old scores -------------------------------------------------------------------------------------------------------


def night(store: Store) -> None:
    store.start_run("a", "nightly", store._now().isoformat())
    [run] = store.list_open_runs("a")
    store.finish_run("a", run)


def stale_ids(store: Store, stage: str = "new") -> list[str]:
    return store.list_stale_leads("a", stage, store._now(), None)


def test_after_a_night_every_stage_is_to_be_scored_anew(store: Store) -> None:
    keep(store, lead("1"), lead("2", "demo"), lead("3", "won", Outcome.WON))
    settled(store, "new", "demo")
    night(store)

    assert sorted(claimed(store, Job.RANK, stale=True).stage for _ in range(2)) == ["demo", "new"]
    assert store.claim(Job.RANK, LEASE, stale=True) is None


def test_a_poll_makes_no_score_old(store: Store) -> None:
    keep(store, lead("1"))
    settled(store)
    store.start_run("a", "poll", "2026-03-02T09:00")
    [run] = store.list_open_runs("a")
    store.finish_run("a", run)

    assert store.claim(Job.RANK, LEASE, stale=True) is None


def test_old_scores_do_not_count_as_changed_leads(store: Store) -> None:
    keep(store, lead("1"))
    settled(store)
    night(store)

    assert store.claim(Job.RANK, LEASE) is None


def test_only_scores_from_before_the_night_are_old(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    night(store)
    held = claimed(store, Job.RANK, stale=True)
    store.save_pass(held, found(score("1", ranked_at=clock()), more=True), stale=True)

    assert stale_ids(store) == ["2"]


def test_a_lead_that_was_never_scored_is_old(store: Store) -> None:
    keep(store, lead("1"))

    assert stale_ids(store) == ["1"]


def test_a_lead_that_failed_is_left_to_those_who_score_changed_leads(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2"))
    store.has_pulled("a")
    failed(store, clock, 1)

    assert stale_ids(store) == ["2"]


def test_nothing_is_put_in_order_while_any_stage_of_the_tenant_is_old(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2", "demo"))
    settled(store, "new", "demo")
    before = shown(store)
    night(store)
    first = claimed(store, Job.RANK, stale=True)
    lead_id = "1" if first.stage == "new" else "2"
    changed = store.save_pass(first, found(score(lead_id, first.stage, 0.1, ranked_at=clock())), stale=True)

    assert (changed, shown(store)) == (0, before)


def test_nothing_is_put_in_order_by_a_changed_lead_while_scores_are_old(store: Store) -> None:
    keep(store, lead("1"), lead("2"), notes=["1", "2"])
    settled(store)
    night(store)
    keep(store, notes=["2:worth 9"])
    dirty = store.list_dirty_leads("a")

    assert store.save_pass(claimed(store, Job.RANK), found(score("2", probability=0.9), settled=dirty)) == 0


def test_all_is_put_in_order_after_the_last_old_score(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2", "demo"))
    settled(store, "new", "demo")
    night(store)
    for _ in range(2):
        held = claimed(store, Job.RANK, stale=True)
        lead_id, chance = ("1", 0.1) if held.stage == "new" else ("2", 0.9)
        store.save_pass(held, found(score(lead_id, held.stage, chance, ranked_at=clock())), stale=True)

    assert shown(store) == {"2": 1, "1": 2}


def test_what_is_put_in_order_is_due_to_be_written(store: Store) -> None:
    keep(store, lead("1"))
    settled(store)

    assert (claimed(store, Job.WRITE).tenant, priorities_due(store)) == ("a", ["1"])


def test_a_lead_that_changed_while_old_scores_were_made_stays_to_be_scored(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), notes=["1"])
    settled(store)
    night(store)
    held = claimed(store, Job.RANK, stale=True)
    keep(store, notes=["1:worth 2"])
    store.save_pass(held, found(score("1", ranked_at=clock())), stale=True)

    assert (dirty_ids(store), claimed(store, Job.RANK).stage) == (["1"], "new")


def test_a_second_night_while_the_first_goes_on_keeps_the_stage_old(store: Store, clock: Clock) -> None:
    keep(store, lead("1"))
    settled(store)
    night(store)
    held = claimed(store, Job.RANK, stale=True)
    clock.go_on(10)
    night(store)
    store.save_pass(held, found(score("1", ranked_at=held.stale_before or LONG_AGO)), stale=True)

    assert claimed(store, Job.RANK, stale=True).stale_before == clock()


def test_a_parked_stage_keeps_nobody_from_being_put_in_order(store: Store, clock: Clock) -> None:
    keep(store, lead("1"), lead("2", "demo"))
    settled(store, "new", "demo")
    night(store)
    park(store, claimed(store, Job.RANK, stale=True), "why")
    held = claimed(store, Job.RANK, stale=True)
    lead_id = "1" if held.stage == "new" else "2"

    assert store.save_pass(held, found(score(lead_id, held.stage, 0.1, ranked_at=clock())), stale=True) > 0


# At once ----------------------------------------------------------------------------------------------------------


class HeldUp(Sequence[Score]):
    """Scores whose keeping stops in the middle until it may go on."""

    def __init__(self, *scores: Score) -> None:
        self._scores = scores
        self.has_begun = Signal()
        self.may_go_on = Signal()

    def __len__(self) -> int:
        return len(self._scores)

    @overload
    def __getitem__(self, place: int) -> Score: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Score]: ...

    def __getitem__(self, place: int | slice) -> Score | Sequence[Score]:
        return self._scores[place]

    def __iter__(self) -> Iterator[Score]:
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        return iter(self._scores)


@pytest.mark.parametrize("leave", [deleted, erased])
def test_a_lead_that_goes_while_its_score_is_kept_breaks_neither(store: Store, leave: Callable[[Store], None]) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    keep(store, lead("1", owner="another"))
    scores = HeldUp(score("1"))
    made = replace(found(settled=store.list_dirty_leads("a")), scores=scores)
    held = claimed(store, Job.RANK)
    broken: list[Exception] = []

    def run(what: Callable[[], object]) -> None:
        try:
            what()
        except Exception as error:
            broken.append(error)

    threads = [Thread(target=run, args=(what,)) for what in (lambda: store.save_pass(held, made), lambda: leave(store))]
    threads[0].start()
    scores.has_begun.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    scores.may_go_on.set()
    for thread in threads:
        thread.join(20)

    assert broken == []


def test_whoever_writes_and_whoever_puts_in_order_do_not_wait_for_each_other(store: Store) -> None:
    ranked(store, priority("1", 1))
    store.mark("a", Job.WRITE)
    held = claimed(store, Job.WRITE)
    broken: list[Exception] = []

    def put_in_order() -> None:
        try:
            ranked(store, priority("1", 2))
        except Exception as error:
            broken.append(error)

    ordering = Thread(target=put_in_order)
    with store.under(held).database.writing() as session:  # holds the work first, and then the rows
        ordering.start()
        ordering.join(0.3)
        session.execute(update(WritebackRow).values(tries=0))
    ordering.join(20)

    assert broken == []


def test_scores_of_a_lead_that_is_gone_are_not_kept(store: Store) -> None:
    keep(store, lead("1"), lead("2"))
    store.has_pulled("a")
    held = claimed(store, Job.RANK)
    dirty = store.list_dirty_leads("a")
    erased(store)
    store.save_pass(held, found(score("1", reason="the canary sings"), score("2"), settled=dirty))

    assert "canary" not in json.dumps(rows_of(store, "a", ScoreRow, WritebackRow), default=str)


def test_a_store_with_a_score_of_no_lead_shows_nothing_of_it(store: Store) -> None:
    keep(store, lead("1"), lead("2"))
    settled(store)
    with store.database.writing() as session:
        session.execute(delete(LeadRow).where(LeadRow.id == "1"))
    keep(store, notes=["2:worth 2"])
    settled(store)

    assert shown(store)["2"] == 1
