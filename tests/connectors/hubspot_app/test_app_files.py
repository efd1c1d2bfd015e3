"""The HubSpot project: what it asks for, hears of and shows, beside what the connector reads and writes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.hubspot.schema import INTERACTION_TEXTS, LEAD_OBJECTS, OBJECT_TYPES, PREFIX, property_name
from connectors.priority import PRIORITY_FIELDS

APP = Path(__file__).parents[3] / "connectors" / "hubspot" / "app"
SOURCE = APP / "src" / "app"
UPLOADED = sorted(path for path in [APP / "hsproject.json", *SOURCE.rglob("*")] if path.is_file())
UPLOADED = [path for path in UPLOADED if "node_modules" not in path.parts]
META_FILES = [path for path in UPLOADED if path.name.endswith("-hsmeta.json")]
CARDS = [path for path in META_FILES if path.parent.name == "cards"]

PLACEHOLDER = "https://callfirst.example.com/webhooks/hubspot"
SCOPES = {
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.leads.read",
    "crm.objects.leads.write",
    "crm.objects.owners.read",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.deals.read",
    "crm.schemas.deals.write",
    "crm.lists.read",
    "crm.lists.write",
    "sales-email-read",
}
# Shown where a portal has them; they may be no fields of ours yet.
OPTIONAL = {PREFIX + "trend", PREFIX + "why_before_next"}
# Stage of a contact: the setting's default (connectors.hubspot.config).
CONTACT_STAGE = "hs_lead_status"
# HubSpot takes no subscription to these texts.
NOT_SUBSCRIBABLE = {"hs_email_subject", "hs_email_html", "hs_communication_body"}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def singular(object_type: str) -> str:
    """Return a type as webhooks name it; only meetings are called otherwise there than in paths."""
    return "meeting_event" if object_type == "meetings" else object_type.removesuffix("s")


def read_texts() -> dict[str, set[str]]:
    """Return, by webhook object type, the text and stage properties that the connector reads."""
    stages = {
        lead.singular: {name for name in (lead.pipeline, lead.stage) if name} or {CONTACT_STAGE}
        for lead in LEAD_OBJECTS.values()
    }
    texts = {singular(OBJECT_TYPES[kind]): set(names) for kind, names in INTERACTION_TEXTS.items()}
    return stages | texts


@pytest.fixture
def app() -> Any:
    return read_json(SOURCE / "app-hsmeta.json")["config"]


@pytest.fixture
def webhooks() -> Any:
    return read_json(SOURCE / "webhooks" / "webhooks-hsmeta.json")["config"]


@pytest.mark.parametrize("path", [path for path in UPLOADED if path.suffix == ".json"], ids=lambda path: path.name)
def test_every_json_file_is_an_object(path: Path) -> None:
    assert isinstance(read_json(path), dict)


def test_the_project_names_a_source_folder_that_exists() -> None:
    project = read_json(APP / "hsproject.json")

    assert set(project) == {"name", "srcDir", "platformVersion"}
    assert (APP / project["srcDir"]).is_dir()
    assert re.fullmatch(r"20\d\d\.(03|09)", project["platformVersion"])


def test_components_have_what_the_cli_demands_of_them() -> None:
    components = [read_json(path) for path in META_FILES]
    uids = [component["uid"] for component in components]

    assert all(set(component) == {"uid", "type", "config"} for component in components)
    assert all(re.fullmatch(r"[a-zA-Z0-9_\-.]{1,64}", uid) for uid in uids)
    assert len(set(uids)) == len(uids)
    assert {(read_json(path)["type"], path.parent.name) for path in META_FILES} == {
        ("app", "app"),
        ("webhooks", "webhooks"),
        ("card", "cards"),
    }


def test_the_app_is_for_one_account_with_a_static_token(app: Any) -> None:
    assert (app["distribution"], app["auth"]["type"]) == ("private", "static")


def test_the_scopes_are_those_that_the_connector_needs(app: Any) -> None:
    required = app["auth"]["requiredScopes"]

    assert set(required) == SCOPES
    assert len(required) == len(SCOPES)
    # A static token knows required scopes only.
    assert app["auth"]["optionalScopes"] == app["auth"]["conditionallyRequiredScopes"] == []


def test_the_app_may_call_nobody(app: Any) -> None:
    assert app["permittedUrls"] == {"fetch": [], "iframe": [], "img": []}


def test_no_url_but_the_placeholder_is_uploaded(webhooks: Any) -> None:
    urls = [url for path in UPLOADED for url in re.findall(r"https?:[^\s\"'`)]*", path.read_text(encoding="utf-8"))]

    assert urls == [PLACEHOLDER]
    assert webhooks["settings"]["targetUrl"] == PLACEHOLDER


def test_the_subscriptions_are_of_the_object_types_that_are_read(webhooks: Any) -> None:
    assert {event["objectType"] for event in webhooks["subscriptions"]["crmObjects"]} == set(read_texts())


@pytest.mark.parametrize("event", ["creation", "deletion", "restore", "associationChange"])
def test_every_object_type_is_heard_of_for(event: str, webhooks: Any) -> None:
    events = webhooks["subscriptions"]["crmObjects"]

    assert {e["objectType"] for e in events if e["subscriptionType"] == f"object.{event}"} == set(read_texts())


def test_property_changes_are_of_every_text_and_stage_that_can_be_subscribed_to(webhooks: Any) -> None:
    heard: dict[str, set[str]] = {object_type: set() for object_type in read_texts()}
    for event in webhooks["subscriptions"]["crmObjects"]:
        if event["subscriptionType"] == "object.propertyChange":
            heard[event["objectType"]].add(event["propertyName"])

    assert heard == {object_type: names - NOT_SUBSCRIBABLE for object_type, names in read_texts().items()}


def test_only_property_changes_name_a_property_and_nothing_is_subscribed_to_twice(webhooks: Any) -> None:
    events = webhooks["subscriptions"]["crmObjects"]
    kinds = {"creation", "deletion", "restore", "merge", "associationChange", "propertyChange"}

    assert {event["subscriptionType"] for event in events} == {f"object.{kind}" for kind in kinds}
    assert all(("propertyName" in e) == (e["subscriptionType"] == "object.propertyChange") for e in events)
    assert len({tuple(sorted(event.items())) for event in events}) == len(events)
    assert all(event["active"] is True for event in events)


def test_merges_are_heard_of_where_records_can_be_merged(webhooks: Any) -> None:
    events = webhooks["subscriptions"]["crmObjects"]

    assert {e["objectType"] for e in events if e["subscriptionType"] == "object.merge"} == {"contact", "deal"}


def test_a_privacy_deletion_is_heard_of(webhooks: Any) -> None:
    assert webhooks["subscriptions"]["hubEvents"] == [{"subscriptionType": "contact.privacyDeletion", "active": True}]


def test_the_card_stands_on_tab_and_sidebar_of_every_lead_object() -> None:
    places = [
        (read_json(path)["config"]["location"], name)
        for path in CARDS
        for name in read_json(path)["config"]["objectTypes"]
    ]

    assert sorted(places) == sorted(
        (location, name) for location in ("crm.record.tab", "crm.record.sidebar") for name in LEAD_OBJECTS
    )


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.name)
def test_the_entry_point_of_each_card_exists(path: Path) -> None:
    assert (APP / "src" / read_json(path)["config"]["entrypoint"].lstrip("/")).is_file()


def test_the_card_reads_our_properties_only() -> None:
    ours = {property_name(field) for field in PRIORITY_FIELDS}
    named = {
        name
        for path in (SOURCE / "cards").glob("*.js*")
        for name in re.findall(rf"\b{PREFIX}[a-z][a-z_]*", path.read_text(encoding="utf-8"))
        if not path.name.endswith("-hsmeta.json")
    }

    assert named - OPTIONAL <= ours
    assert {"callfirst_priority", "callfirst_reason", "callfirst_status"} <= named


@pytest.mark.parametrize("call", ["fetch(", "serverless", "XMLHttpRequest", "WebSocket", "openIframeModal", "<Link"])
def test_the_card_sends_nothing_anywhere(call: str) -> None:
    sources = [path for path in (SOURCE / "cards").glob("*.js*") if path.suffix in (".js", ".jsx")]

    assert len(sources) == 3
    assert not [path.name for path in sources if call in path.read_text(encoding="utf-8")]


def test_the_card_knows_every_choice_that_we_write() -> None:
    source = (SOURCE / "cards" / "priority.js").read_text(encoding="utf-8")
    choices = {choice for field in PRIORITY_FIELDS if field.name in ("band", "status") for choice in field.choices}

    assert {choice for choice in choices if re.search(rf"^  {choice}: {{ text:", source, re.MULTILINE)} == choices


def test_the_tests_run_with_the_versions_that_are_uploaded() -> None:
    uploaded = read_json(SOURCE / "cards" / "package.json")["dependencies"]
    tested = read_json(APP / "package.json")["devDependencies"]

    assert uploaded.items() <= tested.items()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in tested.values())
