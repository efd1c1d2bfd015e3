"""What `doctor` finds in an org: above all what Salesforce leaves out without a word."""

from collections.abc import Iterator

import pytest

from connectors.base import Health, HealthCheck
from connectors.sandbox.salesforce import ORG_ID, USERNAME
from connectors.sandbox.salesforce.notes import add_note, link_file
from tests.connectors.salesforce.orgs import RunningOrg, running_org

pytestmark = pytest.mark.integration


@pytest.fixture
def running() -> Iterator[RunningOrg]:
    with running_org() as org:
        org.connect().setup()
        yield org


def checked(running: RunningOrg, **settings: object) -> dict[str, HealthCheck]:
    return {check.what.removeprefix("salesforce: "): check for check in running.connect(**settings).check_health()}


@pytest.mark.parametrize("sobject", ["Lead", "Opportunity"])
def test_a_healthy_org_fails_nothing(sobject: str) -> None:
    with running_org(lead_object=sobject) as org:
        org.connect(object=sobject).setup()
        found = checked(org, object=sobject)

    assert {what: check.found for what, check in found.items() if check.health is Health.FAIL} == {}
    assert found["stage history"].health is Health.OK


def test_it_reads_only(running: RunningOrg) -> None:
    calls = len(running.faults.log)
    checked(running)

    later = list(running.faults.log)[calls:]
    assert {arrival.method for arrival in later if "oauth2" not in arrival.path} == {"GET"}


def test_credentials_that_are_refused_are_the_only_finding(running: RunningOrg) -> None:
    [check] = running.connect(login={"client_id": "sandbox", "client_secret": "wrong"}).check_health()

    assert check.health is Health.FAIL
    assert "SALESFORCE__CLIENT_SECRET" in check.found


def test_fields_before_setup_are_missing() -> None:
    with running_org() as org:
        found = checked(org)

    assert found["our fields"].health is Health.FAIL
    assert found["permission set"].health is Health.FAIL
    assert "callfirst setup" in found["our fields"].fix


def test_notes_that_cannot_be_seen_are_counted(running: RunningOrg) -> None:
    newest = max(running.org.tables["Lead"].values(), key=lambda row: row["CreatedDate"])["Id"]
    own = sum(row["FileType"] == "SNOTE" for row in running.org.tables["ContentDocument"].values())
    for number in range(3):
        note = add_note(running.org, f"Of another rep {number}", b"not shared with the integration user")
        link_file(running.org, note["ContentDocumentId"], newest)
    running.org.query_all_files = False

    found = checked(running)["Query All Files"]

    assert found.health is Health.FAIL
    assert "cannot be read" in found.found
    assert " 0 cannot be read" not in found.found
    assert own > 0


def test_fields_that_are_hidden_are_named(running: RunningOrg) -> None:
    running.org.hidden = frozenset({"Task.Description", "Lead.Industry"})

    found = checked(running)["fields that are read"]

    assert found.health is Health.WARN
    assert "Task.Description" in found.found
    assert "Lead.Industry" in found.found


def test_a_history_that_is_not_kept_is_found(running: RunningOrg) -> None:
    running.org.history_tracked.clear()

    assert "not tracked" in checked(running)["stage history"].found


def test_enhanced_email_that_is_off_is_found(running: RunningOrg) -> None:
    running.org.enhanced_email = False
    running.org.tables["EmailMessage"].clear()

    found = checked(running)["mails"]

    assert found.health is Health.WARN
    assert "Enhanced Email is off" in found.found


def test_notes_that_are_off_are_found(running: RunningOrg) -> None:
    running.org.notes_enabled = False

    assert "switched off" in checked(running)["notes"].found


def test_a_day_that_is_nearly_used_up_is_found(running: RunningOrg) -> None:
    running.faults.daily_limit, running.faults.used = 1_000, 850

    found = checked(running)

    assert found["API calls"].health is Health.FAIL
    assert "of 1,000 used" in found["API calls"].found


def test_a_status_and_a_field_that_do_not_exist_are_found(running: RunningOrg) -> None:
    found = checked(running, lost=["Closed - Not Converted", "Dead"], excluded_fields=["Gender__c", "industry"])

    assert "Dead" in found["stages"].found
    assert "Gender__c" in found["excluded fields"].found
    assert "industry" not in found["excluded fields"].found


def test_messages_of_another_organisation_are_found(running: RunningOrg) -> None:
    hook = {"webhook_token": "x" * 32}

    assert checked(running, **hook, organization_id=ORG_ID)["outbound messages"].health is Health.OK
    other = checked(running, **hook, organization_id="00D000000000009EAA")["outbound messages"]
    assert other.health is Health.FAIL
    assert ORG_ID[:15] in other.fix


def test_a_session_whose_user_is_unknown_says_what_to_set(running: RunningOrg) -> None:
    token = running.connect()
    token.list_stages()
    session = token._transport._token.current().token

    assert "SALESFORCE__USERNAME" in checked(running, login={"session_id": session})["permission set"].found
    found = checked(running, login={"session_id": session, "username": USERNAME})
    assert found["permission set"].health is Health.OK
