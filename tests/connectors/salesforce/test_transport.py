"""What the one path to Salesforce does about sessions, refusals and the day's calls; the real client over HTTP."""

import logging
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from connectors.errors import AuthenticationError, InvalidRequestError, RateLimitError, UnavailableError
from connectors.retry import RetryPolicy
from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, USERNAME
from connectors.sandbox.salesforce.tokens import PASSWORD, SECURITY_TOKEN
from tests.connectors.salesforce.orgs import RunningOrg, running_org
from tests.connectors.test_contract import read_all

pytestmark = pytest.mark.integration


@pytest.fixture
def running() -> Iterator[RunningOrg]:
    with running_org() as org:
        yield org


class Pauses(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def connect(running: RunningOrg, pauses: Pauses, **settings: Any) -> SalesforceConnector:
    usual = {"instance_url": running.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return SalesforceConnector(SalesforceConfig.model_validate(usual | settings), RetryPolicy(sleep=pauses))


def logins(running: RunningOrg) -> int:
    return sum(arrival.path == "/services/oauth2/token" for arrival in running.faults.log)


def write_key(folder: Path) -> tuple[Path, str]:
    """Write a private key; return its file and the certificate's public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "server.key"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return file, public.decode()


def login(flow: str, running: RunningOrg, folder: Path) -> dict[str, Any]:
    """Return the settings of one of the ways to a session."""
    secret = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    if flow == "client credentials":
        return secret
    if flow == "password":
        return secret | {"username": USERNAME, "password": PASSWORD, "security_token": SECURITY_TOKEN}
    if flow == "session id":
        return {"session_id": connect(running, Pauses())._transport._token.current().token, "username": USERNAME}
    file, running.org.certificates[CLIENT_ID] = write_key(folder)
    return {"client_id": CLIENT_ID, "username": USERNAME, "private_key_file": file}


A_LEAD = "00Q5g00000AbCdEEAV"
FLOWS = ["client credentials", "jwt bearer", "session id", "password"]


@pytest.mark.parametrize("flow", FLOWS)
def test_every_way_to_a_session_reads_and_sets_up(flow: str, running: RunningOrg, tmp_path: Path) -> None:
    connector = running.connect(login=login(flow, running, tmp_path))

    assert read_all(connector) == read_all(running.connect())
    connector.setup()
    assert all(step.exists for step in connector.setup(check_only=True))


@pytest.mark.parametrize("flow", ["client credentials", "jwt bearer", "password"])
def test_wrong_credentials_are_named_and_not_shown(flow: str, running: RunningOrg, tmp_path: Path) -> None:
    settings = login(flow, running, tmp_path)
    settings |= {"client_secret": "hunter2"} if "client_secret" in settings else {"username": "stranger@example.com"}
    with pytest.raises(AuthenticationError) as caught:
        running.connect(login=settings).list_stages()

    assert "SALESFORCE__" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_session_id_that_has_expired_says_so(running: RunningOrg, tmp_path: Path) -> None:
    connector = running.connect(login={"session_id": "00D5g000004CnXm!gone"})
    with pytest.raises(AuthenticationError, match="SALESFORCE__SESSION_ID"):
        connector.list_stages()


def test_a_private_key_that_is_none_is_named_and_not_shown(running: RunningOrg, tmp_path: Path) -> None:
    file = tmp_path / "server.key"
    file.write_text("-----BEGIN PRIVATE KEY-----\nnot-a-key\n-----END PRIVATE KEY-----\n")
    connector = running.connect(
        login={"client_id": CLIENT_ID, "username": USERNAME, "private_key_file": file},
    )
    with pytest.raises(AuthenticationError, match=r"server\.key") as caught:
        connector.list_stages()

    assert "not-a-key" not in "".join(traceback.format_exception(caught.value))


def test_a_session_that_expires_is_renewed_once_and_nothing_is_lost(running: RunningOrg) -> None:
    calm = read_all(running.connect())
    running.faults.session_requests = 3
    before = logins(running)

    assert read_all(running.connect()) == calm
    assert logins(running) - before > 2


def test_an_endless_401_ends(running: RunningOrg) -> None:
    running.faults.endless_401 = True
    connector = running.connect()
    with pytest.raises(AuthenticationError):
        connector.list_stages()

    assert connector.calls == 2
    assert logins(running) == 2


def test_of_many_threads_whose_session_ended_one_logs_in(running: RunningOrg) -> None:
    connector = running.connect()
    connector.list_stages()
    running.faults.session_requests = 0  # what was opened before has been used already
    barrier, before = threading.Barrier(8), logins(running)

    def call() -> None:
        barrier.wait()
        running.faults.session_requests = None
        connector.list_stages()

    ended = next(iter(connector._transport._clients))
    threads = [threading.Thread(target=call) for _ in range(8)]
    connector._transport._token.replace(ended)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert logins(running) - before == 1


def test_short_outages_of_every_kind_are_waited_out(running: RunningOrg) -> None:
    calm = read_all(running.connect())
    running.faults.flaky_share = running.faults.html_errors = running.faults.resets = 0.08
    running.faults.concurrent_share = 0.05
    connector = SalesforceConnector(
        running.connect()._transport._config, RetryPolicy(max_attempts=9, sleep=lambda _: None)
    )

    assert read_all(connector) == calm
    assert connector.usage.repeated > 0


def test_reading_stops_at_the_share_of_the_days_calls_and_says_so(running: RunningOrg) -> None:
    running.faults.daily_limit, running.faults.used = 1_000, 795
    pauses = Pauses()
    connector = connect(running, pauses)
    with pytest.raises(RateLimitError, match="800 of its 1,000 API calls") as caught:
        read_all(connector)

    assert connector.calls == 5
    assert caught.value.retry_after_seconds == 3600
    assert pauses == []


def test_urgent_work_may_use_what_is_left(running: RunningOrg) -> None:
    running.faults.daily_limit, running.faults.used = 1_000, 850
    config = running.connect()._transport._config

    assert SalesforceConnector(config, urgent=True).list_stages()
    assert SalesforceConnector(config, urgent=True).list_stages()


def test_a_count_that_is_old_is_asked_for_anew(running: RunningOrg) -> None:
    running.faults.daily_limit, running.faults.used = 1_000, 900
    connector = connect(running, Pauses())
    connector.list_stages()
    with pytest.raises(RateLimitError):
        connector.list_stages()

    running.faults.used = 100  # the window has freed
    connector.usage.counted_at = datetime(2026, 1, 1, tzinfo=UTC)

    assert connector.list_stages()


def test_a_day_that_is_used_up_is_not_waited_for(running: RunningOrg) -> None:
    running.faults.daily_limit = 0
    pauses = Pauses()
    with pytest.raises(RateLimitError, match="REQUEST_LIMIT_EXCEEDED"):
        connect(running, pauses).list_stages()

    assert pauses == []


def test_the_orgs_own_count_is_kept(running: RunningOrg) -> None:
    connector = running.connect()
    connector.list_stages()

    assert connector.usage.allowed_a_day == 15_000
    assert connector.usage.used_today == running.faults.used


def test_a_reply_that_takes_too_long_is_given_up(running: RunningOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = running.connect()
    connector.list_stages()
    monkeypatch.setattr("connectors.salesforce.transport._TIMEOUT_SECONDS", (1, 0.2))
    running.faults.slow_seconds = 1.0
    with pytest.raises(UnavailableError, match="ReadTimeout"):
        connector.list_stages()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"instance_url": "http://acme.my.salesforce.com"}, "https"),
        ({"instance_url": "https://acme.my.salesforce.com.evil.example"}, "evil"),
        ({"client_secret": None}, "CLIENT_SECRET"),
        ({"webhook_token": "x" * 32}, "ORGANIZATION_ID"),
        ({"webhook_token": "short", "organization_id": "00D5g000004CnXm"}, "32 characters"),
        ({"password": "x"}, "USERNAME"),
    ],
)
def test_a_configuration_that_cannot_be_right_is_refused(settings: dict[str, Any], named: str) -> None:
    usual = {"instance_url": "https://acme.my.salesforce.com", "client_id": "id", "client_secret": "s3cret"}
    with pytest.raises(ValidationError, match=named) as caught:
        SalesforceConfig.model_validate(usual | settings)

    assert "s3cret" not in str(caught.value)


def test_no_secret_and_no_text_is_logged(running: RunningOrg, caplog: pytest.LogCaptureFixture) -> None:
    running.faults.session_requests = 3
    connector = running.connect()
    with caplog.at_level(logging.DEBUG):
        read = read_all(connector)

    token = connector._transport._token.current().token
    assert token not in caplog.text
    assert not any(item.text in caplog.text for item in read.interactions if len(item.text) > 20)


def test_an_outage_shows_no_id_in_its_traceback_and_ends(running: RunningOrg) -> None:
    connector = running.connect()
    connector.list_stages()
    running.faults.resets = 1.0
    before = connector.calls
    with pytest.raises(UnavailableError) as caught:
        connector.read_leads([A_LEAD])

    assert A_LEAD not in "".join(traceback.format_exception(caught.value))
    assert connector.calls - before == 5


def test_a_short_query_whose_pages_are_forgotten_is_begun_anew_and_ends(running: RunningOrg) -> None:
    running.faults.page_rows, running.faults.locator_pages = 2, 1
    connector = running.connect()
    with pytest.raises(UnavailableError, match="forgotten"):
        connector.list_stages()

    assert connector.calls == 10  # two pages, five times


def test_a_refusal_shows_no_id_in_its_traceback(running: RunningOrg) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        running.connect()._transport.query(f"SELECT Id FROM Lead WHERE Id = '{A_LEAD}' AND OR")

    assert A_LEAD not in "".join(traceback.format_exception(caught.value))
