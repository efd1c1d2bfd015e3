"""What the two kinds of Bulk jobs share: their states, and how they and their files are spelt.

The code API_ERROR is documented; how refusals of Bulk jobs are worded is not confirmed, here and where the kinds are.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0.htm
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from connectors.sandbox.salesforce.calls import Call, Refusal, not_found
from connectors.sandbox.salesforce.ids import find_id, make_id
from connectors.sandbox.salesforce.values import render_value

DONE = ("JobComplete", "Failed", "Aborted")
CSV = "text/csv"
_DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_SPELLING = {"lineEnding": "LF", "columnDelimiter": "COMMA"}
_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass
class Job:
    """One job: what was asked for, and how far it is."""

    id: str
    wanted: dict[str, Any]
    sobject: str
    created_at: datetime
    version: str
    user_id: str
    state: str
    polls: int = 0
    processed: int = 0
    failed: int = 0
    error: str = ""
    changed_at: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def spelling(self) -> dict[str, Any]:
        """How the job's files are spelt."""
        return {name: self.wanted.get(name, usual) for name, usual in _SPELLING.items()}

    def render(self) -> dict[str, Any]:
        """Return the job as the API shows it."""
        body = {
            "id": self.id,
            "operation": self.wanted["operation"],
            "object": self.sobject,
            "createdById": self.user_id,
            "createdDate": render_value(self.created_at),
            "systemModstamp": render_value(self.changed_at or self.created_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            **self.spelling,
            **self.more,
        }
        if self.state in ("InProgress", *DONE):
            body |= {"numberRecordsProcessed": self.processed, "retries": 0, "totalProcessingTime": 0}
        return body | ({"errorMessage": self.error} if self.error else {})


class Jobs:
    """The jobs of one kind."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._jobs: dict[str, Job] = {}
        self._made = 0

    def new_id(self) -> str:
        self._made += 1
        return make_id(self._prefix, self._made)

    def add(self, job: Job) -> None:
        self._jobs[job.id] = job

    def find(self, call: Call) -> Job:
        """Return the job that a path names.

        Raises:
            Refusal: There is none.
        """
        job = self._jobs.get(find_id(call.params["id"]) or "")
        if job is None:
            raise not_found()
        return job

    def remove(self, call: Call) -> None:
        """Forget a job that is done."""
        job = self.find(call)
        if job.state not in DONE:
            raise Refusal("API_ERROR", f"Job must be done before it is deleted: {job.state}")
        del self._jobs[job.id]

    def render(self) -> dict[str, Any]:
        return {"done": True, "records": [job.render() for job in self._jobs.values()], "nextRecordsUrl": None}


def delimiter_of(wanted: dict[str, Any]) -> str:
    """Return the character that separates a file's columns."""
    name = str(wanted.get("columnDelimiter", "COMMA"))
    if name not in _DELIMITERS:
        raise Refusal("API_ERROR", f"Unsupported column delimiter: {name}")
    return _DELIMITERS[name]


def write_csv(
    wanted: dict[str, Any], header: Sequence[str], rows: Iterable[Sequence[Any]], uploaded: Sequence[str] = ()
) -> bytes:
    """Return rows as a file: everything is quoted, null is empty, and the header is always there.

    The names of the columns that were uploaded come after it as they are; recorded: these are not quoted.
    """
    buffer = io.StringIO()
    ending, delimiter = _LINE_ENDINGS.get(str(wanted.get("lineEnding", "LF")), "\n"), delimiter_of(wanted)
    buffer.write(delimiter.join([*(f'"{name}"' for name in header), *uploaded]) + ending)
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=ending)
    writer.writerows([spell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def spell(value: Any) -> str:
    """Return a value as a Bulk file holds it; times end in `.000Z` there, in REST in `.000+0000`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
