"""Work is marked, claimed by one at a time, and finished as far as it was marked when it was claimed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest

from connectors.base import Page
from tests.worker.store.databases import Clock
from tests.worker.store.rows import LEASE, claimed, found, lead, park, rows_of, score
from worker.errors import LeaseLostError, StoppingError
from worker.leases import kept
from worker.store import Claim, Job, Store
from worker.store.tables import LeadRow, ScoreRow, Table, WorkRow, WritebackRow

_EVERYTHING = [mapper.class_ for mapper in Table.registry.mappers if "tenant" in mapper.class_.__table__.columns]


def due(store: Store) -> list[tuple[str, Job, bool]]:
    return store.list_due_work()


def pulled(store: Store, *tenants: str) -> None:
    for tenant in tenants:
        store.has_pulled(tenant)


def test_nothing_is_claimed_before_it_is_marked(store: Store) -> None:
    assert store.claim(Job.READ, LEASE) is None


def test_what_is_marked_is_claimed_by_its_number(store: Store) -> None:
    store.mark("a", Job.READ)
    store.mark("a", Job.READ)

    held = claimed(store, Job.READ)
    assert (held.tenant, held.job, held.stage, held.seq, held.attempts) == ("a", Job.READ, "", 2, 0)


def test_what_is_held_is_not_claimed_again(store: Store) -> None:
    store.mark("a", Job.READ)
    claimed(store, Job.READ)

    assert store.claim(Job.READ, LEASE) is None


def test_what_is_held_is_not_listed_as_due(store: Store) -> None:
    store.mark("a", Job.READ)
    claimed(store, Job.READ)

    assert due(store) == []


def test_what_is_finished_is_done(store: Store) -> None:
    store.mark("a", Job.READ)
    store.finish(claimed(store, Job.READ))

    assert store.claim(Job.READ, LEASE) is None


def test_what_is_marked_while_it_is_held_stays_due(store: Store) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    store.mark("a", Job.READ)
    store.finish(held)

    assert claimed(store, Job.READ).seq == 2


def test_one_kind_of_work_is_not_claimed_as_another(store: Store) -> None:
    store.mark("a", Job.READ)

    assert store.claim(Job.WRITE, LEASE) is None


def test_finished_work_with_a_time_to_wake_is_due_then(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    store.finish(claimed(store, Job.READ), wake_at=clock() + timedelta(seconds=5))
    early = store.claim(Job.READ, LEASE)
    clock.go_on(5)

    assert (early, claimed(store, Job.READ).attempts) == (None, 0)


def test_a_lease_that_ran_out_is_taken_over(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    first = claimed(store, Job.READ)
    clock.go_on(30)
    second = claimed(store, Job.READ)

    assert second.token > first.token


def test_a_prolonged_lease_is_not_taken_over(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    clock.go_on(20)
    store.prolong(held)
    clock.go_on(20)

    assert store.claim(Job.READ, LEASE) is None


def test_a_transaction_under_a_claim_prolongs_it(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    clock.go_on(20)
    store.under(held).count("a", "something")
    clock.go_on(20)

    assert store.claim(Job.READ, LEASE) is None


def test_one_who_was_slow_but_not_taken_over_finishes(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    clock.go_on(300)
    store.under(held).finish(held)

    assert store.claim(Job.READ, LEASE) is None


def taken_over(store: Store, clock: Clock) -> Claim:
    """Return a claim on a stage that somebody else has by now."""
    pulled(store, "a")
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())
    held = claimed(store, Job.RANK)
    clock.go_on(30)
    claimed(store, Job.RANK)
    return held


LATE: dict[str, Callable[[Store, Claim], object]] = {
    "a page": lambda store, held: store.under(held).save_page("a", Page(leads=(lead("2"),)), read_at=store._now()),
    "a count": lambda store, held: store.under(held).count("a", "something"),
    "an erasure": lambda store, held: store.under(held).erase_told("a", store._now()),
    "a finish": lambda store, held: store.finish(held),
    "a finish under it": lambda store, held: store.under(held).finish(held),
    "a pass": lambda store, held: store.save_pass(held, found(score("1"), settled=store.list_dirty_leads("a"))),
    "a stale pass": lambda store, held: store.save_pass(held, found(score("1")), stale=True),
    "a failure": lambda store, held: park(store, held, "why"),
    "giving back": lambda store, held: store.give_back(held),
    "prolonging": lambda store, held: store.prolong(held),
    "a note of a try": lambda store, held: store.note_try(held, "1"),
}


@pytest.mark.parametrize("what", LATE)
def test_one_who_was_taken_over_is_told_so(store: Store, clock: Clock, what: str) -> None:
    held = taken_over(store, clock)

    with pytest.raises(LeaseLostError):
        LATE[what](store, held)


@pytest.mark.parametrize("what", LATE)
def test_one_who_was_taken_over_changes_nothing(store: Store, clock: Clock, what: str) -> None:
    held = taken_over(store, clock)
    before = rows_of(store, "a", *_EVERYTHING)
    with pytest.raises(LeaseLostError):
        LATE[what](store, held)

    assert rows_of(store, "a", *_EVERYTHING) == before


def test_one_who_is_to_stop_changes_nothing(store: Store) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    with pytest.raises(StoppingError):
        store.under(held, lambda: True).save_page("a", Page(leads=(lead("1"),)), read_at=store._now())

    assert rows_of(store, "a", LeadRow) == {"lead": []}


def test_a_crash_counts_as_an_attempt(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    attempts = []
    for _ in range(3):
        attempts.append(claimed(store, Job.READ).attempts)
        clock.go_on(30)

    assert attempts == [0, 1, 2]


def test_giving_back_does_not_count_as_an_attempt(store: Store) -> None:
    store.mark("a", Job.READ)
    store.give_back(claimed(store, Job.READ))

    assert claimed(store, Job.READ).attempts == 0


def test_failures_count_as_attempts_until_it_goes_well(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    store.fail(claimed(store, Job.READ), "why", hopeless=False)
    clock.go_on(5)
    again = claimed(store, Job.READ)
    store.finish(again)
    store.mark("a", Job.READ)

    assert (again.attempts, claimed(store, Job.READ).attempts) == (1, 0)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 5), (2, 15), (3, 45), (7, 600)])
def test_the_wait_after_a_failure_grows_to_ten_minutes(
    store: Store, clock: Clock, failures: int, seconds: float
) -> None:
    store.mark("a", Job.READ)
    for _ in range(failures):
        clock.go_on(3600)
        store.fail(claimed(store, Job.READ), "why", hopeless=False)
    clock.go_on(seconds - 1)
    early = store.claim(Job.READ, LEASE)
    clock.go_on(1)

    assert (early, claimed(store, Job.READ).attempts) == (None, failures)


def test_what_has_failed_waits_whatever_is_marked_meanwhile(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    store.fail(claimed(store, Job.READ), "why", hopeless=False)
    clock.go_on(1)
    store.mark("a", Job.READ)

    assert store.claim(Job.READ, LEASE) is None


def test_what_is_marked_again_is_due_when_it_first_was(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ, delay=timedelta(seconds=10))
    clock.go_on(9)
    store.mark("a", Job.READ, delay=timedelta(seconds=10))
    clock.go_on(1)

    assert claimed(store, Job.READ).seq == 2


def test_what_is_urgent_does_not_wait_for_what_is_not(store: Store) -> None:
    store.mark("a", Job.READ, delay=timedelta(seconds=10))
    store.mark("a", Job.READ)

    assert claimed(store, Job.READ).seq == 2


def test_what_is_due_later_is_not_claimed(store: Store) -> None:
    store.mark("a", Job.READ, delay=timedelta(seconds=1))

    assert (store.claim(Job.READ, LEASE), due(store)) == (None, [])


def parked(store: Store, tenant: str = "a") -> None:
    store.mark(tenant, Job.READ)
    park(store, claimed(store, Job.READ), "no rights")


def test_parked_work_is_not_claimed_however_long_one_waits(store: Store, clock: Clock) -> None:
    parked(store)
    clock.go_on(1_000_000)
    store.mark("a", Job.READ)

    assert store.claim(Job.READ, LEASE) is None


def test_unparked_work_is_claimed_at_once_as_if_it_had_never_failed(store: Store) -> None:
    parked(store)
    store.unpark("a")

    assert claimed(store, Job.READ).attempts == 0


def test_unparking_one_tenant_leaves_the_others_parked(store: Store) -> None:
    parked(store, "a")
    parked(store, "b")
    store.unpark("a")
    claimed(store, Job.READ)

    assert store.claim(Job.READ, LEASE) is None


@pytest.mark.parametrize("job", Job)
def test_nothing_is_claimed_for_a_paused_tenant(store: Store, job: Job) -> None:
    pulled(store, "a")
    store.mark("a", job, stage="new" if job is Job.RANK else "")
    store.pause("a", "holidays")

    assert (store.claim(job, LEASE), due(store)) == (None, [])


def test_no_stale_scores_are_claimed_for_a_paused_tenant(store: Store, clock: Clock) -> None:
    pulled(store, "a")
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())
    store.start_run("a", "nightly", "2026-03-02")
    [run] = store.list_open_runs("a")
    store.finish_run("a", run)
    store.pause("a", "holidays")

    assert store.claim(Job.RANK, LEASE, stale=True) is None


def test_who_holds_a_tenants_work_loses_it_when_it_is_paused(store: Store) -> None:
    store.mark("a", Job.READ)
    held = claimed(store, Job.READ)
    store.pause("a", "holidays")

    with pytest.raises(LeaseLostError):
        store.under(held).save_page("a", Page(leads=(lead("1"),)), read_at=store._now())


def test_what_was_taken_away_by_a_pause_is_claimed_after_it(store: Store) -> None:
    store.mark("a", Job.READ)
    claimed(store, Job.READ)
    store.pause("a", "holidays")
    store.resume("a")

    assert claimed(store, Job.READ).attempts == 0


def test_a_pause_concerns_nobody_else(store: Store) -> None:
    store.mark("a", Job.READ)
    store.mark("b", Job.READ)
    held = [claimed(store, Job.READ), claimed(store, Job.READ)]
    store.pause("a", "holidays")
    store.finish(next(claim for claim in held if claim.tenant == "b"))
    store.mark("b", Job.READ)

    assert claimed(store, Job.READ).tenant == "b"


@pytest.mark.parametrize("job", [Job.READ, Job.WRITE])
def test_a_throttled_crm_is_left_alone(store: Store, clock: Clock, job: Job) -> None:
    store.mark("a", job)
    store.throttle("a", clock() + timedelta(seconds=10))
    throttled = store.claim(job, LEASE)
    clock.go_on(10)

    assert (throttled, claimed(store, job).tenant) == (None, "a")


def test_leads_of_a_throttled_crm_are_ranked(store: Store, clock: Clock) -> None:
    pulled(store, "a")
    store.mark("a", Job.RANK, stage="new")
    store.throttle("a", clock() + timedelta(seconds=10))

    assert claimed(store, Job.RANK).stage == "new"


def test_a_shorter_throttle_does_not_end_a_longer_one(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    store.throttle("a", clock() + timedelta(seconds=10))
    store.throttle("a", clock() + timedelta(seconds=1))
    clock.go_on(5)

    assert store.claim(Job.READ, LEASE) is None


def test_nothing_is_ranked_before_all_leads_are_held_once(store: Store, clock: Clock) -> None:
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())

    assert (store.claim(Job.RANK, LEASE), due(store)) == (None, [])


def test_nothing_is_ranked_before_all_leads_are_held_once_though_the_crm_throttles(store: Store, clock: Clock) -> None:
    store.throttle("a", clock() - timedelta(seconds=1))
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())

    assert store.claim(Job.RANK, LEASE) is None


def test_leads_that_came_with_the_first_pull_are_ranked_after_it(store: Store, clock: Clock) -> None:
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())
    pulled(store, "a")

    assert claimed(store, Job.RANK).stage == "new"


def test_two_tenants_with_much_to_do_are_served_in_turn(store: Store, clock: Clock) -> None:
    pulled(store, "a", "b")
    for tenant in ("a", "b"):
        for stage in range(5):
            store.mark(tenant, Job.RANK, stage=str(stage))
    served = []
    for _ in range(10):
        clock.go_on(1)
        held = claimed(store, Job.RANK)
        served.append(held.tenant)
        store.finish(held)

    assert "".join(served) in ("ab" * 5, "ba" * 5)


def test_a_tenant_that_keeps_marking_starves_nobody(store: Store, clock: Clock) -> None:
    pulled(store, "a", "b")
    store.mark("b", Job.RANK, stage="new")
    served = []
    for _ in range(2):
        store.mark("a", Job.RANK, stage="new")
        clock.go_on(1)
        held = claimed(store, Job.RANK)
        served.append(held.tenant)
        store.finish(held)

    assert sorted(served) == ["a", "b"]


def test_a_throttled_tenant_starves_nobody(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    clock.go_on(1)
    store.mark("b", Job.READ)
    store.throttle("a", clock() + timedelta(hours=1))

    assert claimed(store, Job.READ).tenant == "b"


def test_overdue_work_is_listed_once_for_each_tenant_and_job(store: Store, clock: Clock) -> None:
    pulled(store, "a")
    store.mark("a", Job.RANK, stage="new")
    store.mark("a", Job.RANK, stage="demo")
    store.mark("b", Job.WRITE)
    clock.go_on(5)

    assert sorted(store.list_due_work(overdue_by=timedelta(seconds=2))) == [
        ("a", Job.RANK, False),
        ("b", Job.WRITE, False),
    ]


def test_what_has_just_become_due_is_not_overdue(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    clock.go_on(1)

    assert store.list_due_work(overdue_by=timedelta(seconds=2)) == []


@contextmanager
def at_once(*tasks: Callable[[], None]) -> Iterator[None]:
    """Run all of them in threads that begin together, and wait for them at the end."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], None]) -> None:
        barrier.wait()
        task()

    threads = [Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("round_", range(5))
def test_of_many_who_race_for_one_row_exactly_one_gets_it(store: Store, round_: int) -> None:
    store.mark("a", Job.READ)
    got: list[Claim | None] = []
    with at_once(*[lambda: got.append(store.claim(Job.READ, LEASE))] * 6):
        pass

    assert sum(claim is not None for claim in got) == 1


def test_of_many_who_race_for_a_lease_that_ran_out_exactly_one_gets_it(store: Store, clock: Clock) -> None:
    store.mark("a", Job.READ)
    claimed(store, Job.READ)
    clock.go_on(30)
    got: list[Claim | None] = []
    with at_once(*[lambda: got.append(store.claim(Job.READ, LEASE))] * 6):
        pass

    assert sum(claim is not None for claim in got) == 1


def test_many_who_race_for_as_many_rows_get_different_ones(store: Store) -> None:
    pulled(store, "a")
    for stage in range(6):
        store.mark("a", Job.RANK, stage=str(stage))
    got: list[Claim | None] = []

    def take_two() -> None:
        got.extend([store.claim(Job.RANK, LEASE), store.claim(Job.RANK, LEASE)])

    with at_once(*[take_two] * 3):
        pass

    assert sorted(claim.stage for claim in got if claim is not None) == ["0", "1", "2", "3", "4", "5"]


def test_a_claimer_does_not_wait_for_a_row_that_another_is_just_claiming(store: Store) -> None:
    if store.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    store.mark("a", Job.READ)
    store.mark("b", Job.READ)
    first = claimed(store, Job.READ)
    store.give_back(first)
    with store.database.writing() as session:
        session.get(WorkRow, ("a", Job.READ.value, ""), with_for_update=True)
        held = store.claim(Job.READ, LEASE)

    assert held is not None
    assert held.tenant == "b"


def test_marks_of_many_at_once_are_all_counted(store: Store) -> None:
    def mark() -> None:
        for _ in range(5):
            store.mark("a", Job.READ)

    with at_once(*[mark] * 4):
        pass

    assert claimed(store, Job.READ).seq == 20


def test_a_claim_is_kept_while_its_holder_works(store: Store) -> None:
    ended = Event()
    store = Store(store.database._engine.url.render_as_string(hide_password=False))  # with the real time
    store.mark("a", Job.READ)
    held = store.claim(Job.READ, timedelta(seconds=0.3))
    assert held is not None
    with kept(store, held):
        ended.wait(0.6)
        meanwhile = store.claim(Job.READ, LEASE)
    ended.wait(0.4)
    afterwards = store.claim(Job.READ, LEASE)
    store.close()

    assert (meanwhile, afterwards is not None) == (None, True)


def test_a_pass_that_is_kept_leaves_scores_and_what_they_show(store: Store, clock: Clock) -> None:
    pulled(store, "a")
    store.save_page("a", Page(leads=(lead("1"),)), read_at=clock())
    store.save_pass(claimed(store, Job.RANK), found(score("1"), settled=store.list_dirty_leads("a")))

    kept_rows = rows_of(store, "a", ScoreRow, WritebackRow)
    assert [row["lead_id"] for rows in kept_rows.values() for row in rows] == ["1", "1"]
