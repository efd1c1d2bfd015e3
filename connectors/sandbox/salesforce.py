"""A Salesforce org on loopback: its REST API as far as Callfirst uses it.

Shapes, status codes and restrictions follow Salesforce's documentation and recorded replies. Queries are parsed by a
grammar and refused as Salesforce refuses them.
"""

import base64
import binascii
import io
import itertools
import json
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from connectors.sandbox.faults import Faults
from connectors.sandbox.salesforce_records import (
    NOT_FILTERABLE,
    USER_ID,
    CustomField,
    SalesforceRecords,
    SalesforceRefusal,
    render_field,
)
from connectors.sandbox.soql import Query, Row, SoqlError, evaluate, parse_soql, paths_of

CLIENT_ID = CLIENT_SECRET = "sandbox"
_ORG_ID = "00D000000000001EAA"
_SESSION = f"{_ORG_ID}!sandbox"
_DATA = "/services/data/v64.0"
_PAGE_ROWS = 2_000
_LONG_TEXT_PAGE_ROWS = 1_000  # recorded: a long text in the select list halves the page
_OPEN_LOCATORS = 10
_MAX_COLLECTION = 200
_DAILY_REQUESTS = 15_000
_METADATA = "{http://soap.sforce.com/2006/04/metadata}"
_FIELD_TYPES = {
    "Picklist": "picklist",
    "Number": "double",
    "DateTime": "datetime",
    "LongTextArea": "textarea",
    "Text": "string",
}
_REQUIRED = {"Lead": ("LastName", "Company"), "ContentDocumentLink": ("ContentDocumentId", "LinkedEntityId")}

_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def build_app(records: SalesforceRecords, faults: Faults) -> Starlette:
    """Return the org as an ASGI application."""
    org = _Org(records, faults)
    sobject = f"{_DATA}/sobjects/{{sobject}}"
    return Starlette(
        routes=[
            Route("/services/oauth2/token", org.token, methods=["POST"]),
            Route(f"{_DATA}/query/{{locator}}", org.guard(org.query_more), methods=["GET"]),
            Route(f"{_DATA}/query", org.guard(org.query), methods=["GET"]),
            Route(f"{_DATA}/query/", org.guard(org.query), methods=["GET"]),
            Route(f"{_DATA}/composite/sobjects", org.guard(org.update_collection), methods=["PATCH"]),
            Route(f"{_DATA}/metadata/deployRequest", org.guard(org.deploy), methods=["POST"]),
            Route(f"{_DATA}/metadata/deployRequest/{{id}}", org.guard(org.deploy_status), methods=["GET"]),
            Route(f"{sobject}/describe", org.guard(org.describe), methods=["GET"]),
            Route(f"{sobject}/{{id}}/VersionData", org.guard(org.version_data), methods=["GET"]),
            Route(f"{sobject}/{{id}}", org.guard(org.update), methods=["PATCH"]),
            Route(sobject, org.guard(org.create), methods=["POST"]),
            Route(f"{sobject}/", org.guard(org.create), methods=["POST"]),
        ]
    )


class _Org:
    """The handlers. They run on one event loop, so the tables need no lock."""

    def __init__(self, records: SalesforceRecords, faults: Faults) -> None:
        self._records = records
        self._faults = faults
        self._locators: dict[str, tuple[Query, list[Row]]] = {}
        self._deploys: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def guard(self, handler: _Handler) -> _Handler:
        """Answer as Salesforce's gateway does before a request reaches the org, and count it against the quota."""

        async def guarded(request: Request) -> Response:
            fault = self._faults.next_fault()
            if fault is not None:
                return HTMLResponse("<html><body>Service temporarily unavailable</body></html>", 503)
            if request.headers.get("authorization") != f"Bearer {_SESSION}":
                return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
            try:
                reply = await handler(request)
            except SoqlError as error:
                reply = _error(400, error.code, str(error))
            except SalesforceRefusal as error:
                reply = _error(400, error.code, str(error), error.fields)
            except json.JSONDecodeError:
                reply = _error(400, "JSON_PARSER_ERROR", "Unexpected character")
            used = min(self._faults.requests, _DAILY_REQUESTS)
            reply.headers["Sforce-Limit-Info"] = f"api-usage={used}/{_DAILY_REQUESTS}"
            return reply

        return guarded

    async def token(self, request: Request) -> Response:
        form = await request.form()
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            client = base64.b64decode(given).decode()
        except (binascii.Error, UnicodeDecodeError):
            client = ""
        if form.get("grant_type") != "client_credentials":
            return _token_error("unsupported_grant_type", "grant type not supported")
        if scheme.lower() != "basic" or client != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return _token_error("invalid_client", "invalid client credentials")
        return JSONResponse(
            {
                "access_token": _SESSION,
                "signature": "c2FuZGJveA==",
                "instance_url": str(request.base_url).rstrip("/"),
                "id": f"https://login.salesforce.com/id/{_ORG_ID}/{USER_ID}",
                "token_type": "Bearer",
                "issued_at": str(int(self._records.clock().timestamp() * 1000)),
            }
        )

    async def query(self, request: Request) -> Response:
        query = parse_soql(request.query_params.get("q", ""))
        self._check(query)
        table = self._records.tables[query.sobject].values()
        rows = evaluate(query, [row for row in table if not row.get("IsDeleted")], self._read)
        if not query.paths:
            return JSONResponse({"totalSize": len(rows), "done": True, "records": []})
        return self._page(query, rows, 0, f"0r8{next(self._numbers):012d}AAA")

    async def query_more(self, request: Request) -> Response:
        locator, _, start = request.path_params["locator"].rpartition("-")
        if locator not in self._locators:
            return _error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        query, rows = self._locators[locator]
        return self._page(query, rows, int(start), locator)

    def _page(self, query: Query, rows: list[Row], start: int, locator: str) -> Response:
        types = self._records.fields(query.sobject)
        long_text = any(types.get(path) in NOT_FILTERABLE for path in query.paths)
        end = start + (_LONG_TEXT_PAGE_ROWS if long_text else _PAGE_ROWS)
        body: dict[str, Any] = {
            "totalSize": len(rows),
            "done": end >= len(rows),
            "records": [self._render(query, row) for row in rows[start:end]],
        }
        if end < len(rows):
            self._locators[locator] = (query, rows)
            while len(self._locators) > _OPEN_LOCATORS:
                del self._locators[next(iter(self._locators))]
            body["nextRecordsUrl"] = f"{_DATA}/query/{locator}-{end}"
        return JSONResponse(body)

    def _check(self, query: Query) -> None:
        """Refuse what Salesforce refuses although it parses."""
        types = self._records.fields(query.sobject)
        filters = paths_of(query.condition)
        for path in (*query.paths, *(path for path, _ in filters), *(sort.path for sort in query.sorts)):
            if "." in path:
                self._check_parent(query.sobject, path)
            elif path not in types:
                raise SoqlError(
                    "INVALID_FIELD",
                    f"\nERROR at Row:1:Column:8\nNo such column '{path}' on entity '{query.sobject}'. If you are"
                    " attempting to use a custom field, be sure to append the '__c' after the custom field name.",
                )
        for path, _ in filters:
            if types.get(path) in NOT_FILTERABLE:
                raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"field '{path}' can not be filtered in a query call")
        if query.offset > 2_000:
            raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        if query.sobject == "ContentDocumentLink" and not any(
            path in ("ContentDocumentId", "LinkedEntityId") and sign in ("=", "IN") for path, sign in filters
        ):
            raise SoqlError(
                "MALFORMED_QUERY",
                "Implementation restriction: ContentDocumentLink requires a filter by a single Id on"
                " ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN"
                " operator.",
            )

    def _check_parent(self, sobject: str, path: str) -> None:
        parent, _, name = path.partition(".")
        known = {"Who": {"Type", "Id", "Name"}, "Lead": set(self._records.fields("Lead"))}
        if name not in known.get(parent, ()) or f"{parent}Id" not in self._records.fields(sobject):
            raise SoqlError("INVALID_FIELD", f"\nDidn't understand relationship '{parent}' in field path '{path}'.")

    def _read(self, row: Row, path: str) -> Any:
        """Return a row's value at a path; parents are Leads here."""
        if "." not in path:
            return row.get(path)
        parent, _, name = path.partition(".")
        if name == "Type":
            return "Lead" if str(row.get(f"{parent}Id") or "").startswith("00Q") else None
        return self._records.tables["Lead"].get(row[f"{parent}Id"], {}).get(name)

    def _render(self, query: Query, row: Row) -> dict[str, Any]:
        read = self._read
        types = self._records.fields(query.sobject)
        url = f"{_DATA}/sobjects/{query.sobject}/{row['Id']}"
        body: dict[str, Any] = {"attributes": {"type": query.sobject, "url": url}}
        for path in query.paths:
            parent, _, name = path.rpartition(".")
            if parent:
                body.setdefault(parent, {"attributes": {"type": "Lead"}})
                body[parent][name] = render_field(read(row, path), "datetime")
            else:
                body[path] = render_field(read(row, path), types[path])
        return body

    async def describe(self, request: Request) -> Response:
        sobject = request.path_params["sobject"]
        fields = [
            {
                "name": name,
                "label": name,
                "type": type_,
                "custom": name.endswith("__c"),
                "filterable": type_ not in NOT_FILTERABLE,
                "updateable": name not in ("Id", "CreatedDate", "SystemModstamp"),
            }
            for name, type_ in self._records.fields(sobject).items()
        ]
        return JSONResponse({"name": sobject, "queryable": True, "fields": fields})

    async def version_data(self, request: Request) -> Response:
        body = self._records.bodies.get(request.path_params["id"])
        if body is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        return Response(body, media_type="application/octet-stream")

    async def create(self, request: Request) -> Response:
        sobject = request.path_params["sobject"]
        values = await request.json()
        if sobject == "ContentNote":
            try:
                content = base64.b64decode(values["Content"])
            except (binascii.Error, KeyError) as error:
                raise SalesforceRefusal("INVALID_BASE64_TYPE", "Content: value not of required type") from error
            version = self._records.add_note(values["Title"], content)
            return JSONResponse({"id": version["ContentDocumentId"], "success": True, "errors": []}, 201)
        self._records.check_values(sobject, values)
        missing = tuple(name for name in _REQUIRED.get(sobject, ()) if not values.get(name))
        if missing:
            raise SalesforceRefusal(
                "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing
            )
        row = self._records.insert(sobject, values)
        if sobject == "PermissionSetAssignment":
            self._records.assign_permission_set(values["PermissionSetId"])
        return JSONResponse({"id": row["Id"], "success": True, "errors": []}, 201)

    async def update(self, request: Request) -> Response:
        if request.path_params["sobject"] != "Lead":
            return _error(405, "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed.")
        auto_assign = request.headers.get("Sforce-Auto-Assign", "TRUE").upper() != "FALSE"
        self._records.update_lead(request.path_params["id"], await request.json(), auto_assign=auto_assign)
        return Response(status_code=204)

    async def update_collection(self, request: Request) -> Response:
        body = await request.json()
        rows: Sequence[Mapping[str, Any]] = body.get("records") or []
        if not rows:
            return _error(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
        if len(rows) > _MAX_COLLECTION:
            return _error(400, "EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached: {_MAX_COLLECTION}")
        auto_assign = request.headers.get("Sforce-Auto-Assign", "TRUE").upper() != "FALSE"
        results: list[dict[str, Any]] = []
        for row in rows:
            values = {name: value for name, value in row.items() if name not in ("attributes", "id")}
            try:
                self._records.update_lead(str(row["id"]), values, auto_assign=auto_assign)
                results.append({"id": row["id"], "success": True, "errors": []})
            except SalesforceRefusal as error:
                fault = {"statusCode": error.code, "message": str(error), "fields": list(error.fields)}
                results.append({"success": False, "errors": [fault]})
        return JSONResponse(results)

    async def deploy(self, request: Request) -> Response:
        form = await request.form()
        upload, options = form["file"], form.get("json") or form.get("entity_content")
        content = await upload.read() if not isinstance(upload, str) else b""
        check_only = json.loads(str(options))["deployOptions"]["checkOnly"]
        id_ = f"0Af{next(self._numbers):012d}AAA"
        problems = self._deploy(content, check_only=check_only)
        self._deploys[id_] = {
            "id": id_,
            "success": not problems,
            "checkOnly": check_only,
            "status": "Failed" if problems else "Succeeded",
            "done": True,
            "numberComponentErrors": len(problems),
            "details": {"componentFailures": problems},
        }
        pending = {"id": id_, "success": False, "checkOnly": check_only, "status": "Pending", "done": False}
        return JSONResponse({"id": id_, "deployResult": pending}, 201)

    async def deploy_status(self, request: Request) -> Response:
        result = self._deploys.get(request.path_params["id"])
        if result is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        return JSONResponse({"id": result["id"], "deployResult": result})

    def _deploy(self, package: bytes, *, check_only: bool) -> list[dict[str, str]]:
        """Take the package's Lead fields and permission sets; return what is wrong with them."""
        problems: list[dict[str, str]] = []
        fields: dict[str, CustomField] = {}
        grants: dict[str, set[str]] = {}
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            for name in archive.namelist():
                root = defusedxml.ElementTree.fromstring(archive.read(name), forbid_dtd=True)
                if name == "objects/Lead.object":
                    for node in root.iter(f"{_METADATA}fields"):
                        full_name, type_ = _text(node, "fullName"), _text(node, "type")
                        if type_ not in _FIELD_TYPES or not full_name.endswith("__c"):
                            problems.append({"fullName": f"Lead.{full_name}", "problem": f"Invalid type: {type_}"})
                            continue
                        choices = tuple(_text(value, "fullName") for value in node.iter(f"{_METADATA}value"))
                        fields[full_name] = CustomField(_FIELD_TYPES[type_], _text(node, "label"), choices)
                elif name.startswith("permissionsets/"):
                    granted = {_text(node, "field") for node in root.iter(f"{_METADATA}fieldPermissions")}
                    permission_set = name.removeprefix("permissionsets/").removesuffix(".permissionset")
                    grants[permission_set] = {field.removeprefix("Lead.") for field in granted}
        if problems or check_only:
            return problems
        for field_name, definition in fields.items():
            known = self._records.custom_fields.setdefault(field_name, definition)
            known.choices = definition.choices
            for lead in self._records.tables["Lead"].values():
                lead.setdefault(field_name, None)
        for permission_set, names in grants.items():
            self._records.permission_fields[permission_set] = names
            present = {row["Name"] for row in self._records.tables["PermissionSet"].values()}
            if permission_set not in present:
                self._records.insert("PermissionSet", {"Name": permission_set, "Label": permission_set})
        return []


def _text(node: Element, tag: str) -> str:
    return node.findtext(f"{_METADATA}{tag}") or ""


def _error(status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> Response:
    body: dict[str, Any] = {"message": message, "errorCode": code}
    return JSONResponse([body | ({"fields": list(fields)} if fields else {})], status)


def _token_error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400)
