"""What a night costs when little has changed, and whether one that is killed ends as it would have.

    python -m benchmarks.nightly [--leads 25000] [--changed-share 0.02] [--backbone DIR] [--sentences 1] [--kills 10]

`callfirst up` runs beside a sandbox HubSpot with so many open leads and one note each, no two alike. The first night
reads, scores and writes them all. Then a share of the notes is changed: the second night shall read as many texts as
leads changed, the third, before which nothing changes, none, and write none. Passes are the texts that the language
model read: the notes that changed, and of a note of several sentences each sentence too, to choose the one to quote.
How many they are does not depend on the model; a tiny random one is made for it, unless `--backbone` names another
(`minilm`, `mpnet`, or a directory).

Then nights that are killed, on a smaller portal: after its first night, and with the same notes changed, copies of
database and portal go through the second one, two undisturbed, the others with the process group killed (-9) at random
moments until they are through. Compared with the first undisturbed one are the scores (utility and chance to 1e-9, the
rest exactly), what each lead shall show and what the CRM shows, all but the moments of ranking.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import or_, select
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.hubspot.schema import PREFIX
from connectors.sandbox import hubspot
from connectors.sandbox.hubspot.changes import BODIES
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.org import STAGES, build_organisation
from connectors.sandbox.seeding import fill_hubspot
from connectors.sandbox.server import SandboxServer
from connectors.times import render_time
from tests.commands import environment
from worker.store import ModelVersion, Store
from worker.store.tables import RunRow, ScoreRow, WorkRow, WritebackRow

T = TypeVar("T")

_TENANT = "hubspot"
_SEED = 7
_FINISHED_LEADS = 200
_START_SECONDS, _NIGHT_SECONDS = 60.0, 4 * 3600.0
_LOOK_EVERY_SECONDS = 0.1
_SHORT_LEASE_SECONDS = 2.0  # so that what a killed worker held is soon taken up again
_EQUAL = 1e-9
_NOTES = (
    "they signed off the budget for a good plan and the contract goes to legal",
    "no reply to any call or mail since the price went out",
    "wants a second demo for the people from the plant and another call on monday",
    "a competitor quoted less and the rep is asked to match the price",
    "bad call about open questions of their security team",
    "our champion leaves the company and nobody follows before the next plan",
    "lead is only looking and sent a mail that there is no budget",
    "good meeting with the owner who asked for the next steps on monday",
)
_FIELDS = {
    "jobtitle": ("Head of Operations", "Buyer", "Managing Director", "Intern"),
    "industry": ("logistics", "food", "retail", "machinery"),
    "country": ("United Kingdom", "Ireland", "Germany"),
}


class Calls:
    """Counts what a CRM is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self.count = 0
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.count += scope["type"] == "http"
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Night:
    """What one night did; `pull`, `rank` and `write` are the seconds from the end of one to the end of the next."""

    pull: float
    rank: float
    write: float
    passes: int
    writes: int
    scored: int

    def __str__(self) -> str:
        return (
            f"{self.passes:,} passes, {self.writes:,} leads written, {self.scored:,} scored;"
            f" {self.pull + self.rank + self.write:.0f} s (pull {self.pull:.0f}, rank {self.rank:.0f},"
            f" write {self.write:.0f})"
        )


@dataclass(frozen=True, slots=True)
class State:
    """Where everything stands after a night, by lead, without the moments of ranking."""

    scores: Mapping[str, tuple[float, float, tuple[object, ...]]]
    desired: Mapping[str, Mapping[str, Any]]
    shown: Mapping[str, Mapping[str, str | None]]

    def differences(self, other: "State") -> str:
        """Say how far another state is from this one."""
        scores = [id_ for id_ in self.scores.keys() | other.scores.keys() if not self._has_same_score(other, id_)]
        both = self.scores.keys() & other.scores.keys()
        furthest = max((abs(self.scores[id_][0] - other.scores[id_][0]) for id_ in both), default=0.0)
        desired, shown = _unlike(self.desired, other.desired), _unlike(self.shown, other.shown)
        said = f"{len(scores)} scores differ (utilities by {furthest:.1e} at most)"
        said += f", {len(desired)} desired values{_describe(desired)}, {len(shown)} leads in the CRM{_describe(shown)}"
        return said

    def _has_same_score(self, other: "State", id_: str) -> bool:
        one, another = self.scores.get(id_), other.scores.get(id_)
        if one is None or another is None:
            return False
        return one[2] == another[2] and all(abs(a - b) <= _EQUAL for a, b in zip(one[:2], another[:2], strict=True))


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one night: where it ended, its seconds after the last start, and what was left at each kill."""

    state: State
    seconds: float
    kills: list[str]


class Installation:
    """`callfirst up` in a folder of its own, against a portal; it can be killed and started again."""

    def __init__(self, folder: Path, crm: str, backbone: str, *, lease_seconds: float = 30.0) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)  # no second night begins by itself before tomorrow
        settings = {
            "HUBSPOT__ACCESS_TOKEN": "sandbox",
            "HUBSPOT__BASE_URL": crm,
            "HUBSPOT__CALLS_PER_10_SECONDS": "100000",
            "HUBSPOT__SEARCHES_PER_SECOND": "10000",
            "RANKING__BACKBONE": backbone,
            "RANKING__REGIME": "head",
            "WORKER__NIGHTLY_AT": f"{an_hour_ago:%H:%M}",
            "WORKER__POLL_MINUTES": "0",
            "WORKER__SWEEP_SECONDS": "0.5",
            "WORKER__LEASE_SECONDS": str(lease_seconds),
            "CACHE_DIR": str(folder / "cache"),
        }
        self._environment = environment(**settings)
        self.store = Store(f"sqlite:///{folder}/callfirst.db")

    def run(self, command: str) -> None:
        """Run one command to its end."""
        with (self._folder / "command.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "worker", command],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                check=True,
            )

    def start(self) -> None:
        """Start it and wait until it is up."""
        with (self._folder / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker", "up", "--port", str(self._port)],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _is_listening(self._port):
            self._is_well(deadline)
            time.sleep(_LOOK_EVERY_SECONDS)

    def kill(self) -> None:
        """Kill it, and whatever it has started, on the spot."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Have it end."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)
        self.store.close()

    def is_through(self, seconds: float) -> bool:
        """Wait until nothing is left to do, but no longer than this; say whether it is so."""
        deadline = time.monotonic() + seconds
        while self.jobs_left():
            if time.monotonic() >= deadline:
                return False
            self._is_well(deadline + 1.0)
            time.sleep(_LOOK_EVERY_SECONDS)
        self._is_nothing_parked()
        return True

    def memory_mb(self) -> int:
        """Return its largest memory so far."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def night(self, day: str | None = None) -> Night:
        """Begin a night, or with no `day` wait for the one that the schedule begins, and wait until all is done."""
        before = self._counters()
        if day is not None:
            self.store.start_run(_TENANT, "nightly", day)
        deadline = time.monotonic() + _NIGHT_SECONDS
        ranked_at: datetime | None = None
        while True:
            left, run = self.jobs_left(), self._newest_run()
            if run is not None and run.finished_at is not None:
                if "rank" not in left:
                    ranked_at = ranked_at or datetime.now(UTC)
                if not left and ranked_at is not None:
                    break
            self._is_well(deadline)
            time.sleep(_LOOK_EVERY_SECONDS)
        self._is_nothing_parked()
        done = {name: count - before[name] for name, count in self._counters().items()}
        return Night(
            pull=(run.finished_at - run.started_at).total_seconds(),
            rank=(ranked_at - run.finished_at).total_seconds(),
            write=(datetime.now(UTC) - ranked_at).total_seconds(),
            passes=done.get("texts_read", 0),
            writes=done.get("leads_written", 0),
            scored=done.get("leads_scored", 0),
        )

    def jobs_left(self) -> set[str]:
        """Return which jobs have something left to do."""
        left = or_(WorkRow.dirty_seq > WorkRow.done_seq, WorkRow.stale_before.is_not(None))
        with self.store.database.reading() as session:
            query = select(WorkRow.job).where(WorkRow.parked_reason.is_(None), left)
            return set(session.scalars(query.distinct()))

    def state(self, objects: HubSpotObjects) -> State:
        """Return where everything stands."""
        with self.store.database.reading() as session:
            scores = {
                row.lead_id: (
                    row.utility,
                    row.probability,
                    (row.stage, row.insufficient, row.reason, row.input_hash, row.model_version),
                )
                for row in session.scalars(select(ScoreRow))
            }
            desired = {
                row.lead_id: {name: value for name, value in row.value.items() if name != "ranked_at"}
                for row in session.scalars(select(WritebackRow))
            }
        shown = {
            id_: {
                name: value
                for name, value in record.properties.items()
                if name.startswith(PREFIX) and name != f"{PREFIX}ranked_at"
            }
            for id_, record in objects.records["contacts"].items()
        }
        return State(scores, desired, shown)

    def _newest_run(self) -> RunRow | None:
        with self.store.database.reading() as session:
            return session.scalars(select(RunRow).order_by(RunRow.started_at.desc()).limit(1)).first()

    def _counters(self) -> Counter[str]:
        if self.store.database.revisions()[0] is None:
            return Counter()
        counters = self.store.figures(datetime.now(UTC)).counters
        return Counter({name: value for (tenant, name), value in counters.items() if tenant == _TENANT})

    def _is_well(self, deadline: float) -> None:
        assert self._process is not None
        if self._process.poll() is not None or time.monotonic() > deadline:
            said = (self._folder / "up.log").read_text()[-3000:]
            sys.exit(f"`callfirst up` ended, or does not get through:\n{said}")

    def _is_nothing_parked(self) -> None:
        figures = self.store.figures(datetime.now(UTC))
        parked = sum(item.parked for item in figures.work)
        parked += sum(item.parked_leads + item.parked_writes + item.undelivered for item in figures.accounts)
        if parked:
            sys.stdout.write(f"{parked} leads, values or pieces of work were parked or not delivered\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--leads", type=int, default=25_000)
    parser.add_argument("--changed-share", type=float, default=0.02)
    parser.add_argument("--backbone", help="a tiny one with random weights when left out")
    parser.add_argument("--sentences", type=int, default=1, help="of each note")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--killed-leads", type=int, default=2000, help="on the portal whose nights are killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backbone = options.backbone or _tiny_model(folder / "tiny")
        model = _train(folder / "training", backbone)
        _three_nights(options, folder / "whole", backbone, model)
        _killed_nights(options, folder / "killed", backbone, model)


def _three_nights(options: argparse.Namespace, folder: Path, backbone: str, model: ModelVersion) -> None:
    objects = _fill(options.leads, options.sentences)
    with _serving(objects) as (crm, calls):
        home = _installed(folder, crm, backbone, model)
        home.start()
        try:
            changed = max(1, int(options.leads * options.changed_share))
            for night in ("first", "second", "third"):
                if night == "second":
                    _change_notes(objects, changed, options.sentences)
                before = calls.count
                done = home.night(None if night == "first" else night)
                sys.stdout.write(
                    f"{night} night, {options.leads:,} open leads: {done}; {calls.count - before:,} API calls"
                )
                sys.stdout.write(
                    f"; {done.passes / changed:.3f} passes for a changed lead\n" if night == "second" else "\n"
                )
                sys.stdout.flush()
            sys.stdout.write(f"worker: {home.memory_mb():,} MB at most\n")
        finally:
            home.stop()


def _killed_nights(options: argparse.Namespace, folder: Path, backbone: str, model: ModelVersion) -> None:
    objects = _fill(options.killed_leads, options.sentences)
    begun = folder / "begun"
    with _serving(objects) as (crm, _):
        home = _installed(begun, crm, backbone, model)
        home.start()
        try:
            home.night()
        finally:
            home.stop()
    _change_notes(objects, int(options.killed_leads * options.changed_share), options.sentences)

    def go_through(number: int, at_most: float | None = None) -> Trial:
        return _with_a_copy(lambda: _one_night(objects, begun, folder / f"copy {number}", backbone, at_most))

    reference, again = go_through(0), go_through(1)
    sys.stdout.write(
        f"second night of {options.killed_leads:,} open leads, not killed, {reference.seconds:.0f} s;"
        f" the same once more: {reference.state.differences(again.state)}\n"
    )
    killed = 0
    for number in itertools.count(2):
        trial = go_through(number, reference.seconds)
        killed += len(trial.kills)
        during = ", ".join(f"{jobs} {count}" for jobs, count in Counter(trial.kills).items())
        sys.stdout.write(
            f"killed {len(trial.kills)} times (left to do then: {during}): {reference.state.differences(trial.state)}\n"
        )
        sys.stdout.flush()
        if killed >= options.kills:
            break


def _one_night(objects: HubSpotObjects, begun: Path, copy: Path, backbone: str, at_most: float | None) -> Trial:
    """Go through a night with a copy of an installation; kill it within `at_most` seconds of each start, or never."""
    shutil.copytree(begun, copy, ignore=shutil.ignore_patterns("backbones"))
    if (begun / "cache" / "backbones").exists():
        (copy / "cache" / "backbones").symlink_to(begun / "cache" / "backbones")
    moments = random.Random(copy.name)
    kills: list[str] = []
    with _serving(objects) as (crm, _):
        home = Installation(copy, crm, backbone, lease_seconds=_SHORT_LEASE_SECONDS)
        home.store.start_run(_TENANT, "nightly", "copy")
        try:
            while True:
                home.start()
                began_at = time.monotonic()
                if home.is_through(_NIGHT_SECONDS if at_most is None else moments.uniform(0.0, at_most)):
                    break
                home.kill()
                kills.append(" and ".join(sorted(home.jobs_left())))
            return Trial(home.state(objects), time.monotonic() - began_at, kills)
        finally:
            home.stop()


def _with_a_copy(work: Callable[[], T]) -> T:
    """Do some work in a forked process: what it changes in a portal changes nothing here."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def do(connection: "Connection[Any, Any]") -> None:
        connection.send(work())

    process = context.Process(target=do, args=(sender,))
    process.start()
    sender.close()
    with closing(receiver):
        try:
            result: T = receiver.recv()
        except EOFError:
            sys.exit("a night in a copy failed")
    process.join()
    return result


def _tiny_model(folder: Path) -> str:
    from tests.tiny_models import save_tiny_model  # imports torch, which a process that is forked has no use for

    return str(save_tiny_model(folder, "bert"))


def _train(folder: Path, backbone: str) -> ModelVersion:
    """Return a model that was trained on a small portal of finished leads."""
    folder.mkdir(parents=True)
    org = build_organisation(_SEED, datetime.now(UTC), closed=_FINISHED_LEADS, open_=0)
    with _serving(fill_hubspot(org)) as (crm, _):
        home = Installation(folder, crm, backbone)
        home.run("pull")
        home.run("train")
        model = home.store.find_model(_TENANT)
        home.store.close()
    assert model is not None
    return model


def _installed(folder: Path, crm: str, backbone: str, model: ModelVersion) -> Installation:
    """Return an installation that has a trained model, and has not read anything yet."""
    folder.mkdir(parents=True)
    home = Installation(folder, crm, backbone)
    home.run("setup")
    home.store.upgrade()
    home.store.save_model(_TENANT, model)
    return home


@contextmanager
def _serving(objects: HubSpotObjects) -> Iterator[tuple[str, Calls]]:
    calls = Calls(hubspot.build_app(objects, hubspot.HubSpotFaults()))
    with SandboxServer(calls) as server:
        yield server.url, calls


def _fill(leads: int, sentences: int) -> HubSpotObjects:
    """Return a portal of open leads with one note each, no two alike."""
    draw = random.Random(_SEED)
    objects = HubSpotObjects([(stage.id, stage.label) for stage in STAGES], lambda: datetime.now(UTC))
    owners = [str(7001 + number) for number in range(20)]
    for id_ in owners:
        person = {"id": id_, "email": f"{id_}@example.com", "firstName": "Rep", "lastName": id_}
        objects.owners.append(person | {"type": "PERSON", "userId": int(id_), "archived": False})
    stages = [stage.id for stage in STAGES if stage.outcome == "open"]
    start = objects.clock() - timedelta(days=400)
    for number in range(leads):
        values = {
            "firstname": f"First{number % 997}",
            "lastname": f"Last{number}",
            "email": f"lead{number}@example.invalid",
            "company": f"Company {number % 5003}",
            "hubspot_owner_id": draw.choice(owners),
            "hs_lead_status": draw.choice(stages),
            **{name: draw.choice(of) for name, of in _FIELDS.items()},
        }
        at = start + timedelta(minutes=draw.randrange(399 * 24 * 60))
        contact = objects.load("contacts", values, at)
        note = {BODIES["notes"]: _text(draw, number, sentences), "hs_timestamp": render_time(at)}
        record = objects.load("notes", note, at)
        objects.associate("notes", record.id, "contacts", contact.id, seeding=True)
    objects.index.catch_up(None)
    return objects


def _change_notes(objects: HubSpotObjects, count: int, sentences: int) -> None:
    draw = random.Random(_SEED)
    with objects.lock:
        for number, id_ in enumerate(draw.sample(objects.ids["notes"], k=count)):
            text = _text(draw, number, sentences, "changed")
            objects.update("notes", objects.records["notes"][str(id_)], {BODIES["notes"]: text})


def _text(draw: random.Random, number: int, sentences: int, word: str = "written") -> str:
    said = [f"{draw.choice(_NOTES)}, {word} {place} of {number}" for place in range(sentences)]
    return f"<p>{'. '.join(said)}</p>"


def _unlike(
    ones: Mapping[str, Mapping[str, Any]], others: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Return what differs, by lead and name."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for id_ in ones.keys() | others.keys():
        one, other = ones.get(id_, {}), others.get(id_, {})
        names = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
        if names:
            found[id_] = {name: (one.get(name), other.get(name)) for name in names}
    return found


def _describe(unlike: Mapping[str, Mapping[str, tuple[Any, Any]]]) -> str:
    """Say in which fields leads differ, and by how many places."""
    if not unlike:
        return ""
    names = Counter(name for values in unlike.values() for name in values)
    pairs = [values[name] for values in unlike.values() for name in values if name.endswith("call_order")]
    places = max((abs(int(one or 0) - int(other or 0)) for one, other in pairs), default=0)
    return f" (in {', '.join(f'{name} {count}' for name, count in names.items())}; by {places} places at most)"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
