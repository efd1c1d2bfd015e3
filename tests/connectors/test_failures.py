"""What a CRM that refuses, throttles or breaks off is answered with."""

import pytest

from connectors.errors import AuthenticationError, SchemaError, UnavailableError
from connectors.hubspot import HubSpotConfig
from connectors.sandbox.salesforce.org import QUEUE_ID
from tests.connectors.test_contract import priority, read_all
from tests.sandboxes import sandbox

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_wrong_token_is_named_and_not_shown(crm: str) -> None:
    with sandbox(crm) as running, pytest.raises(AuthenticationError) as caught:
        running.connect(token="not-the-secret").list_stages()

    assert "HUBSPOT__ACCESS_TOKEN" in str(caught.value) or "SALESFORCE__CLIENT_SECRET" in str(caught.value)
    assert "not-the-secret" not in str(caught.value)


def test_a_missing_scope_is_named() -> None:
    with sandbox("hubspot") as running:
        running.faults.missing = frozenset({"crm.schemas.contacts.write"})
        with pytest.raises(AuthenticationError, match=r"crm\.schemas\.contacts\.write"):
            running.connector.setup()


def test_a_hidden_field_is_named() -> None:
    with sandbox("salesforce") as running:
        running.salesforce.hidden = frozenset({"Lead.OwnerId"})
        with pytest.raises(SchemaError, match=r"Lead\.OwnerId"):
            read_all(running.connector)


def test_an_outcome_that_the_crm_does_not_know_is_named_with_its_options() -> None:
    with sandbox("hubspot") as running:
        from connectors.hubspot import HubSpotConnector

        config = HubSpotConfig.model_validate(
            {"access_token": "sandbox", "base_url": running.url, "won": ["SIGNED_UP"]}
        )
        with pytest.raises(SchemaError, match=r"SIGNED_UP.*PROPOSAL"):
            HubSpotConnector(config).list_stages()


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_throttling_and_short_outages_are_waited_out(crm: str) -> None:
    with sandbox(crm) as running:
        calm = read_all(running.connector)
        running.faults.flaky_share = 0.2

        assert read_all(running.connect()) == calm


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_lasting_outage_is_reported_as_one(crm: str) -> None:
    with sandbox(crm) as running:
        running.faults.fail_after = 3
        with pytest.raises(UnavailableError, match="503"):
            read_all(running.connector)


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_writing_before_setup_says_what_to_do_and_writes_nothing(crm: str) -> None:
    with sandbox(crm) as running:
        leads = [lead for lead in read_all(running.connector).leads if lead.outcome == "open"]

        outcomes = running.connector.write_priorities([priority(leads[0], 1)])

        assert not outcomes[0].written
        assert "callfirst_priority" in outcomes[0].detail.lower()


def test_salesforce_leads_keep_their_owner() -> None:
    with sandbox("salesforce") as running:
        running.connector.setup()
        leads = [lead for lead in read_all(running.connector).leads if lead.outcome == "open"]

        running.connector.write_priorities([priority(lead, 1) for lead in leads])

        assert QUEUE_ID not in {row["OwnerId"] for row in running.salesforce.tables["Lead"].values()}


def test_a_foreign_host_is_refused() -> None:
    with pytest.raises(ValueError, match=r"evil\.example"):
        HubSpotConfig.model_validate({"access_token": "x", "base_url": "https://evil.example"})
