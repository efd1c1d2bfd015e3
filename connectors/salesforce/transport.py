"""One session with one Salesforce org: simple-salesforce with timeouts, token refresh, retries and our errors.

Only `restful` and `query*` of the client are used: `sf.Lead.*` logs in again without end when a 401 persists.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    InvalidRequestError,
    RateLimitError,
    SchemaError,
    UnavailableError,
)
from connectors.hosts import check_crm_url, is_loopback
from connectors.retry import RetryPolicy

T = TypeVar("T")

API_VERSION = "64.0"
_TIMEOUT_SECONDS = (5, 60)  # connect, read
# A rolling 24-hour limit: waiting inside a call does not help.
_QUOTA_PAUSE_SECONDS = 3600.0
_VENDOR_HOSTS = ("salesforce.com", "force.com")


class SalesforceConfig(BaseModel):
    """A Salesforce org: how to reach it, and which lead statuses mean the end.

    A converted lead is won. `lost` are API names of lead statuses; every other status is a stage that is ranked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance_url: Annotated[str, AfterValidator(lambda url: check_crm_url(url, _VENDOR_HOSTS))]
    client_id: str
    client_secret: SecretStr
    lost: tuple[str, ...] = ("Closed - Not Converted", "Unqualified")
    excluded_fields: tuple[str, ...] = ()


class _Adapter(HTTPAdapter):
    """Adds a timeout to every request, counts them, and speaks plain http to loopback.

    simple-salesforce spells every address with https; a sandbox on this machine has no certificate.
    """

    def __init__(self, *, plain_http: bool) -> None:
        super().__init__()
        self._plain_http = plain_http
        self.calls = 0

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # passed through whole
        if self._plain_http and request.url is not None:
            request.url = urlunsplit(urlsplit(request.url)._replace(scheme="http"))
        kwargs["timeout"] = kwargs.get("timeout") or _TIMEOUT_SECONDS
        self.calls += "/services/data/" in (request.url or "")
        return super().send(request, **kwargs)


class Transport:
    """The only path to Salesforce. `calls` counts every API request that was sent, repeats included."""

    def __init__(self, config: SalesforceConfig, retry: RetryPolicy) -> None:
        self._config = config
        self._retry = retry
        self._adapter = _Adapter(plain_http=config.instance_url.startswith("http://"))
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._client: Salesforce | None = None
        self.user_id = ""

    @property
    def calls(self) -> int:
        return self._adapter.calls

    def query(self, soql: str) -> dict[str, Any]:
        """Return the first page of a query."""
        return self.call(f"query {_object_of(soql)}", lambda client: client.query(soql))

    def query_more(self, next_records_url: str) -> dict[str, Any]:
        """Return a further page of a query."""
        return self.call("query more", lambda client: client.query_more(next_records_url, identifier_is_url=True))

    def query_rows(self, soql: str) -> list[dict[str, Any]]:
        """Return every row of a query; for results that are known to be small."""
        page = self.query(soql)
        rows = list(page["records"])
        while not page["done"]:
            page = self.query_more(page["nextRecordsUrl"])
            rows.extend(page["records"])
        return rows

    def rest(self, method: str, path: str, **kwargs: Any) -> Any:
        """Return the parsed reply of a REST resource below `/services/data/vXX.0/`."""
        return self.call(f"{method} {path}", lambda client: client.restful(path, method=method, **kwargs))

    def call(self, what: str, function: Callable[[Salesforce], T]) -> T:
        """Return what a client function returns; `what` names the call in errors.

        Raises:
            ConnectorError: The call failed, for good or after its last repetition.
        """

        def once() -> T:
            for fresh in (False, True):
                try:
                    return function(self._connected(fresh=fresh))
                except SalesforceError as error:
                    # A session that expired is renewed once; a second refusal is final.
                    if error.status == 401 and not fresh:
                        continue
                    raise _translate(what, error) from error
                except requests.RequestException as error:
                    raise UnavailableError(f"Salesforce: {what}: {type(error).__name__}") from error
            raise AssertionError("unreachable: the second try returns or raises")

        return self._retry.run(once)

    def _connected(self, *, fresh: bool) -> Salesforce:
        if self._client is None or fresh:
            token, instance_url = self._fetch_token()
            self._client = Salesforce(
                session_id=token, instance_url=instance_url, version=API_VERSION, session=self._session
            )
        return self._client

    def _fetch_token(self) -> tuple[str, str]:
        """Return an access token and the instance it is for, by the client credentials flow.

        https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_client_credentials_flow.htm
        """
        address = urlunsplit(urlsplit(self._config.instance_url)._replace(scheme="https"))
        reply = self._session.post(
            f"{address}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(self._config.client_id, self._config.client_secret.get_secret_value()),
        )
        body = _parse_object(reply)
        if reply.status_code >= 500:
            raise UnavailableError(f"Salesforce: token: HTTP {reply.status_code}")
        if reply.status_code != 200:
            raise AuthenticationError(
                f"Salesforce: token: HTTP {reply.status_code} {body.get('error', '')}:"
                " check SALESFORCE__CLIENT_ID and SALESFORCE__CLIENT_SECRET"
            )
        # The reply names the instance: lead data goes there only if it is Salesforce's or was configured.
        instance_url = str(body["instance_url"])
        if is_loopback(self._config.instance_url):
            instance_url = self._config.instance_url
        self.user_id = str(body.get("id", "")).rsplit("/", 1)[-1]
        return str(body["access_token"]), check_crm_url(instance_url, _VENDOR_HOSTS)


def _parse_object(reply: requests.Response) -> Mapping[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _object_of(soql: str) -> str:
    words = soql.split()
    return words[words.index("FROM") + 1] if "FROM" in words else "?"


def _translate(what: str, error: SalesforceError) -> ConnectorError:
    """Name Salesforce's reply in our words. Its `message` is left out unless it names fields: it may quote a lead."""
    first: Any = error.content[0] if isinstance(error.content, list) and error.content else {}
    code = str(first.get("errorCode", "")) if isinstance(first, dict) else ""
    reply = f"Salesforce: {what}: HTTP {error.status} {code}".rstrip()
    if code == "REQUEST_LIMIT_EXCEEDED":
        return RateLimitError(reply, _QUOTA_PAUSE_SECONDS)
    if error.status in (401, 403):
        return AuthenticationError(f"{reply}: the integration user lacks a permission, or its session was refused")
    if error.status in (406, 420, 429) or error.status >= 500:
        return UnavailableError(reply)
    if code in ("INVALID_FIELD", "INVALID_TYPE"):
        # These two messages hold the query that we sent and the name that is missing, no data.
        return SchemaError(
            f"{reply}: {_last_line(first)}; the field or object does not exist or the integration user may not"
            " see it (field-level security): run `callfirst setup`, or grant it"
        )
    return InvalidRequestError(reply)


def _last_line(first: Mapping[str, Any]) -> str:
    lines = [line.strip() for line in str(first.get("message", "")).splitlines() if line.strip()]
    return lines[-1] if lines else ""
