"""An org that changes and misbehaves while it is pulled by a process that is killed: is anything lost?"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.priority import Band, Priority, PriorityStatus
from connectors.salesforce.writing import render_fields
from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, SalesforceFaults, SalesforceOrg, build_app
from connectors.sandbox.salesforce.changes import Work
from connectors.sandbox.salesforce.faults import PROFILES
from connectors.sandbox.seeding import fill_many_salesforce
from connectors.sandbox.server import SandboxServer
from connectors.times import parse_time
from tests.commands import environment, run, run_and_kill
from tests.connectors.salesforce.orgs import Clock, RunningOrg, differences
from worker.pull import pull
from worker.store import Store

# What never lets anything through has nothing to lose either; what only concerns Bulk jobs, deployments or an
# administrator's rule does not touch what is tried here; and who sees its own files only cannot know of the others.
_LET_NOTHING_THROUGH = {"outage", "missing-scope", "endless-401", "daily-limit"}
_CONCERN_OTHERS = {"bulk-fails", "bulk-aborts", "bulk-slow", "deploy-fails", "validation", "own-files-only"}
PULLED_THROUGH = [name for name in PROFILES if name not in _LET_NOTHING_THROUGH | _CONCERN_OTHERS]
_ROUNDS = 20
_PLENTY = 10_000_000  # API calls a day: what is tried here is not the budget


@dataclass(frozen=True)
class Trial:
    """What one trial did, and which records the store lost or holds in another state than the org."""

    profile: str
    changes: dict[str, int]
    kills: int
    pulls: int
    calls: int
    seconds: float
    lost: list[str]
    lost_after_full: list[str]


def run_trial(
    profile: str,
    folder: Path,
    *,
    leads: int,
    activities: int,
    notes: int,
    kills: int,
    late_commit_seconds: float = 180.0,
    seed: int = 1,
) -> Trial:
    """Pull an org, change as many records as it holds while pulling goes on and is killed, and compare.

    What the profile commits late is committed after at most `late_commit_seconds`.
    """
    started = time.monotonic()
    org, faults = fill_many_salesforce(leads, activities, notes, seed), SalesforceFaults(daily_limit=_PLENTY)
    with SandboxServer(build_app(org, faults)) as server:
        settings, running = _environment(server.url), RunningOrg(server.url, org, faults, Clock())
        assert run(folder, settings, "pull").returncode == 0
        misbehave(faults, profile)
        faults.late_commit_seconds = min(faults.late_commit_seconds, late_commit_seconds)
        done: dict[str, int] = {}
        worker = threading.Thread(target=_change, args=(org, leads, activities, notes, seed, done))
        worker.start()
        killed = run_and_kill(folder, settings, "pull", kills=kills, seed=seed)
        worker.join()
        time.sleep(faults.late_commit_seconds + 1)
        # The first to end finishes what a killed one began, and knows nothing of what changed since that one began.
        pulls = ended = 0
        while ended < 2:
            pulls += 1
            ended += run(folder, settings, "pull").returncode == 0
            assert pulls < 30, f"{profile}: too many pulls failed"
        calls = len(faults.log)
        faults.become(SalesforceFaults(daily_limit=_PLENTY))
        store = Store(f"sqlite:///{folder}/callfirst.db")
        lost = differences(store, org, running.connect())
        pull(store, running.connect(), full=True)
        after_full = differences(store, org, running.connect())
        store.close()
    return Trial(profile, done, killed, pulls, calls, time.monotonic() - started, lost, after_full)


@dataclass(frozen=True)
class WriteTrial:
    """What one trial of writing did: leads that do not show what was planned, and values of others that moved."""

    profile: str
    kills: int
    runs: int
    calls: int
    wrong: list[str]
    touched: list[str]


def run_write_trial(profile: str, folder: Path, *, leads: int, kills: int, seed: int = 1) -> WriteTrial:
    """Write a priority on every open lead of an org that misbehaves, by a process that is killed, and compare."""
    org, faults = fill_many_salesforce(leads, 0, 0, seed), SalesforceFaults(daily_limit=_PLENTY)
    with SandboxServer(build_app(org, faults)) as server:
        settings, running = _environment(server.url), RunningOrg(server.url, org, faults, Clock())
        running.connect().setup()
        table = org.tables["Lead"]
        open_ = [id_ for id_, row in table.items() if not row.get("IsConverted") and not row.get("IsDeleted")]
        planned = [_priority(id_, place) for place, id_ in enumerate(open_, start=1)]
        before = {id_: _foreign(row) for id_, row in table.items()}
        store = Store(f"sqlite:///{folder}/callfirst.db")
        store.upgrade()
        store.save_ranking("salesforce", [], planned)
        misbehave(faults, profile)
        faults.validation = False  # what an administrator's rule refuses is not shown, and rightly so
        faults.late_commit_seconds = 0.0
        killed = run_and_kill(folder, settings, "apply", kills=kills, seed=seed)
        runs = 1
        while run(folder, settings, "apply").returncode != 0 or store.list_due_writes("salesforce"):
            runs += 1
            assert runs < 30, f"{profile}: too many runs failed"
        store.close()
    shown = org.tables["Lead"]
    wrong = [priority.lead_id for priority in planned if not _shows(shown[priority.lead_id], priority)]
    touched = [id_ for id_, row in shown.items() if _foreign(row) != before[id_]]
    return WriteTrial(profile, killed, runs, len(faults.log), wrong, touched)


def misbehave(faults: SalesforceFaults, profile: str) -> None:
    """Let an org misbehave as a profile says, with more API calls than anybody needs."""
    wanted = PROFILES[profile]()
    wanted.daily_limit = _PLENTY
    faults.become(wanted)


def _priority(lead: str, place: int) -> Priority:
    now = datetime(2026, 11, 20, 2, tzinfo=UTC)
    return Priority(lead, Band.C, place % 1000 / 10, place, place, "", PriorityStatus.RANKED, "trial", now)


def _shows(row: Mapping[str, Any], priority: Priority) -> bool:
    """Say whether a row shows a priority; Salesforce keeps an empty text as none, and a time to the second."""
    for name, wanted in render_fields(priority).items():
        shown = row.get(name)
        if isinstance(shown, datetime):
            shown, wanted = shown.replace(microsecond=0), parse_time(wanted).replace(microsecond=0)
        if (shown or "") != (wanted or "") and shown != wanted:
            return False
    return True


def _foreign(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not ours of a row; its stamps move with every write."""
    own = {"SystemModstamp", "LastModifiedDate", "LastModifiedById"}
    return {name: value for name, value in row.items() if not name.startswith("Callfirst_") and name not in own}


def _change(org: SalesforceOrg, leads: int, activities: int, notes: int, seed: int, done: dict[str, int]) -> None:
    """Change the org in many small rounds, so that pulls see it half-way."""
    work = Work(org, seed)
    for _ in range(_ROUNDS):
        with org.lock:
            counts = work.change_leads(leads // _ROUNDS) + work.change_activities(activities // _ROUNDS)
            counts += work.change_notes(notes // _ROUNDS)
        for name, number in counts.items():
            done[name] = done.get(name, 0) + number
        time.sleep(0.4)


def _environment(url: str) -> dict[str, str]:
    return environment(
        SALESFORCE__INSTANCE_URL=url, SALESFORCE__CLIENT_ID=CLIENT_ID, SALESFORCE__CLIENT_SECRET=CLIENT_SECRET
    )
