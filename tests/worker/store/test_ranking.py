"""Changed leads are marked, scored, put in order and written; what fails waits and keeps nobody else waiting."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event as Signal
from threading import Thread
from typing import overload

import pytest
from sqlalchemy import delete, update

from connectors.base import Page, WriteOutcome
from connectors.events import Change, Event
from connectors.lead import Lead, Outcome
from connectors.memory import InMemoryConnector
from connectors.priority import Priority
from tests.worker.store.databases import Clock
from tests.worker.store.rows import LEASE, LONG_AGO, STAGES, claimed, found, lead, note, park, priority, rows_of, score
from worker.errors import LeaseLostError
from worker.order import order_steadily
from worker.settings import BandConfig, SteadinessConfig
from worker.store import DirtyLead, Job, Pass, Score, Store
from worker.store.tables import AuditRow, DirtyLeadRow, InteractionRow, LeadRow, ScoreRow, WritebackRow
from worker.store.work import MAX_TRIES
from worker.writeback import write_back


def keep(store: Store, *leads: Lead, notes: Sequence[str] = ()) -> None:
    """Keep a page of leads and notes, which hold the text `worth 1` unless the text follows the lead after a colon."""
    store.save_stages("a", STAGES)
    said = [note(lead_id, text or "worth 1") for lead_id, _, text in (item.partition(":") for item in notes)]
    store.save_page("a", Page(leads=leads, interactions=tuple(said)), read_at=store._now())


def settled(store: Store, *stages: str) -> None:
    """Have all that is marked in these stages scored, each lead with a chance of one half."""
    store.has_pulled("a")
    for _ in stages or ("new",):
        held = claimed(store, Job.RANK)
        dirty = store.list_dirty_leads("a", held.stage)
        store.save_pass(held, found(*[score(item.lead_id, held.stage) for item in dirty], settled=dirty))


def dirty_ids(store: Store) -> list[str]:
    return sorted(item.lead_id for item in store.list_dirty_leads("a"))


def due_stages(store: Store) -> list[str]:
    """Claim all that is to be ranked, and say in which stages that is."""
    stages = []
    while (held := store.claim(Job.RANK, LEASE)) is not None:
        stages.append(held.stage)
    return sorted(stages)


def priorities_due(store: Store) -> list[str]:
    return [item.priority.lead_id for item in store.list_due_writes("a", store._now())]


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


def deleted(store: Store) -> None:
    store.save_page("a", Page(gone_leads=("1",)), read_at=store._now())


def erased(store: Store) -> None:
    store.receive("a", [Event("e", "lead", "1", Change.ERASED, store._now())], store._now())
    store.erase_told("a", store._now())


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


# Writing back -----------------------------------------------------------------------------------------------------


def ranked(store: Store, *priorities: Priority) -> None:
    """Have leads show this, and no others anything."""
    store.save_ranking("a", [], priorities)


def sent(store: Store, *outcomes: WriteOutcome) -> None:
    """Send all that is due; the outcomes are those of the first, and the others are stored."""
    due = store.list_due_writes("a", store._now())
    store.begin_writes("a", due)
    by_id = {outcome.lead_id: outcome for outcome in outcomes}
    stored = [by_id.get(item.priority.lead_id, WriteOutcome(item.priority.lead_id, written=True)) for item in due]
    store.record_writes("a", due, stored)


REFUSED_FOR_NOW = WriteOutcome("1", written=False, detail="LOCKED", retryable=True)
REFUSED = WriteOutcome("1", written=False, detail="VALIDATION")


def test_what_was_stored_is_not_due(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store)

    assert priorities_due(store) == []


def test_the_same_value_is_not_due_again_though_it_was_ranked_again(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store)
    ranked(store, replace(priority("1"), ranked_at=LONG_AGO + timedelta(days=1)))

    assert priorities_due(store) == []


def test_a_value_that_changed_on_its_way_stays_due(store: Store) -> None:
    ranked(store, priority("1", 1))
    due = store.list_due_writes("a")
    store.begin_writes("a", due)
    ranked(store, priority("1", 2))
    store.record_writes("a", due, [WriteOutcome("1", written=True)])

    assert [item.priority.rank for item in store.list_due_writes("a")] == [2]


def test_a_value_that_changed_back_to_what_was_sent_is_not_due(store: Store) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    ranked(store, priority("1", 2))
    ranked(store, priority("1", 1))

    assert priorities_due(store) == []


def test_what_was_on_its_way_when_we_died_is_sent_again(store: Store) -> None:
    ranked(store, priority("1"))
    store.begin_writes("a", store.list_due_writes("a"))

    assert priorities_due(store) == ["1"]


def test_what_was_on_its_way_when_we_died_is_sent_again_though_it_changed_back(store: Store) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    ranked(store, priority("1", 2))
    store.begin_writes("a", store.list_due_writes("a"))
    ranked(store, priority("1", 1))

    assert priorities_due(store) == ["1"]


def test_what_one_who_was_slow_may_have_written_over_is_written_again(store: Store, clock: Clock) -> None:
    ranked(store, priority("1", 1))
    store.mark("a", Job.WRITE)
    slow = claimed(store, Job.WRITE)
    old = store.list_due_writes("a")
    store.under(slow).begin_writes("a", old)
    clock.go_on(60)
    ranked(store, priority("1", 2))
    other = claimed(store, Job.WRITE)
    sent(store)
    store.finish(other)
    with pytest.raises(LeaseLostError):
        store.under(slow).record_writes("a", old, [WriteOutcome("1", written=True)])

    assert [item.priority.rank for item in store.list_due_writes("a")] == [2]
    assert store.claim(Job.WRITE, LEASE) is not None


def test_what_an_order_held_back_is_looked_at_again_after_a_minute(store: Store, clock: Clock) -> None:
    bands, steadiness = BandConfig(a=1), SteadinessConfig(places=0, share=0, points=0, max_churn=0.3)
    keep(store, *(lead(id_) for id_ in "123"))
    store.has_pulled("a")

    def pass_with(*chances: float) -> None:
        scores = [score(id_, probability=chance) for id_, chance in zip("123", chances, strict=True)]
        order = partial(order_steadily, bands=bands, steadiness=steadiness)
        settled = store.list_dirty_leads("a")
        store.save_pass(claimed(store, Job.RANK), Pass(scores, settled, {}, order, False, 0, 0))

    pass_with(0.1, 0.2, 0.3)
    store.mark("a", Job.RANK, stage="new")
    pass_with(0.3, 0.1, 0.2)
    early = store.claim(Job.RANK, LEASE)
    clock.go_on(60)

    assert early is None
    assert store.claim(Job.RANK, LEASE) is not None


def test_what_was_refused_for_good_waits_for_another_value(store: Store, clock: Clock) -> None:
    ranked(store, priority("1", 1))
    sent(store, REFUSED)
    clock.go_on(1_000_000)
    parked = priorities_due(store), store.next_write_at("a")
    ranked(store, priority("1", 2))

    assert (parked, priorities_due(store)) == (([], None), ["1"])


def test_what_was_refused_for_good_is_not_sent_again_with_the_same_value(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store, REFUSED)
    ranked(store, priority("1"))

    assert priorities_due(store) == []


def test_unparking_sends_again_what_was_refused(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store, REFUSED)
    store.unpark("a")

    assert (priorities_due(store), claimed(store, Job.WRITE).tenant) == (["1"], "a")


def test_what_was_refused_for_now_is_due_later(store: Store, clock: Clock) -> None:
    ranked(store, priority("1"))
    sent(store, REFUSED_FOR_NOW)
    now = priorities_due(store)

    assert store.next_write_at("a") == clock() + timedelta(seconds=5)
    clock.go_on(5)
    assert (now, priorities_due(store)) == ([], ["1"])


def test_what_is_refused_for_now_too_often_is_parked(store: Store, clock: Clock) -> None:
    ranked(store, priority("1"))
    for _ in range(MAX_TRIES):
        clock.go_on(3600)
        sent(store, REFUSED_FOR_NOW)
    clock.go_on(3600)

    assert (priorities_due(store), store.next_write_at("a")) == ([], None)


def test_a_refusal_of_one_leaves_the_others_written(store: Store) -> None:
    ranked(store, priority("1"), priority("2"))
    sent(store, REFUSED)

    assert {row["lead_id"]: row["sent_seq"] for row in rows_of(store, "a", WritebackRow)["writeback"]} == {
        "1": 0,
        "2": 1,
    }


def test_a_lead_that_is_not_ranked_any_more_is_not_written(store: Store) -> None:
    ranked(store, priority("1"))
    ranked(store)

    assert priorities_due(store) == []


def test_a_lead_that_comes_back_with_what_was_never_sent_is_written(store: Store) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    ranked(store, priority("1", 2))
    ranked(store)
    ranked(store, priority("1", 2))

    assert priorities_due(store) == ["1"]


def test_a_new_lead_that_comes_back_with_what_was_never_sent_is_written(store: Store) -> None:
    ranked(store, priority("1"))
    ranked(store)
    ranked(store, priority("1"))

    assert priorities_due(store) == ["1"]


def test_a_lead_that_left_and_came_back_while_it_was_written_is_written_again(store: Store) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    ranked(store, priority("1", 2))
    on_its_way = store.list_due_writes("a")
    store.begin_writes("a", on_its_way)
    ranked(store)
    ranked(store, priority("1", 3))
    store.record_writes("a", on_its_way, [WriteOutcome("1", written=True)])

    assert priorities_due(store) == ["1"]


def test_a_lead_that_was_erased_before_its_value_was_sent_keeps_no_other_from_it(store: Store) -> None:
    connector = InMemoryConnector(STAGES, [lead("1"), lead("2")])
    connector.name = "a"
    connector.setup()
    ranked(store, priority("1"), priority("2"))
    due = store.list_due_writes("a")
    erased(store)
    write_back(store, connector, due=due)

    assert list(connector.priorities) == ["2"]


def test_a_lead_that_was_erased_while_its_value_was_on_its_way_stays_erased(store: Store) -> None:
    ranked(store, priority("1"))
    due = store.list_due_writes("a")
    store.begin_writes("a", due)
    erased(store)
    store.record_writes("a", due, [WriteOutcome("1", written=True)])

    assert rows_of(store, "a", WritebackRow) == {"writeback": []}


def audited(store: Store) -> list[dict[str, object]]:
    return rows_of(store, "a", AuditRow)["audit"]


def test_the_audit_says_what_was_sent(store: Store) -> None:
    ranked(store, priority("1", 7))
    sent(store)
    [row] = audited(store)
    detail = row["detail"]

    assert (row["action"], row["lead_id"], row["at"]) == ("write", "1", store._now())
    assert isinstance(detail, dict)
    assert (detail["rank"], detail["band"], detail["score"], detail["model_version"]) == (7, "A", 50.0, "m")


def test_the_audit_says_what_was_refused(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store, REFUSED)

    assert [(row["action"], row["lead_id"]) for row in audited(store)] == [("refusal", "1")]


def test_the_audit_holds_no_text(store: Store) -> None:
    ranked(store, priority("1", reason="the canary sings"))
    sent(store)

    assert "canary" not in json.dumps(audited(store), default=str)


def test_the_audit_is_appended_to(store: Store) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    before = audited(store)
    ranked(store, priority("1", 2))
    sent(store)

    assert (len(audited(store)), audited(store)[:1]) == (2, before)


def test_the_audit_outlives_an_erased_lead(store: Store) -> None:
    ranked(store, priority("1"))
    sent(store)
    erased(store)

    assert [row["lead_id"] for row in audited(store)] == ["1"]


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
