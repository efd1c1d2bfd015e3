"""Kills every part of an installation, again and again, while reps work: is an event lost, or a lead wrong in the CRM?

    python -m benchmarks.chaos [--seeds 1 2 3] [--setups "one process" sqlite postgresql] [--keep FOLDER]

Web, sweeper and workers are killed and stopped past their lease, the broker is killed with all that it holds, the
network to it is broken, the disk fills up, and three of ten answers of the CRM are faulty. Prints for each set-up and
seed what was done, what became of the events that were accepted, and how long it took to be in order again; then the
same kills on Celery without a database below it. Exits with 1 if a bar is missed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.chaos.bars import KILLS, list_misses, list_too_few
from tests.chaos.plain_celery import PlainTrial, run_plain_trial
from tests.chaos.trial import History, Setup, Trial, learn_once, run_trial
from tests.postgres import postgres_server

_SETUPS: tuple[Setup, ...] = ("one process", "sqlite", "postgresql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--setups", nargs="+", choices=_SETUPS, default=list(_SETUPS))
    parser.add_argument("--no-baseline", action="store_true", help="leave Celery alone out")
    parser.add_argument("--keep", type=Path, help="a folder for databases and logs, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        trials, skipped = _run_trials(options.setups, options.seeds, folder)
        misses = list_misses(trials)
        if len(options.seeds) >= 3 and not skipped and set(options.setups) == set(_SETUPS):
            misses += list_too_few(trials)
        if not options.no_baseline:
            for seed in options.seeds:
                _run_baseline(seed, folder, len(options.seeds))
    killed = sum((trial.kills for trial in trials), Counter[str]())
    _say("in all: " + ", ".join(f"{killed[part]} {part}" for part in KILLS))
    for line in [*skipped, *misses]:
        _say(f"  {line}")
    _say("every bar is met" if not misses else f"{len(misses)} bars are missed")
    sys.exit(1 if misses else 0)


def _run_trials(setups: Sequence[Setup], seeds: Sequence[int], folder: Path) -> tuple[list[Trial], list[str]]:
    learning = folder / "history"
    learning.mkdir()
    history = learn_once(learning)
    trials: list[Trial] = []
    skipped: list[str] = []
    for setup in setups:
        try:
            with postgres_server() if setup == "postgresql" else nullcontext() as postgres:
                for seed in seeds:
                    trials.append(_run_one(setup, seed, history, folder, postgres))
        except pytest.skip.Exception as reason:
            skipped.append(f"{setup}: left out, {reason}")
    return trials, skipped


def _run_one(setup: Setup, seed: int, history: History, folder: Path, postgres: str | None) -> Trial:
    place = folder / f"{setup.replace(' ', '-')}-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    trial = run_trial(setup, seed, history, place, postgres=postgres)
    kills = ", ".join(f"{trial.kills[part]} {part}" for part in KILLS if trial.kills[part])
    network = sum(trial.faults[name] for name in ("black hole", "reset connections", "latency"))
    disk = "" if not trial.faults["fill disk"] else ", disk full once"
    found = trial.found
    _say(
        f"{setup}, seed {seed}: killed {kills}; network broken {network} times{disk};"
        f" {trial.faulty / max(trial.answers, 1):.0%} of {trial.answers:,} CRM answers faulty\n"
        f"  {trial.events:,} events accepted, {trial.unscored_events} unscored; {len(found.wrong)} leads wrong in the"
        f" CRM ({len(found.misshown)} show another value, {len(found.misplaced)} another place);"
        f" {trial.redundant} of {trial.writes:,} writes redundant ({trial.redundant / max(trial.writes, 1):.1%})\n"
        f"  in order {_seconds(trial.seconds_to_settle)} after all was up again, {_seconds(trial.seconds_since_fault)}"
        f" after the last fault ({trial.last_fault}); {found.parked} rows parked, {found.held} leases held;"
        f" {trial.seconds:.0f} s in all, load {os.getloadavg()[0]:.1f}"
    )
    for miss in list_misses([trial]):
        _say(f"  missed: {miss}")
    for name in trial.skipped:
        _say(f"  left out: {name}, which takes root")
    for name, deaths in trial.deaths.items():
        _say(f"  {name} ended {deaths} times by itself")
    return trial


def _run_baseline(seed: int, folder: Path, seeds: int) -> None:
    """Run Celery alone in both ways that it offers, side by side."""
    workers, brokers = -(-KILLS["worker"] // seeds), -(-KILLS["broker"] // seeds)
    found: list[PlainTrial] = []

    def attempt(rejects: bool) -> None:
        place = folder / f"plain-{seed}-{'rejects' if rejects else 'keeps'}"
        found.append(run_plain_trial(seed, place, rejects=rejects, worker_kills=workers, broker_kills=brokers))

    threads = [threading.Thread(target=attempt, args=(rejects,)) for rejects in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trial in sorted(found, key=lambda item: item.rejects):
        _say(
            f"Celery alone, seed {seed}, task_reject_on_worker_lost={trial.rejects}:"
            f" {trial.worker_kills} worker and {trial.broker_kills} broker kills;"
            f" of {trial.events:,} events {trial.lost} lost, {trial.repeated} repeated"
        )


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
