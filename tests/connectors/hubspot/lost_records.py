"""A portal that changes and misbehaves while it is pulled by a process that is killed: is anything lost?"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.hubspot.writing import render_properties
from connectors.priority import Band, Priority, PriorityStatus
from connectors.quota import Quota
from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects, build_app
from connectors.sandbox.hubspot.changes import Work
from connectors.sandbox.hubspot.faults import PROFILES
from connectors.sandbox.hubspot.records import Record
from connectors.sandbox.seeding import fill_many
from connectors.sandbox.server import SandboxServer
from tests.commands import environment, run, run_and_kill
from tests.connectors.hubspot.portals import differences, silent_ties
from tests.sandboxes import NO_WAIT
from worker.pull import pull
from worker.store import Store

# A profile that never lets anything through has nothing to lose either; each of these is pulled through.
PULLED_THROUGH = [name for name in PROFILES if name not in ("outage", "missing-scope", "daily-limit", "moving")]
_ROUNDS = 20


@dataclass(frozen=True)
class Trial:
    """What one trial did, and which records the store lost or holds in another state.

    `untold` are those after the incremental pulls that HubSpot tells nobody: an interaction of more than thirty days
    ago was tied to another lead, which moves no date. They are to be gone after the weekly full pull, as all others.
    """

    profile: str
    changes: dict[str, int]
    kills: int
    pulls: int
    calls: int
    seconds: float
    lost: list[str]
    untold: list[str]
    lost_after_full: list[str]


def run_trial(profile: str, folder: Path, *, contacts: int, engagements: int, kills: int, seed: int = 1) -> Trial:
    """Pull a portal, change as many records as it holds while pulling goes on and is killed, and compare."""
    started = time.monotonic()
    objects, faults = fill_many(contacts, engagements, seed), HubSpotFaults()
    with SandboxServer(build_app(objects, faults)) as server:
        settings = _environment(server.url)
        began_at = datetime.now(UTC)
        assert run(folder, settings, "pull").returncode == 0
        faults.become(PROFILES[profile]())
        done: dict[str, int] = {}
        worker = threading.Thread(target=_change, args=(objects, contacts, engagements, seed, done))
        worker.start()
        killed = run_and_kill(folder, settings, "pull", kills=kills, seed=seed)
        worker.join()
        time.sleep(max(faults.index_lag_seconds, faults.late_association_seconds))
        # The first to end finishes what a killed one began, and knows nothing of what changed since that one began.
        pulls = ended = 0
        while ended < 2:
            pulls += 1
            ended += run(folder, settings, "pull").returncode == 0
            assert pulls < 30, f"{profile}: too many pulls failed"
        calls = len(faults.rates.log)
        faults.become(HubSpotFaults())
        store = Store(f"sqlite:///{folder}/callfirst.db")
        found = differences(store, objects, _quiet(server.url))
        untold = silent_ties(objects, found, began_at - timedelta(days=30))
        pull(store, _quiet(server.url), full=True)
        after_full = differences(store, objects, _quiet(server.url))
        store.close()
    lost = [name for name in found if name not in untold]
    return Trial(profile, done, killed, pulls, calls, time.monotonic() - started, lost, untold, after_full)


@dataclass(frozen=True)
class WriteTrial:
    """What one trial of writing did: leads that do not show what was planned, and properties of others that moved."""

    profile: str
    kills: int
    runs: int
    calls: int
    wrong: list[str]
    touched: list[str]


def run_write_trial(profile: str, folder: Path, *, contacts: int, kills: int, seed: int = 1) -> WriteTrial:
    """Write a priority on every lead of a portal that misbehaves, by a process that is killed, and compare."""
    objects, faults = fill_many(contacts, 0, seed), HubSpotFaults()
    with SandboxServer(build_app(objects, faults)) as server:
        settings = _environment(server.url)
        _quiet(server.url).setup()
        planned = [_priority(id_, place) for place, id_ in enumerate(objects.records["contacts"], start=1)]
        before = {id_: _foreign(record) for id_, record in objects.records["contacts"].items()}
        store = Store(f"sqlite:///{folder}/callfirst.db")
        store.upgrade()
        store.save_ranking("hubspot", [], planned)
        faults.become(PROFILES[profile]())
        killed = run_and_kill(folder, settings, "apply", kills=kills, seed=seed)
        runs = 1
        while run(folder, settings, "apply").returncode != 0:
            runs += 1
            assert runs < 30, f"{profile}: too many runs failed"
        store.close()
    shown = objects.records["contacts"]
    wrong = [priority.lead_id for priority in planned if not _shows(shown[priority.lead_id], priority)]
    touched = [id_ for id_, record in shown.items() if _foreign(record) != before[id_]]
    return WriteTrial(profile, killed, runs, len(faults.rates.log), wrong, touched)


def _priority(lead: str, place: int) -> Priority:
    now = datetime(2026, 11, 20, 2, tzinfo=UTC)
    return Priority(lead, Band.C, place % 1000 / 10, place, place, "", PriorityStatus.RANKED, "trial", now)


def _shows(record: Record, priority: Priority) -> bool:
    """Say whether a record shows a priority; HubSpot spells a number in its own way, and an empty text as none."""
    shown, wanted = record.properties, render_properties(priority)
    numbers = {"callfirst_score", "callfirst_rank", "callfirst_call_order"}
    return all(
        float(shown.get(name) or "nan") == float(value) if name in numbers else (shown.get(name) or "") == value
        for name, value in wanted.items()
    )


def _foreign(record: Record) -> dict[str, str | None]:
    """Return what is not ours of a record; its date of change moves with every write."""
    own = {"lastmodifieddate"}
    return {n: v for n, v in record.properties.items() if not n.startswith("callfirst_") and n not in own}


def _change(objects: HubSpotObjects, contacts: int, engagements: int, seed: int, done: dict[str, int]) -> None:
    """Change the portal in many small rounds, so that pulls see it half-way."""
    work = Work(objects, seed)
    for _ in range(_ROUNDS):
        with objects.lock:
            counts = work.change_contacts(contacts // _ROUNDS) + work.change_engagements(engagements // _ROUNDS)
        for name, number in counts.items():
            done[name] = done.get(name, 0) + number
        time.sleep(0.4)


def _environment(url: str) -> dict[str, str]:
    return environment(
        HUBSPOT__BASE_URL=url,
        HUBSPOT__ACCESS_TOKEN="sandbox",
        HUBSPOT__CALLS_PER_10_SECONDS="100000",
        HUBSPOT__SEARCHES_PER_SECOND="10000",
    )


def _quiet(url: str) -> HubSpotConnector:
    config = HubSpotConfig.model_validate({"access_token": "sandbox", "base_url": url})
    return HubSpotConnector(config, NO_WAIT, Quota("sandbox"))
