"""Salesforce's refusals in our words.

A refusal's `message` is left out unless it can only name what we sent: it may quote a lead. Gateways answer HTML.
"""

from collections.abc import Mapping
from typing import Any

from simple_salesforce.exceptions import SalesforceError

from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    InvalidRequestError,
    RateLimitError,
    SchemaError,
    UnavailableError,
)

# A rolling 24-hour limit: waiting inside a call does not help.
DAILY_PAUSE_SECONDS = 3600.0
# Salesforce has forgotten a result before its last page was asked for: after two days, or the eleventh at once.
LOST_LOCATOR = "INVALID_QUERY_LOCATOR"
# 420 is what some of Salesforce's gateways say instead of 429.
_PASSING_STATUSES = {406, 408, 420, 429, 500, 502, 503, 504}
_PASSING_CODES = {"SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG"}


class RefusedError(InvalidRequestError):
    """Salesforce refused a request; `code` says in its words why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MissingFieldError(SchemaError):
    """The object has no such field, or the integration user may not see it."""


class MissingObjectError(SchemaError):
    """There is no such object, it is switched off, or the integration user may not see it."""


def translate(what: str, error: SalesforceError) -> ConnectorError:
    """Return the error that a client's exception stands for; `what` names the call.

    What Salesforce answered is then forgotten: a traceback prints the exception that caused another, text and all.
    """
    translated = _translate(what, error.status, _first(error.content))
    error.content, error.url = b"", ""  # the address of a query holds ids
    return translated


def _translate(what: str, status: int, first: Mapping[str, Any]) -> ConnectorError:
    code = str(first.get("errorCode", ""))
    reply = f"Salesforce: {what}: HTTP {status} {code}".rstrip()
    if code == "REQUEST_LIMIT_EXCEEDED":
        # The same code says that too many long requests run at once, which passes in seconds.
        if str(first.get("message", "")).startswith("Concurrent"):
            return RateLimitError(f"{reply}: too many long requests at once")
        return RateLimitError(f"{reply}: the org's daily API calls are used up", DAILY_PAUSE_SECONDS)
    if status in _PASSING_STATUSES or code in _PASSING_CODES:
        return UnavailableError(reply)
    if code in ("INVALID_FIELD", "INVALID_TYPE", "INVALIDENTITY"):
        # These messages hold the query that we sent and the name that is missing, no data.
        missing = MissingFieldError if code == "INVALID_FIELD" else MissingObjectError
        return missing(
            f"{reply}: {_last_line(first)}; it does not exist or the integration user may not see it"
            " (field-level security): run `callfirst setup`, or grant it"
        )
    if status in (401, 403):
        return AuthenticationError(f"{reply}: the integration user lacks a permission, or its session was refused")
    return RefusedError(reply, code)


def _first(content: object) -> Mapping[str, Any]:
    first = content[0] if isinstance(content, list) and content else {}
    return first if isinstance(first, dict) else {}


def _last_line(first: Mapping[str, Any]) -> str:
    lines = [line.strip() for line in str(first.get("message", "")).splitlines() if line.strip()]
    return lines[-1] if lines else ""
