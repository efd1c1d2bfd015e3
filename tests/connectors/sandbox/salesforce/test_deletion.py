"""What goes into the recycle bin with a record, and comes out again."""

import pytest

from connectors.sandbox.salesforce import SalesforceOrg
from connectors.sandbox.salesforce.activities import add_email
from connectors.sandbox.salesforce.notes import add_note, link_file
from tests.connectors.sandbox.portal import Clock


def add_lead(org: SalesforceOrg) -> str:
    return str(org.insert("Lead", {"LastName": "L", "Company": "C"})["Id"])


def add_all_that_hangs_on(org: SalesforceOrg, record: str, clock: Clock) -> None:
    """Add what is deleted with a lead or contact: one record of each kind."""
    org.insert("Task", {"WhoId": record, "Subject": "Call"})
    org.insert("Event", {"WhoId": record, "Subject": "Demo"})
    add_email(org, record, "Hello", "<p>Hi</p>", clock())
    link_file(org, add_note(org, "A note", b"<p>x</p>")["ContentDocumentId"], record)
    org.insert("Note", {"ParentId": record, "Title": "Old note"})
    org.insert("FeedItem", {"ParentId": record, "Body": "A post"})


def deleted(org: SalesforceOrg) -> dict[str, int]:
    """Return how many records of each object are in the recycle bin."""
    counts = {name: sum(bool(row.get("IsDeleted")) for row in table.values()) for name, table in org.tables.items()}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("sobject", ["Lead", "Contact"])
def test_what_hangs_on_a_deleted_person_goes_and_comes_back_with_it(
    org: SalesforceOrg, clock: Clock, sobject: str
) -> None:
    org.history_tracked = {"Lead.Status"}
    id_ = org.insert(sobject, {"LastName": "L"})["Id"]
    add_all_that_hangs_on(org, id_, clock)

    org.delete(sobject, id_)
    gone = deleted(org)
    org.undelete(sobject, id_)

    kinds = ("Event", "ContentDocumentLink", "EmailMessageRelation", "Note", "FeedItem")
    more = {"LeadHistory": 1} if sobject == "Lead" else {}
    assert gone == {sobject: 1, "Task": 2, **dict.fromkeys(kinds, 1), **more}
    assert (deleted(org), org.deletions) == ({}, [])


def test_a_deleted_account_takes_along_what_hangs_on_its_opportunities(org: SalesforceOrg) -> None:
    account = org.insert("Account", {"Name": "A"})["Id"]
    deal = org.insert("Opportunity", {"Name": "D", "AccountId": account, "StageName": "Prospecting"})["Id"]
    org.insert("Task", {"WhatId": deal, "Subject": "Call"})

    org.delete("Account", account)

    assert deleted(org) == {"Account": 1, "Opportunity": 1, "OpportunityHistory": 1, "Task": 1}


def test_what_was_deleted_before_its_lead_stays_deleted(org: SalesforceOrg) -> None:
    id_ = add_lead(org)
    task = org.insert("Task", {"WhoId": id_, "Subject": "Call"})["Id"]
    org.delete("Task", task)
    org.delete("Lead", id_)
    org.undelete("Lead", id_)

    assert deleted(org) == {"Task": 1}


def test_what_the_recycle_bin_was_emptied_of_does_not_come_back(org: SalesforceOrg) -> None:
    id_ = add_lead(org)
    task = org.insert("Task", {"WhoId": id_, "Subject": "Call"})["Id"]
    org.delete("Lead", id_)
    org.erase("Task", task)
    org.undelete("Lead", id_)

    assert (task in org.tables["Task"], deleted(org)) == (False, {})


def test_a_deleted_mail_takes_its_relations_along(org: SalesforceOrg, clock: Clock) -> None:
    mail = add_email(org, add_lead(org), "Hello", "<p>Hi</p>", clock())["Id"]

    org.delete("EmailMessage", mail)

    assert deleted(org) == {"EmailMessage": 1, "EmailMessageRelation": 1}


def test_a_deletion_is_remembered_with_its_time_in_whole_seconds(org: SalesforceOrg, clock: Clock) -> None:
    id_ = add_lead(org)
    clock.advance(60.5)
    org.delete("Lead", id_)

    assert [(item.sobject, item.id, item.at.second, item.at.microsecond) for item in org.deletions] == [
        ("Lead", id_, 0, 0)
    ]
