"""Deploys what we need in an org: fields, permission sets, list view, component, and outbound messages if wanted."""

import json
from dataclasses import replace
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from connectors.base import SetupStep
from connectors.errors import InvalidRequestError, UnavailableError
from connectors.priority import PRIORITY_FIELDS
from connectors.salesforce.fields import Fields
from connectors.salesforce.package import LIST_VIEW, OutboundMessageTarget, build_package
from connectors.salesforce.package.outbound import MESSAGE_OBJECTS, flow_name
from connectors.salesforce.replies import RefusedError
from connectors.salesforce.schema import PERMISSION_SET, LeadObject, field_name
from connectors.salesforce.soql import list_literal, text_literal
from connectors.salesforce.transport import Transport

_PATIENCE_SECONDS = 600
_LONGEST_PAUSE_SECONDS = 5


class Setup:
    """What `callfirst setup` does in one org. A second run finds everything in place.

    With `outbound`, Salesforce is told to tell us of new activities. The flows that do so are deployed as drafts, for
    an administrator to activate; a flow that is active stays so.
    """

    def __init__(
        self, transport: Transport, lead: LeadObject, fields: Fields, outbound: OutboundMessageTarget | None
    ) -> None:
        self._transport = transport
        self._lead = lead
        self._fields = fields
        self._outbound = outbound

    def run(self, *, check_only: bool) -> list[SetupStep]:
        """Deploy and assign what is missing; with `check_only` have Salesforce say whether it would take it.

        Raises:
            InvalidRequestError: Salesforce does not take the package; the message names the component and the problem.
        """
        steps = self._steps()
        if not all(step.exists for step in steps):
            self._deploy(check_only=check_only)
            if not check_only:
                self._assign_permission_set()
                self._fields.describe(self._lead.name, fresh=True)
        return steps

    def _steps(self) -> list[SetupStep]:
        visible = self._fields.describe(self._lead.name, fresh=True)
        steps = [
            SetupStep(f"field {self._lead.name}.{name}", name in visible)
            for name in (field_name(field) for field in PRIORITY_FIELDS)
        ]
        sets = self._transport.query_rows(f"SELECT Id FROM PermissionSet WHERE Name = {text_literal(PERMISSION_SET)}")
        steps.append(SetupStep(f"permission set {PERMISSION_SET}", bool(sets)))
        assigned = bool(sets) and self._is_assigned(sets[0]["Id"])
        steps.append(SetupStep(f"permission set {PERMISSION_SET}, assigned to the integration user", assigned))
        views = self._transport.count(
            f"SELECT COUNT() FROM ListView WHERE SobjectType = {text_literal(self._lead.name)}"
            f" AND DeveloperName = {text_literal(LIST_VIEW)}"
        )
        steps.append(SetupStep(f"list view {self._lead.name}.{LIST_VIEW}", views > 0))
        if self._outbound is not None:
            flows = self._flows()
            for name in map(flow_name, MESSAGE_OBJECTS):
                steps.append(SetupStep(f"flow {name}, with its outbound message", name in flows))
        return steps

    def _flows(self) -> dict[str, bool]:
        """Return our flows that the org has, and whether each of them is active."""
        names = list_literal(map(flow_name, MESSAGE_OBJECTS))
        rows = self._transport.query_rows(f"SELECT ApiName, IsActive FROM FlowDefinitionView WHERE ApiName IN {names}")
        return {row["ApiName"]: bool(row["IsActive"]) for row in rows}

    def _is_assigned(self, permission_set: str) -> bool:
        return bool(
            self._transport.count(
                "SELECT COUNT() FROM PermissionSetAssignment"
                f" WHERE AssigneeId = {text_literal(self._transport.user_id())}"
                f" AND PermissionSetId = {text_literal(permission_set)}"
            )
        )

    def _deploy(self, *, check_only: bool) -> None:
        """Deploy the package in one transaction.

        https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
        """
        options = {
            "checkOnly": check_only,
            "rollbackOnError": True,
            "singlePackage": True,
            "ignoreWarnings": False,
            "allowMissingFiles": False,
            "testLevel": "NoTestRun",
        }
        outbound = self._outbound
        if outbound is not None and any(self._flows().values()):
            outbound = replace(outbound, flow_status="Active")
        files = {
            "json": (None, json.dumps({"deployOptions": options}), "application/json"),
            "file": (
                "callfirst.zip",
                build_package(lead_object=self._lead.name, outbound=outbound),
                "application/zip",
            ),
        }
        # The client sends every request as JSON unless its content type is taken away.
        started = self._transport.rest("POST", "metadata/deployRequest", files=files, headers={"Content-Type": None})
        poll = Retrying(
            retry=retry_if_result(lambda result: not result["done"]),
            wait=wait_exponential(multiplier=0.25, max=_LONGEST_PAUSE_SECONDS),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            sleep=self._transport.retry.sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else {"done": False},
        )
        path = f"metadata/deployRequest/{started['id']}?includeDetails=true"
        result: dict[str, Any] = poll(lambda: self._transport.rest("GET", path)["deployResult"])
        if not result["done"]:
            raise UnavailableError(f"Salesforce: the deployment did not end within {_PATIENCE_SECONDS // 60} minutes")
        if result["status"] != "Succeeded":
            failures = (result.get("details") or {}).get("componentFailures") or ()
            problems = [f"{failure['fullName']}: {failure['problem']}" for failure in failures]
            problems += [str(result["errorMessage"])] if result.get("errorMessage") else []
            text = "; ".join(problems)
            if outbound is not None:  # a problem may quote the address, whose last part is a secret
                text = text.replace(outbound.endpoint_url.get_secret_value(), "the outbound message's address")
            raise InvalidRequestError(f"Salesforce: deployment {result['status']}: {text}")

    def _assign_permission_set(self) -> None:
        found = self._transport.query_rows(f"SELECT Id FROM PermissionSet WHERE Name = {text_literal(PERMISSION_SET)}")
        if not found:
            raise UnavailableError(f"Salesforce: the permission set {PERMISSION_SET} was deployed and is not there yet")
        body = {"AssigneeId": self._transport.user_id(), "PermissionSetId": found[0]["Id"]}
        if self._is_assigned(found[0]["Id"]):
            return
        try:
            self._transport.rest("POST", "sobjects/PermissionSetAssignment", json=body)
        except RefusedError as error:
            if error.code != "DUPLICATE_VALUE":  # another setup was faster
                raise
