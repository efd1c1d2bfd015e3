"""One session with one Salesforce org: simple-salesforce with timeouts, token refresh, retries and our errors.

Only `restful` and `query*` of the client are used, and its raw call where the reply is no JSON: `sf.Lead.*` logs in
again without end when a 401 persists, and its Bulk classes never renew a session.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connectors.errors import AuthenticationError, RateLimitError, UnavailableError
from connectors.retry import RetryPolicy
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.login import Session, log_in
from connectors.salesforce.replies import DAILY_PAUSE_SECONDS, LOST_LOCATOR, RefusedError, translate
from connectors.salesforce.soql import object_of, text_literal
from connectors.token import Token

T = TypeVar("T")

API_VERSION = "64.0"
# To connect, and to read: Salesforce itself gives a query up after two minutes, which has to be heard.
_TIMEOUT_SECONDS = (5, 150)
_PIECE_BYTES = 1 << 16
_BEGINNINGS = 5  # of a short query whose further pages Salesforce forgets
# How long a reply's count of the org's calls is believed; then one call is spent on asking anew.
_COUNT_HOLDS = timedelta(minutes=15)
_API_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")
_REFUSED = "Salesforce: the session was refused; SALESFORCE__SESSION_ID has expired"


@dataclass
class Usage:
    """What one session has cost so far. `used_today` of `allowed_a_day` are the whole org's, as Salesforce counts."""

    calls: int = 0
    repeated: int = 0
    used_today: int | None = None
    allowed_a_day: int | None = None
    counted_at: datetime | None = None

    def share(self, now: datetime) -> float:
        """Return which share of the day's calls the org has used; 0 where that is not known, or no longer."""
        if self.used_today is None or not self.allowed_a_day or self.counted_at is None:
            return 0.0
        return self.used_today / self.allowed_a_day if now - self.counted_at < _COUNT_HOLDS else 0.0


class _Adapter(HTTPAdapter):
    """Adds a timeout to every request, counts them, and speaks plain http to loopback.

    simple-salesforce spells every address with https; a sandbox on this machine has no certificate.
    """

    def __init__(self, usage: Usage, *, plain_http: bool) -> None:
        super().__init__()
        self._usage = usage
        self._plain_http = plain_http

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # passed through whole
        if self._plain_http and request.url is not None:
            request.url = urlunsplit(urlsplit(request.url)._replace(scheme="http"))
        kwargs["timeout"] = kwargs.get("timeout") or _TIMEOUT_SECONDS
        self._usage.calls += "/services/data/" in (request.url or "")
        reply = super().send(request, **kwargs)
        counted = _API_USAGE.search(reply.headers.get("Sforce-Limit-Info", ""))
        if counted is not None:
            self._usage.used_today, self._usage.allowed_a_day = int(counted[1]), int(counted[2])
            self._usage.counted_at = datetime.now(UTC)
        return reply


class Transport:
    """The only path to Salesforce. `usage` counts every API request that was sent, repeats included.

    An `urgent` session may use the org's daily calls to the end; every other stops at the configured share of them.
    """

    def __init__(self, config: SalesforceConfig, retry: RetryPolicy, *, urgent: bool = False) -> None:
        self._config = config
        self._share = 1.0 if urgent else config.daily_share
        self.retry = retry
        self.usage = Usage()
        self._http = requests.Session()
        self._http.mount("https://", _Adapter(self.usage, plain_http=config.instance_url.startswith("http://")))
        fixed = None
        if config.session_id is not None and config.client_id is None:
            fixed = Session(config.session_id.get_secret_value(), config.instance_url)
        fetch = None if fixed is not None else lambda: log_in(config, self._http)
        self._token: Token[Session] = Token(fixed, fetch, refused=_REFUSED)
        self._clients: dict[Session, Salesforce] = {}

    def user_id(self) -> str:
        """Return the id of the integration user.

        Raises:
            AuthenticationError: Only a session id is configured, and no user name to look its user up by.
        """
        known = self._token.current().user_id
        if known:
            return known
        if self._config.username is None:
            raise AuthenticationError("Salesforce: a session id does not tell whose it is: set SALESFORCE__USERNAME")
        named = self.query_rows(f"SELECT Id FROM User WHERE Username = {text_literal(self._config.username)}")
        if not named:
            raise AuthenticationError("Salesforce: no user is called as SALESFORCE__USERNAME says")
        return str(named[0]["Id"])

    def query(self, soql: str, *, deleted: bool = False, repeats: bool = True) -> dict[str, Any]:
        """Return the first page of a query; with `deleted`, of what is in the recycle bin or archived too."""
        what = f"GET {'queryAll' if deleted else 'query'} {object_of(soql)}"
        return self.call(what, lambda client: client.query(soql, include_deleted=deleted), repeats=repeats)

    def query_more(self, next_records_url: str) -> dict[str, Any]:
        """Return a further page of a query."""
        return self.call("GET query more", lambda client: client.query_more(next_records_url, identifier_is_url=True))

    def query_rows(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return every row of a query, in its order; for results that fit into a page or two."""
        for _ in range(_BEGINNINGS):
            page = self.query(soql, deleted=deleted)
            rows = list(page["records"])
            try:
                while not page["done"]:
                    page = self.query_more(page["nextRecordsUrl"])
                    rows.extend(page["records"])
            except RefusedError as error:
                if error.code != LOST_LOCATOR:
                    raise
                continue
            return rows
        raise UnavailableError(f"Salesforce: GET query {object_of(soql)}: its pages were forgotten {_BEGINNINGS} times")

    def select(self, columns: str, sobject: str, where: str, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the rows that fulfil a condition, in the order of their ids.

        Salesforce may forget a result before its last page is asked for: then what lies beyond the last row is.
        """
        beyond = ""
        while True:
            soql = f"SELECT Id, {columns} FROM {sobject} WHERE {where}{beyond} ORDER BY Id"
            page = self.query(soql, deleted=deleted)
            while True:
                yield from page["records"]
                if page["records"]:
                    beyond = f" AND Id > {text_literal(page['records'][-1]['Id'])}"
                if page["done"]:
                    return
                try:
                    page = self.query_more(page["nextRecordsUrl"])
                except RefusedError as error:
                    if error.code != LOST_LOCATOR:
                        raise
                    break

    def count(self, soql: str, *, deleted: bool = False) -> int:
        """Return what a `SELECT COUNT()` counts."""
        return int(self.query(soql, deleted=deleted)["totalSize"])

    def rest(self, method: str, path: str, *, repeats: bool = True, **kwargs: Any) -> Any:
        """Return the parsed reply of a REST resource below `/services/data/vXX.0/`; see `call` for `repeats`."""
        what = f"{method} {path.partition('?')[0]}"
        return self.call(what, lambda client: client.restful(path, method=method, **kwargs), repeats=repeats)

    def content(self, path: str) -> bytes:
        """Return the body of a resource that is no JSON."""
        return self.call(f"GET {path}", lambda client: client._call_salesforce("GET", client.base_url + path).content)

    def download(self, path: str, params: Mapping[str, Any], accept: str, file: BinaryIO) -> Mapping[str, str]:
        """Write the body of a resource that may be too large to hold into `file`; return the reply's headers."""

        def fetch(client: Salesforce) -> Mapping[str, str]:
            file.seek(0)
            file.truncate()
            with client._call_salesforce(
                "GET", client.base_url + path, params=dict(params), headers={"Accept": accept}, stream=True
            ) as reply:
                for piece in reply.iter_content(_PIECE_BYTES):
                    file.write(piece)
            return reply.headers

        headers = self.call(f"GET {path}", fetch)
        file.seek(0)
        return headers

    def call(self, what: str, function: Callable[[Salesforce], T], *, repeats: bool = True) -> T:
        """Return what a client function returns; `what` names the call in errors.

        Without `repeats` it is tried once: by callers who repeat something else than the same call.

        Raises:
            ConnectorError: The call failed, for good or after its last repetition.
        """
        tries = 0

        def once() -> T:
            nonlocal tries
            self._check_budget(what)
            self.usage.repeated += tries > 0
            tries += 1
            session = self._token.current()
            try:
                return self._send(what, function, session)
            except _ExpiredError:
                # Renewed once and sent once more; a second refusal is final, for an endless 401 would go on for ever.
                renewed = self._token.replace(session)
                try:
                    return self._send(what, function, renewed)
                except _ExpiredError as error:
                    raise translate(what, error.cause) from error.cause

        return self.retry.run(once) if repeats else once()

    def _send(self, what: str, function: Callable[[Salesforce], T], session: Session) -> T:
        try:
            return function(self._client(session))
        except SalesforceError as error:
            if error.status == 401:
                raise _ExpiredError(error) from error
            raise translate(what, error) from error
        except requests.RequestException as error:
            # Among them: a reply that is cut off, or is called JSON and is none.
            # What they say holds the address, and with it ids; a reply that is no JSON holds all of that.
            raise UnavailableError(f"Salesforce: {what}: {type(error).__name__}") from None

    def _client(self, session: Session) -> Salesforce:
        if session not in self._clients:
            # The client keeps its token in its headers: a new session is a new client, on the same connections.
            self._clients = {
                session: Salesforce(
                    session_id=session.token,
                    instance_url=session.instance_url,
                    version=API_VERSION,
                    session=self._http,
                )
            }
        return self._clients[session]

    def _check_budget(self, what: str) -> None:
        if self.usage.share(datetime.now(UTC)) >= self._share:
            raise RateLimitError(
                f"Salesforce: {what} not sent: the org has used {self.usage.used_today:,} of its"
                f" {self.usage.allowed_a_day:,} API calls of the last 24 hours, and Callfirst stops at"
                f" {self._share:.0%} (SALESFORCE__DAILY_SHARE)",
                DAILY_PAUSE_SECONDS,
            )


class _ExpiredError(Exception):
    """Salesforce answered 401 to this session."""

    def __init__(self, cause: SalesforceError) -> None:
        super().__init__("the session was refused")
        self.cause = cause
