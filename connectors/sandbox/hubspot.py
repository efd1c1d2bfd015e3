"""A HubSpot portal on loopback: its CRM API as far as Callfirst uses it.

Shapes, status codes and limits follow HubSpot's documentation and recorded replies. Every request is checked as
HubSpot checks it, so that a connector that works here does not meet its first refusal in production.
"""

import json
import operator as operators
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from connectors.sandbox.faults import Faults
from connectors.sandbox.hubspot_objects import CONTACT_TYPE_IDS, OBJECT_TYPES, HubSpotObjects, Record, comparable
from connectors.times import render_time

TOKEN = "sandbox"
_MAX_LIST_ROWS = 100
_MAX_HISTORY_ROWS = 50
_MAX_SEARCH_ROWS = 200
_MAX_SEARCH_RESULTS = 10_000
_MAX_BATCH = 100
_MAX_SEARCH_BODY = 3_000

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operators.eq,
    "NEQ": operators.ne,
    "LT": operators.lt,
    "LTE": operators.le,
    "GT": operators.gt,
    "GTE": operators.ge,
}

_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def build_app(objects: HubSpotObjects, faults: Faults) -> Starlette:
    """Return the portal as an ASGI application."""
    portal = _Portal(objects, faults)
    base = "/crm/v3/objects/{type}"
    contacts = "/crm/v3/properties/contacts"
    read, write = "crm.objects.contacts.read", "crm.objects.contacts.write"
    return Starlette(
        routes=[
            Route(f"{base}/search", portal.guard(portal.search, read), methods=["POST"]),
            Route(f"{base}/batch/read", portal.guard(portal.batch_read, read), methods=["POST"]),
            Route(f"{base}/batch/update", portal.guard(portal.batch_update, write), methods=["POST"]),
            Route(base, portal.guard(portal.list, read), methods=["GET"]),
            Route(base, portal.guard(portal.create, write), methods=["POST"]),
            Route(f"{base}/{{id}}", portal.guard(portal.get, read), methods=["GET"]),
            Route(f"{base}/{{id}}", portal.guard(portal.update, write), methods=["PATCH"]),
            Route(
                "/crm/v4/associations/{type}/{other}/batch/read",
                portal.guard(portal.associations, read),
                methods=["POST"],
            ),
            Route(contacts, portal.guard(portal.list_properties, "crm.schemas.contacts.read"), methods=["GET"]),
            Route(f"{contacts}/groups", portal.guard(portal.list_groups, "crm.schemas.contacts.read"), methods=["GET"]),
            Route(
                f"{contacts}/groups", portal.guard(portal.create_group, "crm.schemas.contacts.write"), methods=["POST"]
            ),
            Route(
                f"{contacts}/batch/create",
                portal.guard(portal.create_properties, "crm.schemas.contacts.write"),
                methods=["POST"],
            ),
            Route("/crm/v3/owners", portal.guard(portal.list_owners, "crm.objects.owners.read"), methods=["GET"]),
        ]
    )


class _Portal:
    """The handlers. They run on one event loop, so the tables need no lock."""

    def __init__(self, objects: HubSpotObjects, faults: Faults) -> None:
        self._objects = objects
        self._faults = faults

    def guard(self, handler: _Handler, scope: str) -> _Handler:
        """Answer as HubSpot's gateway does before a request reaches the CRM."""

        async def guarded(request: Request) -> Response:
            fault = self._faults.next_fault()
            if fault == "outage":
                return HTMLResponse("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)
            if fault == "throttled":
                return _error(429, "You have reached your secondly limit.", "RATE_LIMITS", policyName="SECONDLY")
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return _error(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
            if scope in self._faults.missing:
                return _error(
                    403,
                    "One or more of the following scopes are required.",
                    "MISSING_SCOPES",
                    context={"requiredGranularScopes": [scope]},
                    links={"scopes": "https://developers.hubspot.com/scopes"},
                )
            type_ = request.path_params.get("type")
            if type_ is not None and type_ not in OBJECT_TYPES:
                return _error(400, f"Unable to infer object type from: {type_}")
            try:
                return await handler(request)
            except json.JSONDecodeError:
                return _error(400, "Invalid input JSON on line 1, column 1", "VALIDATION_ERROR")

        return guarded

    async def list(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        query = request.query_params
        history = _names(query.getlist("propertiesWithHistory"))
        limit = int(query.get("limit", 10))
        allowed = _MAX_HISTORY_ROWS if history else _MAX_LIST_ROWS
        if not 1 <= limit <= allowed:
            return _error(400, f"limit must be between 1 and {allowed}", "VALIDATION_ERROR")
        if query.get("archived", "false").lower() == "true":
            return JSONResponse({"results": []})
        after = int(query.get("after") or 0)
        rows = [record for id_, record in self._objects.records[type_].items() if int(id_) > after][: limit + 1]
        names = _names(query.getlist("properties"))
        others = _names(query.getlist("associations"))
        body: dict[str, Any] = {"results": [self._render(type_, row, names, history, others) for row in rows[:limit]]}
        if len(rows) > limit:
            last = rows[limit - 1].id
            link = f"https://api.hubapi.com/crm/v3/objects/{type_}?limit={limit}&after={last}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return JSONResponse(body)

    async def get(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        record = self._objects.records[type_].get(request.path_params["id"])
        if record is None:
            return _error(404, "resource not found", "OBJECT_NOT_FOUND")
        query = request.query_params
        history = _names(query.getlist("propertiesWithHistory"))
        others = _names(query.getlist("associations"))
        return JSONResponse(self._render(type_, record, _names(query.getlist("properties")), history, others))

    async def create(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        body = await request.json()
        properties = body.get("properties") or {}
        faults = self._objects.find_faults(type_, properties)
        if faults:
            return _invalid(faults)
        contacts = []
        for association in body.get("associations") or ():
            contact = str(association["to"]["id"])
            types = [item["associationTypeId"] for item in association["types"]]
            if contact not in self._objects.records["contacts"] or types != [CONTACT_TYPE_IDS.get(type_)]:
                return _error(400, "One or more associations are not valid", "VALIDATION_ERROR")
            contacts.append(contact)
        record = self._objects.create(type_, properties)
        for contact in contacts:
            self._objects.associate(type_, record.id, contact)
            self._objects.touch("contacts", self._objects.records["contacts"][contact])
        return JSONResponse(self._render(type_, record, list(properties), [], []), 201)

    async def update(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        record = self._objects.records[type_].get(request.path_params["id"])
        if record is None:
            return _error(404, "resource not found", "OBJECT_NOT_FOUND")
        properties = (await request.json()).get("properties") or {}
        faults = self._objects.find_faults(type_, properties)
        if faults:
            return _invalid(faults)
        self._objects.update(type_, record, properties)
        return JSONResponse(self._render(type_, record, list(properties), [], []))

    async def search(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        raw = await request.body()
        body = json.loads(raw)
        groups = body.get("filterGroups") or []
        sorts = body.get("sorts") or []
        limit = int(body.get("limit") or 10)
        after = int(body.get("after") or 0)
        definitions = self._objects.properties[type_]
        filters = [item for group in groups for item in group.get("filters", ())]
        unknown = [item["propertyName"] for item in [*filters, *sorts] if item["propertyName"] not in definitions]
        if len(raw) > _MAX_SEARCH_BODY:
            return _error(400, "Query is too long", "VALIDATION_ERROR")
        if unknown:
            return _error(400, f"There was a problem with the request: unknown property {unknown}", "VALIDATION_ERROR")
        if not 1 <= limit <= _MAX_SEARCH_ROWS or len(groups) > 5 or len(filters) > 18 or len(sorts) > 1:
            return _error(400, "The search exceeds a limit of rows, filters or sorts", "VALIDATION_ERROR")
        if after + limit > _MAX_SEARCH_RESULTS:
            return _error(400, "The total number of results may not exceed 10000", "VALIDATION_ERROR")
        found = [
            record
            for record in self._objects.records[type_].values()
            if not groups
            or any(all(self._matches(type_, record, item) for item in group["filters"]) for group in groups)
        ]
        for sort in sorts:
            name, down = sort["propertyName"], sort.get("direction") == "DESCENDING"
            keyed = [(comparable(definitions[name], record.properties.get(name)), record) for record in found]
            present = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=down)  # type: ignore[arg-type,return-value]  # one property's values are all of one type
            found = [record for _, record in present] + [record for key, record in keyed if key is None]
        page = found[after : after + limit]
        names = list(body.get("properties") or ())
        result: dict[str, Any] = {
            "total": len(found),
            "results": [self._render(type_, record, names, [], []) for record in page],
        }
        if after + limit < len(found):
            result["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(result)

    def _matches(self, type_: str, record: Record, wanted: Mapping[str, Any]) -> bool:
        name, operator = wanted["propertyName"], wanted["operator"]
        definition = self._objects.properties[type_][name]
        value = comparable(definition, record.properties.get(name))
        if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
            return bool((value is not None) == (operator == "HAS_PROPERTY"))
        if value is None:
            return bool(operator == "NEQ")
        if operator in ("IN", "NOT_IN"):
            found = value in [comparable(definition, item) for item in wanted["values"]]
            return bool(found == (operator == "IN"))
        other: Any = comparable(definition, wanted["value"])
        return bool(_COMPARE[operator](value, other))

    async def batch_read(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        body = await request.json()
        ids = [str(item["id"]) for item in body["inputs"]]
        history = list(body.get("propertiesWithHistory") or ())
        if len(ids) > (_MAX_HISTORY_ROWS if history else _MAX_BATCH):
            return _error(400, "The batch holds too many inputs", "VALIDATION_ERROR")
        names = list(body.get("properties") or ())
        table = self._objects.records[type_]
        found = [self._render(type_, table[id_], names, history, []) for id_ in sorted(set(ids)) if id_ in table]
        return self._batch(found, [id_ for id_ in ids if id_ not in table], type_)

    async def batch_update(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        inputs = (await request.json())["inputs"]
        ids = [str(item["id"]) for item in inputs]
        if len(ids) > _MAX_BATCH:
            return _error(400, "The batch holds more than 100 inputs", "VALIDATION_ERROR")
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if twice:
            message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
            return _error(400, message, "VALIDATION_ERROR", context={"ids": twice})
        faults = [fault for item in inputs for fault in self._objects.find_faults(type_, item["properties"])]
        if faults:
            return _invalid(faults)
        table = self._objects.records[type_]
        written = []
        for item in sorted(inputs, key=lambda item: int(item["id"])):
            record = table.get(str(item["id"]))
            if record is not None:
                self._objects.update(type_, record, item["properties"])
                written.append(self._render(type_, record, list(item["properties"]), [], []))
        return self._batch(written, [id_ for id_ in ids if id_ not in table], type_)

    async def associations(self, request: Request) -> Response:
        type_, other = request.path_params["type"], request.path_params["other"]
        inputs = [str(item["id"]) for item in (await request.json())["inputs"]]
        if len(inputs) > _MAX_BATCH:
            return _error(400, "The batch holds more than 100 inputs", "VALIDATION_ERROR")
        results, errors = [], []
        for id_ in inputs:
            targets = self._objects.associated(type_, id_, other)
            label = {"category": "HUBSPOT_DEFINED", "typeId": CONTACT_TYPE_IDS.get(type_, 1), "label": None}
            if targets:
                to = [{"toObjectId": int(target), "associationTypes": [label]} for target in targets]
                results.append({"from": {"id": id_}, "to": to})
            else:
                errors.append(
                    {
                        "status": "error",
                        "category": "OBJECT_NOT_FOUND",
                        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                        "message": f"No {OBJECT_TYPES[other]} is associated with {OBJECT_TYPES[type_]} {id_}.",
                        "context": {"fromObjectId": [id_], "fromObjectType": [OBJECT_TYPES[type_]]},
                    }
                )
        return self._with_errors(results, errors)

    async def list_properties(self, request: Request) -> Response:
        return JSONResponse({"results": [item.render() for item in self._objects.properties["contacts"].values()]})

    async def list_groups(self, request: Request) -> Response:
        return JSONResponse({"results": [_group(*item) for item in self._objects.groups.items()]})

    async def create_group(self, request: Request) -> Response:
        body = await request.json()
        if body["name"] in self._objects.groups:
            return _error(409, f"Property group named '{body['name']}' already exists.", "OBJECT_ALREADY_EXISTS")
        self._objects.groups[body["name"]] = body["label"]
        return JSONResponse(_group(body["name"], body["label"]), 201)

    async def create_properties(self, request: Request) -> Response:
        made, errors = [], []
        for wanted in (await request.json())["inputs"]:
            if wanted["name"] in self._objects.properties["contacts"]:
                message = f"A property named '{wanted['name']}' already exists."
                errors.append({"status": "error", "category": "OBJECT_ALREADY_EXISTS", "message": message})
                continue
            try:
                made.append(self._objects.define(wanted).render())
            except ValueError as error:
                return _error(400, str(error), "VALIDATION_ERROR")
        return self._with_errors(made, errors, done=201)

    async def list_owners(self, request: Request) -> Response:
        return JSONResponse({"results": self._objects.owners})

    def _batch(self, results: Sequence[Mapping[str, Any]], missing: Sequence[str], type_: str) -> Response:
        errors = []
        if missing:
            message = f"Could not get some {OBJECT_TYPES[type_].upper()} objects, they may be deleted or not exist."
            errors.append(
                {
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "message": message + " Check that ids are valid.",
                    "context": {"ids": list(missing)},
                }
            )
        return self._with_errors(results, errors)

    def _with_errors(
        self, results: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]], *, done: int = 200
    ) -> Response:
        now = render_time(self._objects.clock())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return JSONResponse(body, 207 if errors else done)

    def _render(
        self, type_: str, record: Record, names: Sequence[str], history: Sequence[str], others: Sequence[str]
    ) -> dict[str, Any]:
        modified = "lastmodifieddate" if type_ == "contacts" else "hs_lastmodifieddate"
        created = "createdate" if type_ == "contacts" else "hs_createdate"
        # Unknown names are left out without a word; known ones that are unset come back as null.
        known = (*names, *history, created, modified, "hs_object_id")
        body: dict[str, Any] = {
            "id": record.id,
            "properties": {
                name: record.properties.get(name) for name in known if name in self._objects.properties[type_]
            },
            "createdAt": render_time(record.created_at),
            "updatedAt": render_time(record.updated_at),
            "archived": False,
        }
        if history:
            body["propertiesWithHistory"] = {
                name: [
                    {"value": value, "timestamp": render_time(at), "sourceType": "CRM_UI", "sourceId": "userId:1"}
                    for value, at in record.history.get(name, ())
                ]
                for name in history
            }
        associations = {other: self._objects.associated(type_, record.id, other) for other in others}
        if any(associations.values()):
            body["associations"] = {
                other: {"results": [{"id": id_, "type": f"{OBJECT_TYPES[type_]}_to_contact"} for id_ in ids]}
                for other, ids in associations.items()
            }
        return body


def _names(values: Sequence[str]) -> list[str]:
    """Return a query parameter's names: real clients repeat it, others separate by commas."""
    return [name for value in values for name in value.split(",") if name]


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


def _error(status: int, message: str, category: str = "", **more: Any) -> Response:
    body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4())}
    return JSONResponse(body | ({"category": category} if category else {}) | more, status)


def _invalid(faults: Sequence[Mapping[str, Any]]) -> Response:
    listed = [
        {"isValid": False, "message": f["message"], "error": f["code"], "name": f["context"]["propertyName"][0]}
        for f in faults
    ]
    return _error(400, f"Property values were not valid: {json.dumps(listed)}", "VALIDATION_ERROR", errors=list(faults))
