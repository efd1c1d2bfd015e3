"""Opportunities as the lead: what names them, what their people said, and how they end."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.lead import Outcome
from tests.connectors.salesforce.orgs import RunningOrg, running_org
from tests.connectors.salesforce.test_reading import LONG_AGO, NOW, add_task
from tests.connectors.test_contract import read_all
from worker.pull import pull
from worker.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def deals() -> Iterator[RunningOrg]:
    with running_org(lead_object="Opportunity") as org:
        yield org


def test_opportunities_have_what_names_them_and_what_their_people_said(deals: RunningOrg, store: Store) -> None:
    deal = next(iter(deals.org.tables["Opportunity"]))
    contact = deals.org.insert("Contact", {"LastName": "Doe"})["Id"]
    stranger = deals.org.insert("Contact", {"LastName": "Roe"})["Id"]
    deals.org.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    add_task(deals, WhatId=deal, Description="about the deal")
    add_task(deals, WhoId=contact, Description="said by a person of the deal")
    add_task(deals, WhoId=stranger, Description="said by a stranger")
    pull(store, deals.connect(object="Opportunity"))

    found = [item.text for item in store.interactions_by_lead("salesforce")[deal]]

    assert any("about the deal" in text for text in found)
    assert any("said by a person" in text for text in found)
    assert not any("stranger" in text for text in found)


def test_a_person_who_joins_a_deal_brings_what_was_said(deals: RunningOrg, store: Store) -> None:
    deal = next(iter(deals.org.tables["Opportunity"]))
    contact = deals.org.insert("Contact", {"LastName": "Doe"}, LONG_AGO)["Id"]
    add_task(deals, LONG_AGO, WhoId=contact, Description="said before the deal")
    pull(store, deals.connect(object="Opportunity"))
    deals.org.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})
    pull(store, deals.connect(object="Opportunity"))

    assert any("said before" in item.text for item in store.interactions_by_lead("salesforce")[deal])


def test_opportunities_end_as_their_stages_say_and_have_a_history(deals: RunningOrg) -> None:
    page = read_all(deals.connect(object="Opportunity"))

    assert {lead.outcome for lead in page.leads} == set(Outcome)
    assert page.stage_changes
    assert not any({"Probability", "ForecastCategory", "CloseDate"} & set(lead.fields) for lead in page.leads)


def test_people_who_join_many_deals_at_once_are_read_in_parts(deals: RunningOrg) -> None:
    first = next(iter(deals.org.tables["Opportunity"].values()))
    contact = deals.org.insert("Contact", {"LastName": "Doe"})["Id"]
    for number in range(120):
        values = {name: first[name] for name in ("StageName", "CloseDate", "OwnerId")}
        deal = deals.org.insert("Opportunity", {**values, "Name": f"Deal {number}"})["Id"]
        deals.org.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact})

    pages = list(deals.connect(object="Opportunity").read("late ties", since=NOW - timedelta(minutes=1)))

    assert max(len(page.leads) for page in pages) <= 50
    assert sum(len(page.leads) for page in pages) >= 120
    assert [page.position is None for page in pages] == [False] * (len(pages) - 1) + [True]
