"""Large results by Bulk API 2.0: a job that Salesforce works off, and its rows as files of comma-separated values.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
A job and its results stay for seven days, so that a listing which broke off goes on in the same job.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from connectors.errors import UnavailableError
from connectors.salesforce.replies import MissingObjectError, RefusedError
from connectors.salesforce.transport import Transport

Row = dict[str, Any]

# A file is kept on disk, and handed on in parts that a machine holds easily.
_ROWS_PER_FILE = 50_000
_ROWS_PER_PART = 2_000
_PATIENCE_SECONDS = 3600
_LONGEST_PAUSE_SECONDS = 15
_ENDED = {"JobComplete", "Failed", "Aborted"}
_MARK = "bulk"
# The longest text of a field is 131,072 characters, which is just what Python refuses by default.
csv.field_size_limit(1 << 20)


class BulkError(Exception):
    """Salesforce does not do this by Bulk: the job was refused, failed, was aborted or is gone."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a job's results have been read: its files up to `locator`, and `rows` of that one."""

    job: str
    locator: str = ""
    rows: int = 0

    def render(self) -> str:
        return f"{_MARK} {self.job} {self.locator or '-'} {self.rows}"


def find_place(position: str | None) -> Place | None:
    """Return the place that a position names; None if it is none of a job's."""
    words = (position or "").split()
    if len(words) != 4 or words[0] != _MARK:
        return None
    return Place(words[1], "" if words[2] == "-" else words[2], int(words[3]))


def start_job(transport: Transport, soql: str) -> Place:
    """Have Salesforce work off a query, archived rows and recycle bin included; return the place before its first row.

    Raises:
        BulkError: Salesforce does not query this object by Bulk.
    """
    body = {"operation": "queryAll", "query": soql, "columnDelimiter": "COMMA", "lineEnding": "LF"}
    try:
        return Place(transport.rest("POST", "jobs/query", json=body)["id"])
    except RefusedError as error:
        raise BulkError(error.code) from error
    except MissingObjectError as error:  # not by Bulk, or not at all: REST will say
        raise BulkError("INVALIDENTITY") from error


def read_job(
    transport: Transport, place: Place, parse: Callable[[Mapping[str, str]], Row]
) -> Iterator[tuple[list[Row], Place | None]]:
    """Yield a job's rows in parts, with the place after each; None after the last.

    Raises:
        BulkError: The job failed, was aborted, or is no longer there.
    """
    _wait(transport, place.job)
    while True:
        with tempfile.TemporaryFile(prefix="callfirst-bulk-") as file:
            params = {"maxRecords": _ROWS_PER_FILE} | ({"locator": place.locator} if place.locator else {})
            try:
                headers = transport.download(f"jobs/query/{place.job}/results", params, "text/csv", file)
            except RefusedError as error:
                raise BulkError(error.code) from error
            locator = headers.get("Sforce-Locator", "null")
            more = locator not in ("", "null")
            count = int(headers["Sforce-NumberOfRecords"])
            rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
            done = sum(1 for _ in islice(rows, place.rows))
            while done < count or (not more and done == count == 0):
                part = [parse(row) for row in islice(rows, _ROWS_PER_PART)]
                if not part and count:
                    raise UnavailableError(f"Salesforce: GET jobs/query/results: {done} of {count} rows came")
                done += len(part)
                if done < count:
                    yield part, Place(place.job, place.locator, done)
                    continue
                yield part, Place(place.job, locator) if more else None
                if not more:
                    return
            place = Place(place.job, locator)


def _wait(transport: Transport, job: str) -> None:
    """Return when a job is complete. Each look costs a call: they grow apart."""
    poll = Retrying(
        retry=retry_if_result(lambda state: state not in _ENDED),
        wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        sleep=transport.retry.sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else "",
    )
    try:
        state = poll(lambda: str(transport.rest("GET", f"jobs/query/{job}")["state"]))
    except RefusedError as error:
        raise BulkError(error.code) from error
    if state in ("Failed", "Aborted"):
        raise BulkError(state)
    if state != "JobComplete":
        raise UnavailableError(f"Salesforce: jobs/query: {state} after {_PATIENCE_SECONDS} s")
