"""The ways to a session, and how one ends."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, USERNAME
from connectors.sandbox.salesforce.tokens import PASSWORD, SECURITY_TOKEN
from tests.connectors.sandbox.salesforce.running import DATA, Running, error_of

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(key: rsa.RSAPrivateKey) -> str:
    pem = serialization.Encoding.PEM
    return key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def ask_with_jwt(running: Running, key: rsa.RSAPrivateKey = _KEY, **claims: Any) -> Any:
    running.org.certificates["consumer"] = public_key(_KEY)
    usual: dict[str, Any] = {"iss": "consumer", "sub": USERNAME, "aud": "https://login.salesforce.com"}
    usual["exp"] = running.clock().timestamp() + 180
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(usual | claims, key, "RS256"),
    }
    return running.client.post("/services/oauth2/token", data=form).json()


def test_client_credentials_open_a_session_and_name_the_instance_and_the_user(running: Running) -> None:
    body = running.token().json()

    assert body.keys() == {"access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"}
    assert body["instance_url"] == str(running.client.base_url).rstrip("/")
    assert body["id"].endswith(running.rows(f"SELECT Id FROM User WHERE Username = '{USERNAME}'")[0]["Id"])


def test_a_session_knows_whose_it_is(running: Running) -> None:
    url = running.get("").json()["identity"]

    assert running.client.get(url).json()["username"] == USERNAME


def test_a_client_that_was_led_here_is_told_the_host_that_it_meant(running: Running) -> None:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    host = {"X-Original-Host": "acme.my.salesforce.com"}

    body = running.client.post("/services/oauth2/token", data=form, headers=host).json()

    assert body["instance_url"] == "https://acme.my.salesforce.com"


def test_a_wrong_secret_is_refused(running: Running) -> None:
    reply = running.token("wrong")

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_client")


def test_a_signed_assertion_opens_a_session(running: Running) -> None:
    assert ask_with_jwt(running)["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"aud": "https://evil.example"}, "audience is invalid"),
        ({"sub": "nobody@callfirst.example"}, "user hasn't approved this consumer"),
        ({"exp": 1_000_000}, "expired authorization code"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(running: Running, claims: dict[str, Any], description: str) -> None:
    assert ask_with_jwt(running, **claims) == {"error": "invalid_grant", "error_description": description}


def test_an_assertion_that_another_key_signed_is_refused(running: Running) -> None:
    assert ask_with_jwt(running, _OTHER_KEY)["error_description"] == "invalid assertion"


def test_an_unknown_consumer_is_refused(running: Running) -> None:
    assert ask_with_jwt(running, iss="somebody else")["error"] == "invalid_client_id"


@pytest.mark.parametrize(("password", "status"), [(PASSWORD + SECURITY_TOKEN, 200), ("wrong", 400)])
def test_the_password_grant_takes_the_password_with_the_security_token(
    running: Running, password: str, status: int
) -> None:
    form = {"grant_type": "password", "username": USERNAME, "password": password}
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

    assert running.client.post("/services/oauth2/token", data=form | client).status_code == status


def test_soap_login_is_gone_from_version_65(running: Running) -> None:
    login = f"<login><username>{USERNAME}</username><password>{PASSWORD}</password></login>"
    replies = [running.client.post(f"/services/Soap/u/{version}", content=login) for version in ("64.0", "65.0")]

    assert [reply.status_code for reply in replies] == [200, 500]
    assert "<sf:exceptionCode>" in replies[1].text


def test_a_soap_login_with_a_document_type_is_refused_by_the_soap_layer(running: Running) -> None:
    bomb = (
        f'<!DOCTYPE a [<!ENTITY b "c">]><login><username>{USERNAME}</username><password>{PASSWORD}</password></login>'
    )

    reply = running.client.post("/services/Soap/u/64.0", content=bomb)

    assert reply.status_code == 500
    assert "<faultcode>soapenv:Client</faultcode>" in reply.text
    assert "exceptionCode" not in reply.text


def test_a_session_ends_after_its_lifetime(running: Running) -> None:
    running.clock.advance(timedelta(hours=2).total_seconds())

    reply = running.get("limits")

    assert error_of(reply) == (401, "INVALID_SESSION_ID")
    assert "Sforce-Limit-Info" not in reply.headers


def test_a_session_ends_after_so_many_requests_and_another_one_goes_on(running: Running) -> None:
    running.faults.session_requests = 3

    statuses = [running.get("limits").status_code for _ in range(4)]
    running.log_in()

    assert statuses == [200, 200, 200, 401]
    assert running.get("limits").status_code == 200


def test_two_sessions_live_beside_each_other(running: Running) -> None:
    first = running.client.headers["Authorization"]
    running.log_in()

    assert running.client.get(f"{DATA}/limits", headers={"Authorization": first}).status_code == 200
    assert running.get("limits").status_code == 200


def test_an_endless_401_grants_tokens_and_takes_none(running: Running) -> None:
    running.faults.endless_401 = True

    assert running.token().status_code == 200
    assert error_of(running.get("limits")) == (401, "INVALID_SESSION_ID")


def test_the_list_of_versions_asks_for_no_session_and_counts_for_nothing(running: Running) -> None:
    del running.client.headers["Authorization"]

    reply = running.client.get("/services/data")

    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in reply.json()
    assert "Sforce-Limit-Info" not in reply.headers


@pytest.mark.parametrize(("version", "status"), [("50.0", 200), ("66.0", 200), ("49.0", 404), ("67.0", 404)])
def test_the_versions_that_are_listed_are_served(running: Running, version: str, status: int) -> None:
    assert running.client.get(f"/services/data/v{version}/limits").status_code == status
