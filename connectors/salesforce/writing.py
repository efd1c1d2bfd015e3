"""Deploys our Lead fields, writes priorities to them, and lists Leads by them."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import ListedLead, SetupStep, WriteOutcome
from connectors.errors import InvalidRequestError, UnavailableError
from connectors.priority import PRIORITY_FIELDS, Priority
from connectors.salesforce.package import build_package
from connectors.salesforce.reading import Reader
from connectors.salesforce.schema import PERMISSION_SET, field_name
from connectors.salesforce.soql import text_literal
from connectors.salesforce.transport import Transport
from connectors.times import render_time

_BATCH_ROWS = 200  # Salesforce's limit for sObject collections
# Without Auto-Assign FALSE an update may run the org's assignment rule and give the lead to another rep.
_WRITE_HEADERS = {"Sforce-Auto-Assign": "FALSE", "Sforce-Duplicate-Rule-Header": "allowSave=true"}
_RETRYABLE = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"}
_DEPLOY_TIMEOUT_SECONDS = 600.0
_NAMES = {field.name: field_name(field) for field in PRIORITY_FIELDS}


class Writer:
    """Writes our fields and nothing else: the names come from `PRIORITY_FIELDS`, never from a caller."""

    def __init__(self, transport: Transport, reader: Reader) -> None:
        self._transport = transport
        self._reader = reader

    def setup(self, *, check_only: bool) -> list[SetupStep]:
        """Deploy the package and assign its permission set where a field cannot be seen yet."""
        visible = self._reader.describe_lead(fresh=True)
        steps = [SetupStep(f"field Lead.{name}", name in visible) for name in _NAMES.values()]
        if not check_only and not all(step.exists for step in steps):
            self._deploy()
            self._assign_permission_set()
            self._reader.describe_lead(fresh=True)
        return steps

    def _deploy(self) -> None:
        options = {
            "checkOnly": False,
            "rollbackOnError": True,
            "singlePackage": True,
            "ignoreWarnings": False,
            "allowMissingFiles": False,
            "testLevel": "NoTestRun",
        }
        files = {
            "json": (None, json.dumps({"deployOptions": options}), "application/json"),
            "file": ("callfirst.zip", build_package(), "application/zip"),
        }
        # The client sends every request as JSON unless its content type is taken away.
        reply = self._transport.rest("POST", "metadata/deployRequest", files=files, headers={"Content-Type": None})
        deadline = time.monotonic() + _DEPLOY_TIMEOUT_SECONDS
        while not reply["deployResult"]["done"]:
            if time.monotonic() > deadline:
                raise UnavailableError("Salesforce: the deployment did not end within 10 minutes")
            time.sleep(0.5)
            reply = self._transport.rest("GET", f"metadata/deployRequest/{reply['id']}?includeDetails=true")
        result = reply["deployResult"]
        if result["status"] != "Succeeded":
            problems = [
                f"{failure['fullName']}: {failure['problem']}"
                for failure in result.get("details", {}).get("componentFailures", ())
            ]
            raise InvalidRequestError(f"Salesforce: deployment {result['status']}: {'; '.join(problems)}")

    def _assign_permission_set(self) -> None:
        found = self._transport.query_rows(f"SELECT Id FROM PermissionSet WHERE Name = {text_literal(PERMISSION_SET)}")
        permission_set = found[0]["Id"]
        assigned = self._transport.query_rows(
            "SELECT Id FROM PermissionSetAssignment"
            f" WHERE AssigneeId = {text_literal(self._transport.user_id)}"
            f" AND PermissionSetId = {text_literal(permission_set)}"
        )
        if not assigned:
            body = {"AssigneeId": self._transport.user_id, "PermissionSetId": permission_set}
            self._transport.rest("POST", "sobjects/PermissionSetAssignment", json=body)

    def write(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Write in batches; see `Connector.write_priorities`."""
        return [
            outcome
            for start in range(0, len(priorities), _BATCH_ROWS)
            for outcome in self._write_batch(priorities[start : start + _BATCH_ROWS])
        ]

    def _write_batch(self, priorities: Sequence[Priority]) -> Iterator[WriteOutcome]:
        body = {
            "allOrNone": False,
            "records": [
                {"attributes": {"type": "Lead"}, "id": priority.lead_id, **render_fields(priority)}
                for priority in priorities
            ],
        }
        results = self._transport.rest("PATCH", "composite/sobjects", json=body, headers=_WRITE_HEADERS)
        # Results come by position: a failure carries no id.
        for priority, result in zip(priorities, results, strict=True):
            if result["success"]:
                yield WriteOutcome(priority.lead_id, written=True)
                continue
            codes = [error["statusCode"] for error in result["errors"]]
            names = sorted({name for error in result["errors"] for name in error.get("fields", ())})
            yield WriteOutcome(
                priority.lead_id,
                written=False,
                detail=" ".join([*codes, *names]),
                retryable=bool(codes) and set(codes) <= _RETRYABLE,
            )

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Ask Salesforce for a stage's Leads, sorted by our rank."""
        rows = self._transport.query_rows(
            f"SELECT Id, Name, Company, {', '.join(_NAMES.values())} FROM Lead"
            f" WHERE Status = {text_literal(stage)} AND IsConverted = false AND {_NAMES['rank']} != null"
            f" ORDER BY {_NAMES['rank']} ASC NULLS LAST"
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


def _listed(row: dict[str, Any], stage: str) -> ListedLead:
    return ListedLead(
        lead_id=row["Id"],
        name=", ".join(filter(None, (row["Name"], row["Company"]))),
        stage=stage,
        band=row[_NAMES["band"]] or "",
        score=float(row[_NAMES["score"]] or 0),
        rank=int(row[_NAMES["rank"]]),
        call_order=int(row[_NAMES["call_order"]] or 0),
        reason=row[_NAMES["reason"]] or "",
    )
