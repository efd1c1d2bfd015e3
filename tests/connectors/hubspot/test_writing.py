"""What is written to a portal: our properties, batch by batch, with an outcome for every record."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.errors import InvalidRequestError, SchemaError
from connectors.hubspot import HubSpotConnector
from connectors.priority import PRIORITY_FIELDS, Band, Priority, PriorityStatus
from tests.sandboxes import Sandbox, sandbox

pytestmark = pytest.mark.integration


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox("hubspot") as portal:
        portal.connector.setup()
        yield portal


def priority(lead: str, rank: int = 1) -> Priority:
    return Priority(lead, Band.A, 71.5, rank, rank, "For: x", PriorityStatus.RANKED, "test-1", datetime.now(UTC))


def batches(running: Sandbox) -> int:
    return sum(arrival.path.endswith("/batch/update") for arrival in running.hubspot_faults.rates.log)


def test_a_foreign_property_is_refused_before_anything_is_sent(running: Sandbox) -> None:
    connector = running.connect_hubspot()
    with pytest.raises(InvalidRequestError, match="jobtitle"):
        connector._writer._write_all({"1": {"callfirst_rank": "1", "jobtitle": "CEO"}})

    assert connector.calls == 0


def test_writes_take_as_few_calls_as_batches_allow(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]]
    running.connector.write_priorities([priority(lead) for lead in leads])

    assert batches(running) == -(-len(leads) // 100)


def test_the_one_record_that_a_rule_refuses_is_found(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]][:100]
    running.portal.required = {"contacts": ("jobtitle",)}
    running.portal.update("contacts", running.portal.records["contacts"][leads[41]], {"jobtitle": ""})

    outcomes = running.connect_hubspot(api_version="2026-09").write_priorities([priority(lead) for lead in leads])

    assert [outcome.lead_id for outcome in outcomes if not outcome.written] == [leads[41]]
    assert batches(running) < 20


def test_archived_and_unknown_leads_are_named_and_the_rest_is_written(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]][:5]
    running.portal.archive("contacts", leads[2])

    outcomes = running.connector.write_priorities([priority(lead) for lead in [*leads, "77"]])

    assert [outcome.written for outcome in outcomes] == [True, True, False, True, True, False]
    assert "OBJECT_NOT_FOUND" in outcomes[2].detail


def test_a_lead_that_is_named_twice_gets_the_later_value(running: Sandbox) -> None:
    lead = str(running.portal.ids["contacts"][0])
    outcomes = running.connector.write_priorities([priority(lead, 9), priority(lead, 2)])

    assert [outcome.written for outcome in outcomes] == [True, True]
    assert running.portal.records["contacts"][lead].properties["callfirst_rank"] == "2"


def test_only_our_properties_change(running: Sandbox) -> None:
    lead = str(running.portal.ids["contacts"][0])
    before = dict(running.portal.records["contacts"][lead].properties)
    running.connector.write_priorities([priority(lead)])
    after = running.portal.records["contacts"][lead].properties

    changed = {name for name in after if after[name] != before.get(name)}
    assert {name for name in changed if not name.startswith("callfirst_")} <= {"lastmodifieddate"}
    assert sum(name.startswith("callfirst_") for name in changed) == len(PRIORITY_FIELDS)


def test_a_locked_portal_is_waited_for(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]]
    running.hubspot_faults.locked_share = 0.4

    assert all(outcome.written for outcome in running.connect().write_priorities([priority(lead) for lead in leads]))


def test_what_was_written_without_an_answer_is_not_written_again(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]][:90]
    running.hubspot_faults.lost_answers = 1
    outcomes = running.connect().write_priorities([priority(lead) for lead in leads])

    assert [outcome.lead_id for outcome in outcomes] == leads
    assert all(outcome.written for outcome in outcomes)
    assert batches(running) == 1


def test_of_what_was_not_answered_only_what_is_missing_is_written_again(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]][:3]
    connector = running.connect()
    running.portal.archive("contacts", leads[1])
    running.hubspot_faults.lost_answers = 1
    outcomes = connector.write_priorities([priority(lead) for lead in leads])

    assert [outcome.written for outcome in outcomes] == [True, False, True]
    assert "OBJECT_NOT_FOUND" in outcomes[1].detail
    assert batches(running) == 2


def test_a_write_that_never_arrived_is_sent_again(running: Sandbox) -> None:
    leads = [str(id_) for id_ in running.portal.ids["contacts"]]
    running.hubspot_faults.resets = 0.4

    assert all(outcome.written for outcome in running.connect().write_priorities([priority(lead) for lead in leads]))


@pytest.mark.parametrize("object_type", ["contacts", "deals", "leads"])
def test_setup_creates_everything_once(running: Sandbox, object_type: str) -> None:
    connector = running.connect_hubspot(object=object_type)
    connector.setup()
    before = len(running.hubspot_faults.rates.log)
    steps = connector.setup()

    assert all(step.exists for step in steps)
    asked = [arrival.method for arrival in list(running.hubspot_faults.rates.log)[before:]]
    assert set(asked) == {"GET"}


def test_a_check_creates_nothing() -> None:
    with sandbox("hubspot") as portal:
        steps = portal.connector.setup(check_only=True)

        assert not any(step.exists for step in steps)
        assert portal.portal.lists == {}
        assert {arrival.method for arrival in portal.hubspot_faults.rates.log} == {"GET"}


def test_an_option_that_is_missing_is_added_beside_the_others(running: Sandbox) -> None:
    definition = running.portal.properties["contacts"]["callfirst_priority"]
    kept = [option for option in definition.options if option["value"] != "B"]
    own = {"label": "Ours", "value": "OURS", "displayOrder": 9, "hidden": False}
    object.__setattr__(definition, "options", (*kept, own))

    running.connect().setup()

    values = {option["value"] for option in running.portal.properties["contacts"]["callfirst_priority"].options}
    assert values == {"A", "B", "C", "OURS"}


def test_a_property_of_ours_with_another_type_is_named() -> None:
    with sandbox("hubspot") as portal:
        wanted = {"name": "callfirst_rank", "label": "x", "type": "string", "fieldType": "text"}
        portal.portal.define({**wanted, "groupName": "contactinformation"})
        with pytest.raises(SchemaError, match=r"callfirst_rank.*delete it"):
            portal.connector.setup()


def test_the_list_shows_what_to_call_today(running: Sandbox) -> None:
    [made] = running.portal.lists.values()

    assert made["name"] == "Call first today"
    assert "callfirst_priority" in str(made)


def test_a_connector_of_deals_writes_deals(running: Sandbox) -> None:
    deals: HubSpotConnector = running.connect_hubspot(object="deals")
    deals.setup()
    deal = running.portal.create("deals", {"dealname": "x", "pipeline": "default", "dealstage": "qualifiedtobuy"})

    assert deals.write_priorities([priority(deal.id)])[0].written
    assert [row.lead_id for row in deals.list_by_rank("qualifiedtobuy")] == [deal.id]
