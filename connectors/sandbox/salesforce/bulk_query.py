"""Queries as Bulk jobs: asked for, waited for, and fetched as files."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from connectors.sandbox.salesforce.bulk_jobs import CSV, DONE, Job, Jobs, write_csv
from connectors.sandbox.salesforce.calls import Call, Refusal, Reply
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.soql import Result, SoqlError, run_query

_MOST_RECORDS = 50_000


class BulkQueryCalls:
    """The handlers of query jobs."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._jobs = Jobs("750")
        self._results: dict[str, Result] = {}

    def list(self, _call: Call) -> Reply:
        return Reply(self._jobs.render())

    def create(self, call: Call) -> Reply:
        wanted = call.read_object()
        operation, soql = wanted.get("operation"), wanted.get("query")
        if operation not in ("query", "queryAll") or not isinstance(soql, str):
            raise Refusal("API_ERROR", "operation and query are required")
        result = self._ask(wanted)
        job = Job(
            self._jobs.new_id(), wanted, result.sobject, self._org.clock(), call.version, call.user_id, "UploadComplete"
        )
        self._jobs.add(job)
        return Reply(job.render())

    def get(self, call: Call) -> Reply:
        job = self._jobs.find(call)
        self._proceed(job)
        return Reply(job.render())

    def abort(self, call: Call) -> Reply:
        job = self._jobs.find(call)
        if call.read_object().get("state") != "Aborted":
            raise Refusal("API_ERROR", "Only the state Aborted can be set")
        if job.state in DONE:
            raise Refusal("API_ERROR", f"Job is done already: {job.state}")
        job.state = "Aborted"
        return Reply(job.render())

    def delete(self, call: Call) -> Reply:
        self._jobs.remove(call)
        self._results.pop(call.params["id"], None)
        return Reply(status=204)

    def results(self, call: Call) -> Reply:
        """Answer a file of up to `maxRecords` rows, and in a header where the next one begins."""
        job = self._jobs.find(call)
        if job.state != "JobComplete":
            raise Refusal("API_ERROR", f"Job is not complete: {job.state}")
        result = self._results[job.id]
        most = min(_whole_number(call.query.get("maxRecords") or str(_MOST_RECORDS)), _MOST_RECORDS)
        most = min(most, self._org.faults.page_rows or most)
        locator = call.query.get("locator")
        start = _read_locator(locator) if locator and locator != "null" else 0
        if start > len(result.rows):
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        rows = result.rows[start : start + most]
        end = start + len(rows)
        following = _render_locator(end) if end < len(result.rows) else "null"
        headers = {"Sforce-NumberOfRecords": str(len(rows)), "Sforce-Locator": following}
        content = write_csv(job.wanted, result.columns, (result.flat(row) for row in rows))
        return Reply(content=content, headers=headers, media_type=CSV)

    def _ask(self, wanted: dict[str, Any]) -> Result:
        try:
            all_rows = wanted["operation"] == "queryAll"
            return run_query(wanted["query"], self._org, all_rows=all_rows, bulk=True, now=self._org.clock())
        except SoqlError as error:
            raise Refusal(error.code, str(error)) from None

    def _proceed(self, job: Job) -> None:
        """Go one step on. The query is run when the job is, not when it was asked for."""
        if job.state in DONE:
            return
        faults = self._org.faults
        job.polls += 1
        job.changed_at = self._org.clock()
        if job.polls <= faults.bulk_polls:
            job.state = "InProgress"
        elif faults.bulk_aborts:
            job.state = "Aborted"
        elif faults.bulk_fails:
            job.state, job.error = "Failed", "InternalServerError : Error encountered when executing the query"
        else:
            try:
                result = self._results[job.id] = self._ask(job.wanted)
            except Refusal as refusal:
                job.state, job.error = "Failed", f"{refusal.code}: {refusal}"
                return
            job.state, job.processed = "JobComplete", len(result.rows)


def _render_locator(start: int) -> str:
    return urlsafe_b64encode(json.dumps([start]).encode()).decode().rstrip("=")


def _read_locator(text: str) -> int:
    try:
        return int(json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))[0])
    except (ValueError, LookupError, TypeError):
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator") from None


def _whole_number(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise Refusal("API_ERROR", f"maxRecords must be a positive number: {text}")
    return int(text)
