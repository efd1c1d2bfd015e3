"""Runs commands of ours as processes, and kills them half-way."""

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_LEAST_SECONDS, _MOST_SECONDS = 1.0, 4.0  # after which a command is killed; it needs one and a half to start


def environment(**settings: str) -> dict[str, str]:
    """Return what a command of ours needs, and nothing that this process was configured with."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[1]), **settings}


def run(folder: Path, settings: Mapping[str, str], command: str) -> "subprocess.Popen[str]":
    """Run a command to its end."""
    process = _start(folder, settings, command)
    process.communicate()
    return process


def run_and_kill(folder: Path, settings: Mapping[str, str], moments: random.Random, command: str) -> bool:
    """Start a command and kill it; say whether it was still running."""
    process = _start(folder, settings, command)
    try:
        process.communicate(timeout=moments.uniform(_LEAST_SECONDS, _MOST_SECONDS))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False


def _start(folder: Path, settings: Mapping[str, str], command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "worker", command, "--json"],
        cwd=folder,
        env=dict(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
