"""What `setup` leaves behind in an org, and what it does not touch."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from connectors.errors import InvalidRequestError
from connectors.salesforce import OutboundMessageTarget, SalesforceConnector
from connectors.salesforce.package import LIST_VIEW
from connectors.sandbox.salesforce import USERNAME
from tests.connectors.salesforce.orgs import RunningOrg, running_org
from tests.sandboxes import NO_WAIT

pytestmark = pytest.mark.integration

SECRET = "0123456789abcdef0123456789abcdef"
TARGET = OutboundMessageTarget(SecretStr(f"https://callfirst.example/webhooks/salesforce/{SECRET}"), USERNAME)


@pytest.fixture
def running() -> Iterator[RunningOrg]:
    with running_org() as org:
        yield org


@pytest.mark.parametrize("sobject", ["Lead", "Opportunity"])
def test_a_second_run_changes_nothing(sobject: str) -> None:
    with running_org(lead_object=sobject) as org:
        connector = org.connect(object=sobject)
        assert not any(step.exists for step in connector.setup())
        calls = len(org.faults.log)

        assert all(step.exists for step in org.connect(object=sobject).setup())
        assert not any(
            arrival.method != "GET" for arrival in list(org.faults.log)[calls:] if "token" not in arrival.path
        )
        assert LIST_VIEW in {row["DeveloperName"] for row in org.org.tables["ListView"].values()}


def test_a_check_asks_salesforce_and_changes_nothing(running: RunningOrg) -> None:
    steps = running.connect().setup(check_only=True)

    assert not any(step.exists for step in steps)
    assert any("deployRequest" in arrival.path for arrival in running.faults.log)
    assert not running.org.tables["PermissionSet"].keys() - _before(running)
    assert not any(name.startswith("Callfirst_") for name in running.org.objects["Lead"].fields)


def _before(running: RunningOrg) -> set[str]:
    return {id_ for id_, row in running.org.tables["PermissionSet"].items() if "allfirst" not in row["Name"]}


def test_a_deployment_that_fails_says_why_and_leaves_nothing(running: RunningOrg) -> None:
    running.faults.deploy_fails = True
    with pytest.raises(InvalidRequestError, match="deployment Failed"):
        running.connect().setup()

    assert not any(name.startswith("Callfirst_") for name in running.org.objects["Lead"].fields)


def test_fields_that_were_deployed_and_not_granted_are_granted(running: RunningOrg) -> None:
    running.connect().setup()
    for id_, row in list(running.org.tables["PermissionSetAssignment"].items()):
        if "allfirst" in running.org.tables["PermissionSet"][row["PermissionSetId"]]["Name"]:
            running.org.erase("PermissionSetAssignment", id_)
    running.org.forget_schema()
    assert not all(step.exists for step in running.connect().setup(check_only=True))

    running.connect().setup()

    assert all(step.exists for step in running.connect().setup(check_only=True))


def outbound(running: RunningOrg) -> SalesforceConnector:
    return SalesforceConnector(running.connect()._transport._config, NO_WAIT, outbound=TARGET)


def test_outbound_messages_are_deployed_once_and_an_active_flow_stays_active(running: RunningOrg) -> None:
    steps = outbound(running).setup()
    assert any("flow" in step.what for step in steps)
    assert all(step.exists for step in outbound(running).setup(check_only=True))
    flows = {name: body for name, body in running.org.metadata.items() if name.startswith("flows/")}
    assert flows
    for name, body in flows.items():
        running.org.metadata[name] = body.replace(b"<status>Draft</status>", b"<status>Active</status>")
    running.org.remove_field("Lead", "Callfirst_Rank__c")

    outbound(running).setup()

    assert all(
        b"<status>Active</status>" in body for name, body in running.org.metadata.items() if name.startswith("flows/")
    )


def test_a_problem_that_quotes_the_address_does_not_show_the_secret(running: RunningOrg) -> None:
    address = TARGET.endpoint_url.get_secret_value()
    running.faults.deploy_fails, running.faults.deploy_problem = True, f"{address} cannot be called"
    with pytest.raises(InvalidRequestError, match="the outbound message's address cannot be called") as caught:
        outbound(running).setup()

    assert SECRET not in str(caught.value)
