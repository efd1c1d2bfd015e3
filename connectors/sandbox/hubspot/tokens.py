"""Who may call: the private token, and OAuth access tokens that run out."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.hubspot.calls import Refusal
from connectors.sandbox.hubspot.object_types import OBJECT_TYPES
from connectors.sandbox.hubspot.records import APP_ID, PORTAL_ID
from connectors.times import render_time

TOKEN = CLIENT_ID = CLIENT_SECRET = REFRESH_TOKEN = "sandbox"
USER_ID = 1
_OBJECTS = sorted({type_.scope for type_ in OBJECT_TYPES.values()})
SCOPES = frozenset(
    [f"crm.objects.{name}.{access}" for name in _OBJECTS for access in ("read", "write")]
    + [f"crm.schemas.{name}.{access}" for name in _OBJECTS for access in ("read", "write")]
    + ["crm.objects.owners.read", "crm.lists.read", "crm.lists.write", "sales-email-read", "oauth"]
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose call it is. Portals count the calls of an OAuth app apart from those of a private token."""

    scopes: frozenset[str]
    oauth: bool


class Tokens:
    """The tokens of one portal. `SCOPES` less the missing ones are what every token may do."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._expires: dict[str, datetime] = {}

    def issue(self, form: Mapping[str, str], lifetime_seconds: int) -> dict[str, Any]:
        """Return a new access token for the refresh token.

        Raises:
            Refusal: Something about the grant is wrong.
        """
        if form.get("grant_type") != "refresh_token":
            raise _grant_refusal("BAD_GRANT_TYPE", "missing or unknown grant type")
        if form.get("client_id") != CLIENT_ID:
            raise _grant_refusal("BAD_CLIENT_ID", "missing or unknown client id")
        if form.get("client_secret") != CLIENT_SECRET:
            raise _grant_refusal("BAD_CLIENT_SECRET", "missing or invalid client secret")
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise _grant_refusal("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        token = secrets.token_urlsafe(24)
        self._expires[token] = self._clock() + timedelta(seconds=lifetime_seconds)
        return {
            "token_type": "bearer",
            "refresh_token": REFRESH_TOKEN,  # recorded: it does not change
            "access_token": token,
            "expires_in": lifetime_seconds,
        }

    def holder(self, authorization: str, missing: Collection[str]) -> Holder:
        """Return who shows this Authorization header.

        Raises:
            Refusal: The token is unknown, or its time is up.
        """
        scheme, _, token = authorization.partition(" ")
        scopes = SCOPES - frozenset(missing)
        if scheme.lower() == "bearer" and token == TOKEN:
            return Holder(scopes, oauth=False)
        expires_at = self._expires.get(token)
        if scheme.lower() != "bearer" or expires_at is None:
            message = (
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
            )
            raise Refusal(401, message, "INVALID_AUTHENTICATION")
        if expires_at <= self._clock():
            ago = int((self._clock() - expires_at).total_seconds())
            message = f"The OAuth token used to make this call expired {ago} second(s) ago."
            raise Refusal(401, message, "EXPIRED_AUTHENTICATION", context={"expire time": [render_time(expires_at)]})
        return Holder(scopes, oauth=True)

    def describe(self, token: str, missing: Collection[str]) -> dict[str, Any]:
        """Return what an access token is: whose, for which portal, with which scopes."""
        holder = self.holder(f"Bearer {token}", missing)
        expires_at = self._expires.get(token, self._clock())
        return {
            "token": token,
            "user": "robin@example.com",
            "hub_domain": "sandbox.example.com",
            "scopes": sorted(holder.scopes),
            "hub_id": PORTAL_ID,
            "app_id": APP_ID,
            "expires_in": max(int((expires_at - self._clock()).total_seconds()), 0),
            "user_id": USER_ID,
            "token_type": "access",
        }

    def describe_private(self, token: str, missing: Collection[str]) -> dict[str, Any]:
        """Return what a private app's token is."""
        holder = self.holder(f"Bearer {token}", missing)
        return {"userId": USER_ID, "hubId": PORTAL_ID, "appId": APP_ID, "scopes": sorted(holder.scopes)}


def _grant_refusal(status: str, message: str) -> Refusal:
    # The token endpoint puts its code where every other endpoint says "error".
    return Refusal(400, message, code=status)
