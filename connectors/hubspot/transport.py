"""One session with one HubSpot portal: hubspot-api-client with timeouts, retries, rates and our errors.

The client alone has no timeout, builds a connection pool for every property access, never repeats a POST, and speaks
only the versions of the API that end in 2027.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import hubspot
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from connectors.errors import AuthenticationError, UnavailableError
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.paths import dated_path
from connectors.hubspot.replies import find_header, translate
from connectors.quota import Quota, Rate
from connectors.retry import RetryPolicy
from connectors.token import Token

T = TypeVar("T")

_TIMEOUT_SECONDS = (5, 60)  # connect, read
# Of what the portal allows, a fifth is left to other programs; of the rest, a fifth is kept for urgent work.
_OWN_SHARE = 0.8
_BACKGROUND_SHARE = 0.8
_REFUSED = "HubSpot: the access token was refused; check HUBSPOT__ACCESS_TOKEN"


@dataclass
class Usage:
    """What one session has cost so far. `left_today` is HubSpot's own count, where it gives one."""

    calls: int = 0
    repeated: int = 0
    throttled: int = 0
    left_today: int | None = None


class _Refused(Exception):
    """HubSpot answered 401 to this token."""

    def __init__(self, token: str, error: Exception) -> None:
        super().__init__("the access token was refused")
        self.token = token
        self.error = error


def build_quota(config: HubSpotConfig, storage_url: str = "memory://", *, urgent: bool = False) -> Quota:
    """Return the portal's rates, shared by everybody who calls it with the same credentials."""
    secret = config.access_token or config.refresh_token
    assert secret is not None  # the config has one of them
    # The digest names the account in Redis without giving the token away.
    account = "hubspot-" + hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:16]
    own = int(config.calls_per_10_seconds * _OWN_SHARE)
    rates = [
        Rate("all", own, 10, reserved=own - int(own * _BACKGROUND_SHARE)),
        Rate("search", config.searches_per_second, 1, reserved=1),
    ]
    return Quota(account, rates, storage_url=storage_url, urgent=urgent)


class Transport:
    """The only path to HubSpot. `usage` counts every request for data that was sent, repeats included."""

    def __init__(self, config: HubSpotConfig, retry: RetryPolicy, quota: Quota) -> None:
        self._config = config
        self.retry = retry
        self._quota = quota
        self._packages: dict[str, Any] = {}
        self.usage = Usage()
        fixed = config.access_token.get_secret_value() if config.access_token is not None else None
        self._token = Token(fixed, None if fixed is not None else self._fetch_token, refused=_REFUSED)
        self.client = hubspot.HubSpot(
            access_token="",  # set call by call: it may expire
            host=config.base_url,
            retry=Retry(0),  # one place repeats calls: RetryPolicy
            api_factory=self._api,
        )

    def call(self, what: str, function: Callable[..., T], *args: Any, repeats: bool = True, **kwargs: Any) -> T:
        """Return what a client function returns; `what` names the call in errors, as `GET contacts`.

        Without `repeats` it is tried once: by callers who repeat something else than the same call.

        Raises:
            ConnectorError: The call failed, for good or after its last repetition.
        """
        tries = 0
        rates = ("all", "search") if what.endswith("/search") else ("all",)

        def once() -> T:
            nonlocal tries
            self._quota.wait(*rates)
            self.usage.repeated += tries > 0
            tries += 1
            try:
                return self._send(what, function, *args, **kwargs)
            except _Refused as refused:
                self._token.replace(refused.token)  # raises where the token is a fixed one
                return self._send_replaced(what, function, *args, **kwargs)

        return self.retry.run(once) if repeats else once()

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call a path that the client has no function for; return the JSON of the reply."""
        any_api = self.client.crm.owners.owners_api
        return self.call(
            f"{method} {path}",
            any_api.api_client.call_api,
            path,
            method,
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            response_types_map={200: "object"},
            auth_settings=["oauth2"],
            _return_http_data_only=True,
        )

    def _send(self, what: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        token = self._token.current()
        for client in list(self._packages.values()):
            client.configuration.access_token = token
        self.usage.calls += 1
        try:
            return function(*args, _request_timeout=_TIMEOUT_SECONDS, **kwargs)
        except HTTPError as error:
            raise UnavailableError(f"HubSpot: {what}: {type(error).__name__}") from error
        except Exception as error:
            # Each package of the client has an exception tree of its own; all of them carry a status.
            if not hasattr(error, "status") or not hasattr(error, "body"):
                raise
            if error.status == 401:
                raise _Refused(token, error) from error
            self.usage.throttled += error.status == 429
            self._note_quota(error)
            raise translate(what, error) from error

    def _send_replaced(self, what: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call once more with the new token; a second refusal is final, for an endless 401 would go on for ever."""
        try:
            return self._send(what, function, *args, **kwargs)
        except _Refused as refused:
            raise translate(what, refused.error) from refused

    def _note_quota(self, answered: Any) -> None:
        left = find_header(answered, "X-HubSpot-RateLimit-Daily-Remaining")
        if left is not None and left.isdigit():
            self.usage.left_today = int(left)

    def _fetch_token(self) -> str:
        """Trade the OAuth refresh token for an access token."""
        config = self._config
        assert config.client_secret is not None  # without a fixed token the config has all three
        assert config.refresh_token is not None
        try:
            reply = self.client.oauth.tokens_api.create(
                grant_type="refresh_token",
                client_id=config.client_id,
                client_secret=config.client_secret.get_secret_value(),
                refresh_token=config.refresh_token.get_secret_value(),
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except HTTPError as error:
            raise UnavailableError(f"HubSpot: POST oauth/token: {type(error).__name__}") from error
        except Exception as error:
            if not hasattr(error, "status") or not hasattr(error, "body"):
                raise
            refused = error.status in (400, 401, 403)
            translated = translate("POST oauth/token", error)
            if refused:
                raise AuthenticationError(f"{translated}: check HUBSPOT__REFRESH_TOKEN and the app's secret") from error
            raise translated from error
        return str(reply.access_token)

    def _api(self, package: ModuleType, api_name: str, settings: dict[str, Any]) -> Any:
        client = self._packages.get(package.__name__)
        if client is None:
            configuration = package.Configuration()
            configuration.access_token = ""  # each call sets the one of its time
            configuration.host = settings["host"]
            configuration.retries = settings["retry"]
            client = package.ApiClient(configuration=configuration)
            for other in self._packages.values():  # one pool of connections for all packages
                client.rest_client.pool_manager = other.rest_client.pool_manager
            client.call_api = self._rewriting(client)
            self._packages[package.__name__] = client
        return getattr(package, api_name)(api_client=client)

    def _rewriting(self, client: Any) -> Callable[..., Any]:
        """Return the client's `call_api` with the path of the configured version, and with an eye on the quota."""
        call_api = client.call_api

        def rewritten(resource_path: str, *args: Any, **kwargs: Any) -> Any:
            reply = call_api(dated_path(resource_path, self._config.api_version), *args, **kwargs)
            self._note_quota(client.last_response)
            return reply

        return rewritten
