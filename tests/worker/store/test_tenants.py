"""Two tenants in one store are as if each had a store of its own, whatever happens to them."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Page, WriteOutcome
from connectors.events import Change, Event
from connectors.lead import Outcome
from tests.worker.store.databases import BACKENDS, Clock, open_store
from tests.worker.store.rows import LEASE, STAGES, found, lead, note, rows_of, score
from worker.errors import LeaseLostError
from worker.store import Claim, Job, Score, Store
from worker.store.tables import Table

TENANTS = ("a", "b")
_TABLES = [mapper.class_ for mapper in Table.registry.mappers if "tenant" in mapper.class_.__table__.columns]
Step = Callable[[Store], object]


class Stores:
    """One store for both tenants, and one for each alone, at the same time of day."""

    def __init__(self, both: Store, alone: dict[str, Store], clock: Clock) -> None:
        self.both = both
        self.alone = alone
        self.clock = clock

    def do(self, tenant: str, step: Step) -> None:
        """Do something to one tenant."""
        step(self.both)
        step(self.alone[tenant])

    def do_all(self, step: Step) -> None:
        """Do something that concerns whoever has work to be done."""
        step(self.both)
        for store in self.alone.values():
            step(store)

    def rows(self, store: Store, tenant: str) -> dict[str, list[dict[str, Any]]]:
        """Return all that is held of a tenant; the numbers in the audit are those of all tenants."""
        rows = rows_of(store, tenant, *_TABLES)
        for row in rows["audit"]:
            del row["id"]
        rows["audit"].sort(key=lambda row: json.dumps(row, sort_keys=True, default=str))
        return rows


@pytest.fixture(params=BACKENDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    clock = Clock()
    with ExitStack() as stack:
        opened = []
        for name in ("both", *TENANTS):
            (tmp_path / name).mkdir()
            opened.append(stack.enter_context(open_store(request, request.param, tmp_path / name, clock, debounce=2)))
        yield Stores(opened[0], dict(zip(TENANTS, opened[1:], strict=True)), clock)


def page(tenant: str, dice: random.Random, clock: Clock) -> Step:
    """Return a page of leads and notes; both tenants use the same ids."""
    ids = dice.sample(range(12), 4)
    leads = [
        lead(str(id_), "won", Outcome.WON) if dice.random() < 0.2 else lead(str(id_), dice.choice(["new", "demo"]))
        for id_ in ids
    ]
    told = dice.sample(ids, 2)
    notes = [note(str(id_), f"of {tenant}: {dice.choice(['good', 'bad', 'unreadable'])}") for id_ in told]
    gone = tuple(str(id_) for id_ in range(12, 14)) if dice.random() < 0.3 else ()
    read = Page(
        leads=tuple(leads),
        interactions=tuple(notes),
        gone_leads=gone or ((str(ids[-1]),) if dice.random() < 0.2 else ()),
        told_leads=(str(ids[0]),) if dice.random() < 0.3 else (),
    )
    return lambda store: store.save_page(tenant, read, read_at=clock())


def events(tenant: str, dice: random.Random, clock: Clock) -> Step:
    told = [
        Event(
            f"{tenant} {dice.randrange(40)}",
            "lead",
            str(dice.randrange(12)),
            Change.ERASED if dice.random() < 0.3 else Change.CHANGED,
            clock(),
        )
        for _ in range(3)
    ]
    return lambda store: store.receive(tenant, told, clock())


def look_at_inbox(tenant: str, clock: Clock) -> Step:
    def look(store: Store) -> None:
        store.erase_told(tenant, clock())
        keys = [item.event.key for item in store.list_due_events(tenant, clock(), 10)]
        store.settle_events(tenant, keys[::2], clock())
        store.postpone_events(tenant, keys[1::2], clock() + timedelta(seconds=5))

    return look


def by_hand(tenant: str, dice: random.Random, clock: Clock) -> Step:
    steps: list[Step] = [
        lambda store: store.pause(tenant, "holidays"),
        lambda store: store.resume(tenant),
        lambda store: store.resume(tenant),
        lambda store: store.unpark(tenant),
        lambda store: store.throttle(tenant, clock() + timedelta(seconds=20)),
        lambda store: store.has_pulled(tenant),
        lambda store: store.save_stages(tenant, STAGES),
    ]
    return dice.choice(steps)


def night(tenant: str, clock: Clock) -> Step:
    def run(store: Store) -> None:
        store.start_run(tenant, "nightly", f"{clock():%d %H:%M:%S}")
        for run in store.list_open_runs(tenant):
            store.finish_run(tenant, run)

    return run


def claims_of(store: Store, job: Job, *, stale: bool = False) -> list[Claim]:
    held = []
    while (claim := store.claim(job, LEASE, stale=stale)) is not None:
        held.append(claim)
    return held


def rank_all(stale: bool) -> Step:
    def rank(store: Store) -> None:
        for held in claims_of(store, Job.RANK, stale=stale):
            dirty = [] if stale else store.list_dirty_leads(held.tenant, held.stage)
            before = held.stale_before or store._now()
            ids = [item.lead_id for item in dirty]
            ids += store.list_stale_leads(held.tenant, held.stage, before, 3) if stale else []
            texts = store.interactions_by_lead(held.tenant, ids)
            said = {id_: texts[id_][0].text if id_ in texts else "" for id_ in ids}
            failures = {id_: "ValueError" for id_, text in said.items() if "unreadable" in text}
            scores: list[Score] = [
                score(id_, held.stage, 0.9 if "good" in text else 0.3, ranked_at=store._now(), reason=text)
                for id_, text in said.items()
                if id_ not in failures
            ]
            done = [item for item in dirty if item.lead_id not in failures]
            store.save_pass(held, found(*scores, settled=done, failures=failures), stale=stale)

    return rank


def write_all(dice: random.Random) -> Step:
    refused = str(dice.randrange(12)), dice.random() < 0.5

    def write(store: Store) -> None:
        for held in claims_of(store, Job.WRITE):
            under = store.under(held)
            due = under.list_due_writes(held.tenant, store._now())
            under.begin_writes(held.tenant, due)
            ids = [item.priority.lead_id for item in due]
            outcomes = [WriteOutcome(id_, written=id_ != refused[0], retryable=refused[1]) for id_ in ids]
            under.record_writes(held.tenant, due, outcomes)
            under.finish(held, wake_at=store.next_write_at(held.tenant))

    return write


def read_all(fails: bool, parks: bool) -> Step:
    def read(store: Store) -> None:
        for held in claims_of(store, Job.READ):
            if fails:
                store.fail(held, "HTTP 401", hopeless=parks)
            else:
                store.finish(held, wake_at=store.next_event_at(held.tenant))

    return read


def die(job: Job) -> Step:
    """Return what happens when all who do a job die at it, and somebody late wakes up."""

    def die(store: Store) -> None:
        for held in claims_of(store, job):
            store.under(held).count(held.tenant, "late")

    return die


def something(stores: Stores, dice: random.Random) -> None:
    clock = stores.clock
    tenant = dice.choice(TENANTS)
    match dice.randrange(14):
        case 0 | 1 | 2 | 3:
            stores.do(tenant, page(tenant, dice, clock))
        case 4:
            stores.do(tenant, events(tenant, dice, clock))
        case 5:
            stores.do(tenant, look_at_inbox(tenant, clock))
        case 6:
            stores.do(tenant, by_hand(tenant, dice, clock))
        case 7:
            stores.do(tenant, night(tenant, clock))
        case 8 | 9:
            stores.do_all(rank_all(stale=False))
        case 10:
            stores.do_all(rank_all(stale=True))
        case 11:
            stores.do_all(write_all(dice))
        case 12:
            stores.do_all(read_all(dice.random() < 0.5, dice.random() < 0.2))
        case 13:
            stores.do_all(die(dice.choice(list(Job))))
    clock.go_on(dice.choice([0, 1, 3, 40]))


def lived(stores: Stores, seed: int) -> None:
    """Let much happen to both tenants."""
    dice = random.Random(seed)
    for tenant in TENANTS:
        stores.do(tenant, lambda store, tenant=tenant: store.has_pulled(tenant))  # type: ignore[misc]
    for _ in range(60):
        something(stores, dice)


@pytest.mark.parametrize("seed", range(5))
def test_each_tenant_has_what_it_would_have_alone(stores: Stores, seed: int) -> None:
    lived(stores, seed)

    for tenant, alone in stores.alone.items():
        assert stores.rows(stores.both, tenant) == stores.rows(alone, tenant)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_that_one_tenants_leads_say_is_held_of_the_other(stores: Stores, seed: int) -> None:
    lived(stores, seed)
    rows = {tenant: json.dumps(stores.rows(stores.both, tenant), default=str) for tenant in TENANTS}

    assert ("of a:" in rows["a"], "of b:" in rows["b"]) == (True, True)
    assert ("of b:" in rows["a"], "of a:" in rows["b"]) == (False, False)


QUESTIONS: dict[str, Callable[[Store, Clock], object]] = {
    "its leads": lambda store, clock: store.list_leads("b", *Outcome),
    "what was said": lambda store, clock: store.interactions_by_lead("b"),
    "where leads stood": lambda store, clock: store.stage_changes_by_lead("b"),
    "its funnel": lambda store, clock: store.list_stages("b"),
    "what is to be scored": lambda store, clock: store.list_dirty_leads("b"),
    "what is to be scored anew": lambda store, clock: store.list_stale_leads("b", "new", clock(), None),
    "what is to be written": lambda store, clock: store.list_due_writes("b"),
    "what shows": lambda store, clock: [store.find_priority("b", str(id_)) for id_ in range(12)],
    "what was told": lambda store, clock: store.list_due_events("b", clock(), 100),
    "what has begun": lambda store, clock: store.list_open_runs("b"),
    "its models": lambda store, clock: store.list_models("b"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_asked_of_a_tenant_without_anything_finds_nothing(stores: Stores, question: str) -> None:
    dice = random.Random(7)
    stores.both.has_pulled("a")
    for _ in range(8):
        page("a", dice, stores.clock)(stores.both)
        events("a", dice, stores.clock)(stores.both)
        stores.clock.go_on(3)
        rank_all(stale=False)(stores.both)

    answer = QUESTIONS[question](stores.both, stores.clock)
    assert not answer or set(answer) == {None}  # type: ignore[call-overload]


def test_a_claim_on_one_tenants_work_guards_no_others(stores: Stores) -> None:
    for tenant in TENANTS:
        stores.both.mark(tenant, Job.READ)
    held = claims_of(stores.both, Job.READ)
    stores.both.pause("a", "holidays")

    with pytest.raises(LeaseLostError):
        stores.both.prolong(next(claim for claim in held if claim.tenant == "a"))
    stores.both.prolong(next(claim for claim in held if claim.tenant == "b"))
