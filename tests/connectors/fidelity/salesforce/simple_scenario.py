"""The scenario of `node/scenario.mjs`, done with simple-salesforce."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

_HEADERS = {"Sforce-Auto-Assign": "FALSE"}


class _ToLoopback(HTTPAdapter):
    """Leads every address to the sandbox: the client spells all of them with https."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._place = urlsplit(url)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # passed through whole
        address = urlsplit(str(request.url))
        request.url = urlunsplit(address._replace(scheme=self._place.scheme, netloc=self._place.netloc))
        return super().send(request, **kwargs)


class Scenario:
    """One client, and the plan that it follows."""

    def __init__(self, url: str, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._http = requests.Session()
        self._http.mount("https://", _ToLoopback(url))
        keys: dict[str, Any] = {"consumer_key": plan["clientId"], "consumer_secret": plan["clientSecret"]}
        self._api: Any = Salesforce(**keys, domain="acme.my", session=self._http, version=plan["version"])

    def run(self) -> dict[str, Any]:
        """Return what the client saw, in the order in which it did it."""
        api, plan = self._api, self._plan
        return {
            "organization": self._organization(),
            "pages": self._pages(),
            "all": api.query_all(plan["listing"])["records"],
            "allowed": api.api_usage["api-usage"].total,
            "tree": self._rows(plan["tree"]),
            "grouped": self._rows(plan["grouped"]),
            "counted": api.query(plan["counted"])["totalSize"],
            "one": api.Lead.get(plan["ids"][0]),
            "some": self._some(),
            "global": api.describe(),
            "described": api.Lead.describe(),
            "written": self._write(),
            "writtenOne": self._write_one(),
            "withDeleted": api.query(plan["withDeleted"], include_deleted=True)["records"],
            "changes": self._changes(),
            "refusals": self._refusals(),
            "bulk": self._bulk(),
            "setup": self._set_up(),
        }

    def _organization(self) -> str:
        return str(self._rows("SELECT Id FROM Organization")[0]["Id"])

    def _rows(self, soql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.query(soql)["records"]
        return found

    def _pages(self) -> list[list[Any]]:
        seen, page = [], self._api.query(self._plan["listing"])
        while True:
            following = page.get("nextRecordsUrl")
            name = re.sub(r"[^/]*(?=-)", "*", following, count=1) if following else None
            seen.append([page["totalSize"], len(page["records"]), page["done"], name])
            if following is None:
                return seen
            page = self._api.query_more(following, identifier_is_url=True)

    def _some(self) -> Any:
        fields = [field["name"] for field in self._api.Lead.describe()["fields"]]
        body = {"ids": self._plan["ids"], "fields": fields}
        return self._api.restful("composite/sobjects/Lead", method="POST", json=body)

    def _write(self) -> dict[str, Any]:
        plan = self._plan
        made = self._collection("POST", [_record(values) for values in plan["made"]])
        ids = [outcome["id"] for outcome in made]
        changes = [_record({"id": id_, **plan["change"], "Title": f"T{number}"}) for number, id_ in enumerate(ids)]
        pair = [{**changes[0], **plan["mistake"]}, changes[1]]
        return {
            "made": made,
            "partly": self._collection("PATCH", pair),
            "whole": self._collection("PATCH", pair, all_or_none=True),
            "updated": self._collection("PATCH", changes),
            "tooMany": _refused(lambda: self._collection("PATCH", [*changes, changes[0]])),
            "none": _refused(lambda: self._collection("PATCH", [])),
            "destroyed": self._destroy(ids[:3]),
            "again": self._destroy(ids[:2]),
        }

    def _collection(self, method: str, records: list[dict[str, Any]], *, all_or_none: bool = False) -> Any:
        body = {"allOrNone": all_or_none, "records": records}
        return self._api.restful("composite/sobjects", method=method, json=body, headers=_headers(self._api))

    def _destroy(self, ids: list[str]) -> Any:
        return self._api.restful("composite/sobjects", params={"ids": ",".join(ids)}, method="DELETE")

    def _write_one(self) -> dict[str, Any]:
        leads = self._api.Lead
        made = leads.create(self._plan["made"][0], headers=_HEADERS)
        leads.update(made["id"], {"Title": "CTO"}, headers=_HEADERS)
        title = leads.get(made["id"])["Title"]
        leads.delete(made["id"])
        return {
            "made": made,
            "title": title,
            "gone": _refused(lambda: leads.get(made["id"])),
            "goneUpdate": _refused(lambda: leads.update(made["id"], {"Title": "CEO"}, headers=_HEADERS)),
        }

    def _changes(self) -> dict[str, Any]:
        start, end = (datetime.fromisoformat(self._plan[name]) for name in ("start", "end"))
        updated, deleted = self._api.Lead.updated(start, end), self._api.Lead.deleted(start, end)
        return {"updated": updated["ids"], "deleted": deleted["deletedRecords"]}

    def _refusals(self) -> dict[str, Any]:
        api, plan = self._api, self._plan
        leads, made = api.Lead, plan["made"][0]
        seen = {name: _refused(lambda soql=soql: api.query(soql)) for name, soql in plan["refusedQueries"].items()}  # type: ignore[misc]
        stranger = Salesforce(session_id="nobody's", instance_url="https://acme.my.salesforce.com", session=self._http)
        return {
            **seen,
            "session": _refused(lambda: stranger.query("SELECT Id FROM Lead")),
            "locator": _refused(lambda: api.query_more(plan["lostLocator"], identifier_is_url=True)),
            "unknownId": _refused(lambda: leads.get(plan["unknownId"])),
            "unknownField": _refused(lambda: leads.create({**made, "Nonsense": 1})),
            "readOnlyField": _refused(lambda: leads.create({**made, "IsDeleted": True})),
            "missingField": _refused(lambda: leads.create({"Company": "C"})),
            "unknownObject": _refused(lambda: api.Nonsense.describe()),
            "method": _refused(lambda: api.restful("limits", method="POST", json={})),
            "resource": _refused(lambda: api.restful("nonsense")),
        }

    def _bulk(self) -> dict[str, Any]:
        plan, leads = self._plan, self._api.bulk2.Lead
        found = [row for text in leads.query(plan["bulkQuery"], wait=0.02) for row in _parse_csv(text)]
        refused = _refused(lambda: list(leads.query(plan["refusedBulkQuery"], wait=0.02)))

        def load(operation: str, rows: list[dict[str, Any]]) -> list[list[dict[str, str]]]:
            (done,) = getattr(leads, operation)(records=rows, wait=0.02)
            texts = [
                getattr(leads, f"get_{kind}_records")(done["job_id"])
                for kind in ("successful", "failed", "unprocessed")
            ]
            return [_parse_csv(text) for text in texts]

        inserted = load("insert", plan["bulkRows"])
        ids = [row["sf__Id"] for row in inserted[0]]
        changes = [{"Id": id_, "Title": 'Bulk, "quoted"'} for id_ in ids]
        updated = load("update", [*changes, {"Id": plan["unknownId"], "Title": "Nobody"}])
        deleted = load("delete", [{"Id": id_} for id_ in ids])
        return {
            "found": found,
            "refusedQuery": refused,
            "inserted": inserted,
            "updated": updated,
            "deleted": deleted,
        }

    def _deploy(self, package: str, options: dict[str, Any]) -> Any:
        api = self._api
        parts: Any = {
            "json": (None, json.dumps({"deployOptions": options}), "application/json"),
            "file": ("package.zip", base64.b64decode(package), "application/zip"),
        }
        # The client's own `deploy` speaks SOAP, and its `restful` cannot send a form.
        session = {"Authorization": f"Bearer {api.session_id}"}
        reply = self._http.post(f"{api.base_url}metadata/deployRequest", files=parts, headers=session)
        reply.raise_for_status()
        while True:
            status = api.restful(f"metadata/deployRequest/{reply.json()['id']}", params={"includeDetails": "true"})
            if status["deployResult"]["done"]:
                return status["deployResult"]

    def _set_up(self) -> dict[str, Any]:
        api, plan = self._api, self._plan
        options = {"rollbackOnError": True, "singlePackage": True}
        checked = self._deploy(plan["package"], {**options, "checkOnly": True})
        broken = self._deploy(plan["brokenPackage"], options)
        deployed = self._deploy(plan["package"], options)
        (set_,) = self._rows(plan["permissionSet"])
        hidden = len(api.Lead.describe()["fields"])
        assignment = {"AssigneeId": plan["user"], "PermissionSetId": set_["Id"]}
        api.PermissionSetAssignment.create(assignment)
        again = _refused(lambda: api.PermissionSetAssignment.create(assignment))
        shown = len(api.Lead.describe()["fields"])
        return {
            "checked": checked,
            "broken": broken,
            "deployed": deployed,
            "again": again,
            "hidden": hidden,
            "shown": shown,
        }


def _headers(api: Any) -> dict[str, str]:
    return {**api.headers, **_HEADERS}


def _record(values: dict[str, Any]) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, **values}


def _refused(call: Callable[[], Any]) -> list[Any]:
    """Return the code, the message and the fields that a call is refused with."""
    try:
        call()
    except SalesforceError as error:
        content: Any = error.content
        first = content[0] if isinstance(content, list) else json.loads(content)[0]
        return [first["errorCode"], first["message"], first.get("fields", [])]
    raise AssertionError("the org took what it must refuse")


def _parse_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
