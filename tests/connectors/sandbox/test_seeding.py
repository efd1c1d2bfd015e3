"""What the portal is filled with: the made-up organisation, or very many records."""

import time
from datetime import UTC, datetime

import pytest

from connectors.sandbox.hubspot.object_types import ENGAGEMENTS
from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_hubspot, fill_many

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(("object_type", "stage"), [("deals", "dealstage"), ("leads", "hs_pipeline_stage")])
def test_a_lead_can_be_a_deal_or_a_lead_with_a_contact(object_type: str, stage: str) -> None:
    org = build_organisation(3, NOW, closed=10, open_=5)

    objects = fill_hubspot(org, object_type=object_type)

    leads = objects.records[object_type].values()
    assert len(leads) == len(objects.records["contacts"]) == len(org.leads)
    assert [row.properties[stage] for row in leads] == [lead.stage for lead in org.leads]
    assert all(len(objects.associated(object_type, row.id, "contacts")) == 1 for row in leads)


def test_a_deals_stage_history_is_the_leads() -> None:
    org = build_organisation(3, NOW, closed=10, open_=5)
    objects = fill_hubspot(org, object_type="deals")

    for row, lead in zip(objects.records["deals"].values(), org.leads, strict=True):
        versions = objects.history(row, "dealstage")
        assert [(version.value, version.at) for version in reversed(versions)] == list(lead.stages)


def test_the_pipeline_says_which_stages_are_won_and_lost() -> None:
    objects = fill_hubspot(build_organisation(3, NOW, closed=10, open_=5), object_type="deals")

    metadata = {stage["id"]: stage["metadata"] for stage in objects.pipelines["deals"][0]["stages"]}

    assert metadata["WON"] == {"isClosed": "true", "probability": "1.0", "leadState": "QUALIFIED"}
    assert metadata["LOST"]["probability"] == "0.0"
    assert metadata["NEW"]["isClosed"] == "false"


@pytest.mark.parametrize("object_type", ["contacts", "deals", "leads"])
def test_every_engagement_is_tied_to_its_lead(object_type: str) -> None:
    org = build_organisation(3, NOW, closed=10, open_=5)
    objects = fill_hubspot(org, object_type=object_type)

    for type_ in ENGAGEMENTS:
        assert all(objects.associated(type_, id_, object_type) for id_ in objects.records[type_])


def test_a_big_portal_is_made_quickly_and_repeatably() -> None:
    begun = time.monotonic()
    objects = fill_many(2_000, 6_000, seed=1)

    assert time.monotonic() - begun < 5
    assert len(objects.records["contacts"]) == 2_000
    assert sum(len(objects.records[type_]) for type_ in ENGAGEMENTS) == 6_000
    again = fill_many(2_000, 6_000, seed=1)
    assert [row.properties["hs_lead_status"] for row in objects.records["contacts"].values()] == [
        row.properties["hs_lead_status"] for row in again.records["contacts"].values()
    ]
