"""Converted and merged records: what becomes of what hung on them."""

import pytest

from connectors.sandbox.salesforce import SalesforceOrg
from connectors.sandbox.salesforce.activities import add_email
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.notes import add_note, link_file
from connectors.sandbox.salesforce.org import USER_ID
from tests.connectors.sandbox.portal import Clock


def add_lead(org: SalesforceOrg, **values: object) -> str:
    return str(org.insert("Lead", {"LastName": "L", "Company": "C", **values})["Id"])


def rows(org: SalesforceOrg, sobject: str) -> list[Row]:
    return list(org.tables[sobject].values())


def test_a_converted_lead_hands_its_activities_on(org: SalesforceOrg) -> None:
    id_ = add_lead(org)
    task = org.insert("Task", {"WhoId": id_, "Subject": "Call"})

    lead = org.convert(id_)

    assert (lead["IsConverted"], lead["Status"]) == (True, "Closed - Converted")
    assert (task["WhoId"], task["WhatId"]) == (lead["ConvertedContactId"], lead["ConvertedOpportunityId"])
    (role,) = rows(org, "OpportunityContactRole")
    assert (role["ContactId"], role["OpportunityId"]) == (task["WhoId"], task["WhatId"])


def test_a_converted_lead_hands_its_mails_and_notes_on(org: SalesforceOrg, clock: Clock) -> None:
    id_ = add_lead(org)
    add_email(org, id_, "Hello", "<p>Hi</p>", clock())
    note = add_note(org, "A note", b"<p>x</p>")["ContentDocumentId"]
    link_file(org, note, id_)
    old = org.insert("Note", {"ParentId": id_, "Title": "Old note"})

    lead = org.convert(id_)

    (relation,) = rows(org, "EmailMessageRelation")
    links = {link["LinkedEntityId"] for link in org.committed("ContentDocumentLink", "ContentDocumentId", note)}
    contact, deal = lead["ConvertedContactId"], lead["ConvertedOpportunityId"]
    assert (relation["RelationId"], relation["RelationObjectType"]) == (contact, "Contact")
    assert {id_, contact, deal} < links
    assert old["ParentId"] == contact


def test_what_a_lead_becomes_is_its_owners_and_begins_at_the_first_stage(org: SalesforceOrg) -> None:
    lead = org.convert(add_lead(org, OwnerId=USER_ID, LeadSource="Web"))

    made = [org.find_row(lead[name]) or {} for name in ("ConvertedAccountId", "ConvertedContactId")]
    (deal,) = rows(org, "Opportunity")
    assert [row["OwnerId"] for row in (*made, deal)] == [USER_ID] * 3
    assert (deal["StageName"], deal["LeadSource"], deal["AccountId"]) == ("Prospecting", "Web", made[0]["Id"])


def test_a_lead_that_becomes_no_opportunity_leaves_its_activities_with_the_account(org: SalesforceOrg) -> None:
    id_ = add_lead(org)
    task = org.insert("Task", {"WhoId": id_, "Subject": "Call"})

    lead = org.convert(id_, opportunity=False)

    assert task["WhatId"] == lead["ConvertedAccountId"]
    assert rows(org, "Opportunity") == []


@pytest.mark.parametrize(
    ("sobject", "field", "more"),
    [
        ("Task", "WhoId", {}),
        ("Event", "WhoId", {}),
        ("EmailMessageRelation", "RelationId", {}),
        ("ContentDocumentLink", "LinkedEntityId", {"ContentDocumentId": "069"}),
        ("Note", "ParentId", {}),
        ("FeedItem", "ParentId", {}),
    ],
)
def test_what_hangs_on_a_merged_lead_moves_to_its_master(
    org: SalesforceOrg, sobject: str, field: str, more: dict[str, str]
) -> None:
    master, loser = add_lead(org), add_lead(org)
    row = org.insert(sobject, {field: loser, **more})

    org.merge("Lead", master, [loser])

    assert row[field] == master


def test_a_merged_lead_is_among_the_deleted(org: SalesforceOrg) -> None:
    master, loser = add_lead(org), add_lead(org)

    org.merge("Lead", master, [loser])

    assert [(item.sobject, item.id) for item in org.deletions] == [("Lead", loser)]


def test_a_merged_lead_names_its_master_which_has_its_activities(org: SalesforceOrg, clock: Clock) -> None:
    master, loser = add_lead(org), add_lead(org)
    task = org.insert("Task", {"WhoId": loser, "Subject": "Call"})
    clock.advance(60)

    org.merge("Lead", master, [loser])

    gone = org.tables["Lead"][loser]
    assert (gone["IsDeleted"], gone["MasterRecordId"], task["WhoId"]) == (True, master, master)
    assert org.tables["Lead"][master]["SystemModstamp"] == clock()
