"""The jobs of the worker: what a CRM tells ends as a written priority, whatever fails in between."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import select

from connectors.base import Page, WriteOutcome
from connectors.errors import AuthenticationError, RateLimitError, UnavailableError
from connectors.events import Change, Event
from connectors.lead import InteractionKind
from connectors.memory import InMemoryConnector
from connectors.priority import Priority
from ranking.reader import CachedReader
from tests.worker.store.databases import BACKENDS, Clock, open_store
from tests.worker.store.rows import LEASE, STAGES, claimed, lead, note, rows_of
from tests.worker.store.worth import WorthReader, worth_model
from worker.errors import NoModelError
from worker.jobs import rank, read, write
from worker.office import Office
from worker.pull import pull
from worker.rankers import Rankers
from worker.regimes import Teacher
from worker.settings import BandConfig, RankingConfig, SteadinessConfig
from worker.store import Job, ModelVersion, Store
from worker.store.tables import CounterRow, HeartbeatRow, LeadRow, WorkRow, WritebackRow
from worker.store.work import MAX_TRIES

NOW = datetime.now(UTC)


class FailingConnector(InMemoryConnector):
    """A CRM on which every call does first what a test wants, such as to fail."""

    def __init__(self) -> None:
        leads = [lead(str(n), "new" if n % 2 else "demo") for n in range(6)]
        super().__init__(STAGES, leads, [note(str(n), f"worth {n}") for n in range(6)])
        self.first: Callable[[], object] = lambda: None

    def read_leads(self, ids: Sequence[str]) -> Page:
        self.first()
        return super().read_leads(ids)

    def read_interactions(self, kind: InteractionKind, ids: Sequence[str]) -> Page:
        self.first()
        return super().read_interactions(kind, ids)

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        self.first()
        return super().write_priorities(priorities)


class InMemoryBell:
    """Remembers what was rung for."""

    def __init__(self) -> None:
        self.rung: list[tuple[Job, bool]] = []

    def ring(self, job: Job, *, stale: bool = False, delay: timedelta = timedelta()) -> None:
        self.rung.append((job, stale))


class FastClock(Clock):
    """Goes as the real time does, at which the jobs look themselves, but for what it was told to go on."""

    def __call__(self) -> datetime:
        return datetime.now(UTC) + (self.at - NOW)


@pytest.fixture
def clock() -> Clock:
    return FastClock(NOW)


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(request, request.param, tmp_path, clock) as made:
        yield made


@pytest.fixture
def crm() -> FailingConnector:
    made = FailingConnector()
    made.setup()
    return made


@pytest.fixture
def bell() -> InMemoryBell:
    return InMemoryBell()


@pytest.fixture
def worths() -> WorthReader:
    return WorthReader()


@pytest.fixture
def untrained(store: Store, crm: FailingConnector, bell: InMemoryBell, worths: WorthReader, tmp_path: Path) -> Office:
    """Return an office whose CRM has been read."""
    pull(store, crm)
    return Office(
        store=store,
        connectors={"memory": crm},
        background={"memory": crm},
        rankers=Rankers(
            store, lambda: CachedReader(worths, tmp_path / "vectors.sqlite"), lambda: Teacher(RankingConfig(), tmp_path)
        ),
        bell=bell,
        bands=BandConfig(a=2, b=2),
        steadiness=SteadinessConfig(max_churn=1.0),
        lease=LEASE,
        debounce=timedelta(),
        stopping=Signal(),
    )


def train(store: Store, folder: Path) -> None:
    worth_model().save(folder)
    store.save_model("memory", ModelVersion("1", folder, "worth", store._now(), {}, store._now()))


@pytest.fixture
def office(untrained: Office, bell: InMemoryBell, tmp_path: Path) -> Office:
    """Return an office in which everything is read, ranked and written."""
    train(untrained.store, tmp_path / "model")
    work(untrained)
    bell.rung.clear()
    return untrained


def work(office: Office) -> None:
    """Do each job once."""
    read(office)
    rank(office)
    rank(office, stale=True)
    write(office)


def tell(office: Office, crm: FailingConnector, clock: Clock, lead_id: str, text: str) -> None:
    """Change a lead's note in the CRM, and have the CRM say so."""
    crm.interactions = [replace(item, text=text) if item.lead_id == lead_id else item for item in crm.interactions]
    receive(office, clock, Event(f"{lead_id} {text}", InteractionKind.NOTE, f"note of {lead_id}", Change.CHANGED, NOW))


def receive(office: Office, clock: Clock, event: Event) -> None:
    """Have the CRM tell something, and wait until it is to be looked at."""
    office.store.receive("memory", [event], datetime.now(UTC))
    clock.go_on(1)


def failing(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def parked(store: Store) -> dict[str, str]:
    """Return why work is parked, by job."""
    rows = rows_of(store, "memory", WorkRow)["work"]
    return {row["job"]: row["parked_reason"] for row in rows if row["parked_reason"]}


# The way of a change ----------------------------------------------------------------------------------------------


def test_leads_are_written_in_the_order_of_what_their_notes_say(office: Office, crm: FailingConnector) -> None:
    assert {id_: priority.call_order for id_, priority in crm.priorities.items()} == {str(n): 6 - n for n in range(6)}


def test_what_a_crm_tells_ends_as_a_written_priority(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    work(office)

    assert crm.priorities["0"].call_order == 1


def test_jobs_that_find_nothing_to_do_call_nobody(office: Office, crm: FailingConnector) -> None:
    calls = crm.calls
    work(office)

    assert crm.calls == calls


def test_a_job_says_how_much_it_did(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")

    assert (read(office), rank(office), write(office), write(office)) == (1, 1, 1, 0)


def test_each_job_rings_for_the_next(office: Office, crm: FailingConnector, bell: InMemoryBell, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    work(office)

    assert bell.rung == [(Job.RANK, False), (Job.WRITE, False)]


def test_a_night_reads_all_and_makes_every_score_anew(
    office: Office, crm: FailingConnector, bell: InMemoryBell, clock: Clock
) -> None:
    crm.leads["6"] = lead("6", modified_at=clock() + timedelta(seconds=1))
    office.store.start_run("memory", "nightly", "2026-03-02")
    read(office)

    assert (Job.RANK, True) in bell.rung
    assert (rank(office, stale=True), office.store.list_open_runs("memory")) == (2, [])
    write(office)
    assert "6" in crm.priorities


def test_a_lead_that_is_erased_is_forgotten_though_the_crm_is_down(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    crm.first = failing(UnavailableError("HTTP 503"))
    receive(office, clock, Event("e", "lead", "0", Change.ERASED, NOW))
    read(office)

    assert "0" not in [row["id"] for row in rows_of(office.store, "memory", LeadRow)["lead"]]


# What fails -------------------------------------------------------------------------------------------------------


def test_what_fails_for_a_while_waits_and_is_tried_again(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(UnavailableError("HTTP 503"))
    tell(office, crm, clock, "0", "worth 9")
    work(office)
    waits = office.store.claim(Job.READ, LEASE)
    crm.first = lambda: None
    clock.go_on(5)
    work(office)

    assert (waits, crm.priorities["0"].call_order) == (None, 1)


def test_a_write_that_failed_is_sent_again(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    rank(office)
    crm.first = failing(UnavailableError("HTTP 503"))
    write(office)
    crm.first = lambda: None
    clock.go_on(5)
    write(office)

    assert crm.priorities["0"].call_order == 1


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # SQLite has one writer: none meets another
@pytest.mark.integration
def test_of_two_transactions_that_wait_for_each_other_the_one_that_is_ended_is_tried_again(
    office: Office, crm: FailingConnector, bell: InMemoryBell, clock: Clock
) -> None:
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    rank(office)
    threads: list[Thread] = []

    def meet() -> None:
        """Hold the lead's row, and want the work that the writer holds: it wants the row."""
        has_row = Signal()

        def take_both() -> None:
            with office.store.database.writing() as session:
                session.execute(select(WritebackRow).where(WritebackRow.lead_id == "0").with_for_update())
                has_row.set()
                sleep(0.5)
                session.execute(select(WorkRow).where(WorkRow.job == Job.WRITE).with_for_update())

        threads.append(Thread(target=take_both))
        threads[0].start()
        assert has_row.wait(10)

    crm.first = meet
    bell.rung.clear()
    assert write(office) >= 1
    threads[0].join(10)
    assert bell.rung == [(Job.WRITE, False)]
    crm.first = lambda: None
    write(office)

    assert crm.priorities["0"].call_order == 1
    assert office.store.list_due_writes("memory") == []
    assert [row["attempts"] for row in rows_of(office.store, "memory", WorkRow)["work"] if row["job"] == "write"] == [0]


def test_what_fails_for_a_while_is_never_parked(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(UnavailableError("HTTP 503"))
    tell(office, crm, clock, "0", "worth 9")
    for _ in range(2 * MAX_TRIES):
        read(office)
        clock.go_on(3600)

    assert parked(office.store) == {}


def test_a_crm_that_throttles_is_left_alone_as_long_as_it_asked_for(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    crm.first = failing(RateLimitError("HTTP 429", retry_after_seconds=60))
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    office.store.mark("memory", Job.WRITE)
    clock.go_on(50)
    throttled = office.store.claim(Job.READ, LEASE), office.store.claim(Job.WRITE, LEASE)
    clock.go_on(10)
    crm.first = lambda: None

    assert (throttled, read(office)) == ((None, None), 1)


def test_leads_of_a_crm_that_throttles_are_ranked(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    crm.first = failing(RateLimitError("HTTP 429"))
    tell(office, crm, clock, "1", "worth 8")
    read(office)

    assert rank(office) == 1


def test_throttling_is_never_parked(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(RateLimitError("HTTP 429"))
    tell(office, crm, clock, "0", "worth 9")
    for _ in range(2 * MAX_TRIES):
        read(office)
        clock.go_on(3600)

    assert parked(office.store) == {}


def test_what_only_a_person_can_help_is_parked_after_five_tries(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    crm.first = failing(AuthenticationError("GET /leads: HTTP 401"))
    tell(office, crm, clock, "0", "worth 9")
    states = []
    for _ in range(MAX_TRIES):
        states.append(parked(office.store))
        read(office)
        clock.go_on(3600)

    assert states == [{}] * MAX_TRIES
    assert parked(office.store) == {"read": "GET /leads: HTTP 401"}


def test_outages_do_not_count_towards_parking(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    crm.first = failing(UnavailableError("HTTP 503"))
    for _ in range(MAX_TRIES):
        read(office)
        clock.go_on(3600)
    crm.first = failing(AuthenticationError("HTTP 401"))
    read(office)

    assert parked(office.store) == {}


def test_what_was_parked_is_done_when_a_person_says_so(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(AuthenticationError("HTTP 401"))
    tell(office, crm, clock, "0", "worth 9")
    for _ in range(MAX_TRIES):
        read(office)
        clock.go_on(3600)
    crm.first = lambda: None
    office.store.unpark("memory")
    work(office)

    assert crm.priorities["0"].call_order == 1


def test_what_an_unknown_error_says_is_nowhere_logged(
    office: Office, crm: FailingConnector, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    crm.first = failing(ValueError("the canary sings"))
    tell(office, crm, clock, "0", "worth 9")
    read(office)

    assert "ValueError" in caplog.text
    assert "canary" not in caplog.text


def test_what_an_unknown_error_says_is_nowhere_kept(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(ValueError("the canary sings"))
    tell(office, crm, clock, "0", "worth 9")
    for _ in range(MAX_TRIES):
        read(office)
        clock.go_on(3600)

    assert parked(office.store) == {"read": "ValueError"}


def test_a_note_that_cannot_be_read_is_nowhere_logged(
    office: Office, crm: FailingConnector, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    tell(office, crm, clock, "0", "unreadable canary")
    read(office)
    for _ in range(2 * MAX_TRIES):
        rank(office)
        clock.go_on(3600)

    assert "canary" not in caplog.text


def test_failures_are_counted(office: Office, crm: FailingConnector, clock: Clock) -> None:
    crm.first = failing(UnavailableError("HTTP 503"))
    tell(office, crm, clock, "0", "worth 9")
    read(office)

    counters = {row["name"]: row["value"] for row in rows_of(office.store, "memory", CounterRow)["counter"]}
    assert counters["failures"] == 1


def test_a_language_model_that_fails_for_a_while_is_no_leads_fault(
    office: Office, crm: FailingConnector, worths: WorthReader, clock: Clock
) -> None:
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    worths.is_broken = True
    for _ in range(2 * MAX_TRIES):
        rank(office)
        clock.go_on(3600)

    assert [item.lead_id for item in office.store.list_dirty_leads("memory")] == ["0"]


def test_work_of_a_crm_that_is_not_configured_any_more_keeps_nobody_waiting(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    office.store.mark("another", Job.READ)
    tell(office, crm, clock, "0", "worth 9")
    work(office)

    assert crm.priorities["0"].call_order == 1


def test_leads_that_wait_for_the_first_model_are_ranked_when_there_is_one(
    untrained: Office, crm: FailingConnector, clock: Clock, tmp_path: Path
) -> None:
    with pytest.raises(NoModelError), untrained.rankers.use("memory"):
        pass
    for _ in range(MAX_TRIES):
        rank(untrained)
        clock.go_on(3600)
    train(untrained.store, tmp_path / "model")
    work(untrained)

    assert len(crm.priorities) == 6


# Who is stopped or was taken over ---------------------------------------------------------------------------------


def test_a_process_that_is_to_end_claims_nothing(office: Office, crm: FailingConnector, clock: Clock) -> None:
    tell(office, crm, clock, "0", "worth 9")
    office.stopping.set()

    assert (read(office), claimed(office.store, Job.READ).attempts) == (0, 0)


def test_what_a_process_was_at_when_it_was_to_end_is_given_back(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    tell(office, crm, clock, "0", "worth 9")
    crm.first = office.stopping.set
    read(office)

    assert claimed(office.store, Job.READ).attempts == 0


def test_what_was_read_for_a_tenant_that_was_paused_meanwhile_is_not_kept(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    tell(office, crm, clock, "0", "worth 9")
    crm.first = lambda: office.store.pause("memory", "holidays")
    read(office)

    assert office.store.interactions_by_lead("memory")["0"][0].text == "worth 0"


def test_what_was_told_while_a_tenant_was_paused_is_written_after_it(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    office.store.pause("memory", "holidays")
    tell(office, crm, clock, "0", "worth 9")
    work(office)
    before = crm.priorities["0"].call_order
    office.store.resume("memory")
    work(office)

    assert (before, crm.priorities["0"].call_order) == (6, 1)


def test_a_lead_that_is_erased_while_it_is_written_breaks_nothing(
    office: Office, crm: FailingConnector, clock: Clock
) -> None:
    tell(office, crm, clock, "0", "worth 9")
    read(office)
    rank(office)
    receive(office, clock, Event("e", "lead", "0", Change.ERASED, NOW))
    crm.first = lambda: office.store.erase_told("memory", clock())
    write(office)

    assert office.store.find_priority("memory", "0") is None
    assert parked(office.store) == {}


def test_a_process_that_works_says_that_it_lives(office: Office) -> None:
    with office.store.database.reading() as session:
        kinds = {row.kind for row in session.query(HeartbeatRow)}

    assert kinds == {"write"}  # each process is named once, by what it did last


def test_nobody_waits_for_a_model_that_another_thread_has(office: Office, bell: InMemoryBell) -> None:
    with office.rankers.use("memory"):
        done = rank(office, stale=True)

    assert done == 0
    assert bell.rung == [(Job.RANK, True)]
