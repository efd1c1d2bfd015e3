"""One session with one HubSpot portal: hubspot-api-client with timeouts, retries and our errors.

The client alone has no timeout, builds a connection pool for every property access, and never repeats a POST.
"""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, TypeVar

import hubspot
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    InvalidRequestError,
    RateLimitError,
    SchemaError,
    UnavailableError,
)
from connectors.hosts import check_crm_url
from connectors.retry import RetryPolicy

T = TypeVar("T")

_TIMEOUT_SECONDS = (5, 60)  # connect, read
# 423: record locked; 477: the portal is being moved; 52x: Cloudflare in front of HubSpot.
_OUTAGES = {423, 477, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526}
_PAUSES_SECONDS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 86_400.0}


class HubSpotConfig(BaseModel):
    """A HubSpot portal: how to reach it, and what its lead statuses mean.

    `won` and `lost` are option values of `stage_property`; every other option is a stage that is ranked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_token: SecretStr
    base_url: Annotated[str, AfterValidator(lambda url: check_crm_url(url, ("hubapi.com",)))] = "https://api.hubapi.com"
    stage_property: str = "hs_lead_status"
    won: tuple[str, ...] = ("WON",)
    lost: tuple[str, ...] = ("LOST", "UNQUALIFIED")
    excluded_fields: tuple[str, ...] = ()


class Transport:
    """The only path to HubSpot. `calls` counts every request that was sent, repeats included."""

    def __init__(self, config: HubSpotConfig, retry: RetryPolicy) -> None:
        self._retry = retry
        self._packages: dict[str, Any] = {}
        self.calls = 0
        self.client = hubspot.HubSpot(
            access_token=config.access_token.get_secret_value(),
            host=config.base_url,
            retry=Retry(0),  # one place repeats calls: RetryPolicy
            api_factory=self._api,
        )

    def call(self, what: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return what a client function returns; `what` names the call in errors, as `GET contacts`.

        Raises:
            ConnectorError: The call failed, for good or after its last repetition.
        """

        def once() -> T:
            self.calls += 1
            try:
                return function(*args, _request_timeout=_TIMEOUT_SECONDS, **kwargs)
            except HTTPError as error:
                raise UnavailableError(f"HubSpot: {what}: {type(error).__name__}") from error
            except Exception as error:
                # Each package of the client has an exception tree of its own; all of them carry a status.
                if not hasattr(error, "status") or not hasattr(error, "body"):
                    raise
                raise _translate(what, error) from error

        return self._retry.run(once)

    def _api(self, package: ModuleType, api_name: str, settings: dict[str, Any]) -> Any:
        client = self._packages.get(package.__name__)
        if client is None:
            configuration = package.Configuration()
            configuration.access_token = settings["access_token"]
            configuration.host = settings["host"]
            configuration.retries = settings["retry"]
            client = self._packages[package.__name__] = package.ApiClient(configuration=configuration)
        return getattr(package, api_name)(api_client=client)


def _translate(what: str, error: Any) -> ConnectorError:
    """Name HubSpot's reply in our words. Its `message` is left out: it may quote values of a lead."""
    status = int(error.status or 0)
    body = _parse_body(error.body)
    category = str(body.get("category") or body.get("errorType") or "")
    reply = f"HubSpot: {what}: HTTP {status} {category}".rstrip()
    if status == 401 or status == 530:
        return AuthenticationError(f"{reply}: the access token was refused; check HUBSPOT__ACCESS_TOKEN")
    if status == 403:
        scopes = ", ".join(body.get("context", {}).get("requiredGranularScopes", ())) or "see the private app's scopes"
        return AuthenticationError(f"{reply}: the token lacks a scope: {scopes}")
    if status == 429:
        return RateLimitError(reply, _pause_seconds(error.headers, str(body.get("policyName", ""))))
    if status in _OUTAGES:
        return UnavailableError(reply)
    codes = sorted({str(item.get("code")) for item in body.get("errors", ()) if item.get("code")})
    names = sorted(
        {name for item in body.get("errors", ()) for name in item.get("context", {}).get("propertyName", ())}
    )
    detail = ", ".join([*codes, *names])
    if "PROPERTY_DOESNT_EXIST" in codes or "INVALID_OPTION" in codes:
        return SchemaError(f"{reply}: {detail}; run `callfirst setup`")
    return InvalidRequestError(f"{reply}: {detail}" if detail else reply)


def _parse_body(body: object) -> dict[str, Any]:
    """Return a reply's JSON object; gateways in front of HubSpot answer HTML, which says nothing to us."""
    try:
        parsed = json.loads(body) if isinstance(body, str | bytes) else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _pause_seconds(headers: Any, policy: str) -> float:
    asked_for = (headers or {}).get("Retry-After")
    if asked_for is not None and str(asked_for).isdigit():
        return float(asked_for)
    return _PAUSES_SECONDS.get(policy, 1.0)
