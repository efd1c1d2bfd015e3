"""Runs `callfirst pull` as a process of its own, and says what it took."""

import json
import subprocess
import sys

from tests.commands import environment

# Not getrusage: on Linux its figure starts at the size of the process that started this one.
_MEASURED = """
from pathlib import Path
from worker.cli.app import app
try:
    app(["pull", "--json"])
finally:
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def pull(folder: str, crm: str, **settings: str) -> tuple[int, int]:
    """Run one pull; return its API calls and its largest memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=True,
    )
    report, kilobytes = done.stdout.rsplit("\n", 2)[0], done.stdout.split()[-1]
    return int(json.loads(report)[crm]["calls"]), int(kilobytes) // 1024


def print_calls(what: str, calls: int, minimum: int, more: str) -> None:
    """Print how many calls something took, beside the fewest that it can take."""
    sys.stdout.write(f"{what}: {calls:,} calls, minimum {minimum:,}, {calls / minimum - 1:+.1%}  {more}\n")
    sys.stdout.flush()
