"""HubSpot's refusals in our words.

A refusal's `message` is left out: it may quote values of a lead. Gateways in front of HubSpot answer HTML.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    InvalidRequestError,
    RateLimitError,
    SchemaError,
    UnavailableError,
)

# 423: record locked; 477: the portal is being moved; 52x: Cloudflare in front of HubSpot.
_OUTAGES = {423, 477, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526}
_MALFORMED_TOKEN = 530
# How long each of HubSpot's rate policies asks to wait; a reply without a policy is the one of the search.
_PAUSES_SECONDS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 86_400.0}
_LOCKED_SECONDS = 2.0  # "wait at least 2 seconds before repeating"


def translate(what: str, error: Any) -> ConnectorError:
    """Return the error that a client's exception stands for; `what` names the call.

    What HubSpot answered is then forgotten: a traceback prints the exception that caused another, body and all.
    """
    translated = _translate(what, error)
    error.body = error.headers = None
    return translated


def _translate(what: str, error: Any) -> ConnectorError:
    status = int(error.status or 0)
    body = _parse_body(error.body)
    category = str(body.get("category") or body.get("errorType") or "")
    reply = f"HubSpot: {what}: HTTP {status} {category}".rstrip()
    asked_for = _retry_after_seconds(error)
    if status in (401, _MALFORMED_TOKEN):
        return AuthenticationError(f"{reply}: the access token was refused; check HUBSPOT__ACCESS_TOKEN")
    if status == 403:
        scopes = ", ".join((body.get("context") or {}).get("requiredGranularScopes", ())) or "see the app's scopes"
        return AuthenticationError(f"{reply}: the token lacks a scope: {scopes}")
    if status == 429:
        policy = str(body.get("policyName", ""))
        return RateLimitError(reply, asked_for if asked_for is not None else _PAUSES_SECONDS.get(policy, 1.0))
    if status in _OUTAGES:
        return UnavailableError(reply, asked_for if asked_for is not None or status != 423 else _LOCKED_SECONDS)
    if status == 0:
        # The client could not make sense of a reply that HubSpot called a success, as when it was cut off.
        return UnavailableError(f"HubSpot: {what}: the reply could not be read")
    details = [item for item in body.get("errors") or () if isinstance(item, dict)]
    codes = _distinct(item.get("code") for item in details)
    names = _distinct(name for item in details for name in (item.get("context") or {}).get("propertyName", ()))
    detail = ", ".join([*codes, *names])
    if "PROPERTY_DOESNT_EXIST" in codes or "INVALID_OPTION" in codes:
        return SchemaError(f"{reply}: {detail}; run `callfirst setup`")
    return InvalidRequestError(f"{reply}: {detail}" if detail else reply)


def list_missing(what: str, reply: Any) -> list[str]:
    """Return the ids that a batch's reply says are not there; any other trouble in it is refused.

    Raises:
        UnavailableError: Part of the batch failed: to read on would lose records.
    """
    errors = getattr(reply, "errors", None) or ()
    failed = _distinct(error.category for error in errors if error.category != "OBJECT_NOT_FOUND")
    # HubSpot may list fewer errors than it counts; only those of associations are all of one harmless kind.
    harmless = errors and all(str(error.sub_category or "").endswith("NO_ASSOCIATIONS_FOUND") for error in errors)
    if not failed and not harmless and (getattr(reply, "num_errors", None) or 0) > len(errors):
        failed = ["more errors than are listed"]
    if failed:
        raise UnavailableError(f"HubSpot: {what}: HTTP 207 {', '.join(failed)}")
    return [str(id_) for error in errors for id_ in (error.context or {}).get("ids", ())]


def find_header(answered: Any, name: str) -> str | None:
    """Return a header of a client's reply or exception, however it is spelt."""
    headers = getattr(answered, "headers", None) or getattr(answered, "urllib3_response", None)
    headers = getattr(headers, "headers", headers)
    if headers is None:
        return None
    wanted = name.lower()
    return next((str(value) for key, value in headers.items() if key.lower() == wanted), None)


def _parse_body(body: object) -> dict[str, Any]:
    try:
        parsed = json.loads(body) if isinstance(body, str | bytes) else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _retry_after_seconds(error: Any) -> float | None:
    """Return what a Retry-After header asks for: seconds, or a date."""
    asked_for = find_header(error, "Retry-After")
    if asked_for is None:
        return None
    if asked_for.isdigit():
        return float(asked_for)
    try:
        return max(0.0, (parsedate_to_datetime(asked_for) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _distinct(values: Iterable[object]) -> list[str]:
    return sorted({str(value) for value in values if value})
