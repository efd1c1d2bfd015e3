"""What stands between the wire and the handlers: faults, limits, tokens, scopes, and the shape of every reply."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox.hubspot.calls import Call, Refusal, Reply
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.object_types import ObjectType, find_type
from connectors.sandbox.hubspot.rates import BURST_SECONDS
from connectors.sandbox.hubspot.routes import Match, Route, Routes
from connectors.sandbox.hubspot.tokens import Holder, Tokens

_MAX_URL = 15_000
_DAILY_LIMIT = 250_000
_OAUTH_BURST = 110
_PREFIX = "X-HubSpot-RateLimit-"
_JSON = "application/json;charset=utf-8"
_HTML = "text/html; charset=UTF-8"
_HTML_ERRORS = ((502, "502 Bad Gateway"), (521, "521: Web server is down"))


class Gateway:
    """The ASGI application: it answers, refuses or loses each request as HubSpot's front door does."""

    def __init__(
        self, routes: Routes, tokens: Tokens, faults: HubSpotFaults, lock: AbstractContextManager[Any]
    ) -> None:
        self._lock = lock
        self._routes = routes
        self._tokens = tokens
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        self._faults.rates.arrive(request.method, path)
        if self._faults.slow_seconds:
            await asyncio.sleep(self._faults.slow_seconds)
        match = self._routes.find(request.method, path)
        fault = self._faults.next_fault(writes=_writes(match))
        if fault == "reset":
            await _drop(receive)
            return
        raw = await request.body()
        url_length = len(path) + len(scope["query_string"])
        response = self._answer(match, fault, path, url_length, request.headers, request.query_params, raw)
        if self._faults.loses_answer():
            await _drop(receive)
            return
        response.headers["X-HubSpot-Correlation-Id"] = response.headers.get("X-HubSpot-Correlation-Id", _new_id())
        await response(scope, receive, send)

    def _answer(
        self,
        match: Match | None,
        fault: str | None,
        path: str,
        url_length: int,
        headers: Headers,
        query: QueryParams,
        raw: bytes,
    ) -> Response:
        if fault == "outage":
            return _html(503, "503 Service Unavailable")
        if fault == "html":
            return _html(*self._faults.random.choice(_HTML_ERRORS))
        if url_length > _MAX_URL:
            return _html(414, "414 Request-URI Too Large")
        shown: dict[str, str] = {}
        try:
            if match is None:
                allowed = self._routes.methods(path)
                raise Refusal(405, "HTTP 405 Method Not Allowed") if allowed else Refusal(404, "resource not found")
            if fault == "moving":
                raise Refusal(477, "This account is being moved to another data centre", "MIGRATION_IN_PROGRESS")
            holder = None
            if match.route.access != "open":
                holder = self._tokens.holder(headers.get("authorization", ""), self._faults.missing)
                shown = self._admit(match, holder)
            if fault == "throttled":
                raise Refusal(429, "You have reached your secondly limit.", "RATE_LIMITS", policyName="SECONDLY")
            scopes = holder.scopes if holder is not None else frozenset[str]()
            types = _types(match)
            _check_scopes(match.route, types, scopes)
            if fault == "locked":
                raise Refusal(423, "The record is locked by another operation; try again later", "LOCKED")
            call = Call(match.version, match.params, query, raw, headers.get("content-type", ""), scopes, types)
            with self._lock:
                reply = match.route.handler(call)
            return _respond(reply, shown)
        except Refusal as refusal:
            return self._refuse(refusal, shown)

    def _admit(self, match: Match, holder: Holder) -> dict[str, str]:
        """Count a call against the portal's limits and return what its reply says of them."""
        faults, rates = self._faults, self._faults.rates
        limited = faults.rate_limited or faults.rate_limited_bare
        if faults.daily:
            raise _limit("daily", "DAILY")
        search = match.route.pattern.endswith("/search") and "objects" in match.route.pattern
        burst = _OAUTH_BURST if holder.oauth and faults.burst_limit == 100 else faults.burst_limit
        daily = {"Daily": str(_DAILY_LIMIT), "Daily-Remaining": str(max(_DAILY_LIMIT - rates.admitted, 0))}
        shown = {} if holder.oauth else {f"{_PREFIX}{name}": value for name, value in daily.items()}
        if search:
            if limited and not rates.admit_search(faults.search_limit):
                raise _Throttled("You have reached your secondly limit.", shown)
            # Recorded: the reply to a search tells nothing of the limits but the day's.
            return shown
        if limited and not rates.admit(burst):
            if faults.rate_limited_bare:
                raise _Throttled("You have reached your ten_secondly_rolling limit.", {})
            limits = _limits(burst, 0, 0)
            raise _limit("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", limits | shown)
        # While the limits are not enforced nobody is told to slow down.
        left = rates.remaining(burst) if limited else burst - 1
        second = rates.remaining(burst // 10, 1.0) if limited else burst // 10 - 1
        return shown | _limits(burst, left, second)

    def _refuse(self, refusal: Refusal, shown: Mapping[str, str]) -> Response:
        id_ = _new_id()
        body: dict[str, Any] = {"status": "error", "message": str(refusal), "correlationId": id_} | refusal.more
        if refusal.category:
            body["category"] = refusal.category
        if "code" in body and refusal.status == 400:
            body["status"] = body.pop("code")
        headers = dict(shown)
        if isinstance(refusal, _Throttled):
            headers = dict(refusal.headers)
        if refusal.status == 429 and self._faults.retry_after_seconds is not None:
            headers["Retry-After"] = str(self._faults.retry_after_seconds)
        if refusal.status == 477:
            headers["Retry-After"] = "3600"
        if refusal.status == 404:
            headers["X-HubSpot-NotFound"] = "true"
        return _respond(Reply(body, refusal.status), headers, id_)


class _Throttled(Refusal):
    """A 429 with the headers that it carries; the recorded one names neither a policy nor when to come back."""

    def __init__(self, message: str, headers: Mapping[str, str], **more: Any) -> None:
        super().__init__(429, message, "" if more else "RATE_LIMITS", **more)
        self.headers = headers


def _limit(what: str, policy: str, headers: Mapping[str, str] | None = None) -> _Throttled:
    """Return the 429 that HubSpot documents, which has no category."""
    return _Throttled(
        f"You have reached your {what} limit.",
        headers or {},
        errorType="RATE_LIMIT",
        policyName=policy,
        requestId=_new_id(),
    )


def _limits(burst: int, left: int, second: int) -> dict[str, str]:
    values = {
        "Interval-Milliseconds": int(BURST_SECONDS * 1000),
        "Max": burst,
        "Remaining": left,
        "Secondly": burst // 10,
        "Secondly-Remaining": second,
    }
    return {f"{_PREFIX}{name}": str(value) for name, value in values.items()}


def _types(match: Match) -> dict[str, ObjectType]:
    found: dict[str, ObjectType] = {}
    for name in ("type", "other"):
        if name in match.params:
            type_ = find_type(match.params[name])
            if type_ is None:
                raise Refusal(400, f"Unable to infer object type from: {match.params[name]}")
            found[name] = type_
    return found


def _check_scopes(route: Route, types: Mapping[str, ObjectType], scopes: frozenset[str]) -> None:
    """Refuse a call whose token lacks a scope that it needs."""
    if route.access == "open" or route.access == "any":
        return
    kind, _, access = route.access.rpartition(".")
    if route.access in ("read", "write"):
        needed = [f"crm.objects.{type_.scope}.{access}" for type_ in types.values()]
    elif kind == "schema":
        needed = [f"crm.schemas.{type_.schema_scope}.{access}" for type_ in types.values()]
    else:
        needed = [route.access]
    lacking = sorted(set(needed) - scopes)
    if lacking:
        context = {"requiredGranularScopes": lacking, "links": ["https://developers.hubspot.com/scopes"]}
        raise Refusal(403, "One or more of the following scopes are required.", "MISSING_SCOPES", context=context)


def _writes(match: Match | None) -> bool:
    return match is not None and match.route.access == "write"


def _respond(reply: Reply, headers: Mapping[str, str], id_: str | None = None) -> Response:
    if reply.body is None:
        response = Response(status_code=reply.status)
    else:
        content = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
        response = Response(content, reply.status, {"Content-Type": _JSON, "Vary": "Accept-Encoding"})
    response.headers.update(headers)
    if id_ is not None:
        response.headers["X-HubSpot-Correlation-Id"] = id_
    return response


def _html(status: int, title: str) -> Response:
    page = f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n</body>\n</html>\n"
    return Response(page, status, {"Content-Type": _HTML})


def _new_id() -> str:
    return str(uuid.uuid4())


async def _drop(receive: Receive) -> None:
    """Close the connection without an answer.

    ASGI has no word for that; uvicorn's `receive` is a method of the object that holds the connection.
    """
    cycle = getattr(receive, "__self__", None)
    if cycle is not None:
        cycle.transport.abort()
        while not cycle.disconnected:
            await asyncio.sleep(0)
