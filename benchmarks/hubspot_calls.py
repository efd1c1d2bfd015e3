"""How many API calls HubSpot takes, beside the fewest that its batch sizes allow, and how much memory a pull takes.

    python -m benchmarks.hubspot_calls [--contacts 100000] [--engagements 300000] [--changed-share 0.01]

Runs `callfirst pull` as a process of its own against a portal of that size: everything first, then what changed in
between; then writes a priority on every lead. Prints calls beside the minimum, and the process's largest memory.

The minimum of a full read is a page for every 100 engagements and 50 leads (HubSpot's limit with stage history), and
one for what was deleted, of each kind. Of an incremental one: a search page for every 200 rows that changed or that
the overlap repeats; a batch for every 50 leads with their history; associations, 100 ids a call, from the side of the
engagements, and from that of the leads once for each of the six kinds; and the same two for the engagements of the last
30 days, which may have been tied to a lead since. Of a write: a batch for every 100.
"""

import argparse
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil

from benchmarks.measured_pull import print_calls, pull
from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.priority import Band, Priority, PriorityStatus
from connectors.quota import Quota
from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects, build_app
from connectors.sandbox.hubspot.changes import Work
from connectors.sandbox.seeding import fill_many
from connectors.sandbox.server import SandboxServer

ENGAGEMENTS = ("notes", "emails", "calls", "meetings", "tasks", "communications")
_OVERLAP, _YOUNG = timedelta(minutes=10), timedelta(days=30)
# Property definitions and, for a contact's stages, nothing else: read once a pull.
_DEFINITIONS = 1


def pages(rows: int, size: int) -> int:
    """Return how many pages hold that many rows; an empty answer is a page too."""
    return max(1, ceil(rows / size))


def batches(rows: int, size: int) -> int:
    return ceil(rows / size)


def full_minimum(objects: HubSpotObjects) -> int:
    """Return the fewest calls that a full read takes."""
    return (
        _DEFINITIONS
        + pages(len(objects.ids["contacts"]), 50)
        + sum(pages(len(objects.ids[t]), 100) for t in ENGAGEMENTS)
    )


def incremental_minimum(objects: HubSpotObjects, since: datetime) -> int:
    """Return the fewest calls that reading what changed takes."""
    leads = _count(objects.records["contacts"].values(), since - _OVERLAP, "updated_at")
    calls = _DEFINITIONS + pages(leads, 200) + batches(leads, 50) + 6 * batches(leads, 100)
    for type_ in ENGAGEMENTS:
        for rows in (
            _count(objects.records[type_].values(), since - _OVERLAP, "updated_at"),
            _count(objects.records[type_].values(), since - _YOUNG, "created_at"),
        ):
            calls += pages(rows, 200) + batches(rows, 100)
    return calls + sum(pages(len(objects.archived[type_]), 100) for type_ in ("contacts", *ENGAGEMENTS))


def _count(records: Iterable[object], since: datetime, name: str) -> int:
    return sum(getattr(record, name) >= since for record in records)


def settings(url: str) -> dict[str, str]:
    return {
        "HUBSPOT__BASE_URL": url,
        "HUBSPOT__ACCESS_TOKEN": "sandbox",
        "HUBSPOT__CALLS_PER_10_SECONDS": "100000",
        "HUBSPOT__SEARCHES_PER_SECOND": "10000",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--engagements", type=int, default=300_000)
    parser.add_argument("--changed-share", type=float, default=0.01)
    options = parser.parse_args()
    objects = fill_many(options.contacts, options.engagements, 1)
    with SandboxServer(build_app(objects, HubSpotFaults())) as server, tempfile.TemporaryDirectory() as folder:
        calls, memory = pull(folder, "hubspot", **settings(server.url))
        print_calls("full read", calls, full_minimum(objects), f"{memory} MB at most")
        began_at = datetime.now(UTC)
        with objects.lock:
            work = Work(objects, 1)
            work.change_contacts(int(options.contacts * options.changed_share))
            work.change_engagements(int(options.engagements * options.changed_share))
        calls, memory = pull(folder, "hubspot", **settings(server.url))
        print_calls("incremental read", calls, incremental_minimum(objects, began_at), f"{memory} MB at most")
        config = HubSpotConfig.model_validate({"access_token": "sandbox", "base_url": server.url})
        connector = HubSpotConnector(config, quota=Quota("sandbox"))
        connector.setup()
        before = connector.calls
        connector.write_priorities(
            [
                Priority(str(id_), Band.C, 1.0, place, place, "", PriorityStatus.RANKED, "benchmark", began_at)
                for place, id_ in enumerate(objects.ids["contacts"], start=1)
            ]
        )
        print_calls("write", connector.calls - before, batches(len(objects.ids["contacts"]), 100), "")


if __name__ == "__main__":
    main()
