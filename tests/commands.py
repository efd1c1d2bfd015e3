"""Runs commands of ours as processes, and kills them half-way."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_LEAST_SECONDS, _MOST_SECONDS = 1.0, 4.0  # after which a command is killed; it needs one and a half to start, or less


def environment(**settings: str) -> dict[str, str]:
    """Return what a command of ours needs, and nothing that this process was configured with."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[1]), **settings}


def run(folder: Path, settings: Mapping[str, str], command: str) -> "subprocess.Popen[str]":
    """Run a command to its end."""
    process = _start(folder, settings, command)
    process.communicate()
    return process


def run_and_kill(folder: Path, settings: Mapping[str, str], command: str, *, kills: int, seed: int) -> int:
    """Start a command again and again until it was killed so often; return how often it was.

    It is killed at moments that are drawn, and once it has come to its end by itself, sooner than it took for that: how
    long it needs is the machine's business. Three tries for each kill are enough: it may have nothing more to do.
    """
    moments = random.Random(seed)
    most, killed = _MOST_SECONDS, 0
    for _ in range(3 * kills):
        process = _start(folder, settings, command)
        started = time.monotonic()
        try:
            process.communicate(timeout=moments.uniform(min(_LEAST_SECONDS, most / 2), most))
            most = min(most, time.monotonic() - started)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        if killed == kills:
            break
    return killed


def _start(folder: Path, settings: Mapping[str, str], command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "worker", command, "--json"],
        cwd=folder,
        env=dict(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
