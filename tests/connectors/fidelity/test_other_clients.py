"""Two clients that nobody here wrote do the same in two equal portals, and see what the portals' tables hold."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects, build_app
from connectors.sandbox.hubspot.object_types import OBJECT_TYPES
from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_hubspot
from connectors.sandbox.server import SandboxServer
from connectors.times import render_time
from tests.node_packages import install

pytestmark = pytest.mark.integration

_HERE = Path(__file__).parent
_NODE = _HERE / "node"
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_PAGE, _SEARCH_PAGE = 20, 7
_PROPERTIES = ["email", "firstname", "company", "hs_lead_status", "phone", "no_such_property"]
_OTHERS = ["notes", "calls"]
_GROUP = {"name": "callfirst", "label": "Callfirst"}
_DEFINITIONS = [
    {"name": "cf_score", "label": "Score", "groupName": "callfirst", "type": "number", "fieldType": "number"},
    {"name": "cf_reason", "label": "Reason", "groupName": "callfirst", "type": "string", "fieldType": "textarea"},
]
_UNKNOWN = "999999999999"
Seen = dict[str, Any]


def _portal() -> HubSpotObjects:
    """Return the portal that both clients get one of. Its clock stands, so that they are told the same times."""
    org = build_organisation(3, _NOW, closed=30, open_=15)
    objects = fill_hubspot(org, lambda: _NOW)
    objects.create("notes", {"hs_note_body": "Tied to nobody", "hs_timestamp": render_time(_NOW)})
    return objects


def _plan(objects: HubSpotObjects) -> dict[str, Any]:
    contacts, notes = list(objects.records["contacts"]), list(objects.records["notes"])
    note = {
        "properties": {"hs_note_body": "<p>They ask for a quote & a date</p>", "hs_timestamp": render_time(_NOW)},
        "associations": [
            {
                "to": {"id": contacts[3]},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}],
            }
        ],
    }
    return {
        "pageSize": _PAGE,
        "properties": _PROPERTIES,
        "others": _OTHERS,
        "contacts": contacts[:12],
        "filters": [
            {"propertyName": "hs_lead_status", "operator": "NEQ", "value": "WON"},
            {"propertyName": "createdate", "operator": "LT", "value": render_time(_NOW)},
        ],
        "sorts": ["-createdate"],
        "searchSize": _SEARCH_PAGE,
        "notes": notes[-8:],
        "group": _GROUP,
        "definitions": _DEFINITIONS,
        "updates": [
            {"id": id_, "properties": {"cf_score": str(number), "cf_reason": "They asked twice"}}
            for number, id_ in enumerate(contacts[:3])
        ],
        "unknown": {"id": _UNKNOWN, "properties": {"cf_score": "1"}},
        "note": note,
        "archived": contacts[5],
    }


def _run_node(url: str, plan: str) -> str:
    folder = install(_NODE, "HubSpot's own Node client")
    # Node looks for packages beside the program, so the program goes to the packages.
    script = shutil.copyfile(_NODE / "scenario.mjs", folder / "scenario.mjs")
    return _run(["node", str(script), url, plan])


def _run_sdk(url: str, plan: str) -> str:
    return _run([sys.executable, str(_HERE / "sdk_scenario.py"), url, plan])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


_RUNS = {"node": _run_node, "sdk": _run_sdk}


@pytest.fixture(scope="module")
def portals() -> Iterator[dict[str, tuple[HubSpotObjects, str]]]:
    """Two portals that hold the same, one for each client."""
    with ExitStack() as stack:
        running = {}
        for name in _RUNS:
            objects = _portal()
            server = stack.enter_context(SandboxServer(build_app(objects, HubSpotFaults())))
            running[name] = (objects, server.url)
        yield running


@pytest.fixture(scope="module")
def seen(portals: dict[str, tuple[HubSpotObjects, str]]) -> dict[str, Seen]:
    """What each client saw."""
    plan = json.dumps(_plan(_portal()))
    return {name: json.loads(_RUNS[name](url, plan)) for name, (_, url) in portals.items()}


@pytest.fixture(params=list(_RUNS))
def one(request: pytest.FixtureRequest, seen: dict[str, Seen]) -> Seen:
    """What one client saw."""
    return seen[request.param]


def test_both_clients_see_the_same(seen: dict[str, Seen]) -> None:
    assert seen["node"].keys() == seen["sdk"].keys()
    for step, document in seen["node"].items():
        assert document == seen["sdk"][step], step


def test_both_portals_end_alike(portals: dict[str, tuple[HubSpotObjects, str]], seen: dict[str, Seen]) -> None:
    node, sdk = (portals[name][0] for name in seen)

    for type_ in OBJECT_TYPES:
        assert node.records[type_] == sdk.records[type_]
        assert node.archived[type_] == sdk.archived[type_]
    assert node.properties == sdk.properties


def test_a_client_lists_every_contact_with_what_it_is_tied_to(one: Seen) -> None:
    before = _portal()
    type_ = OBJECT_TYPES["contacts"]
    others = [OBJECT_TYPES[name] for name in _OTHERS]

    assert [len(page) for page in one["contacts"]] == [20, 20, 5]
    rows = {row["id"]: row for page in one["contacts"] for row in page}
    assert list(rows) == list(before.records["contacts"])
    for id_, record in before.records["contacts"].items():
        row = rows[id_]
        names = ["email", "firstname", "company", "hs_lead_status", "phone"]
        dates = {"createdate": render_time(record.created_at), "lastmodifieddate": render_time(record.updated_at)}
        assert row["properties"] == {
            **{name: record.properties.get(name) or None for name in names},
            **dates,
            "hs_object_id": id_,
        }
        assert (row["createdAt"], row["updatedAt"]) == tuple(dates.values())
        assert row["ties"] == {
            other.plural: [[tied, f"contact_to_{other.singular}"] for tied in found]
            for other in others
            if (found := before.associated(type_.plural, id_, other.plural))
        }
    assert sum(len(row["ties"].get("notes", ())) for row in rows.values()) > 20


def test_a_client_reads_every_stage_that_a_contact_was_in(one: Seen) -> None:
    before = _portal()

    rows = one["batchRead"]["rows"]
    assert (one["batchRead"]["status"], one["batchRead"]["state"]) == (200, "COMPLETE")
    assert {row["id"] for row in rows} == set(list(before.records["contacts"])[:12])
    for row in rows:
        record = before.records["contacts"][row["id"]]
        versions = before.history(record, "hs_lead_status")
        assert row["history"] == [[item.value, render_time(item.at), item.source] for item in versions]
    assert max(len(row["history"]) for row in rows) > 1


def test_a_client_pages_through_a_search(one: Seen) -> None:
    records = _portal().records["contacts"].values()
    wanted = [record for record in records if record.properties["hs_lead_status"] != "WON" and record.created_at < _NOW]

    rows = [row for page in one["search"] for row in page["rows"]]
    assert len(one["search"]) == -(-len(wanted) // _SEARCH_PAGE) > 2
    assert {page["total"] for page in one["search"]} == {len(wanted)}
    assert sorted(rows) == sorted([record.id, render_time(record.created_at)] for record in wanted)
    assert all(earlier[1] >= later[1] for earlier, later in pairwise(rows))


def test_a_client_reads_whom_notes_are_about(one: Seen) -> None:
    before = _portal()
    notes = list(before.records["notes"])[-8:]

    kinds = [["HUBSPOT_DEFINED", 202, None]]
    assert one["ties"]["status"] == 207
    assert one["ties"]["rows"] == [
        {"from": id_, "to": [[contact, kinds] for contact in before.associated("notes", id_, "contacts")]}
        for id_ in notes[:-1]
    ]
    assert one["ties"]["errors"] == [["OBJECT_NOT_FOUND", f"No contact is associated with note {notes[-1]}."]]


def test_a_client_reads_the_pipelines_and_owners(one: Seen) -> None:
    before = _portal()

    (pipeline,) = before.pipelines["deals"]
    assert one["pipelines"] == [
        {
            "id": "default",
            "label": "Sales Pipeline",
            "stages": [
                [stage["id"], stage["label"], stage["displayOrder"], stage["metadata"]] for stage in pipeline["stages"]
            ],
        }
    ]
    names = ("id", "email", "firstName", "lastName", "userId")
    assert one["owners"] == [[owner[name] for name in names] for owner in before.owners]
    assert len(one["owners"]) > 2


def test_a_client_defines_properties_once(one: Seen) -> None:
    made = [[item["name"], item["type"], item["fieldType"], item["groupName"]] for item in _DEFINITIONS]

    assert one["definitions"] == {
        "group": [201, "callfirst", "Callfirst"],
        "groupAgain": [409, "OBJECT_ALREADY_EXISTS"],
        "properties": {"status": 201, "made": made, "errors": []},
        "propertiesAgain": {
            "status": 207,
            "made": [],
            "errors": [["OBJECT_ALREADY_EXISTS", {"name": [item["name"]]}] for item in _DEFINITIONS],
        },
    }


def test_a_client_updates_what_there_is(one: Seen, portals: dict[str, tuple[HubSpotObjects, str]]) -> None:
    ids = list(_portal().records["contacts"])[:3]

    assert (one["updated"]["status"], [id_ for id_, _ in one["updated"]["rows"]]) == (200, ids)
    assert (one["partlyUpdated"]["status"], [id_ for id_, _ in one["partlyUpdated"]["rows"]]) == (207, ids[:1])
    assert one["partlyUpdated"]["errors"] == [["OBJECT_NOT_FOUND", {"ids": [_UNKNOWN]}]]
    assert one["twice"] == {
        "status": 400,
        "category": "VALIDATION_ERROR",
        "message": f"Duplicate IDs found in batch input: [{ids[0]}]. IDs must be unique",
        "context": {"ids": [ids[0]]},
    }
    for objects, _ in portals.values():
        scores = [objects.records["contacts"][id_].properties["cf_score"] for id_ in ids]
        assert scores == ["0", "1", "2"]


def test_a_client_writes_a_note_onto_a_contact(one: Seen, portals: dict[str, tuple[HubSpotObjects, str]]) -> None:
    contact = list(_portal().records["contacts"])[3]

    note = one["note"]
    assert (note["status"], note["text"], note["contacts"]) == (201, "<p>They ask for a quote & a date</p>", [contact])
    for objects, _ in portals.values():
        assert list(objects.associated("notes", note["id"], "contacts")) == [contact]


def test_a_client_archives_a_contact(one: Seen, portals: dict[str, tuple[HubSpotObjects, str]]) -> None:
    id_, record = list(_portal().records["contacts"].items())[5]

    assert one["archived"] == {
        "status": 204,
        "again": [404, "OBJECT_NOT_FOUND"],
        "rows": [[id_, record.properties["email"], True, render_time(_NOW)]],
    }
    for objects, _ in portals.values():
        assert id_ not in objects.records["contacts"]


def test_a_client_is_told_of_an_unknown_type(one: Seen) -> None:
    assert one["unknownType"] == {"status": 400, "message": "Unable to infer object type from: butterflies"}
