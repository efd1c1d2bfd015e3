"""How long a new note takes to become a priority in the CRM: `callfirst up` beside a sandbox HubSpot with webhooks.

    python -m benchmarks.note_to_priority [--leads 2000] [--notes-a-second 5] [--seconds 60] [--debounce 2]

Notes are written on open leads at a steady rate. Each is told by webhook, read again through the API, read by the
embedded language model, ranked, and written back. Prints the seconds from a note to the write that shows what it
changed, the debounce taken off. A note that changes nothing a rep would see is written nowhere; those are counted.
"""

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from connectors.sandbox import hubspot
from connectors.sandbox.hubspot.changes import BODIES
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import Change
from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_hubspot
from connectors.sandbox.server import SandboxServer
from connectors.times import render_time
from worker.settings import Settings
from worker.store import Store

_SEED = 7
_SECRET = "a client secret"  # noqa: S105  # of this benchmark's own server
_FIRST_NIGHT_SECONDS = 3600.0
_SETTLE_SECONDS = 60.0
_NOTES = (
    "they signed off the budget for {} seats, contract goes to legal on {}",
    "no reply to {} mails since {}, the project is on ice",
    "wants a second demo for {} people from the plant, {} at the latest",
    "competitor quoted {} percent less, asked us to match it by {}",
    "call on {} about {} open questions of their security team",
    "our champion leaves the company in {}, nobody to follow before {}",
)


class Watch:
    """Hears of every change in the portal: when each lead's priority was last written, and how often any was."""

    def __init__(self, objects: HubSpotObjects) -> None:
        self.written_at: dict[str, float] = {}
        self.writes: set[tuple[str, datetime]] = set()
        objects.listeners.append(self._hear)

    def _hear(self, change: Change) -> None:
        if change.type == "contacts" and change.kind == "propertyChange" and change.name.startswith("callfirst_"):
            self.writes.add((change.id, change.at))
            if change.name == "callfirst_ranked_at":
                self.written_at[change.id] = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--leads", type=int, default=2000)
    parser.add_argument("--notes-a-second", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--debounce", type=float, default=2.0)
    parser.add_argument("--keep", type=Path, help="a folder for database and log, to look at afterwards")
    options = parser.parse_args()
    objects = fill_hubspot(build_organisation(_SEED, datetime.now(UTC), closed=0, open_=options.leads))
    watch = Watch(objects)
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxServer(hubspot.build_app(objects, hubspot.HubSpotFaults())) as server,
    ):
        _run(options, options.keep or Path(folder), objects, watch, server.url)


def _run(options: argparse.Namespace, folder: Path, objects: HubSpotObjects, watch: Watch, crm: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HUBSPOT__ACCESS_TOKEN": "sandbox",
        "HUBSPOT__BASE_URL": crm,
        "HUBSPOT__WEBHOOK_SECRET": _SECRET,
        "WORKER__DEBOUNCE_SECONDS": str(options.debounce),
        "CACHE_DIR": str(Settings().cache_dir),
    }
    subprocess.run([sys.executable, "-m", "worker", "setup"], cwd=folder, env=environment, check=True)
    with (folder / "up.log").open("w") as log:
        command = [sys.executable, "-m", "worker", "up", "--port", str(port)]
        up = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            began = time.monotonic()
            _wait_for_the_first_night(folder, up)
            leads = sorted(watch.written_at)
            sys.stdout.write(
                f"{len(leads):,} open leads read, ranked and written for the first time in"
                f" {time.monotonic() - began:.0f} s\n"
            )
            sender = hubspot.WebhookSender(objects, f"http://127.0.0.1:{port}/webhooks/hubspot", _SECRET)
            watch.writes.clear()
            with sender.running(0.05):
                noted_at = _write_notes(objects, leads, options.notes_a_second, options.seconds)
                time.sleep(_SETTLE_SECONDS)
        finally:
            up.terminate()
            up.wait(60)
    _print(options, noted_at, watch)


def _wait_for_the_first_night(folder: Path, up: "subprocess.Popen[bytes]") -> None:
    store = Store(f"sqlite:///{folder}/callfirst.db")
    deadline = time.monotonic() + _FIRST_NIGHT_SECONDS
    while True:
        time.sleep(1.0)
        if up.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"`callfirst up` did not get through its first night; see {folder}/up.log")
        if store.database.revisions()[0] is None:
            continue  # the tables are not there yet
        if store.list_stages("hubspot") and not store.is_busy("hubspot"):
            return


def _write_notes(objects: HubSpotObjects, leads: Sequence[str], rate: float, seconds: float) -> dict[str, float]:
    """Write one note on each of so many leads, at a steady rate; return when each lead's was written."""
    draw = random.Random(_SEED)
    chosen = draw.sample(list(leads), k=min(len(leads), int(rate * seconds)))
    began = time.monotonic()
    noted_at = {}
    for number, lead in enumerate(chosen):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        text = draw.choice(_NOTES).format(draw.randrange(2, 900), draw.choice(("monday", "friday", "march", "june")))
        at = render_time(objects.clock())
        note = objects.create("notes", {BODIES["notes"]: f"<p>{text}</p>", "hs_timestamp": at})
        objects.associate("notes", note.id, "contacts", lead)
        noted_at[lead] = time.monotonic()
    return noted_at


def _print(options: argparse.Namespace, noted_at: dict[str, float], watch: Watch) -> None:
    taken = sorted(
        watch.written_at[lead] - noted - options.debounce
        for lead, noted in noted_at.items()
        if watch.written_at[lead] >= noted
    )
    unchanged = len(noted_at) - len(taken)
    late = taken[int(len(taken) * 0.95)]
    sys.stdout.write(
        f"{len(noted_at)} notes at {options.notes_a_second:g}/s over {options.leads:,} open leads: shown after the"
        f" debounce of {options.debounce:g} s in {statistics.median(taken):.2f} s (median), {late:.2f} s (95 %),"
        f" {taken[-1]:.2f} s (slowest); {unchanged} changed nothing that is shown;"
        f" {len(watch.writes) / len(noted_at):.2f} leads written for a note\n"
    )


if __name__ == "__main__":
    main()
