"""The rules by which an org's records change, however they are changed."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sandbox.salesforce import SalesforceOrg
from connectors.sandbox.salesforce.activities import add_email, add_event
from connectors.sandbox.salesforce.ids import find_id, long_id, make_id
from connectors.sandbox.salesforce.org import ADMIN_ID
from tests.connectors.sandbox.portal import Clock


def add_lead(org: SalesforceOrg, **values: object) -> str:
    return str(org.insert("Lead", {"LastName": "L", "Company": "C", **values})["Id"])


def rows(org: SalesforceOrg, sobject: str) -> list[dict[str, object]]:
    return list(org.tables[sobject].values())


def test_the_suffix_of_an_id_is_salesforces() -> None:
    assert long_id("0014S000007Nxml") == "0014S000007NxmlQAC"  # recorded
    assert long_id("00Q4S000002sSac") == "00Q4S000002sSacUAE"


@pytest.mark.parametrize("spelt", ["00Q4S000002sSac", "00Q4S000002sSacUAE", "00q4s000002ssacUAE"])
def test_an_id_is_known_in_each_of_its_spellings(spelt: str) -> None:
    assert find_id(spelt) == "00Q4S000002sSacUAE"


@pytest.mark.parametrize("text", ["", "00Q", "00Q4S000002sSa!", None, 5])
def test_what_cannot_be_an_id_is_none(text: object) -> None:
    assert find_id(text) is None


def test_later_ids_sort_after_earlier_ones() -> None:
    ids = [make_id("00Q", number) for number in range(5000)]

    assert ids == sorted(ids)


def test_stamps_are_whole_seconds(org: SalesforceOrg, clock: Clock) -> None:
    clock.advance(1.9)

    assert org.tables["Lead"][add_lead(org)]["SystemModstamp"] == datetime(2026, 11, 2, 9, 0, 1, tzinfo=UTC)


def test_every_stored_time_is_a_whole_second(org: SalesforceOrg) -> None:
    started = datetime(2026, 11, 2, 9, 0, 1, 900_000, tzinfo=UTC)
    event = org.insert("Event", {"Subject": "Demo", "StartDateTime": started})
    first = event["StartDateTime"]
    org.update("Event", event["Id"], {"StartDateTime": started + timedelta(seconds=1)})

    assert (first, event["StartDateTime"]) == (
        datetime(2026, 11, 2, 9, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 2, 9, 0, 2, tzinfo=UTC),
    )


def test_a_leads_history_is_kept_only_while_its_field_is_tracked(org: SalesforceOrg) -> None:
    id_ = add_lead(org)
    org.update("Lead", id_, {"Status": "Working - Contacted"})
    org.history_tracked.add("Lead.Status")
    org.update("Lead", id_, {"Status": "Closed - Not Converted", "Title": "CTO"})
    org.update("Lead", id_, {"Title": "CEO"})

    changes = [(row["Field"], row["OldValue"], row["NewValue"]) for row in rows(org, "LeadHistory")]

    assert changes == [("Status", "Working - Contacted", "Closed - Not Converted")]


def test_an_opportunitys_history_has_a_row_for_each_change_of_its_stage_figures(org: SalesforceOrg) -> None:
    values = {"Name": "D", "StageName": "Prospecting", "CloseDate": datetime(2026, 12, 1, tzinfo=UTC).date()}
    id_ = org.insert("Opportunity", values)["Id"]
    org.update("Opportunity", id_, {"StageName": "Closed Won"})
    org.update("Opportunity", id_, {"NextStep": "call"})
    org.update("Opportunity", id_, {"Amount": 5.0})

    history = [(row["StageName"], row["Probability"], row.get("Amount")) for row in rows(org, "OpportunityHistory")]

    assert history == [("Prospecting", 10.0, None), ("Closed Won", 100.0, None), ("Closed Won", 100.0, 5.0)]
    assert (org.tables["Opportunity"][id_]["IsWon"], org.tables["Opportunity"][id_]["IsClosed"]) == (True, True)


def test_a_mail_of_a_lead_is_a_message_a_relation_and_a_task_that_copies_it(org: SalesforceOrg, clock: Clock) -> None:
    id_ = add_lead(org)
    message = add_email(org, id_, "Hello", "<p>Hi &amp; bye</p>", clock())

    (task,), (relation,) = rows(org, "Task"), rows(org, "EmailMessageRelation")

    assert (task["TaskSubtype"], task["Description"], task["WhoId"]) == ("Email", "Hi & bye", id_)
    assert (message["ActivityId"], message.get("RelatedToId")) == (task["Id"], None)
    assert (relation["RelationId"], relation["RelationObjectType"]) == (id_, "Lead")


def test_without_enhanced_email_a_mail_is_only_a_task(org: SalesforceOrg, clock: Clock) -> None:
    org.enhanced_email = False
    add_email(org, add_lead(org), "Hello", "<p>Hi</p>", clock())

    assert (len(rows(org, "Task")), len(rows(org, "EmailMessage"))) == (1, 0)


def test_each_invited_user_has_a_child_of_the_meeting(org: SalesforceOrg, clock: Clock) -> None:
    times = {"StartDateTime": clock(), "EndDateTime": clock() + timedelta(minutes=45)}
    add_event(org, {"WhoId": add_lead(org), "Subject": "Demo", **times}, invitees=[ADMIN_ID])

    assert [(row["IsChild"], row["DurationInMinutes"]) for row in rows(org, "Event")] == [(False, 45), (True, 45)]


def test_a_finished_task_dates_the_leads_last_activity_and_moves_no_stamp(org: SalesforceOrg, clock: Clock) -> None:
    id_ = add_lead(org)
    before = org.tables["Lead"][id_]["SystemModstamp"]
    clock.advance(3600)
    org.insert("Task", {"WhoId": id_, "Subject": "Call", "Status": "Completed"})

    assert org.tables["Lead"][id_]["LastActivityDate"] == clock().date()
    assert org.tables["Lead"][id_]["SystemModstamp"] == before


def test_a_record_is_found_by_what_it_refers_to_after_that_changed(org: SalesforceOrg) -> None:
    first, second = add_lead(org), add_lead(org)
    task = org.insert("Task", {"WhoId": first, "Subject": "Call"})
    assert list(org.lookup("Task", "WhoId", [first])) == [task]

    org.update("Task", task["Id"], {"WhoId": second})

    assert (list(org.lookup("Task", "WhoId", [first])), list(org.lookup("Task", "WhoId", [second]))) == ([], [task])
