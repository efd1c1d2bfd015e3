"""Writes priorities to our own fields, and lists leads by them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.base import ListedLead, WriteOutcome
from connectors.errors import InvalidRequestError, SchemaError, UnavailableError
from connectors.priority import PRIORITY_FIELDS, Priority, shows
from connectors.salesforce.schema import LeadObject, field_name
from connectors.salesforce.soql import chunks, list_literal, text_literal
from connectors.salesforce.transport import Transport
from connectors.times import render_time

BATCH_ROWS = 200  # Salesforce's limit for sObject collections
# Without Auto-Assign FALSE an update may run the org's assignment rule and give the lead to another rep.
# https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_autoassign.htm
_HEADERS = {"Sforce-Auto-Assign": "FALSE", "Sforce-Duplicate-Rule-Header": "allowSave=true"}
_PASSING = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"}
# The one refusal whose message an administrator has written: it says what to do, and quotes no lead.
_VALIDATION = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
_NAMES = {field.name: field_name(field) for field in PRIORITY_FIELDS}


class Writer:
    """Writes our fields and nothing else."""

    def __init__(self, transport: Transport, lead: LeadObject) -> None:
        self._transport = transport
        self._lead = lead

    def write(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Write in batches; see `Connector.write_priorities`. Of two values for one lead the later one is written."""
        outcomes = self._write_all({priority.lead_id: render_fields(priority) for priority in priorities})
        return [outcomes[priority.lead_id] for priority in priorities]

    def _write_all(self, values: Mapping[str, Mapping[str, Any]]) -> dict[str, WriteOutcome]:
        """Write fields by lead id. A name that is not ours is refused before anything is sent."""
        foreign = sorted({name for fields in values.values() for name in fields} - set(_NAMES.values()))
        if foreign:
            raise InvalidRequestError(
                f"Salesforce: {', '.join(foreign)} is not a field of Callfirst's; nothing was sent"
            )
        # In the order of the ids, so that writers who meet wait for each other rather than both in vain.
        ids = sorted(values)
        outcomes: dict[str, WriteOutcome] = {}
        for start in range(0, len(ids), BATCH_ROWS):
            outcomes |= self._write_batch({id_: values[id_] for id_ in ids[start : start + BATCH_ROWS]})
        return outcomes

    def _write_batch(self, values: Mapping[str, Mapping[str, Any]]) -> dict[str, WriteOutcome]:
        """Write one batch; what is locked by somebody is written again, and nothing else of it.

        A call that was not answered may have been heard: before it is repeated, what it has done is looked for.
        """
        outcomes: dict[str, WriteOutcome] = {}
        left = dict(values)
        in_doubt = False

        def write_what_is_left() -> None:
            nonlocal in_doubt
            if in_doubt:
                with suppress(InvalidRequestError, SchemaError):  # what is wrong the write itself is told
                    for id_ in self._list_shown(left, repeats=False):
                        outcomes[id_] = WriteOutcome(id_, written=True)
                        del left[id_]
                in_doubt = False
            if not left:
                return
            try:
                answered = self._send(left)
            except UnavailableError:
                in_doubt = True
                raise
            for outcome in answered:
                outcomes[outcome.lead_id] = outcome
                if not outcome.retryable:
                    del left[outcome.lead_id]
            if left:
                raise UnavailableError(f"Salesforce: PATCH composite/sobjects: {len(left)} rows are locked")

        try:
            self._transport.retry.run(write_what_is_left)
        except SchemaError as error:  # our field is not there: no part of the batch will do better
            return outcomes | {id_: WriteOutcome(id_, written=False, detail=str(error)) for id_ in left}
        except UnavailableError:
            if in_doubt:
                raise
            # Those that stayed locked say so.
        return outcomes

    def _send(self, values: Mapping[str, Mapping[str, Any]]) -> list[WriteOutcome]:
        body = {
            "allOrNone": False,
            "records": [{"attributes": {"type": self._lead.name}, "id": id_, **row} for id_, row in values.items()],
        }
        results = self._transport.rest("PATCH", "composite/sobjects", repeats=False, json=body, headers=_HEADERS)
        # Results come by position: a failure carries no id.
        return [_outcome(id_, result) for id_, result in zip(values, results, strict=True)]

    def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
        """Read our fields of these leads; see `Connector.list_shown`."""
        wanted = {priority.lead_id: render_fields(priority) for priority in priorities}
        shown: set[str] = set()
        for ids in chunks(wanted):
            shown |= self._list_shown({id_: wanted[id_] for id_ in ids})
        return shown

    def _list_shown(self, wanted: Mapping[str, Mapping[str, Any]], *, repeats: bool = True) -> set[str]:
        """Return which leads of one batch show these fields; what a short page leaves out is written once more."""
        soql = f"SELECT Id, {', '.join(_NAMES.values())} FROM {self._lead.name} WHERE Id IN {list_literal(wanted)}"
        rows = self._transport.query(soql, repeats=repeats)["records"]
        return {row["Id"] for row in rows if row["Id"] in wanted and shows(row, wanted[row["Id"]], _NAMES)}

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Ask Salesforce for a stage's leads, sorted by our rank."""
        company = "Company" if self._lead.name == "Lead" else "Account.Name"
        rows = self._transport.query_rows(
            f"SELECT Id, Name, {company}, {', '.join(_NAMES.values())} FROM {self._lead.name}"
            f" WHERE {self._lead.stage} = {text_literal(stage)} AND {self._lead.open_filter}"
            f" AND {_NAMES['rank']} != null ORDER BY {_NAMES['rank']} ASC NULLS LAST"
        )
        return [_listed(row, stage) for row in rows]


def render_fields(priority: Priority) -> dict[str, Any]:
    """Return a priority as Salesforce's field values."""
    return {
        _NAMES["band"]: priority.band.value,
        _NAMES["score"]: round(priority.score, 1),
        _NAMES["rank"]: priority.rank,
        _NAMES["call_order"]: priority.call_order,
        _NAMES["reason"]: priority.reason,
        _NAMES["ranked_at"]: render_time(priority.ranked_at),
        _NAMES["status"]: priority.status.value,
        _NAMES["model_version"]: priority.model_version,
    }


def _outcome(id_: str, result: Mapping[str, Any]) -> WriteOutcome:
    if result["success"]:
        return WriteOutcome(id_, written=True)
    errors = result["errors"]
    codes = [str(error["statusCode"]) for error in errors]
    names = sorted({str(name) for error in errors for name in error.get("fields") or ()})
    said = [str(error.get("message", "")) for error in errors if error["statusCode"] == _VALIDATION]
    # "No such column" is what an unknown field of ours is answered with, record by record.
    unknown = [str(error.get("message", "")) for error in errors if error["statusCode"] == "INVALID_FIELD"]
    detail = " ".join(["Salesforce:", *codes, *names, *said, *unknown])
    return WriteOutcome(id_, written=False, detail=detail, retryable=bool(codes) and set(codes) <= _PASSING)


def _listed(row: Mapping[str, Any], stage: str) -> ListedLead:
    company = row["Company"] if "Company" in row else (row.get("Account") or {}).get("Name")
    return ListedLead(
        lead_id=row["Id"],
        name=", ".join(filter(None, (row["Name"], company))),
        stage=stage,
        band=row[_NAMES["band"]] or "",
        score=float(row[_NAMES["score"]] or 0),
        rank=int(row[_NAMES["rank"]]),
        call_order=int(row[_NAMES["call_order"]] or 0),
        reason=row[_NAMES["reason"]] or "",
    )
