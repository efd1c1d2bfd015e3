"""What stands between the wire and the handlers: faults, sessions, limits, and the shape of every reply."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.deploy_calls import DeployCalls
from connectors.sandbox.salesforce.login import answer_login, answer_token
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.routes import METHODS, Handler, Match, Route, Routes, list_versions
from connectors.sandbox.salesforce.soap_metadata import answer_metadata
from connectors.sandbox.salesforce.soql import SoqlError
from connectors.sandbox.salesforce.tokens import Sessions

_JSON = "application/json;charset=UTF-8"
_NO_CACHE = "no-cache,must-revalidate,max-age=0,no-store,private"
_VERSIONS = "/services/data"
_TOKEN = "/services/oauth2/token"
_SOAP = "/services/Soap/u/"
_SOAP_METADATA = "/services/Soap/m/"
_IDENTITIES = ("/id/", "/services/oauth2/userinfo")
_HTML_ERRORS = ((503, "503 Service Unavailable"), (502, "502 Bad Gateway"), (500, "500 Internal Server Error"))
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class Gateway:
    """The ASGI application: it answers, refuses or loses each request as Salesforce's front door does."""

    def __init__(
        self, org: SalesforceOrg, sessions: Sessions, routes: Routes, identity: Handler, deploys: DeployCalls
    ) -> None:
        self._org = org
        self._sessions = sessions
        self._routes = routes
        self._deploys = deploys
        self._identity = Route("GET", "", identity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        faults = self._org.faults
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        if faults.slow_seconds:
            await asyncio.sleep(faults.slow_seconds)
        fault = faults.next_fault()
        if fault == "reset":
            faults.note(request.method, path, 0, 0)
            await _drop(receive)
            return
        raw, form = await request.body(), await _read_form(request)
        response = self._answer(request, fault, path, raw, form)
        response.headers["Server"] = "sfdcedge"
        response.headers["X-Request-Id"] = response.headers["X-Sfdc-Request-Id"] = uuid.uuid4().hex
        response.headers["Cache-Control"] = _NO_CACHE
        faults.note(request.method, path, response.status_code, len(response.body))
        if faults.loses_answer():
            await _drop(receive)
            return
        await response(scope, receive, send)

    def _answer(
        self, request: Request, fault: str | None, path: str, raw: bytes, form: Mapping[str, bytes]
    ) -> Response:
        faults = self._org.faults
        if fault == "outage":
            return _html(*_HTML_ERRORS[0])
        if fault == "html":
            return _html(*faults.random.choice(_HTML_ERRORS))
        if fault == "throttled":
            return _respond_refusal(Refusal("SERVER_UNAVAILABLE", "The server is too busy", status=503))
        place = path.rstrip("/")
        origin = _origin(request)
        with self._org.lock:
            if place == _VERSIONS and request.method == "GET":
                return _respond(Reply(list_versions()))
            if place == _TOKEN and request.method == "POST":
                return _respond(answer_token(self._org, self._sessions, form, request.headers, origin))
            if place.startswith(_SOAP) and request.method == "POST":
                return _respond(answer_login(self._sessions, place.removeprefix(_SOAP), raw, origin))
            if place.startswith(_SOAP_METADATA) and request.method == "POST":
                return _respond(answer_metadata(self._sessions, self._deploys, raw))
            return self._answer_api(request, place, raw, form, origin)

    def _answer_api(self, request: Request, path: str, raw: bytes, form: Mapping[str, bytes], origin: str) -> Response:
        faults = self._org.faults
        try:
            session = self._sessions.use(request.headers.get("authorization", ""))
        except Refusal as refusal:
            return _respond_refusal(refusal)
        try:
            if faults.used >= faults.daily_limit:
                raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
            faults.used += 1
            if faults.is_concurrent():
                raise Refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", status=403)
            match = self._routes.find(request.method, path)
            if request.method == "GET" and path.startswith(_IDENTITIES):
                match = Match(self._identity, "", {})
            if match is None:
                raise self._misdirected(request.method, path)
            call = Call(
                match.version, match.params, request.query_params, request.headers, raw, form, session.user_id, origin
            )
            response = _respond(answer(match, call))
        except Refusal as refusal:
            response = _respond_refusal(refusal)
        response.headers["Sforce-Limit-Info"] = f"api-usage={faults.used}/{faults.daily_limit}"
        return response

    def _misdirected(self, method: str, path: str) -> Refusal:
        allowed = self._routes.methods(path)
        if not allowed:
            return not_found()
        listed = ", ".join(name for name in METHODS if name in allowed)
        message = f"HTTP Method '{method}' not allowed. Allowed are {listed}"
        return Refusal("METHOD_NOT_ALLOWED", message, status=405)


def answer(match: Match, call: Call) -> Reply:
    """Return a handler's answer.

    Raises:
        Refusal: The handler, or the query in the call, is refused.
    """
    try:
        return match.route.handler(call)
    except SoqlError as error:
        raise Refusal(error.code, str(error)) from None


async def _read_form(request: Request) -> dict[str, bytes]:
    """Return the parts of a form body; a part without a file name is a text."""
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return {}
    parts: dict[str, bytes] = {}
    for name, part in (await request.form()).multi_items():
        parts[name] = await part.read() if isinstance(part, UploadFile) else part.encode()
    return parts


def _origin(request: Request) -> str:
    """Return how the client sees the org: a client that was led here says in a header where it meant to go."""
    host = request.headers.get("x-original-host") or request.headers.get("host", "127.0.0.1")
    local = host.partition(":")[0] in ("127.0.0.1", "localhost", "testserver")
    return f"http://{host}" if local else f"https://{host}"


def _respond(reply: Reply) -> Response:
    if reply.content is not None:
        response = Response(reply.content, reply.status, {"Content-Type": reply.media_type})
    elif reply.body is None:
        response = Response(status_code=reply.status)
    else:
        content = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
        response = Response(content, reply.status, {"Content-Type": _JSON})
    response.headers.update(reply.headers)
    return response


def _respond_refusal(refusal: Refusal) -> Response:
    body: list[Any] = [refusal.render()]
    return _respond(Reply(body, refusal.status))


def _html(status: int, title: str) -> Response:
    page = f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n</body>\n</html>\n"
    return Response(page, status, {"Content-Type": "text/html;charset=UTF-8"})


async def _drop(receive: Receive) -> None:
    """Close the connection without an answer.

    ASGI has no word for that; uvicorn's `receive` is a method of the object that holds the connection.
    """
    cycle = getattr(receive, "__self__", None)
    if cycle is not None:
        cycle.transport.abort()
        while not cycle.disconnected:
            await asyncio.sleep(0)
