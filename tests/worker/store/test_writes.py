"""What leads should show and what the CRM was told: values change, are refused, or were on their way in a death."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from connectors.base import WriteOutcome
from connectors.memory import InMemoryConnector
from tests.worker.store.databases import Clock
from tests.worker.store.rows import LEASE, LONG_AGO, STAGES, claimed, lead, priority, rows_of, score
from tests.worker.store.steps import erased, keep, priorities_due, ranked, sent
from worker.errors import LeaseLostError
from worker.order import order_steadily
from worker.settings import BandConfig, SteadinessConfig
from worker.store import DueWrite, Job, Pass, Store
from worker.store.tables import AuditRow, WritebackRow
from worker.store.work import MAX_TRIES
from worker.writeback import write_back

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


def overtaken(store: Store, clock: Clock) -> tuple[Store, list[DueWrite]]:
    """Have a writer be so slow that another one writes a newer value; return the slow one's store and what he sends."""
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
    return store.under(slow, lambda: True), old  # and he is to end, too


def test_what_one_who_was_slow_may_have_written_over_is_written_again(store: Store, clock: Clock) -> None:
    slow, old = overtaken(store, clock)
    with pytest.raises(LeaseLostError):
        slow.record_writes("a", old, [WriteOutcome("1", written=True)])

    assert [(item.priority.rank, item.may_be_shown) for item in store.list_due_writes("a")] == [(2, True)]
    assert store.claim(Job.WRITE, LEASE) is not None


def test_what_one_who_was_slow_may_yet_write_over_is_written_again_though_his_call_failed(
    store: Store, clock: Clock
) -> None:
    slow, old = overtaken(store, clock)
    with pytest.raises(LeaseLostError):
        slow.note_broken_writes("a", old)

    assert [(item.priority.rank, item.may_be_shown) for item in store.list_due_writes("a")] == [(2, True)]
    assert store.claim(Job.WRITE, LEASE) is not None


def test_a_call_that_failed_leaves_its_values_in_doubt(store: Store) -> None:
    ranked(store, priority("1", 1))
    store.begin_writes("a", store.list_due_writes("a"))
    store.note_broken_writes("a", store.list_due_writes("a"))

    assert [item.may_be_shown for item in store.list_due_writes("a")] == [True]


def test_what_was_refused_for_now_may_have_arrived_all_the_same(store: Store, clock: Clock) -> None:
    ranked(store, priority("1", 1))
    sent(store)
    ranked(store, priority("1", 2))
    sent(store, REFUSED_FOR_NOW)
    ranked(store, priority("1", 1))

    assert [(item.priority.rank, item.may_be_shown) for item in store.list_due_writes("a")] == [(1, True)]


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
