"""Steering an org from another port."""

import json

import pytest
from starlette.testclient import TestClient

from connectors.sandbox.salesforce import build_control_app
from connectors.sandbox.salesforce.changes import Work
from connectors.sandbox.salesforce.notes import add_note, link_file
from connectors.sandbox.seeding import fill_many_salesforce
from tests.connectors.sandbox.portal import Clock
from tests.connectors.sandbox.salesforce.running import Running


@pytest.fixture
def control(running: Running) -> TestClient:
    return TestClient(build_control_app(running.org, running.faults))


def test_faults_are_read_and_changed_while_the_org_runs(running: Running, control: TestClient) -> None:
    shown = control.put("/faults", json={"profile": "locks", "daily_limit": 7, "missing": ["Lead.OwnerId"]}).json()

    assert (shown["locked_share"], shown["daily_limit"], shown["missing"]) == (0.1, 7, ["Lead.OwnerId"])
    assert running.org.faults.missing == frozenset({"Lead.OwnerId"})
    assert "log" not in shown


@pytest.mark.parametrize("body", [{"profile": "weather"}, {"rain": True}])
def test_an_unknown_fault_is_refused_with_the_profiles(control: TestClient, body: dict[str, object]) -> None:
    reply = control.put("/faults", json=body)

    assert reply.status_code == 400
    assert "everything" in reply.json()["profiles"]


def test_changes_are_made_of_every_kind(control: TestClient, running: Running) -> None:
    running.add_leads(200)

    done = control.post("/changes", json={"leads": 150, "activities": 150, "notes": 150, "seed": 3}).json()

    assert sum(done.values()) == 450
    assert {f"leads {what}" for what in ("edited", "moved", "created", "deleted", "merged", "converted")} <= done.keys()
    assert {f"activities {what}" for what in ("edited", "created", "moved", "deleted")} <= done.keys()
    assert {f"notes {what}" for what in ("written", "left unlinked", "linked", "rewritten", "unlinked")} <= done.keys()


def test_the_same_seed_makes_the_same_changes() -> None:
    told = []
    for _ in range(2):
        org = fill_many_salesforce(60, 60, 20, 1, Clock())
        work = Work(org, 3)
        counts = (work.change_leads(80), work.change_activities(80), work.change_notes(80))
        told.append((counts, [(row["Id"], row.get("Title")) for row in org.tables["Lead"].values()]))

    assert told[0] == told[1]


def test_where_opportunities_are_the_leads_they_are_changed() -> None:
    org = fill_many_salesforce(0, 0, 0, 1, Clock())
    for number in range(20):
        org.insert("Opportunity", {"Name": f"D{number}", "StageName": "Prospecting"})

    done = Work(org, 1).change_leads(100)

    assert {"leads edited", "leads moved", "leads created"} <= done.keys()
    assert not org.tables["Lead"]


def test_the_state_counts_records(running: Running, control: TestClient) -> None:
    _, gone = running.add_leads(2)
    running.org.delete("Lead", gone)

    state = control.get("/state").json()

    assert (state["live"]["Lead"], state["deleted"]["Lead"]) == (1, 1)


def test_an_export_holds_every_live_record_and_the_text_of_notes(running: Running, control: TestClient) -> None:
    kept, gone = running.add_leads(2)
    running.org.delete("Lead", gone)
    link_file(running.org, add_note(running.org, "n", b"<p>hello</p>")["ContentDocumentId"], kept)

    lines = [json.loads(line) for line in control.get("/export").text.splitlines()]

    assert [line["Id"] for line in lines if line["type"] == "Lead"] == [kept]
    assert [line["VersionData"] for line in lines if line["type"] == "ContentVersion"] == ["<p>hello</p>"]


def test_the_log_of_requests_can_be_read(running: Running, control: TestClient) -> None:
    running.get("limits")

    last = control.get("/requests").json()[-1]

    assert (last["method"], last["path"], last["status"]) == ("GET", "/services/data/v64.0/limits", 200)
