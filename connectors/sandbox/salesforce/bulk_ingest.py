"""Writing by Bulk jobs: a file is uploaded, processed, and every row has an outcome."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from connectors.sandbox.salesforce.bulk_jobs import CSV, DONE, Job, Jobs, delimiter_of, write_csv
from connectors.sandbox.salesforce.calls import Call, Refusal, Reply
from connectors.sandbox.salesforce.checks import is_readable
from connectors.sandbox.salesforce.describing import SOAP_TYPES
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.record_calls import find_by_value
from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.writing import Writer

_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_NULL = "#N/A"  # what empties a field; an empty cell leaves it alone
_MOST_BYTES = 150_000_000


class IngestCalls:
    """The handlers of ingest jobs. They never run assignment rules (not confirmed): the job would have to name one."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._jobs = Jobs("750")
        self._files: dict[str, bytes] = {}
        self._outcomes: dict[str, dict[str, list[list[str]]]] = {}
        self._headers: dict[str, list[str]] = {}

    def list(self, _call: Call) -> Reply:
        return Reply(self._jobs.render())

    def create(self, call: Call) -> Reply:
        wanted = call.read_object()
        if wanted.get("operation") not in _OPERATIONS:
            raise Refusal("API_ERROR", f"Unsupported operation: {wanted.get('operation')}")
        if wanted["operation"] == "upsert" and not wanted.get("externalIdFieldName"):
            raise Refusal("API_ERROR", "externalIdFieldName is required for upsert")
        delimiter_of(wanted)
        definition = Writer(self._org).definition(wanted.get("object"))
        job = Job(self._jobs.new_id(), wanted, definition.name, self._org.clock(), call.version, call.user_id, "Open")
        # Recorded: the path has no leading slash.
        job.more["contentUrl"] = f"{call.data[1:]}/jobs/ingest/{job.id}/batches"
        if "externalIdFieldName" in wanted:
            job.more["externalIdFieldName"] = wanted["externalIdFieldName"]
        self._jobs.add(job)
        return Reply(job.render())

    def upload(self, call: Call) -> Reply:
        job = self._jobs.find(call)
        if job.state != "Open" or job.id in self._files:
            raise Refusal("API_ERROR", "The job takes no further data")
        if len(call.raw) > _MOST_BYTES:
            raise Refusal("API_ERROR", "The data is larger than 150 MB", status=413)
        self._files[job.id] = call.raw
        return Reply(status=201)

    def set_state(self, call: Call) -> Reply:
        job, state = self._jobs.find(call), call.read_object().get("state")
        if state not in ("UploadComplete", "Aborted") or job.state in DONE:
            raise Refusal("API_ERROR", f"The state cannot be set from {job.state} to {state}")
        job.state = state
        job.more.pop("contentUrl", None)
        # Recorded: this reply alone does not say how the file is spelt.
        return Reply({name: value for name, value in job.render().items() if name not in job.spelling})

    def get(self, call: Call) -> Reply:
        job = self._jobs.find(call)
        self._proceed(job)
        body = job.render()
        if job.state in ("InProgress", *DONE):
            body |= {"numberRecordsFailed": job.failed, "apiActiveProcessingTime": 0, "apexProcessingTime": 0}
        return Reply(body | {"jobType": "V2Ingest"})

    def delete(self, call: Call) -> Reply:
        self._jobs.remove(call)
        self._files.pop(call.params["id"], None)
        return Reply(status=204)

    def successful(self, call: Call) -> Reply:
        return self._results(call, "successful", ["sf__Id", "sf__Created"])

    def failed(self, call: Call) -> Reply:
        return self._results(call, "failed", ["sf__Id", "sf__Error"])

    def unprocessed(self, call: Call) -> Reply:
        return self._results(call, "unprocessed", [])

    def _results(self, call: Call, kind: str, first: Sequence[str]) -> Reply:
        job = self._jobs.find(call)
        rows = self._outcomes.get(job.id, {}).get(kind, [])
        content = write_csv(job.wanted, first, rows, self._headers.get(job.id, []))
        return Reply(content=content, media_type=CSV)

    def _proceed(self, job: Job) -> None:
        if job.state not in ("UploadComplete", "InProgress"):
            return
        faults = self._org.faults
        job.polls += 1
        job.changed_at = self._org.clock()
        if job.polls <= faults.bulk_polls:
            job.state = "InProgress"
            return
        header, rows = _read_csv(job, self._files.get(job.id, b""))
        self._headers[job.id] = header
        outcomes = self._outcomes[job.id] = {"successful": [], "failed": [], "unprocessed": []}
        definition = self._org.describe(job.sobject)
        known = {name.lower() for name in definition.fields}
        unknown = [name for name in header if name.lower() not in known]
        if unknown or faults.bulk_fails or faults.bulk_aborts:
            outcomes["unprocessed"] = rows
            job.state = "Aborted" if faults.bulk_aborts else "Failed"
            if not faults.bulk_aborts:
                # Recorded.
                what = f"Field name not found : {unknown[0]}" if unknown else "Failed to process the batch"
                job.error = f"InvalidBatch : {what}"
            return
        for cells in rows:
            values = dict(zip(header, cells, strict=False))
            try:
                id_, created = self._write(job, definition, values)
                outcomes["successful"].append([id_, "true" if created else "false", *cells])
            except Refusal as refusal:
                outcomes["failed"].append([values.get("Id", ""), _render_error(refusal), *cells])
        job.processed, job.failed = len(rows), len(outcomes["failed"])
        job.state = "JobComplete"

    def _write(self, job: Job, definition: SObject, cells: dict[str, str]) -> tuple[str, bool]:
        _check_cells(definition, cells)
        writer, operation = Writer(self._org), job.wanted["operation"]
        values: dict[str, Any] = {
            name: None if value == _NULL else value for name, value in cells.items() if value != ""
        }
        match operation:
            case "insert":
                return writer.create(definition.name, values)(), True
            case "update":
                return writer.update(definition.name, cells.get("Id"), values)(), False
            case "upsert":
                return self._upsert(writer, definition, job.wanted["externalIdFieldName"], values, cells)
            case _:
                id_ = writer.delete(definition.name, cells.get("Id"))()
                if operation == "hardDelete":
                    self._org.erase(definition.name, id_)
                return id_, False

    def _upsert(
        self, writer: Writer, definition: SObject, key: str, values: dict[str, Any], cells: dict[str, str]
    ) -> tuple[str, bool]:
        wanted = cells.get(key)
        values = {name: value for name, value in values.items() if name != "Id"}
        if key == "Id":
            if wanted:
                return writer.update(definition.name, wanted, values)(), False
            return writer.create(definition.name, values)(), True
        if not wanted:
            raise Refusal("MISSING_ARGUMENT", f"{key} not specified")
        found = find_by_value(self._org, definition, key, wanted)
        if len(found) > 1:
            raise Refusal("DUPLICATE_EXTERNAL_ID", f"{key}: more than one record found for external id field")
        if found:
            return writer.update(definition.name, found[0]["Id"], values)(), False
        return writer.create(definition.name, values)(), True


def _check_cells(definition: SObject, cells: dict[str, str]) -> None:
    names = {name.lower(): name for name in definition.fields}
    for place, (given, cell) in enumerate(cells.items()):
        field = definition.fields[names[given.lower()]]
        if cell in ("", _NULL) or is_readable(field, cell):
            continue
        # Recorded; columns are counted from 0.
        kind = SOAP_TYPES.get(field.type, "xsd:string")
        message = (
            f"Failed to deserialize field at col {place}. Due to, '{cell}' is not a valid value for the type {kind}"
        )
        raise Refusal("INVALID_FIELD", message, (field.name,))


def _render_error(refusal: Refusal) -> str:
    """Return a row's refusal; recorded: a space stands before the dashes only after the name of a field."""
    names = " ".join(refusal.fields or ())
    return f"{refusal.code}:{refusal}:{names}{' ' if names else ''}--"


def _read_csv(job: Job, content: bytes) -> tuple[list[str], list[list[str]]]:
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter_of(job.wanted)))
    return (lines[0], [line for line in lines[1:] if line]) if lines else ([], [])
