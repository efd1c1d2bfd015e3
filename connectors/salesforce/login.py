"""Opens a session with a Salesforce org, by whichever of its OAuth flows the configuration has the credentials for.

simple-salesforce can log in too, but asks a host that it makes up from a domain, and keeps neither timeout nor errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt
import requests

from connectors.errors import AuthenticationError, UnavailableError
from connectors.hosts import check_crm_url, is_loopback
from connectors.salesforce.config import VENDOR_HOSTS, SalesforceConfig

_LIFETIME = timedelta(minutes=3)  # Salesforce takes an assertion for at most five
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Refusals that pass by themselves; a person has to act on every other.
_PASSING = {"rate_limit_exceeded", "temporarily_unavailable", "unknown_error"}


@dataclass(frozen=True, slots=True)
class Session:
    """An open session: what calls carry, where they go, and as whom. `user_id` is empty where nothing said it."""

    token: str = field(repr=False)
    instance_url: str
    user_id: str = ""


def log_in(config: SalesforceConfig, http: requests.Session) -> Session:
    """Return a new session.

    https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm

    Raises:
        AuthenticationError: The credentials were refused, or the private key cannot be used.
        UnavailableError: Salesforce did not answer.
    """
    form, basic = _grant(config)
    address = urlunsplit(urlsplit(config.instance_url)._replace(scheme="https"))
    try:
        reply = http.post(f"{address}/services/oauth2/token", data=form, auth=basic)
    except requests.RequestException as error:
        raise UnavailableError(f"Salesforce: POST oauth2/token: {type(error).__name__}") from None
    body = _parse_object(reply)
    refusal = str(body.get("error", ""))
    if reply.status_code >= 500 or refusal in _PASSING:
        raise UnavailableError(f"Salesforce: POST oauth2/token: HTTP {reply.status_code} {refusal}".rstrip())
    if reply.status_code != 200 or "access_token" not in body:
        raise AuthenticationError(
            f"Salesforce: POST oauth2/token: HTTP {reply.status_code} {refusal}: {_what_to_check(config)}"
        )
    # The reply names the instance: lead data goes there only if it is Salesforce's, or was configured.
    instance_url = config.instance_url if is_loopback(config.instance_url) else str(body.get("instance_url", ""))
    try:
        instance_url = check_crm_url(instance_url, VENDOR_HOSTS)
    except ValueError as error:
        raise AuthenticationError(
            f"Salesforce: POST oauth2/token: the session is for a strange host: {error}"
        ) from error
    return Session(str(body["access_token"]), instance_url, str(body.get("id", "")).rsplit("/", 1)[-1])


def _grant(config: SalesforceConfig) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Return the form of the token request, and the client's name and secret for its header."""
    client_id = config.client_id or ""
    if config.password is not None:
        assert config.client_secret is not None  # the config has what belongs together
        security_token = config.security_token.get_secret_value() if config.security_token is not None else ""
        return {
            "grant_type": "password",
            "client_id": client_id,
            "client_secret": config.client_secret.get_secret_value(),
            "username": config.username or "",
            "password": config.password.get_secret_value() + security_token,
        }, None
    if config.client_secret is not None:
        return {"grant_type": "client_credentials"}, (client_id, config.client_secret.get_secret_value())
    return {"grant_type": _JWT_BEARER, "assertion": _assertion(config, datetime.now(UTC))}, None


def _assertion(config: SalesforceConfig, now: datetime) -> str:
    claims = {
        "iss": config.client_id,
        "sub": config.username,
        "aud": config.audience,
        "exp": int((now + _LIFETIME).timestamp()),
    }
    assert config.private_key_file is not None  # the config has what belongs together
    try:
        return jwt.encode(claims, config.private_key_file.read_bytes(), algorithm="RS256")
    except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
        # The message of a parser may quote the key.
        raise AuthenticationError(
            f"Salesforce: {config.private_key_file} holds no private RSA key in PEM form that can be read"
            f" ({type(error).__name__}): check SALESFORCE__PRIVATE_KEY_FILE"
        ) from None


def _what_to_check(config: SalesforceConfig) -> str:
    if config.password is not None:
        return "check SALESFORCE__USERNAME and SALESFORCE__PASSWORD; new orgs block this flow"
    if config.client_secret is not None:
        return "check SALESFORCE__CLIENT_ID and SALESFORCE__CLIENT_SECRET, and that the app runs as a user"
    return "check SALESFORCE__CLIENT_ID, SALESFORCE__USERNAME, and that the app holds this key's certificate"


def _parse_object(reply: requests.Response) -> Mapping[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
