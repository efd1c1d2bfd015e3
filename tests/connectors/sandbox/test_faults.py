"""Limits and misbehaviour."""

import time
from collections.abc import Callable
from itertools import pairwise

import httpx
import pytest

from connectors.sandbox.faults import build_faults, fault_profiles
from connectors.sandbox.hubspot.rates import Rates
from tests.connectors.sandbox.portal import Portal

CONTACTS = "/crm/v3/objects/contacts"
BURST = {
    "x-hubspot-ratelimit-max",
    "x-hubspot-ratelimit-remaining",
    "x-hubspot-ratelimit-interval-milliseconds",
    "x-hubspot-ratelimit-secondly",
    "x-hubspot-ratelimit-secondly-remaining",
}
DAILY = {"x-hubspot-ratelimit-daily", "x-hubspot-ratelimit-daily-remaining"}


class Ticks:
    """A monotonic clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks(portal: Portal) -> Ticks:
    ticks = Ticks()
    portal.faults.rates = Rates(ticks)
    return ticks


def limits(reply: httpx.Response) -> set[str]:
    return {name for name in reply.headers if name.startswith("x-hubspot-ratelimit-")}


def test_a_reply_tells_the_limits(portal: Portal) -> None:
    assert limits(portal.get(CONTACTS)) == BURST | DAILY


def test_a_search_tells_the_days_limit_only(portal: Portal) -> None:
    assert limits(portal.search()) == DAILY


def test_an_app_is_told_another_limit_and_none_of_the_day(portal: Portal) -> None:
    grant = {"grant_type": "refresh_token", "client_id": "sandbox", "client_secret": "sandbox"}
    body = portal.client.post("/oauth/v1/token", data={**grant, "refresh_token": "sandbox"}).json()
    bearer = {"Authorization": f"Bearer {body['access_token']}"}

    reply = portal.client.get(CONTACTS, headers=bearer)

    assert limits(reply) == BURST
    assert reply.headers["x-hubspot-ratelimit-max"] == "110"
    assert limits(portal.client.post(f"{CONTACTS}/search", json={}, headers=bearer)) == set()


def test_limits_are_not_enforced_unless_switched_on(portal: Portal, ticks: Ticks) -> None:
    assert {portal.get(CONTACTS).status_code for _ in range(101)} == {200}
    assert {portal.search().status_code for _ in range(6)} == {200}


def test_a_burst_is_refused_with_the_documented_429(portal: Portal, ticks: Ticks) -> None:
    portal.faults.rate_limited = True
    assert [portal.get(CONTACTS).status_code for _ in range(101)] == [200] * 100 + [429]

    reply = portal.get(CONTACTS)

    assert reply.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert reply.json()["errorType"] == "RATE_LIMIT"
    assert "category" not in reply.json()
    assert reply.headers["x-hubspot-ratelimit-remaining"] == "0"


def test_a_burst_is_over_after_ten_seconds(portal: Portal, ticks: Ticks) -> None:
    portal.faults.rate_limited = True
    portal.faults.burst_limit = 2
    portal.get(CONTACTS), portal.get(CONTACTS)
    ticks.now = 9.9
    assert portal.get(CONTACTS).status_code == 429
    ticks.now = 10.0

    assert portal.get(CONTACTS).status_code == 200


def test_the_remaining_requests_are_counted_down(portal: Portal, ticks: Ticks) -> None:
    portal.faults.rate_limited = True

    left = [portal.get(CONTACTS).headers["x-hubspot-ratelimit-remaining"] for _ in range(3)]

    assert left == ["99", "98", "97"]


def test_the_sixth_search_of_a_second_is_refused_as_recorded(portal: Portal, ticks: Ticks) -> None:
    portal.faults.rate_limited = True
    assert [portal.search().status_code for _ in range(5)] == [200] * 5

    reply = portal.search(type_="deals")

    assert reply.status_code == 429
    assert reply.json().keys() == {"status", "message", "correlationId", "category"}
    assert reply.json()["category"] == "RATE_LIMITS"
    assert limits(reply) == DAILY
    assert "retry-after" not in reply.headers
    ticks.now = 1.0
    assert portal.search().status_code == 200


def test_a_bare_429_tells_nothing(portal: Portal, ticks: Ticks) -> None:
    portal.faults.rate_limited_bare = True
    portal.faults.burst_limit = 0

    reply = portal.get(CONTACTS)

    assert reply.json().keys() == {"status", "message", "correlationId", "category"}
    assert limits(reply) == set()


def test_the_days_end_is_told_as_documented(portal: Portal) -> None:
    portal.faults.daily = True

    reply = portal.get(CONTACTS)

    assert (reply.status_code, reply.json()["policyName"]) == (429, "DAILY")
    assert reply.json()["message"] == "You have reached your daily limit."


def test_a_429_says_when_to_come_back_if_told_to(portal: Portal) -> None:
    portal.faults.daily = True
    portal.faults.retry_after_seconds = 7

    assert portal.get(CONTACTS).headers["retry-after"] == "7"


def test_the_log_knows_the_busiest_window(portal: Portal, ticks: Ticks) -> None:
    for at in (0.0, 5.0, 9.0, 9.5, 11.0, 30.0):
        ticks.now = at
        portal.get(CONTACTS)
    portal.search()

    assert portal.faults.rates.busiest(10) == 4
    assert portal.faults.rates.busiest(10, searches=True) == 1
    assert portal.faults.rates.log[-1].path == f"{CONTACTS}/search"


def test_every_profile_has_a_name_of_its_own() -> None:
    assert {
        "none",
        "flaky",
        "outage",
        "missing-scope",
        "rate-limits",
        "bare-429",
        "index-lag",
        "late-associations",
    } < set(fault_profiles("hubspot"))
    assert {"short-pages", "locked", "html-errors", "resets", "slow", "everything"} < set(fault_profiles("hubspot"))
    assert {"none", "flaky", "outage", "missing-scope"} < set(fault_profiles("salesforce"))
    assert {
        "session-expiry",
        "endless-401",
        "locks",
        "short-pages",
        "lost-locators",
        "late-commits",
        "everything",
    } < set(fault_profiles("salesforce"))
    assert build_faults("flaky", "salesforce").flaky_share == 0.05


def test_an_outage_begins_after_so_many_requests(portal: Portal) -> None:
    portal.faults.fail_after = 2

    assert [portal.get(CONTACTS).status_code for _ in range(3)] == [200, 200, 503]


def test_a_locked_record_takes_no_write_but_can_be_read(portal: Portal) -> None:
    id_ = portal.add()
    portal.faults.locked_share = 1.0

    assert portal.patch(f"{CONTACTS}/{id_}", {"properties": {"city": "Graz"}}).status_code == 423
    assert portal.get(f"{CONTACTS}/{id_}").status_code == 200


def test_a_portal_that_is_being_moved_says_when_to_come_back(portal: Portal) -> None:
    portal.faults.moving = True

    reply = portal.get(CONTACTS)

    assert (reply.status_code, reply.headers["retry-after"]) == (477, "3600")


def test_html_errors_come_from_the_proxies(portal: Portal) -> None:
    portal.faults.html_errors = 1.0

    replies = [portal.get(CONTACTS) for _ in range(20)]

    assert {reply.status_code for reply in replies} == {502, 521}
    assert all(reply.headers["content-type"].startswith("text/html") for reply in replies)


def test_a_reset_closes_the_connection_without_an_answer(portal: Portal) -> None:
    portal.faults.resets = 1.0
    with pytest.raises(httpx.TransportError):
        portal.get(CONTACTS)
    portal.faults.resets = 0.0

    assert portal.get(CONTACTS).status_code == 200


def test_a_slow_portal_takes_its_time(portal: Portal) -> None:
    portal.faults.slow_seconds = 0.1
    begun = time.monotonic()
    portal.get(CONTACTS)

    assert time.monotonic() - begun >= 0.1


def walk_list(portal: Portal) -> list[list[str]]:
    """Return the ids of every page of a list, following its cursors, which must move."""
    pages, after = [], "0"
    while True:
        body = portal.page(limit=5, after=after)
        pages.append([row["id"] for row in body["results"]])
        if "paging" not in body:
            return pages
        assert int(body["paging"]["next"]["after"]) > int(after)
        after = body["paging"]["next"]["after"]


def walk_search(portal: Portal) -> list[list[str]]:
    """Return the ids of every page of a search, following its cursors, which must move."""
    pages, after = [], "0"
    while True:
        body = portal.search(limit=5, after=after).json()
        pages.append([row["id"] for row in body["results"]])
        if "paging" not in body:
            return pages
        assert int(body["paging"]["next"]["after"]) > int(after)
        after = body["paging"]["next"]["after"]


@pytest.mark.parametrize("walk", [walk_list, walk_search])
def test_short_pages_lose_no_row_to_a_client_that_follows_the_cursor(
    portal: Portal, walk: Callable[[Portal], list[list[str]]]
) -> None:
    ids = [portal.add() for _ in range(60)]
    portal.faults.short_pages = True

    pages = walk(portal)

    assert [id_ for page in pages for id_ in page] == ids
    assert [] in pages


@pytest.mark.parametrize("walk", [walk_list, walk_search])
def test_duplicate_rows_begin_the_next_page(portal: Portal, walk: Callable[[Portal], list[list[str]]]) -> None:
    ids = [portal.add() for _ in range(20)]
    portal.faults.duplicate_rows = True

    pages = walk(portal)

    assert list(dict.fromkeys(id_ for page in pages for id_ in page)) == ids
    assert all(later[0] == earlier[-1] for earlier, later in pairwise(pages))


@pytest.mark.parametrize("walk", [walk_list, walk_search])
def test_short_pages_with_duplicate_rows_still_end(portal: Portal, walk: Callable[[Portal], list[list[str]]]) -> None:
    ids = [portal.add() for _ in range(60)]
    portal.faults.short_pages = portal.faults.duplicate_rows = True

    assert list(dict.fromkeys(id_ for page in walk(portal) for id_ in page)) == ids


def test_replies_do_not_wait_for_more_to_send(portal: Portal) -> None:
    for _ in range(100):
        portal.add(firstname="Ada")
    begun = time.monotonic()
    for _ in range(25):
        portal.page(limit=100)

    assert time.monotonic() - begun < 0.9  # 40 ms a reply is what Nagle's algorithm costs
