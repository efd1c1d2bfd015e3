"""Deploying metadata over REST: a package is taken, looked at for a while, and put in place as a whole.

How refusals are coded and worded here is not confirmed.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
"""

import json
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.ids import find_id, make_id
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.org import USER_ID, SalesforceOrg
from connectors.sandbox.salesforce.package import Package, Problem, read_package
from connectors.sandbox.salesforce.values import render_value

_DONE = ("Succeeded", "Failed", "Canceled", "SucceededPartial")


@dataclass
class _Deployment:
    """One package on its way into the org."""

    id: str
    options: dict[str, Any]
    content: bytes
    started_at: Any
    polls: int = 0
    status: str = "Pending"
    package: Package | None = None


class DeployCalls:
    """The handlers of deployments."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._deployments: dict[str, _Deployment] = {}

    def start(self, call: Call) -> Reply:
        described = call.form.get("json") or call.form.get("entity_content")
        content = call.form.get("file")
        if described is None or content is None:
            raise Refusal("MISSING_ARGUMENT", "A part with the deploy options and a part 'file' are required")
        try:
            options = json.loads(described)["deployOptions"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise Refusal("JSON_PARSER_ERROR", "deployOptions cannot be read at [line:1, column:1]") from None
        id_ = make_id("0Af", len(self._deployments) + 1)
        deployment = self._deployments[id_] = _Deployment(id_, options, content, self._org.clock())
        result = self._render(deployment, details=False)
        return Reply(
            {"id": id_, "deployOptions": options, "deployResult": result, "url": f"{call.data}{call_path(id_)}"}, 201
        )

    def status(self, call: Call) -> Reply:
        details = call.query.get("includeDetails", "false").lower() == "true"
        result = self.proceed(call.params["id"], details=details)
        return Reply({"id": result["id"], "deployResult": result})

    def proceed(self, id_: str, *, details: bool) -> dict[str, Any]:
        """Go one step on with a deployment and return how far it is.

        Raises:
            Refusal: There is no such deployment.
        """
        deployment = self._find(id_)
        self._proceed(deployment)
        return self._render(deployment, details=details)

    def cancel(self, call: Call) -> Reply:
        deployment = self._find(call.params["id"])
        if call.read_object().get("deployResult", {}).get("status") != "Canceling":
            raise Refusal("INVALID_OPERATION", "Only the status Canceling can be set")
        if deployment.status not in _DONE:
            deployment.status = "Canceled"
        return Reply({"id": deployment.id, "deployResult": self._render(deployment, details=False)}, 202)

    def _find(self, id_: str) -> _Deployment:
        found = self._deployments.get(find_id(id_) or "")
        if found is None:
            raise not_found()
        return found

    def _proceed(self, deployment: _Deployment) -> None:
        """Go one step on: a deployment is asked after several times before it is done."""
        if deployment.status in _DONE:
            return
        deployment.polls += 1
        if deployment.polls <= self._org.faults.deploy_polls:
            deployment.status = "InProgress"
            return
        package = deployment.package = read_package(deployment.content, self._org)
        if self._org.faults.deploy_fails:
            package.problems.append(Problem("", "", "", self._org.faults.deploy_problem))
        partial = not deployment.options.get("rollbackOnError", True)
        deployment.status = "Succeeded"
        if package.problems:
            deployment.status = (
                "SucceededPartial" if partial and len(package.problems) < len(package.names) else "Failed"
            )
        if deployment.status != "Failed" and not deployment.options.get("checkOnly"):
            put_in_place(self._org, package)

    def _render(self, deployment: _Deployment, *, details: bool) -> dict[str, Any]:
        package = deployment.package or Package()
        done = deployment.status in _DONE
        failed = len({(problem.type, problem.name) for problem in package.problems})
        deployed = len(package.names) - failed if deployment.status.startswith("Succeeded") else 0
        result: dict[str, Any] = {
            "id": deployment.id,
            "success": deployment.status == "Succeeded",
            "done": done,
            "status": deployment.status,
            "checkOnly": bool(deployment.options.get("checkOnly")),
            "rollbackOnError": bool(deployment.options.get("rollbackOnError", True)),
            "ignoreWarnings": bool(deployment.options.get("ignoreWarnings")),
            "numberComponentsDeployed": deployed,
            "numberComponentsTotal": len(package.names),
            "numberComponentErrors": failed,
            "numberTestsCompleted": 0,
            "numberTestsTotal": 0,
            "numberTestErrors": 0,
            "createdBy": USER_ID,
            "createdDate": render_value(deployment.started_at),
            "startDate": render_value(deployment.started_at) if deployment.status != "Pending" else None,
            "completedDate": render_value(self._org.clock()) if done else None,
        }
        if details:
            successes = [_render_success(kind, name, file) for (kind, name), file in package.names.items()]
            result["details"] = {
                "componentFailures": [_render_problem(problem) for problem in package.problems],
                "componentSuccesses": successes if result["success"] else [],
                "runTestResult": {"numTestsRun": 0, "numFailures": 0},
            }
        return result


def put_in_place(org: SalesforceOrg, package: Package) -> None:
    """Take a package's components into the org; what is there already is changed."""
    wrong = {(problem.type, problem.name) for problem in package.problems}
    for (sobject, _), definition in package.fields.items():
        org.add_field(sobject, definition)
    for (sobject, name), label in package.views.items():
        values = {"SobjectType": sobject, "DeveloperName": name, "Name": label}
        _keep_one(org, "ListView", values, ("SobjectType", "DeveloperName"))
    for name, grants in package.grants.items():
        if ("PermissionSet", name) in wrong:
            continue
        set_ = _keep_one(org, "PermissionSet", {"Name": name, "Label": package.labels[name]}, ("Name",))
        for full, editable in grants.items():
            values = {"ParentId": set_["Id"], "SobjectType": full.partition(".")[0], "Field": full}
            access = {"PermissionsRead": True, "PermissionsEdit": editable}
            _keep_one(org, "FieldPermissions", values | access, ("ParentId", "Field"))
    org.metadata |= package.files
    for kind, name in package.removed:
        _remove(org, kind, name)
        for file in [file for file in org.metadata if file.partition("/")[2].partition(".")[0] == name]:
            del org.metadata[file]
    org.forget_schema()


def _remove(org: SalesforceOrg, kind: str, name: str) -> None:
    """Take a component that has records, or is a field, out of the org; what is not there is passed over."""
    parent, _, part = name.partition(".")
    match kind:
        case "CustomField" if parent in org.objects and part.endswith("__c"):
            if part in org.objects[parent].fields:
                org.remove_field(parent, part)
            sobject, wanted = "FieldPermissions", {"Field": name}
        case "PermissionSet":
            sobject, wanted = "PermissionSet", {"Name": name}
        case "ListView":
            sobject, wanted = "ListView", {"SobjectType": parent, "DeveloperName": part}
        case _:
            return
    for row in [row for row in org.tables[sobject].values() if wanted.items() <= row.items()]:
        org.delete(sobject, row["Id"], by=USER_ID)


def _keep_one(org: SalesforceOrg, sobject: str, values: dict[str, Any], keys: tuple[str, ...]) -> Row:
    for row in org.tables[sobject].values():
        if all(row.get(key) == values[key] for key in keys):
            return org.update(sobject, row["Id"], values, by=USER_ID)
    return org.insert(sobject, values, by=USER_ID)


def call_path(id_: str) -> str:
    """Return where a deployment can be asked after."""
    return f"/metadata/deployRequest/{id_}"


def _render_problem(problem: Problem) -> dict[str, Any]:
    return {
        "changed": False,
        "columnNumber": 1,
        "componentType": problem.type,
        "created": False,
        "deleted": False,
        "fileName": problem.file,
        "fullName": problem.name,
        "lineNumber": problem.line,
        "problem": problem.text,
        "problemType": "Error",
        "success": False,
        "warning": False,
    }


def _render_success(kind: str, name: str, file: str) -> dict[str, Any]:
    return {"componentType": kind, "fileName": file, "fullName": name, "changed": True, "success": True}
