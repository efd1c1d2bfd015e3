"""What the one path to HubSpot does about refusals, rates, tokens and versions; the real client over HTTP."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from connectors.errors import AuthenticationError, ConnectorError, RateLimitError, TransientError, UnavailableError
from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.hubspot.paths import dated_path
from connectors.quota import Quota
from connectors.retry import RetryPolicy
from tests.connectors.test_contract import read_all
from tests.sandboxes import API_VERSION, Sandbox, sandbox

pytestmark = pytest.mark.integration


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox("hubspot") as portal:
        yield portal


class Pauses(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def connect(running: Sandbox, pauses: Pauses, **settings: str) -> HubSpotConnector:
    usual = {"access_token": "sandbox", "base_url": running.url, "api_version": API_VERSION.get()}
    config = HubSpotConfig.model_validate(usual | settings)
    return HubSpotConnector(config, RetryPolicy(sleep=pauses), Quota("sandbox"))


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_a_dated_version_is_what_is_called(running: Sandbox, version: str) -> None:
    read_all(running.connect_hubspot(api_version=version))

    paths = {arrival.path for arrival in running.hubspot_faults.rates.log}
    assert f"/crm/objects/{version}/contacts" in paths
    assert not any(path.startswith(("/crm/v3/objects", "/crm/v4")) for path in paths)


def test_paths_without_a_dated_form_stay() -> None:
    assert dated_path("/crm/v3/owners", "2026-09") == "/crm/v3/owners"
    assert dated_path("/crm/v4/associations/notes/contacts/batch/read", "2026-09") == (
        "/crm/associations/2026-09/notes/contacts/batch/read"
    )


def test_a_retry_after_header_is_obeyed(running: Sandbox) -> None:
    pauses = Pauses()
    running.hubspot_faults.rate_limited = True
    running.hubspot_faults.burst_limit = 3
    running.hubspot_faults.retry_after_seconds = 7
    with pytest.raises(RateLimitError):
        read_all(connect(running, pauses))

    assert pauses == [7.0] * 4


def test_each_rate_policy_is_waited_out_in_its_own_time(running: Sandbox) -> None:
    pauses = Pauses()
    running.hubspot_faults.rate_limited = True
    running.hubspot_faults.burst_limit = 3
    with pytest.raises(RateLimitError):
        read_all(connect(running, pauses))

    assert pauses == [10.0] * 4  # TEN_SECONDLY_ROLLING


def test_a_day_that_is_used_up_is_not_waited_for(running: Sandbox) -> None:
    pauses = Pauses()
    running.hubspot_faults.daily = True
    with pytest.raises(RateLimitError) as caught:
        connect(running, pauses).list_stages()

    assert caught.value.retry_after_seconds == 86_400.0
    assert pauses == []


def test_a_portal_that_moves_is_left_alone_for_as_long_as_it_asks(running: Sandbox) -> None:
    pauses = Pauses()
    running.hubspot_faults.moving = True
    with pytest.raises(UnavailableError, match="477") as caught:
        connect(running, pauses).list_stages()

    assert (caught.value.retry_after_seconds or 0) > 60
    assert pauses == []


@pytest.mark.parametrize("fault", ["html_errors", "resets", "flaky_share"])
def test_short_trouble_is_repeated_for_posts_too(running: Sandbox, fault: str) -> None:
    calm = read_all(running.connector, since=running.org.leads[0].created_at)
    setattr(running.faults, fault, 0.25)
    connector = running.connect_hubspot()

    assert read_all(connector, since=running.org.leads[0].created_at) == calm
    assert connector.usage.repeated > 0


def test_an_html_page_is_reported_by_its_status_only(running: Sandbox) -> None:
    running.hubspot_faults.html_errors = 1.0
    with pytest.raises(TransientError) as caught:
        connect(running, Pauses()).list_stages()

    assert "<" not in str(caught.value)
    assert "HTTP 5" in str(caught.value)


def test_connections_are_reused(running: Sandbox) -> None:
    connector = running.connect_hubspot()
    read_all(connector)

    pools = {id(client.rest_client.pool_manager) for client in connector._transport._packages.values()}
    assert len(pools) == 1
    assert len(connector._transport._packages) > 2


def test_an_expired_token_is_replaced_once_for_all_threads(running: Sandbox) -> None:
    oauth = {"client_id": "sandbox", "client_secret": "sandbox", "refresh_token": "sandbox"}
    running.hubspot_faults.token_lifetime_seconds = 1
    connector = running.connect_hubspot(access_token=None, **oauth)
    connector.list_stages()
    running.hubspot_faults.token_lifetime_seconds = 1800
    time.sleep(1.1)
    before = len(running.hubspot_faults.rates.log)
    failures: list[Exception] = []

    def read() -> None:
        try:
            connector._transport.request("GET", "/account-info/v3/details")
        except ConnectorError as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    asked = [arrival.path for arrival in list(running.hubspot_faults.rates.log)[before:]]
    assert failures == []
    assert asked.count("/oauth/v1/token") == 1


def test_a_token_that_stays_refused_is_reported_and_not_shown(running: Sandbox) -> None:
    secrets = {"client_id": "sandbox", "client_secret": "hush-hush", "refresh_token": "sandbox"}
    with pytest.raises(ConnectorError) as caught:
        running.connect_hubspot(access_token=None, **secrets).list_stages()

    assert "hush-hush" not in str(caught.value)


def test_an_endless_401_ends(running: Sandbox) -> None:
    oauth = {"client_id": "sandbox", "client_secret": "sandbox", "refresh_token": "sandbox"}
    running.hubspot_faults.token_lifetime_seconds = 0  # every new token is stale at once
    with pytest.raises(AuthenticationError):
        running.connect_hubspot(access_token=None, **oauth).list_stages()

    assert len(running.hubspot_faults.rates.log) < 10


def test_what_is_left_of_the_day_is_known(running: Sandbox) -> None:
    running.hubspot_faults.rate_limited = True
    connector = running.connect_hubspot()
    connector.list_stages()

    assert connector.usage.left_today is not None
    assert connector.usage.calls == 1


_WORK = """
import sys
from datetime import UTC, datetime
from connectors.hubspot import HubSpotConfig, HubSpotConnector, build_quota
config = HubSpotConfig(access_token="sandbox", base_url=sys.argv[1], calls_per_10_seconds=50)
connector = HubSpotConnector(config, quota=build_quota(config, sys.argv[2]))
for _ in range(2):
    for page in connector.read("notes", since=datetime(2000, 1, 1, tzinfo=UTC)):
        pass
    for page in connector.read("contacts"):
        pass
print(connector.usage.throttled)
"""


def test_four_processes_together_never_exceed_the_quota(running: Sandbox, redis_url: str) -> None:
    running.hubspot_faults.rate_limited = True
    running.hubspot_faults.burst_limit = 50
    command = [sys.executable, "-c", _WORK, running.url, redis_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    throttled = [int(process.communicate()[0]) for process in processes]

    rates = running.hubspot_faults.rates
    assert throttled == [0] * 4
    assert len(rates.log) > 50  # more than one window's worth was asked for
    assert rates.busiest(10.0) <= 50  # what the portal allows
    assert rates.busiest(9.0) <= 40  # what is ours of it; a call may be on its way for a second
    assert rates.busiest(1.0, searches=True) <= 5
