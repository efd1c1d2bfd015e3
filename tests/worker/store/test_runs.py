"""Nights and polls begin once; people pause, resume and promote; processes say that they live."""

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from connectors.base import Page
from connectors.lead import Outcome
from tests.worker.store.databases import Clock
from tests.worker.store.rows import LEASE, LONG_AGO, claimed, lead, park, rows_of
from worker.store import Job, ModelVersion, Run, Store
from worker.store.tables import AccountRow, AuditRow, CounterRow, HeartbeatRow, RunRow

NIGHT = ("a", "nightly", "2026-03-02")


def finish_all(store: Store) -> None:
    for run in store.list_open_runs("a"):
        store.finish_run("a", run)


def test_a_run_begins_once(store: Store) -> None:
    assert [store.start_run(*NIGHT) for _ in range(3)] == [True, False, False]


def test_a_run_that_has_ended_does_not_begin_again(store: Store) -> None:
    store.start_run(*NIGHT)
    finish_all(store)

    assert (store.start_run(*NIGHT), store.list_open_runs("a")) == (False, [])


def test_a_run_that_begins_has_the_crm_read(store: Store) -> None:
    store.start_run(*NIGHT)

    assert claimed(store, Job.READ).tenant == "a"


def test_a_run_that_had_begun_marks_nothing(store: Store) -> None:
    store.start_run(*NIGHT)
    store.finish(claimed(store, Job.READ))
    store.start_run(*NIGHT)

    assert store.claim(Job.READ, LEASE) is None


def test_of_many_who_begin_a_run_at_once_one_does(store: Store) -> None:
    barrier = Barrier(5)
    began: list[bool] = []

    def begin() -> None:
        barrier.wait()
        began.append(store.start_run(*NIGHT))

    threads = [Thread(target=begin) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(began) == [False, False, False, False, True]


def test_open_runs_are_listed_the_oldest_first(store: Store, clock: Clock) -> None:
    store.start_run("a", "poll", "2026-03-02T09:00")
    clock.go_on(60)
    store.start_run(*NIGHT)

    assert store.list_open_runs("a") == [
        Run("poll", "2026-03-02T09:00", clock() - timedelta(seconds=60)),
        Run("nightly", "2026-03-02", clock()),
    ]


def test_there_is_nothing_to_poll_before_the_first_pull(store: Store) -> None:
    assert store.has_run("a", "poll", "2026-03-02T09:00")


def test_there_is_something_to_poll_after_the_first_pull(store: Store) -> None:
    store.has_pulled("a")

    assert not store.has_run("a", "poll", "2026-03-02T09:00")


@pytest.mark.parametrize("run", [("poll", "2026-03-02T08:55"), ("nightly", "2026-03-02")])
def test_no_poll_begins_while_a_run_is_open(store: Store, run: tuple[str, str]) -> None:
    store.has_pulled("a")
    store.start_run("a", *run)
    while_open = store.has_run("a", "poll", "2026-03-02T09:00")
    finish_all(store)

    assert (while_open, store.has_run("a", "poll", "2026-03-02T09:00")) == (True, False)


def test_a_night_begins_though_a_poll_is_open(store: Store) -> None:
    store.has_pulled("a")
    store.start_run("a", "poll", "2026-03-02T09:00")

    assert not store.has_run(*NIGHT)


def test_a_run_of_one_tenant_is_none_of_another(store: Store) -> None:
    store.start_run(*NIGHT)

    assert (store.has_run("b", *NIGHT[1:]), store.list_open_runs("b")) == (False, [])


def test_polls_are_forgotten_after_a_day_and_nights_are_not(store: Store, clock: Clock) -> None:
    store.start_run("a", "poll", "2026-03-02T09:00")
    store.start_run(*NIGHT)
    finish_all(store)
    clock.go_on(25 * 3600)
    store.start_run("a", "poll", "2026-03-03T10:00")
    finish_all(store)

    assert [row["day"] for row in rows_of(store, "a", RunRow)["run"]] == ["2026-03-02", "2026-03-03T10:00"]


def test_the_time_of_the_first_pull_is_kept(store: Store, clock: Clock) -> None:
    store.has_pulled("a")
    first = clock()
    clock.go_on(60)
    store.has_pulled("a")
    with store.database.reading() as session:
        account = session.get_one(AccountRow, "a")

    assert account.pulled_at == first


def test_a_pause_and_its_end_are_audited(store: Store) -> None:
    store.pause("a", "holidays")
    store.resume("a")

    assert [row["action"] for row in rows_of(store, "a", AuditRow)["audit"]] == ["pause", "resume"]


def test_what_its_crm_tells_while_a_tenant_is_paused_is_read_after_it(store: Store) -> None:
    store.pause("a", "holidays")
    store.mark("a", Job.READ)
    paused = store.claim(Job.READ, LEASE)
    store.resume("a")

    assert (paused, claimed(store, Job.READ).tenant) == (None, "a")


def test_after_a_pause_nobody_waits_for_a_throttle_or_a_failure(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    store.fail(claimed(store, Job.READ), "why", hopeless=False)
    store.throttle("a", clock() + timedelta(hours=1))
    store.pause("a", "holidays")
    store.resume("a")

    assert claimed(store, Job.READ).tenant == "a"


def test_a_pause_does_not_unpark(store: Store) -> None:
    store.mark("a", Job.READ)
    park(store, claimed(store, Job.READ), "why")
    store.pause("a", "holidays")
    store.resume("a")

    assert store.claim(Job.READ, LEASE) is None


def test_unparking_is_audited(store: Store) -> None:
    store.mark("a", Job.READ)
    park(store, claimed(store, Job.READ), "why")

    assert store.unpark("a") == 1
    assert [(row["action"], row["detail"]) for row in rows_of(store, "a", AuditRow)["audit"]] == [
        ("unpark", {"rows": 1})
    ]


def model(version: str, *, promoted: bool) -> ModelVersion:
    return ModelVersion(version, Path(version), "words", LONG_AGO, {}, LONG_AGO if promoted else None)


def ranked_leads(store: Store) -> None:
    store.has_pulled("a")
    leads = (lead("1"), lead("2", "demo"), lead("3", "won", Outcome.WON))
    store.save_page("a", Page(leads=leads), read_at=store._now())


def stale_stages(store: Store) -> list[str]:
    stages = []
    while (held := store.claim(Job.RANK, LEASE, stale=True)) is not None:
        stages.append(held.stage)
    return sorted(stages)


def test_promoting_another_model_makes_every_score_old(store: Store) -> None:
    ranked_leads(store)
    store.save_model("a", model("1", promoted=False))
    before = stale_stages(store)
    store.set_promoted("a", "1", store._now())

    assert (before, stale_stages(store)) == ([], ["demo", "new"])


def test_saving_a_promoted_model_makes_every_score_old(store: Store) -> None:
    ranked_leads(store)
    store.save_model("a", model("1", promoted=True))

    assert stale_stages(store) == ["demo", "new"]


def test_taking_a_model_out_of_use_makes_every_score_old(store: Store, clock: Clock) -> None:
    ranked_leads(store)
    store.save_model("a", model("1", promoted=False))
    store.set_promoted("a", "1", None)

    assert stale_stages(store) == ["demo", "new"]


@pytest.mark.parametrize("how", ["saved", "promoted", "taken out of use"])
def test_what_one_model_could_not_rank_another_tries(how: str, store: Store) -> None:
    ranked_leads(store)
    store.save_model("a", model("1", promoted=True))
    for _ in range(2):
        park(store, claimed(store, Job.RANK, stale=True), "no usable model here")
    store.mark("a", Job.READ)
    park(store, claimed(store, Job.READ), "no rights")
    before = stale_stages(store)

    if how == "saved":
        store.save_model("a", model("2", promoted=True))
    else:
        store.set_promoted("a", "1", None if how == "taken out of use" else store._now())

    assert (before, stale_stages(store)) == ([], ["demo", "new"])
    assert store.claim(Job.READ, LEASE) is None  # a model mends no rights


def test_promoting_a_model_that_is_not_there_changes_nothing(store: Store) -> None:
    ranked_leads(store)

    assert (store.set_promoted("a", "1", store._now()), stale_stages(store)) == (False, [])


def test_a_model_of_one_tenant_makes_no_score_of_another_old(store: Store) -> None:
    ranked_leads(store)
    store.save_model("b", model("1", promoted=True))

    assert stale_stages(store) == []


def test_a_process_is_known_by_its_last_beat(store: Store, clock: Clock) -> None:
    began = clock()
    store.beat("host:1", "read", began)
    clock.go_on(60)
    store.beat("host:1", "read", began)

    assert beats(store) == {"host:1": clock()}


def test_a_process_that_has_been_silent_for_a_day_is_forgotten(store: Store, clock: Clock) -> None:
    store.beat("host:1", "read", clock())
    clock.go_on(24 * 3600 + 1)
    store.beat("host:2", "read", clock())

    assert list(beats(store)) == ["host:2"]


def beats(store: Store) -> dict[str, object]:
    with store.database.reading() as session:
        return {row.process: row.beat_at for row in session.query(HeartbeatRow)}


def test_what_is_counted_adds_up_by_tenant(store: Store) -> None:
    store.count("a", "failures")
    store.count("a", "failures", 2)
    store.count("b", "failures")

    assert rows_of(store, "a", CounterRow)["counter"] == [{"tenant": "a", "name": "failures", "value": 3}]


def test_of_a_gauge_the_last_reading_is_kept(store: Store) -> None:
    store.set_gauge("a", "calls_left", 7)
    store.set_gauge("a", "calls_left", 3)

    assert [row["value"] for row in rows_of(store, "a", CounterRow)["counter"]] == [3]
