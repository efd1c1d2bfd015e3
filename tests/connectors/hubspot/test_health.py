"""What `doctor` finds in a portal, and which rights are needed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.base import Health, HealthCheck
from connectors.errors import AuthenticationError
from connectors.hubspot import HubSpotConfig
from connectors.hubspot.scopes import needed_scopes
from connectors.sandbox.hubspot.tokens import SCOPES
from tests.connectors.hubspot.test_writing import priority
from tests.connectors.test_contract import read_all
from tests.sandboxes import Sandbox, sandbox

pytestmark = pytest.mark.integration

CONFIG = HubSpotConfig.model_validate({"access_token": "sandbox"})
NEEDED = sorted(needed_scopes(CONFIG))


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox("hubspot") as portal:
        portal.connector.setup()
        yield portal


def checked(running: Sandbox, **settings: object) -> dict[str, HealthCheck]:
    checks = running.connect_hubspot(**settings).check_health()
    return {check.what.removeprefix("hubspot: "): check for check in checks}


def test_a_healthy_portal_fails_nothing(running: Sandbox) -> None:
    found = checked(running, api_version="2026-09")

    assert {check.health for check in found.values()} <= {Health.OK, Health.WARN}
    assert found["search"].health is Health.OK


def test_a_token_that_is_refused_is_the_only_finding(running: Sandbox) -> None:
    [check] = running.connect(token="wrong").check_health()

    assert check.health is Health.FAIL
    assert "HUBSPOT__ACCESS_TOKEN" in check.fix


def test_mails_whose_text_is_withheld_are_found(running: Sandbox) -> None:
    running.faults.missing = frozenset({"sales-email-read"})
    found = checked(running)

    assert found["text of mails"].health is Health.FAIL
    assert "sales-email-read" in found["text of mails"].fix
    assert "sales-email-read" in found["scopes"].found


def test_an_excluded_field_that_does_not_exist_is_found(running: Sandbox) -> None:
    assert checked(running, excluded_fields=["jobtitel"])["excluded fields"].health is Health.WARN


def test_a_stage_that_does_not_exist_is_found(running: Sandbox) -> None:
    assert checked(running, won=["WON", "SIGNED"])["stages"].health is Health.WARN
    assert checked(running, won=["SIGNED"])["stages"].health is Health.FAIL


def test_missing_properties_are_found() -> None:
    with sandbox("hubspot") as portal:
        assert checked(portal)["our properties"].health is Health.FAIL


def test_owners_that_are_gone_are_found(running: Sandbox) -> None:
    running.portal.owners.pop()

    assert checked(running)["owners"].health is Health.WARN


def test_a_history_that_hubspot_cuts_is_found(running: Sandbox) -> None:
    contact = running.portal.records["contacts"][str(running.portal.ids["contacts"][0])]
    for number in range(60):
        running.portal.update("contacts", contact, {"hs_lead_status": ("NEW", "DEMO")[number % 2]})

    assert checked(running)["stage history"].health is Health.WARN


def test_a_version_that_ends_soon_is_found(running: Sandbox) -> None:
    found = checked(running)["API version"]

    assert (found.health is Health.WARN) == (datetime.now(UTC).date().isoformat() >= "2026-12-30")


def use_everything(running: Sandbox) -> None:
    """Set up, read, write, list, and look at the health, as all commands together do."""
    connector = running.connect()
    connector.setup()
    leads = read_all(connector).leads
    read_all(connector, since=leads[0].created_at)
    connector.write_priorities([priority(leads[0].id)])
    connector.list_by_rank(leads[0].stage)
    failed = [check for check in connector.check_health() if check.health is Health.FAIL]
    if failed:
        raise AuthenticationError("; ".join(check.found + check.fix for check in failed))


def test_no_other_right_than_the_needed_ones_is_used() -> None:
    with sandbox("hubspot") as portal:
        portal.faults.missing = frozenset(SCOPES) - set(NEEDED)
        use_everything(portal)


@pytest.mark.parametrize("scope", NEEDED)
def test_every_right_is_needed(scope: str) -> None:
    with sandbox("hubspot") as portal:
        portal.faults.missing = frozenset({scope})
        with pytest.raises(AuthenticationError, match=scope.replace(".", r"\.")):
            use_everything(portal)
