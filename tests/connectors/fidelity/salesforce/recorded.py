"""Replies that real Salesforce orgs gave, and how to provoke the same from a sandbox one."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from connectors.sandbox.salesforce import SalesforceFaults, SalesforceOrg
from connectors.sandbox.salesforce.org import USER_ID
from connectors.sandbox.salesforce.schema import Field
from tests.recordings import RECORDED

_AMP = RECORDED / "amp-labs/salesforce"
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# The sandbox serves no version as old as that of the recordings of 2022.
_OLD, _SERVED = "/services/data/v42.0/", "/services/data/v50.0/"
_DATA = "/services/data/v60.0"
# What the API says, rather than its front door.
COMPARED_HEADERS = frozenset({"content-type", "last-modified", "location", "sforce-limit-info"})
_NOT_IMITATED = {"Topic", "Campaign"}


@dataclass
class Org:
    """A fresh org, its misbehaviour, and the ids that recorded records have in it."""

    records: SalesforceOrg = field(default_factory=lambda: SalesforceOrg(lambda: _NOW))
    faults: SalesforceFaults = field(default_factory=SalesforceFaults)
    ids: dict[str, str] = field(default_factory=dict)

    def define(self, sobject: str, name: str, type_: str = "string", **more: Any) -> None:
        """Give the org a custom field that the recorded one had."""
        definition = Field(name, type_, custom=True, **{"length": 255, "label": name, **more})
        self.records.add_field(sobject, definition, visible=True)

    def hold(self, sobject: str, id_: str, values: Mapping[str, Any]) -> None:
        """Give the org a record that the recorded one had."""
        known = self.records.objects[sobject].fields
        wanted = {name: value for name, value in values.items() if name in known and known[name].createable}
        row = self.records.insert(sobject, {name: value for name, value in wanted.items() if value is not None})
        self.ids[id_] = str(row["Id"])

    def translate(self, value: Any) -> Any:
        """Return a request with this org's ids in place of the recorded ones."""
        if isinstance(value, dict):
            return {key: self.translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\b[0-9a-zA-Z]{18}\b", lambda found: self.ids.get(found[0], found[0]), value)


Prepare = Callable[[Org], None]


def _nothing(_: Org) -> None:
    """Leave a fresh org as it is."""


@dataclass(frozen=True)
class Interaction:
    """A recorded request and its reply. `headers` is None where they were not recorded.

    `before` are requests, each with its method, path and body, that lead up to it; `{id}` in a path is the id in the
    last reply. `text` marks a reply that is no JSON.
    """

    name: str
    method: str
    path: str
    body: Any
    status: int
    reply: Any
    headers: frozenset[str] | None = None
    prepare: Prepare = _nothing
    before: tuple[tuple[str, str, Any], ...] = ()
    text: bool = False


def iter_interactions() -> Iterator[Interaction]:
    """Yield what was recorded of calls that the sandbox serves."""
    for number, item in enumerate(_grouparoo()):
        if _reason_not_served(item) is None:
            yield _interaction(number, item)
    yield from _iter_amp_labs()


# Grouparoo's recordings ----------------------------------------------------------------------------------------------


@cache
def _grouparoo() -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress((RECORDED / "grouparoo_salesforce.json.gz").read_bytes()))
    return found


def recorded_describes() -> dict[str, dict[str, Any]]:
    """Return the recorded descriptions of objects that the sandbox has."""
    paths = {item["path"].split("/")[-2]: item for item in _grouparoo() if item["path"].endswith("/describe")}
    known = SalesforceOrg(lambda: _NOW).objects
    return {name: item["response_body"] for name, item in paths.items() if name in known}


def _reason_not_served(item: Mapping[str, Any]) -> str | None:
    sobject = str(item["path"]).split("/")[5] if "/sobjects/" in item["path"] else ""
    if sobject in _NOT_IMITATED and item["path"].endswith("/describe"):
        return f"{sobject} is not imitated"
    return None


def _interaction(number: int, item: Mapping[str, Any]) -> Interaction:
    path, body, reply = str(item["path"]).replace(_OLD, _SERVED), item["request_body"], item["response_body"]
    action = path.removeprefix(_SERVED)
    parts = action.split("/")
    prepare: Prepare = _nothing
    if action == "query":
        # What was asked is not in the recording; nothing was found.
        path += "?q=SELECT+Id+FROM+Account+WHERE+AccountNumber+%3D+%27nobody%27"
    elif action == "composite/sobjects" and item["method"] == "DELETE":
        path += "?ids=" + ",".join(outcome["id"] for outcome in reply)
        prepare = _holding([outcome["id"] for outcome in reply])
    elif action == "composite/sobjects":
        prepare = _writable(body["records"])
    elif parts[0] == "sobjects" and len(parts) == 3 and parts[2] != "describe":
        prepare = _readable(parts[1], parts[2], reply) if item["status"] == 200 else _nothing
    elif parts[0] == "sobjects" and parts[1] in _NOT_IMITATED:
        # An Account needs a name only, as these two do, which are not imitated.
        path = path.replace(parts[1], "Account")
    elif parts[-1] == "describe":
        prepare = _described(parts[1], reply)
    headers = frozenset(map(str.lower, item["response_headers"])) & COMPARED_HEADERS
    where = re.sub(r"[0-9a-zA-Z]{18}", "*", action)
    name = f"grouparoo {item['method']} {where} {item['status']} #{number}"
    return Interaction(name, item["method"], path, body, item["status"], reply, headers, prepare)


def _holding(ids: Sequence[str]) -> Prepare:
    types = {"001": "Account", "003": "Contact", "00Q": "Lead"}

    def prepare(org: Org) -> None:
        for id_ in ids:
            org.hold(types[id_[:3]], id_, {"Name": "A", "LastName": "L", "Company": "C"})

    return prepare


def _writable(records: Sequence[Mapping[str, Any]]) -> Prepare:
    """Return what gives the org the custom fields of a request, and the records that it changes."""

    def prepare(org: Org) -> None:
        for record in records:
            sobject = record["attributes"]["type"]
            for item in recorded_describes()[sobject]["fields"]:
                if item["custom"] and item["name"] in record:
                    _define(org, sobject, item)
            for name in ("id", "AccountId"):
                if name in record and record[name] not in org.ids:
                    _holding([record[name]])(org)

    return prepare


def _readable(sobject: str, id_: str, reply: Mapping[str, Any]) -> Prepare:
    def prepare(org: Org) -> None:
        for item in recorded_describes()[sobject]["fields"]:
            if item["custom"] and item["name"] in reply:
                _define(org, sobject, item)
        org.hold(sobject, id_, reply)

    return prepare


def _described(sobject: str, reply: Mapping[str, Any]) -> Prepare:
    def prepare(org: Org) -> None:
        for item in reply["fields"]:
            if item["custom"]:
                _define(org, sobject, item)

    return prepare


def _define(org: Org, sobject: str, item: Mapping[str, Any]) -> None:
    numbers = {name: item[name] for name in ("label", "length", "precision", "scale")}
    choices = tuple(choice["value"] for choice in item["picklistValues"])
    boolean = {"nillable": False, "default": False} if item["type"] == "boolean" else {}
    org.define(sobject, item["name"], item["type"], choices=choices, **numbers, **boolean)


# Ampersand's fixtures ------------------------------------------------------------------------------------------------


def _load(name: str) -> Any:
    text = (_AMP / name).read_text()
    return json.loads(text) if name.endswith(".json") else text


def _iter_amp_labs() -> Iterator[Interaction]:
    """Yield the fixtures of amp-labs/connectors; of a reply without its request the request is a guess."""
    if not _AMP.is_dir():
        return

    def one(name: str, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Interaction:
        return Interaction(f"amp-labs {name}", method, f"{_DATA}/{path}", body, status, _load(f"test/{name}"), **more)

    def query(name: str, soql: str, prepare: Prepare = _nothing, status: int = 200) -> Interaction:
        return one(name, "GET", f"query?q={soql}", None, status, prepare=prepare)

    collection = "composite/sobjects"
    made, changed = (_load(f"test/batch/{verb}/contacts/payload.json") for verb in ("create", "update"))
    people = _holding([record["id"] for record in changed["records"]])
    first, second = changed["records"]
    nameless = {name: value for name, value in made["records"][0].items() if name != "LastName"}
    unnamed = [{name: value for name, value in record.items() if name != "id"} for record in changed["records"]]
    unknown = {"id": second["id"], "attributes": second["attributes"], "unknownField_LastName": "Blevins"}
    where = "batch/create/contacts"
    yield one(f"{where}/success.json", "POST", collection, made)
    whole = {"allOrNone": True, "records": [nameless, made["records"][1]]}
    yield one(f"{where}/partial-but-allOrNone.json", "POST", collection, whole)
    yield one(f"{where}/err-bad-request.json", "POST", collection, {"allOrNone": False, "records": []}, 400)
    where = "batch/update/contacts"
    yield one(f"{where}/success.json", "PATCH", collection, changed, prepare=people)
    whole = {"allOrNone": True, "records": [first, unknown]}
    yield one(f"{where}/partial-but-allOrNone.json", "PATCH", collection, whole, prepare=people)
    yield one(f"{where}/err-each-no-ids.json", "PATCH", collection, {"records": unnamed}, prepare=people)

    yield one("create-ok.json", "POST", "sobjects/Account", {"Name": "A"}, 201)
    yield one("unknown-field.json", "POST", "sobjects/Account", {"Name": "A", "AccountNumer": "1"}, 400)
    lead = "00Qak00000696HFEAY"
    yield one(
        "invalid-field-upsert.json",
        "PATCH",
        f"sobjects/Lead/{lead}",
        {"MasterRecordId": lead},
        400,
        prepare=_holding([lead]),
    )
    gone = "001ak00000OQTieAAH"
    yield one("crm/delete/not-found.json", "DELETE", f"sobjects/Account/{gone}", None, 404, prepare=_deleted(gone))
    yield query("unknown-object.json", "SELECT Id,Name,BillingCity,IsDeleted FROM Accout", status=400)

    deal, roles = _load("test/read-opportunity-with-account.json"), _load("test/read-opportunity-with-contacts.json")
    columns = "Id,Name,AccountId,Amount,StageName"
    yield query("read-opportunity-with-account.json", f"SELECT {columns} FROM Opportunity", _rows(deal))
    children = "(SELECT Id,ContactId,Role FROM OpportunityContactRoles)"
    columns = f"Id,Name,Amount,StageName,{children}"
    yield query("read-opportunity-with-contacts.json", f"SELECT {columns} FROM Opportunity", _with_roles(roles))
    contacts, leads = _load("test/read-list-contacts.json"), _load("test/read-list-leads.json")
    columns = "AccountId,Department,AssistantName,Description"
    yield query("read-list-contacts.json", f"SELECT {columns} FROM Contact", _rows(contacts))
    columns = "Address,City,CleanStatus,FirstName"
    yield query("read-list-leads.json", f"SELECT {columns} FROM Lead", _rows(leads))

    for name, sobject in (("accounts", "Account"), ("organization", "Organization")):
        wanted = {"method": "GET", "url": f"{_DATA}/sobjects/{sobject}/describe", "referenceId": sobject}
        body = {"allOrNone": False, "compositeRequest": [wanted]}
        yield one(f"metadata/read/{name}-sampled.json", "POST", "composite", body)

    set_ = "IntegrationCustomFieldVisibility"
    granted = _permission_set(set_)
    soql = f"SELECT Id,Name FROM PermissionSet WHERE Name='{set_}'"
    yield query("metadata/write/permission-set.json", soql, granted)
    assignment = {"AssigneeId": USER_ID, "PermissionSetId": "0PSak00000M9uBBGAZ"}
    assign = ("POST", f"{_DATA}/sobjects/PermissionSetAssignment", assignment)
    yield one(
        "metadata/write/err-duplicate-permission-assignment.json",
        "POST",
        "sobjects/PermissionSetAssignment",
        assignment,
        400,
        prepare=granted,
        before=(assign,),
    )
    user = _load("test/metadata/write/user-info.json")
    yield Interaction("amp-labs metadata/write/user-info.json", "GET", "/services/oauth2/userinfo", None, 200, user)
    yield from _iter_amp_labs_jobs(one)


def _iter_amp_labs_jobs(one: Callable[..., Interaction]) -> Iterator[Interaction]:
    """Yield the fixtures of Bulk jobs, each led up to as its state needs."""
    asked = {"operation": "query", "query": "SELECT Id FROM Account"}
    yield one("bulk/read-launch-job-account.json", "POST", "jobs/query", asked)
    ingest = f"{_DATA}/jobs/ingest"
    upsert = {"object": "Opportunity", "operation": "upsert", "externalIdFieldName": "external_id__c"}
    delete = {"object": "Opportunity", "operation": "delete"}
    settings = {"contentType": "CSV", "lineEnding": "LF"}
    columns = "Name,StageName,external_id__c,CloseDate"
    good = f"{columns}\nA,Prospecting,e1,2030-01-02\n"
    bad = f"{good}Noemi Miller,GENERATED,external-id-3,2003-04-987654321987654321\n"
    wrong = good.replace("StageName", "StageName_invalid_field_on_purpose")
    closed = {"state": "UploadComplete"}

    def outside(org: Org) -> None:
        org.define("Opportunity", "external_id__c")

    def slow(org: Org) -> None:
        outside(org)
        org.faults.bulk_polls = 2

    def sent(wanted: dict[str, str], rows: str) -> tuple[tuple[str, str, Any], ...]:
        return (("POST", ingest, wanted | settings), ("PUT", f"{ingest}/{{id}}/batches", rows))

    def done(rows: str) -> tuple[tuple[str, str, Any], ...]:
        looks = (("PATCH", f"{ingest}/{{id}}", closed), ("GET", f"{ingest}/{{id}}", None))
        return (*sent(upsert, rows), *looks)

    for folder, wanted in (("write", upsert), ("delete", delete)):
        name = f"bulk/{folder}/launch-job-opportunity.json"
        yield one(name, "POST", "jobs/ingest", wanted | settings, prepare=outside)
        name = f"bulk/{folder}/update-job-opportunity.json"
        yield one(name, "PATCH", "jobs/ingest/{id}", closed, prepare=outside, before=sent(wanted, "Id\n"))
    job = "jobs/ingest/{id}"
    yield one("bulk/info/in-progress.json", "GET", job, prepare=slow, before=done(good)[:3])
    yield one("bulk/info/success.json", "GET", job, prepare=outside, before=done(good))
    yield one("bulk/info/partial-failure.json", "GET", job, prepare=outside, before=done(bad))
    yield one("bulk/info/complete-failure.json", "GET", job, prepare=outside, before=done(wrong))
    results = f"{job}/failedResults"
    before = (*done(bad), ("GET", f"{ingest}/{{id}}", None))
    yield one("bulk/info/partial-failure.csv", "GET", results, prepare=outside, before=before, text=True)


def _deleted(id_: str) -> Prepare:
    def prepare(org: Org) -> None:
        _holding([id_])(org)
        org.records.delete("Account", org.ids[id_])

    return prepare


def _rows(reply: Mapping[str, Any]) -> Prepare:
    """Return what gives the org the records of a recorded page."""

    def prepare(org: Org) -> None:
        for number, row in enumerate(reply["records"]):
            sobject = row["attributes"]["type"]
            plain = {name: value for name, value in row.items() if not isinstance(value, dict)}
            address = row.get("Address") or {}
            parts = {
                "City": "city",
                "Country": "country",
                "State": "state",
                "Street": "street",
                "PostalCode": "postalCode",
            }
            named = {name: address.get(part) for name, part in parts.items()}
            always = {"LastName": f"L{number}", "Company": "C", "CloseDate": _NOW.date(), **named}
            plain["AccountId"] = None  # whose account it is says nothing about the shape
            org.hold(sobject, row["attributes"]["url"].rpartition("/")[2], {**always, **plain})
            if row.get("AccountId"):
                _holding([row["AccountId"]])(org)
                id_ = org.ids[row["attributes"]["url"].rpartition("/")[2]]
                org.records.update(sobject, id_, {"AccountId": org.ids[row["AccountId"]]})

    return prepare


def _with_roles(reply: Mapping[str, Any]) -> Prepare:
    def prepare(org: Org) -> None:
        _rows(reply)(org)
        (deal,) = reply["records"]
        for role in deal["OpportunityContactRoles"]["records"]:
            _holding([role["ContactId"]])(org)
            tie = {"OpportunityId": org.ids[deal["Id"]], "ContactId": org.ids[role["ContactId"]], "Role": role["Role"]}
            org.records.insert("OpportunityContactRole", tie)

    return prepare


def _permission_set(name: str) -> Prepare:
    def prepare(org: Org) -> None:
        row = org.records.insert("PermissionSet", {"Name": name, "Label": name})
        org.ids["0PSak00000M9uBBGAZ"] = row["Id"]

    return prepare


def reasons_not_served() -> dict[str, str]:
    """Return the recordings of calls that the sandbox does not answer, each with the reason."""
    found = {}
    for number, item in enumerate(_grouparoo()):
        reason = _reason_not_served(item)
        if reason is not None:
            found[f"grouparoo {item['method']} {item['path']} #{number}"] = reason
    compared = {item.name.removeprefix("amp-labs ") for item in _iter_amp_labs()}
    for path in sorted(_AMP.rglob("*.*")):
        name = str(path.relative_to(_AMP)).removeprefix("test/")
        if name not in compared:
            found[f"amp-labs {name}"] = next(
                (reason for start, reason in _NOT_SERVED.items() if name.startswith(start)), ""
            )
    return found


# Ampersand's fixtures that are not compared, by their folder or name.
_NOT_SERVED = {
    "internal/crm/metadata/": "SOAP upsertMetadata: we deploy over REST",
    "metadata/delete/": "SOAP deleteMetadata and updateMetadata: we deploy over REST",
    "metadata/write/object15/": "SOAP upsertMetadata: we deploy over REST",
    "metadata/write/read-field-permissions": "SOAP readMetadata: we deploy over REST",
    "metadata/write/write-field-permissions": "SOAP upsertMetadata: we deploy over REST",
    "metadata/read/custom-object-with-custom-fields.json": "custom objects are not imitated",
    "pardot/": "another product, Account Engagement",
    "subscription/": "change data capture: we poll, or take outbound messages",
    "success-with-errors.json": "not recorded but made up by its authors: a success that names errors",
    "batch/create/contacts/payload.json": "a request, sent to get the reply beside it",
    "batch/update/contacts/payload.json": "a request, sent to get the reply beside it",
}
