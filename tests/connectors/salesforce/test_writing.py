"""Writing: only our fields, every row with an outcome, nobody's owner moved, and no echo."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.errors import InvalidRequestError, UnavailableError
from connectors.lead import Lead, Outcome
from connectors.sandbox.salesforce import SalesforceOrg
from connectors.sandbox.salesforce.org import ValidationRule
from tests.connectors.salesforce.orgs import RunningOrg, running_org
from tests.connectors.test_contract import priority, read_all
from worker.pull import pull
from worker.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture(params=["Lead", "Opportunity"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[RunningOrg, str]]:
    with running_org(lead_object=request.param) as org:
        org.connect(object=request.param).setup()
        yield org, request.param


@pytest.fixture
def leads() -> Iterator[RunningOrg]:
    with running_org() as org:
        org.connect().setup()
        yield org


def open_leads(running: RunningOrg, **settings: Any) -> list[Lead]:
    return [lead for lead in read_all(running.connect(**settings)).leads if lead.outcome is Outcome.OPEN]


def owners(org: SalesforceOrg, sobject: str) -> dict[str, object]:
    return {id_: row["OwnerId"] for id_, row in org.tables[sobject].items()}


def test_priorities_are_shown_and_no_owner_moves(running: tuple[RunningOrg, str]) -> None:
    org, sobject = running
    before = owners(org.org, sobject)
    found = open_leads(org, object=sobject)

    outcomes = org.connect(object=sobject).write_priorities([priority(lead, 3) for lead in found])

    assert all(outcome.written for outcome in outcomes)
    assert owners(org.org, sobject) == before  # the org has an assignment rule, which a forgotten header would run
    assert {org.org.tables[sobject][lead.id]["Callfirst_Rank__c"] for lead in found} == {3}


def test_a_name_that_is_not_ours_is_refused_before_a_request(leads: RunningOrg) -> None:
    connector = leads.connect()
    lead = open_leads(leads)[0]
    calls = len(leads.faults.log)
    with pytest.raises(InvalidRequestError, match="OwnerId"):
        connector._writer._write_all({lead.id: {"OwnerId": "005000000000001AAA"}})

    assert len(leads.faults.log) == calls


def test_locked_rows_are_written_again_and_no_other(leads: RunningOrg) -> None:
    leads.faults.locked_share = 0.4
    found = open_leads(leads)
    calls = len(leads.faults.log)

    outcomes = leads.connect().write_priorities([priority(lead, 1) for lead in found])

    assert [outcome.lead_id for outcome in outcomes] == [lead.id for lead in found]
    assert all(outcome.written or outcome.retryable for outcome in outcomes)
    assert sum(outcome.written for outcome in outcomes) > len(found) * 0.9
    sent = [arrival for arrival in list(leads.faults.log)[calls:] if arrival.method == "PATCH"]
    assert len(sent) > 1
    assert [arrival.bytes for arrival in sent] == sorted((arrival.bytes for arrival in sent), reverse=True)


def test_rows_that_stay_locked_say_that_they_may_be_tried_again(leads: RunningOrg) -> None:
    leads.faults.locked_share = 1.0

    outcomes = leads.connect().write_priorities([priority(lead, 1) for lead in open_leads(leads)[:3]])

    assert [(outcome.written, outcome.retryable) for outcome in outcomes] == [(False, True)] * 3
    assert "UNABLE_TO_LOCK_ROW" in outcomes[0].detail


def test_what_was_written_without_an_answer_is_not_written_again(leads: RunningOrg) -> None:
    found = open_leads(leads)
    connector = leads.connect()
    connector.list_stages()
    leads.faults.lost_answers = 1
    outcomes = connector.write_priorities([priority(lead, 1) for lead in found])

    assert [outcome.lead_id for outcome in outcomes] == [lead.id for lead in found]
    assert all(outcome.written for outcome in outcomes)
    assert [arrival.method for arrival in leads.faults.log].count("PATCH") == 1


def test_of_what_was_not_answered_only_what_is_missing_is_written_again(leads: RunningOrg) -> None:
    found = open_leads(leads)[:3]
    connector = leads.connect()
    connector.list_stages()
    leads.org.delete("Lead", found[1].id)
    leads.faults.lost_answers = 1
    outcomes = connector.write_priorities([priority(lead, 1) for lead in found])

    assert [outcome.written for outcome in outcomes] == [True, False, True]
    assert [arrival.method for arrival in leads.faults.log].count("PATCH") == 2


def test_a_write_that_is_never_answered_fails(leads: RunningOrg) -> None:
    connector = leads.connect()
    found = open_leads(leads)[:3]
    connector.list_stages()
    leads.faults.resets = 1.0
    with pytest.raises(UnavailableError):
        connector.write_priorities([priority(lead, 1) for lead in found])


def test_a_validation_rule_is_quoted_and_the_others_are_written(leads: RunningOrg) -> None:
    found = open_leads(leads)
    message = "Leads of this owner are frozen"
    leads.org.validation_rules.append(ValidationRule("Lead", {"Id": found[1].id}, message))

    outcomes = leads.connect().write_priorities([priority(lead, 1) for lead in found[:3]])

    assert [outcome.written for outcome in outcomes] == [True, False, True]
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in outcomes[1].detail
    assert message in outcomes[1].detail
    assert not outcomes[1].retryable
    assert sum("composite/sobjects" in arrival.path for arrival in leads.faults.log) == 1  # it is not asked again


def test_a_trigger_that_fails_is_named_and_its_text_is_not(leads: RunningOrg) -> None:
    leads.org.triggers_fail.add("Lead")

    outcome = leads.connect().write_priorities([priority(open_leads(leads)[0], 1)])[0]

    assert not outcome.written
    assert outcome.detail == "Salesforce: CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_deleted_and_converted_leads_are_named_and_not_tried_again(leads: RunningOrg) -> None:
    gone, won, left = open_leads(leads)[:3]
    leads.org.delete("Lead", gone.id)
    leads.org.convert(won.id)

    outcomes = leads.connect().write_priorities([priority(lead, 1) for lead in (gone, won, left)])

    assert [outcome.written for outcome in outcomes] == [False, False, True]
    assert "ENTITY_IS_DELETED" in outcomes[0].detail
    assert "CANNOT_UPDATE_CONVERTED_LEAD" in outcomes[1].detail
    assert not any(outcome.retryable for outcome in outcomes)


def test_an_outage_is_raised_and_not_taken_for_a_lock(leads: RunningOrg) -> None:
    found = open_leads(leads)[:3]
    connector = leads.connect()
    connector.list_stages()
    before = len(leads.faults.log)
    leads.faults.html_errors = 1.0
    with pytest.raises(UnavailableError, match="HTTP 50"):
        connector.write_priorities([priority(lead, 1) for lead in found])

    # Once it is sent, and then asked for four times: a call that was not answered may have been heard.
    assert [arrival.method for arrival in list(leads.faults.log)[before:]] == ["PATCH", "GET", "GET", "GET", "GET"]


def test_of_two_values_for_one_lead_the_later_is_written(leads: RunningOrg) -> None:
    lead = open_leads(leads)[0]

    outcomes = leads.connect().write_priorities([priority(lead, 1), priority(lead, 2)])

    assert [outcome.written for outcome in outcomes] == [True, True]
    assert leads.org.tables["Lead"][lead.id]["Callfirst_Rank__c"] == 2


def test_what_we_wrote_is_no_news(leads: RunningOrg, store: Store) -> None:
    connector = leads.connect()
    pull(store, connector)

    connector.write_priorities([priority(lead, 1) for lead in open_leads(leads)])
    again = pull(store, connector)

    assert again.records["leads"] >= len(open_leads(leads))  # our write has moved their stamps
    assert again.changed == 0
