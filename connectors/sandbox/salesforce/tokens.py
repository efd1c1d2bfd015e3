"""Who may call: the ways to a session, and how long it lasts.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from connectors.sandbox.salesforce.calls import Refusal
from connectors.sandbox.salesforce.ids import ORG_ID
from connectors.sandbox.salesforce.org import USER_ID, USERNAME, SalesforceOrg

CLIENT_ID = CLIENT_SECRET = "sandbox"
PASSWORD = "sandbox"
SECURITY_TOKEN = "token"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_JWT_SECONDS = 300


class TokenRefusal(Exception):
    """A refusal of the token endpoint: `error` is OAuth's word, the text says more.

    Not confirmed: the wordings of all but `authentication failure`.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


@dataclass
class Session:
    """One live session and how often it was used."""

    id: str
    user_id: str
    ends_at: datetime
    used: int = 0


class Sessions:
    """The org's live sessions, and the logins that open them."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._live: dict[str, Session] = {}

    def open(self) -> Session:
        """Open a session of the integration user."""
        seconds = self._org.faults.session_seconds
        session = Session(
            f"{ORG_ID[:15]}!AQ{secrets.token_urlsafe(24)}", USER_ID, self._org.clock() + timedelta(seconds=seconds)
        )
        self._live[session.id] = session
        return session

    def use(self, authorization: str) -> Session:
        """Return the session that a request is made in, and count the request.

        Raises:
            Refusal: There is no such session, or it has ended.
        """
        scheme, _, id_ = authorization.partition(" ")
        session = self._live.get(id_.strip()) if scheme.lower() in ("bearer", "oauth") else None
        faults = self._org.faults
        if session is not None:
            session.used += 1
            worn = faults.session_requests is not None and session.used > faults.session_requests
            if worn or self._org.clock() >= session.ends_at:
                del self._live[session.id]
                session = None
        if session is None or faults.endless_401:
            raise Refusal("INVALID_SESSION_ID", "Session expired or invalid", status=401)
        return session

    def end_all(self) -> None:
        """End every session, as an admin can."""
        self._live.clear()

    def grant(self, form: Mapping[str, str], authorization: str) -> Session:
        """Open the session that a request to the token endpoint asks for.

        Raises:
            TokenRefusal: The credentials are not good.
        """
        match form.get("grant_type"):
            case "client_credentials":
                self._check_client(form, authorization)
            case grant if grant == _JWT_BEARER:
                self._check_assertion(form.get("assertion", ""))
            case "password":
                self._check_client(form, authorization)
                if (form.get("username"), form.get("password")) not in self._passwords():
                    raise TokenRefusal("invalid_grant", "authentication failure")
            case _:
                raise TokenRefusal("unsupported_grant_type", "grant type not supported")
        return self.open()

    def log_in(self, username: str, password: str) -> Session | None:
        """Open a session for a name and a password, if they are right."""
        return self.open() if (username, password) in self._passwords() else None

    def _passwords(self) -> set[tuple[str, str]]:
        return {(USERNAME, PASSWORD), (USERNAME, PASSWORD + SECURITY_TOKEN)}

    def _check_client(self, form: Mapping[str, str], authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        id_, secret = form.get("client_id", ""), form.get("client_secret", "")
        if scheme.lower() == "basic":
            try:
                id_, _, secret = base64.b64decode(given).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                id_ = ""
        if id_ != CLIENT_ID:
            raise TokenRefusal("invalid_client_id", "client identifier invalid")
        if secret != CLIENT_SECRET:
            raise TokenRefusal("invalid_client", "invalid client credentials")

    def _check_assertion(self, assertion: str) -> None:
        try:
            issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss", "")
        except jwt.InvalidTokenError:
            raise TokenRefusal("invalid_grant", "invalid assertion") from None
        key = self._org.certificates.get(str(issuer))
        if key is None:
            raise TokenRefusal("invalid_client_id", "client identifier invalid")
        # The expiry is held against the org's clock, not against the library's.
        options = {"verify_exp": False, "verify_aud": False, "require": ["exp", "aud", "sub"]}
        try:
            claims = jwt.decode(assertion, key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            raise TokenRefusal("invalid_grant", "invalid assertion") from None
        now = self._org.clock().timestamp()
        if not now - 1 <= float(claims["exp"]) <= now + _LONGEST_JWT_SECONDS:
            raise TokenRefusal("invalid_grant", "expired authorization code")
        if claims["aud"] not in _AUDIENCES:
            raise TokenRefusal("invalid_grant", "audience is invalid")
        if claims["sub"] != USERNAME:
            raise TokenRefusal("invalid_grant", "user hasn't approved this consumer")
