"""What an org is filled with: the made-up organisation, or very many records."""

import time
from datetime import UTC, datetime

import pytest

from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_many_salesforce, fill_salesforce

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(("lead_object", "stage"), [("Lead", "Status"), ("Opportunity", "StageName")])
def test_every_lead_is_there_with_its_last_stage(lead_object: str, stage: str) -> None:
    made_up = build_organisation(3, NOW, closed=10, open_=5)
    labels = {item.id: item.label for item in made_up.stages} | {
        "WON": "Closed - Converted" if lead_object == "Lead" else "Closed Won",
        "LOST": "Closed - Not Converted" if lead_object == "Lead" else "Closed Lost",
    }

    org = fill_salesforce(made_up, lead_object=lead_object)

    rows = org.tables[lead_object].values()
    assert [row[stage] for row in rows] == [labels[lead.stage] for lead in made_up.leads]


def test_the_stage_history_is_the_leads() -> None:
    made_up = build_organisation(3, NOW, closed=10, open_=5)
    leads, deals = fill_salesforce(made_up), fill_salesforce(made_up, lead_object="Opportunity")

    moves = sum(len(lead.stages) - 1 for lead in made_up.leads)
    changes = [row for row in leads.tables["LeadHistory"].values() if row["Field"] == "Status"]

    assert len(changes) == moves
    assert len(deals.tables["OpportunityHistory"]) == moves + len(made_up.leads)


def test_every_activity_of_an_opportunity_is_on_it_or_on_its_contact() -> None:
    org = fill_salesforce(build_organisation(3, NOW, closed=10, open_=5), lead_object="Opportunity")
    roles = {row["ContactId"] for row in org.tables["OpportunityContactRole"].values()}

    rows = [*org.tables["Task"].values(), *org.tables["Event"].values()]

    assert all(row.get("WhatId") in org.tables["Opportunity"] or row.get("WhoId") in roles for row in rows)
    assert any(row.get("WhatId") is None for row in rows)


def test_every_note_of_a_lead_is_linked_to_it() -> None:
    org = fill_salesforce(build_organisation(3, NOW, closed=10, open_=5))
    linked = {
        row["ContentDocumentId"]
        for row in org.tables["ContentDocumentLink"].values()
        if row["LinkedEntityId"] in org.tables["Lead"]
    }

    assert linked == set(org.tables["ContentNote"])


def test_a_big_org_is_made_quickly_and_repeatably() -> None:
    begun = time.monotonic()
    org = fill_many_salesforce(2_000, 6_000, 500, 1)

    assert time.monotonic() - begun < 10
    activities = sum(len(org.tables[name]) for name in ("Task", "Event"))  # a mail is a Task as well
    assert (len(org.tables["Lead"]), activities, len(org.tables["ContentNote"])) == (2_000, 6_000, 500)
    again = fill_many_salesforce(2_000, 6_000, 500, 1)
    assert [row["Status"] for row in org.tables["Lead"].values()] == [
        row["Status"] for row in again.tables["Lead"].values()
    ]
