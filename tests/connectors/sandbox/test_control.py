"""Steering a running portal from outside."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from connectors.sandbox.hubspot import HubSpotFaults, build_control_app
from connectors.sandbox.seeding import fill_many
from tests.connectors.sandbox.portal import Portal


@pytest.fixture
def control(portal: Portal) -> Iterator[TestClient]:
    with TestClient(build_control_app(portal.objects, portal.faults)) as client:
        yield client


def test_a_profile_can_be_switched_on_and_off(portal: Portal, control: TestClient) -> None:
    assert control.put("/faults", json={"profile": "html-errors", "html_errors": 1.0}).status_code == 200
    assert portal.get("/crm/v3/objects/contacts").status_code in (502, 521)

    control.put("/faults", json={"profile": "none"})

    assert portal.get("/crm/v3/objects/contacts").status_code == 200


def test_a_single_fault_can_be_set(portal: Portal, control: TestClient) -> None:
    control.put("/faults", json={"missing": ["crm.objects.contacts.read"], "index_lag_seconds": 2})

    assert portal.get("/crm/v3/objects/contacts").status_code == 403
    assert control.get("/faults").json()["index_lag_seconds"] == 2


@pytest.mark.parametrize("body", [{"profile": "nonsense"}, {"nonsense": 1}])
def test_an_unknown_fault_is_refused(control: TestClient, body: dict[str, object]) -> None:
    assert control.put("/faults", json=body).status_code == 400


def test_changes_are_made_and_counted(portal: Portal, control: TestClient) -> None:
    for number in range(20):
        portal.add_note(portal.add(firstname=str(number)))

    done = control.post("/changes", json={"contacts": 200, "engagements": 200, "seed": 3}).json()

    assert sum(done.values()) == 400
    assert {
        "contacts edited",
        "contacts moved",
        "contacts created",
        "contacts archived",
        "contacts merged",
    } <= done.keys()
    assert {"engagements edited", "engagements created", "engagements archived"} <= done.keys()
    assert {"engagements associated", "engagements dissociated"} <= done.keys()


def test_the_same_seed_makes_the_same_changes() -> None:
    done = []
    for _ in range(2):
        objects = fill_many(50, 100, seed=1)
        client = TestClient(build_control_app(objects, HubSpotFaults()))
        client.post("/changes", json={"contacts": 50, "engagements": 50, "seed": 3})
        done.append([(row.id, row.properties.get("jobtitle")) for row in objects.records["contacts"].values()])

    assert done[0] == done[1]


def test_the_state_counts_records(portal: Portal, control: TestClient) -> None:
    portal.objects.archive("contacts", portal.add())
    portal.add()

    state = control.get("/state").json()

    assert (state["live"]["contacts"], state["archived"]["contacts"]) == (1, 1)


def test_an_export_holds_every_live_record_with_its_associations(portal: Portal, control: TestClient) -> None:
    contact = portal.add(firstname="Ada")
    note = portal.add_note(contact, "hello")
    portal.objects.archive("contacts", portal.add())

    lines = [json.loads(line) for line in control.get("/export").text.splitlines()]

    assert {(line["type"], line["id"]) for line in lines} == {("contacts", contact), ("notes", note)}
    assert lines[0]["associations"] == {"notes": [note]}
    assert lines[1]["properties"]["hs_note_body"] == "hello"


def test_the_log_of_requests_can_be_read(portal: Portal, control: TestClient) -> None:
    portal.get("/crm/v3/owners")

    assert [(row["method"], row["path"]) for row in control.get("/requests").json()] == [("GET", "/crm/v3/owners")]
