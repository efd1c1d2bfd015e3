"""Replies that real HubSpot portals gave, and how to provoke the same from a sandbox one."""

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects
from tests.recordings import RECORDED

_AMP = RECORDED / "amp-labs/hubspot"
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SERVED = re.compile(r"^/crm/v3/objects/(COMPANY|CONTACT)/(search|batch/(create|update|archive))$")


@dataclass
class Portal:
    """A fresh portal, its misbehaviour, and the ids that recorded records have in it."""

    objects: HubSpotObjects = field(default_factory=lambda: HubSpotObjects([("NEW", "New")], lambda: _NOW))
    faults: HubSpotFaults = field(default_factory=HubSpotFaults)
    ids: dict[str, str] = field(default_factory=dict)

    def define(self, type_: str, names: Iterable[str]) -> None:
        """Give the portal the custom properties that the recorded one had."""
        group = next(iter(self.objects.groups[type_]))
        for name in names:
            if name not in self.objects.properties[type_]:
                wanted = {"name": name, "label": name, "groupName": group, "type": "string", "fieldType": "text"}
                self.objects.define(wanted, type_)

    def hold(self, type_: str, id_: str, properties: Mapping[str, str | None], *, source: str = "CRM_UI") -> None:
        """Give the portal a record that the recorded one had."""
        known = self.objects.properties[type_]
        values = {name: value for name, value in properties.items() if name in known and not known[name].read_only}
        self.ids[id_] = self.objects.create(type_, values, source=source).id

    def translate(self, value: Any) -> Any:
        """Return a request with this portal's ids in place of the recorded ones."""
        if isinstance(value, dict):
            return {key: self.translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        return self.ids.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Interaction:
    """A recorded request and its reply. `headers` is None where they were not recorded."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    reply: Any
    headers: frozenset[str] | None
    prepare: Callable[[Portal], None]


def iter_interactions() -> Iterator[Interaction]:
    """Yield what was recorded of calls that the sandbox serves."""
    yield from _iter_grouparoo()
    yield from _iter_amp_labs()


def count_not_served() -> dict[str, int]:
    """Return how many recorded interactions have no endpoint in the sandbox, by method and path."""
    counts: dict[str, int] = {}
    for item in _grouparoo():
        if not _SERVED.match(_place(item)):
            name = f"{item['method']} {re.sub(r'[0-9]{2,}|[^/]+@[^/]+', '*', _place(item))}"
            counts[name] = counts.get(name, 0) + 1
    used = {item.name.removeprefix("amp-labs ") for item in _iter_amp_labs()} | _REQUESTS
    for path in sorted(_AMP.rglob("*.json")):
        name = str(path.relative_to(_AMP))
        if name not in used:
            counts[f"amp-labs {name}"] = 1
    return counts


@cache
def _grouparoo() -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress((RECORDED / "grouparoo_hubspot.json.gz").read_bytes()))
    return found


def _place(item: Mapping[str, Any]) -> str:
    return str(item["path"]).partition("?")[0]


def _iter_grouparoo() -> Iterator[Interaction]:
    for number, item in enumerate(_grouparoo()):
        found = _SERVED.match(_place(item))
        if not found:
            continue
        type_ = {"COMPANY": "companies", "CONTACT": "contacts"}[found.group(1)]
        name = f"grouparoo {type_} {found.group(2)} {item['status']} #{number}"
        prepare = _prepared(type_, found.group(2), item)
        headers = frozenset(header for header in map(str.lower, item["response_headers"]) if is_compared(header))
        reply = item["response_body"] or None
        body = item["request_body"]
        yield Interaction(name, item["method"], item["path"], body, item["status"], reply, headers, prepare)


def _prepared(type_: str, action: str, item: Mapping[str, Any]) -> Callable[[Portal], None]:
    body, reply = item["request_body"], item["response_body"] or {}

    def prepare(portal: Portal) -> None:
        portal.define(type_, {name for row in reply.get("results", ()) for name in row["properties"]})
        for wanted in body.get("inputs", ()):
            portal.define(type_, wanted.get("properties", ()))
        if item["status"] == 429:
            portal.faults.rate_limited, portal.faults.search_limit = True, 0
        elif action == "search":
            for row in reply["results"]:
                portal.hold(type_, row["id"], row["properties"])
        elif action in ("batch/update", "batch/archive"):
            before = {row["id"]: row["properties"] for row in reply.get("results", ())}
            for wanted in body["inputs"]:
                portal.hold(type_, wanted["id"], before.get(wanted["id"], {}))

    return prepare


def is_compared(header: str) -> bool:
    """Say whether a header is HubSpot's, rather than its front door's."""
    return header == "content-type" or header.startswith("x-hubspot-")


def _load(name: str) -> Any:
    return json.loads((_AMP / name).read_text())


# Recorded requests, which belong to a reply or have none.
_REQUESTS = {
    "test/read-via-search/contacts-payload.json",
    "test/custom/create/1-payload-create-property-group.json",
    "test/custom/create/3-payload-batch-create-properties.json",
    "test/custom/update/2-payload-batch-create-properties.json",
    "test/custom/update/4-payload-update-property-age.json",
    "test/custom/update/6-payload-update-property-interests.json",
    "test/read/objects-api/contacts-req-payload-since.json",
    "test/read/objects-api/contacts-req-payload-since-until.json",
    "test/read/objects-api/contacts-req-payload-until.json",
}
_SEARCHED = ["company", "email", "firstname", "lastname", "phone", "website"]
_SINCE = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "2020-05-05T23:10:00Z"}
_TRACED = {"objectWriteTraceId": "0"}
_TIED = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]


def _iter_amp_labs() -> Iterator[Interaction]:
    """Yield the fixtures of amp-labs/connectors; of a reply without its request the request is a guess."""
    if not _AMP.is_dir():
        return
    contacts = "/crm/v3/objects/contacts"

    def one(
        name: str,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        prepare: Callable[[Portal], None] = lambda _: None,
    ) -> Interaction:
        return Interaction(f"amp-labs test/{name}", method, path, body, status, _load(f"test/{name}"), None, prepare)

    yield one("metadata-deals-external-pipelines.json", "GET", "/crm/v3/pipelines/deals")
    yield one("metadata-contacts-external-pipelines.json", "GET", "/crm/v3/pipelines/contacts")
    yield one("metadata-deals-properties-sampled.json", "GET", "/crm/v3/properties/deals")
    yield one("metadata-contacts-properties-sampled.json", "GET", "/crm/v3/properties/contacts", None, 200, _customised)
    yield one("post-auth/account-info.json", "GET", "/account-info/v3/details")
    yield one("search/error-invalid-object.json", "POST", "/crm/v3/objects/butterflies/search", {"limit": 1}, 400)
    yield one("metadata-err-schemas-scope.json", "GET", contacts, None, 403, _without_scope)

    wanted = {"filterGroups": [{"filters": [_SINCE]}], "properties": _SEARCHED, "limit": "1"}
    yield one("read-via-search/contacts-response.json", "POST", f"{contacts}/search", wanted, 200, _holding(1))
    yield one("search/contacts/1-first-page.json", "POST", f"{contacts}/search", wanted, 200, _holding(3))
    second = wanted | {"after": "1"}
    yield one("search/contacts/2-second-page.json", "POST", f"{contacts}/search", second, 200, _holding(2))
    listing = f"{contacts}?limit=2&properties=email"
    yield one("read/objects-api/contacts-response.json", "GET", listing, None, 200, _holding(5))
    names = ["email", "firstname", "lastname"]
    reading = {"inputs": [{"id": "p1"}, {"id": "p2"}], "properties": names}
    batch_read = f"{contacts}/batch/read"
    yield one("read/objects-api/contacts-batch.json", "POST", batch_read, reading, 200, _holding(2))

    ties = "/crm/v4/associations/contacts/companies/batch/"
    pair: dict[str, Any] = {"inputs": [{"id": "p1"}, {"id": "p2"}]}
    yield one("search/contacts/contacts-to-companies.json", "POST", f"{ties}read", pair, 207, _tied)
    made = {"inputs": [{"from": {"id": "p1"}, "to": {"id": "company"}, "types": _TIED}]}
    folder = "internal/associations/test/"
    yield Interaction(
        f"amp-labs {folder}contact-to-company-resp.json",
        "POST",
        f"{ties}create",
        made,
        201,
        _load(f"{folder}contact-to-company-resp.json"),
        None,
        _tied,
    )
    selves = [{"from": {"id": "p1"}, "to": {"id": id_}, "types": [_TIED[0]]} for id_ in ("unknown_id_123456798",)]
    yield Interaction(
        f"amp-labs {folder}err-contact-to-contact.json",
        "POST",
        f"{ties}create",
        {"inputs": selves},
        207,
        _load(f"{folder}err-contact-to-contact.json"),
        None,
        _tied,
    )

    yield one("read-lists-1-first-page.json", "POST", "/crm/v3/lists/search", {"count": 2}, 200, _with_lists)
    yield one("read-lists-2-second-page.json", "POST", "/crm/v3/lists/search", {"offset": 2}, 200, _with_lists)

    properties, groups = "/crm/v3/properties/contacts", "/crm/v3/properties/contacts/groups"
    grouping = _load("test/custom/create/1-payload-create-property-group.json")
    creating = _load("test/custom/create/3-payload-batch-create-properties.json")
    again = _load("test/custom/update/2-payload-batch-create-properties.json")

    def grouped(portal: Portal) -> None:
        portal.objects.groups["contacts"][grouping["name"]] = grouping["label"]

    def defined(portal: Portal) -> None:
        grouped(portal)
        for wanted in again["inputs"]:
            if wanted["name"] in ("age__c", "interests__c"):
                portal.objects.define(wanted)

    yield one("custom/create/2-response-create-property-group.json", "POST", groups, grouping, 201)
    response = "custom/create/4-response-batch-create-properties.json"
    yield one(response, "POST", f"{properties}/batch/create", creating, 201, grouped)
    yield one("custom/update/1-read-property-group.json", "GET", f"{groups}/{grouping['name']}", None, 200, grouped)
    response = "custom/update/3-response-batch-create-properties.json"
    yield one(response, "POST", f"{properties}/batch/create", again, 207, defined)
    for number, name in ((5, "age"), (7, "interests")):
        wanted = _load(f"test/custom/update/{number - 1}-payload-update-property-{name}.json")
        response = f"custom/update/{number}-response-update-property-{name}.json"
        yield one(response, "PATCH", f"{properties}/{name}__c", wanted, 200, defined)

    update, create = f"{contacts}/batch/update", f"{contacts}/batch/create"
    renamed = {"firstname": "Siena (updated)", "lastname": "Dyer (updated)"}
    good = [{"id": id_, "properties": renamed} for id_ in ("p1", "p2")]
    wrong = {"first000name": "A", "last000name": "B"}
    bad = [{"id": id_, "properties": wrong} for id_ in ("p1", "p2")]
    lost = {"id": "unknownIdentifier888", "properties": renamed}
    where = "batch/update/contacts"
    yield one(f"{where}/success.json", "POST", update, {"inputs": good}, 200, _written)
    yield one(f"{where}/err-partial-success.json", "POST", update, {"inputs": [good[0], lost]}, 207, _written)
    yield one(f"{where}/err-duplicate-ids.json", "POST", update, {"inputs": [good[0]] * 2}, 400, _written)
    yield one(f"{where}/err-many-invalid-properties.json", "POST", update, {"inputs": bad}, 400, _written)
    lily, siena = (
        {"properties": {"email": f"{first}@hubspot.com", "firstname": first, "lastname": "S"}}
        for first in ("lily", "siena")
    )
    taken = {"properties": {"email": "p1@example.com", "firstname": "P"}}
    where = "batch/create/contacts"
    yield one(f"{where}/success.json", "POST", create, {"inputs": [lily, siena]}, 201)
    traced = {"inputs": [taken | _TRACED, siena | {"objectWriteTraceId": "1"}]}
    yield one(f"{where}/err-partial-success.json", "POST", create, traced, 207, _holding(2))
    yield one(f"{where}/err-conflict.json", "POST", create, {"inputs": [taken, siena]}, 409, _holding(2))
    wrongs = {"inputs": [{"properties": wrong}] * 2}
    yield one(f"{where}/err-many-invalid-properties.json", "POST", create, wrongs, 400)


def recorded_requests() -> Iterator[tuple[str, Any]]:
    """Yield searches of which only the request was recorded."""
    for name in sorted(_REQUESTS):
        if "req-payload" in name or "contacts-payload" in name:
            yield name, _load(name)


def _holding(count: int) -> Callable[[Portal], None]:
    """Return what gives a portal contacts 1, 2 and so on; a lone one without a name."""

    def prepare(portal: Portal) -> None:
        for number in range(1, count + 1):
            values: dict[str, str | None] = {"email": f"p{number}@example.com"}
            values |= {"firstname": "P", "lastname": "Q"} if count > 1 else {}
            values |= {"phone": "9199767082"} if number == 2 else {}
            portal.hold("contacts", f"p{number}", values)

    return prepare


def _written(portal: Portal) -> None:
    for id_ in ("p1", "p2"):
        portal.hold("contacts", id_, {"firstname": "Siena", "lastname": "Dyer"}, source="INTEGRATION")


def _tied(portal: Portal) -> None:
    _holding(2)(portal)
    portal.hold("companies", "company", {"name": "C"})
    portal.objects.associate("contacts", portal.ids["p1"], "companies", portal.ids["company"], 1)


def _customised(portal: Portal) -> None:
    portal.define("contacts", ["custom"])


def _without_scope(portal: Portal) -> None:
    portal.faults.missing = frozenset({"crm.objects.contacts.read"})


def _with_lists(portal: Portal) -> None:
    for number in range(3):
        made = {"listId": str(number), "listVersion": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
        made |= {"updatedAt": made["createdAt"], "filtersUpdatedAt": made["createdAt"]}
        made |= {"processingStatus": "COMPLETE", "createdById": "1", "updatedById": "1"}
        made |= {"processingType": "MANUAL", "objectTypeId": "0-1", "name": f"List {number}"}
        portal.objects.lists[str(number)] = made
