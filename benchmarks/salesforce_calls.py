"""How many API calls Salesforce takes, beside the fewest that its page sizes allow, and how much memory a pull takes.

    python -m benchmarks.salesforce_calls [--leads 100000] [--activities 300000] [--changed-share 0.01]

Runs `callfirst pull` as a process of its own against an org of that size: everything first, mostly by Bulk API, then
what changed in between; then writes a priority on every open lead. Then the same for a night of an org with 25,000
leads of which 2 % changed. Prints calls beside the minimum, and the process's largest memory.

The minimum of a full read by Bulk API is, for each object that has more than 10,000 rows, a count, a job, a look at it
and a file for every 50,000 rows; for every other a count and its pages. Besides: the descriptions of the objects, the
statuses, links of notes and who became whom by 200, and a call for the text of each note that is longer than what
Salesforce hands out. Of an incremental one: a page for every 2,000 rows of each object that changed or that the overlap
repeats (1,000 where a long text is read), what is tied to them by 200, long notes, and once whatever may have been tied
late. Of a write: a batch for every 200.
"""

import argparse
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from benchmarks.measured_pull import print_calls, pull
from connectors.priority import Band, Priority, PriorityStatus
from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, SalesforceFaults, SalesforceOrg, build_app
from connectors.sandbox.salesforce.changes import Work
from connectors.sandbox.seeding import fill_many_salesforce
from connectors.sandbox.server import SandboxServer

_BULK_FROM, _ROWS_PER_FILE = 10_000, 50_000
_PAGE, _LONG_TEXT_PAGE, _IDS = 2_000, 1_000, 200
_PREVIEW_BYTES = 255
_OVERLAP = timedelta(minutes=10)
Row = Mapping[str, Any]


def pages(rows: int, size: int) -> int:
    """Return how many pages hold that many rows; an empty answer is a page too."""
    return max(1, ceil(rows / size))


def listing(rows: int, size: int) -> int:
    """Return the fewest calls that list an object that Bulk API takes: a count first, which decides how."""
    return 1 + (3 + ceil(rows / _ROWS_PER_FILE) - 1 if rows > _BULK_FROM else pages(rows, size))


def live(org: SalesforceOrg, sobject: str) -> list[Row]:
    return [row for row in org.tables[sobject].values() if not row.get("IsDeleted")]


def full_minimum(org: SalesforceOrg) -> int:
    """Return the fewest calls that a full read takes."""
    described = sum(len(live(org, name)) > _BULK_FROM for name in ("Task", "Event")) + 1  # Lead always
    bulk = {"Lead": _PAGE, "LeadHistory": _PAGE, "Task": _LONG_TEXT_PAGE, "Event": _LONG_TEXT_PAGE}
    calls = 1 + described + sum(listing(len(live(org, name)), size) for name, size in bulk.items())
    calls += listing(len(live(org, "EmailMessage")), _PAGE)  # which tasks are only copies of mails
    calls += pages(len(live(org, "EmailMessage")), _LONG_TEXT_PAGE)
    calls += pages(len(live(org, "Note")), _LONG_TEXT_PAGE)
    notes = [row for row in live(org, "ContentVersion") if row.get("FileType") == "SNOTE" and row["IsLatest"]]
    return calls + pages(len(notes), _PAGE) + _links_and_texts(notes)


def incremental_minimum(org: SalesforceOrg, since: datetime) -> int:
    """Return the fewest calls that reading what changed takes."""
    calls = 1 + 1  # the statuses, the lead's description
    for name, size in (("EmailMessage", 1_000), ("Task", 1_000), ("Event", 1_000), ("Note", 1_000), ("Lead", _PAGE)):
        calls += pages(len(_changed(org, name, since)), size)
    tasks = _changed(org, "Task", since)
    calls += ceil(sum(row.get("TaskSubtype") == "Email" for row in tasks) / _IDS)
    orphans = [row for row in _changed(org, "EmailMessage", since) if row.get("IsDeleted") and row.get("ActivityId")]
    calls += 2 * ceil(len(orphans) / _IDS)  # their tasks, and whether those are copies still
    named = {
        row[name]
        for sobject in ("Task", "Event")
        for row in _changed(org, sobject, since)
        for name in ("WhoId", "WhatId")
        if str(row.get(name))[:3] in ("003", "006")
    }
    calls += ceil(len(named) / _IDS)
    notes = [row for row in _changed(org, "ContentVersion", since) if row.get("IsLatest")]
    calls += pages(len(notes), _PAGE) + _links_and_texts(notes)
    calls += pages(len(_changed(org, "ContentDocument", since)), _PAGE)
    calls += pages(len([row for row in org.tables["LeadHistory"].values() if row["CreatedDate"] >= since]), _PAGE)
    mails = {row["EmailMessageId"] for row in _changed(org, "EmailMessageRelation", since)}
    documents = {row["ContentDocumentId"] for row in _changed(org, "ContentDocumentLink", since)}
    return int(calls + 3 + ceil(len(mails) / _IDS) + 2 * ceil(len(documents) / _IDS))


def _changed(org: SalesforceOrg, sobject: str, since: datetime) -> list[Row]:
    return [row for row in org.tables[sobject].values() if row["SystemModstamp"] >= since - _OVERLAP]


def _links_and_texts(notes: Iterable[Row]) -> int:
    rows = list(notes)
    return ceil(len(rows) / _IDS) + sum(int(row["ContentSize"] or 0) > _PREVIEW_BYTES for row in rows)


def settings(url: str) -> dict[str, str]:
    return {
        "SALESFORCE__INSTANCE_URL": url,
        "SALESFORCE__CLIENT_ID": CLIENT_ID,
        "SALESFORCE__CLIENT_SECRET": CLIENT_SECRET,
    }


def measure(leads: int, activities: int, notes: int, changed_share: float) -> None:
    """Read an org, change some of it, read again, and write."""
    org = fill_many_salesforce(leads, activities, notes, 1)
    faults = SalesforceFaults(daily_limit=10_000_000)
    with SandboxServer(build_app(org, faults)) as server, tempfile.TemporaryDirectory() as folder:
        calls, memory = pull(folder, "salesforce", **settings(server.url))
        print_calls(f"full read of {leads:,} leads", calls, full_minimum(org), f"{memory} MB at most")
        began_at = datetime.now(UTC).replace(microsecond=0)
        with org.lock:
            work = Work(org, 1)
            work.change_leads(int(leads * changed_share))
            work.change_activities(int(activities * changed_share))
            work.change_notes(int(notes * changed_share))
        calls, memory = pull(folder, "salesforce", **settings(server.url))
        minimum = incremental_minimum(org, began_at)
        print_calls(f"incremental read, {changed_share:.0%} changed", calls, minimum, f"{memory} MB at most")
        connector = SalesforceConnector(SalesforceConfig.model_validate(_config(server.url)))
        connector.setup()
        before = connector.calls
        open_ = [row["Id"] for row in live(org, "Lead") if not row.get("IsConverted")]
        connector.write_priorities(
            [
                Priority(str(id_), Band.C, 1.0, place, place, "", PriorityStatus.RANKED, "benchmark", began_at)
                for place, id_ in enumerate(open_, start=1)
            ]
        )
        print_calls("write", connector.calls - before, ceil(len(open_) / _IDS), "")


def _config(url: str) -> dict[str, str]:
    return {"instance_url": url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--activities", type=int, default=300_000)
    parser.add_argument("--notes", type=int, default=5_000)
    parser.add_argument("--changed-share", type=float, default=0.01)
    options = parser.parse_args()
    measure(options.leads, options.activities, options.notes, options.changed_share)
    measure(25_000, 75_000, 1_250, 0.02)


if __name__ == "__main__":
    main()
