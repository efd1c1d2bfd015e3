"""What records can hold: definitions, groups, options."""

from typing import Any

import pytest

from tests.connectors.sandbox.portal import Portal

CONTACTS = "/crm/v3/properties/contacts"
SCORE = {
    "name": "callfirst_score",
    "label": "Score",
    "groupName": "contactinformation",
    "type": "number",
    "fieldType": "number",
}


def test_definitions_have_the_recorded_keys(portal: Portal) -> None:
    body = portal.get(CONTACTS).json()["results"][0]

    names = (
        "updatedAt createdAt name label type fieldType description groupName options displayOrder calculated "
        "externalOptions hasUniqueValue hidden hubspotDefined modificationMetadata formField dataSensitivity"
    )
    assert body.keys() == set(names.split())


def test_an_own_definition_says_who_made_it(portal: Portal) -> None:
    reply = portal.post(CONTACTS, SCORE)

    assert reply.status_code == 201
    assert reply.json()["createdUserId"] == "1"
    assert "hubspotDefined" not in reply.json()
    assert portal.get(f"{CONTACTS}/callfirst_score").json() == reply.json()


@pytest.mark.parametrize("type_", ["deals", "leads", "companies", "notes"])
def test_every_type_has_properties_of_its_own(portal: Portal, type_: str) -> None:
    group = portal.get(f"/crm/v3/properties/{type_}/groups").json()["results"][0]["name"]

    assert portal.post(f"/crm/v3/properties/{type_}", {**SCORE, "groupName": group}).status_code == 201
    assert portal.get(f"/crm/v3/properties/{type_}/callfirst_score").status_code == 200
    assert portal.get(f"{CONTACTS}/callfirst_score").status_code == 404


def test_a_second_property_of_a_name_is_a_conflict(portal: Portal) -> None:
    portal.post(CONTACTS, SCORE)

    assert portal.post(CONTACTS, SCORE).status_code == 409


def test_a_batch_creates_what_is_new_and_names_the_rest(portal: Portal) -> None:
    portal.post(CONTACTS, SCORE)
    inputs = [SCORE, {**SCORE, "name": "callfirst_rank"}]

    reply = portal.post(f"{CONTACTS}/batch/create", {"inputs": inputs})

    assert reply.status_code == 207
    assert [item["name"] for item in reply.json()["results"]] == ["callfirst_rank"]
    assert reply.json()["errors"][0] == {
        "status": "error",
        "category": "OBJECT_ALREADY_EXISTS",
        "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS",
        "message": "A property named 'callfirst_score' already exists.",
        "context": {"name": ["callfirst_score"]},
    }


def test_a_batch_of_new_ones_is_created_and_shown_without_dates_and_makers(portal: Portal) -> None:
    reply = portal.post(f"{CONTACTS}/batch/create", {"inputs": [SCORE]})

    assert reply.status_code == 201
    names = (
        "name label type fieldType description groupName options displayOrder calculated externalOptions "
        "hasUniqueValue hidden modificationMetadata formField dataSensitivity"
    )
    assert reply.json()["results"][0].keys() == set(names.split())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Score"},
        {"name": "1score"},
        {"name": "a" * 101},
        {"groupName": "nowhere"},
        {"fieldType": "text"},
        {"type": "money"},
        {"label": ""},
        {"type": "bool", "fieldType": "booleancheckbox"},
        {"type": "enumeration", "fieldType": "select", "options": [{"label": "A"}]},
        {"colour": "red"},
    ],
)
def test_a_wrong_definition_is_refused(portal: Portal, change: dict[str, Any]) -> None:
    assert portal.post(CONTACTS, {**SCORE, **change}).status_code == 400


def test_options_can_be_changed_and_then_decide_what_is_taken(portal: Portal) -> None:
    options = [{"label": "A", "value": "A"}]
    portal.post(CONTACTS, {**SCORE, "name": "tier", "type": "enumeration", "fieldType": "select", "options": options})
    id_ = portal.add()

    portal.patch(f"{CONTACTS}/tier", {"options": [*options, {"label": "B", "value": "B"}]})

    assert portal.patch(f"/crm/v3/objects/contacts/{id_}", {"properties": {"tier": "B"}}).status_code == 200


def test_the_name_of_an_archived_property_stays_taken(portal: Portal) -> None:
    portal.post(CONTACTS, SCORE)
    assert portal.client.delete(f"{CONTACTS}/callfirst_score").status_code == 204

    assert portal.get(f"{CONTACTS}/callfirst_score").status_code == 404
    assert portal.post(CONTACTS, SCORE).status_code == 409


def test_hubspots_own_properties_cannot_be_archived(portal: Portal) -> None:
    assert portal.client.delete(f"{CONTACTS}/email").status_code == 400


def test_a_group_is_created_once(portal: Portal) -> None:
    group = {"name": "callfirst", "label": "Callfirst", "displayOrder": -1}

    first = portal.post(f"{CONTACTS}/groups", group)

    assert first.status_code == 201
    assert first.json() == {"name": "callfirst", "label": "Callfirst", "displayOrder": 9, "archived": False}
    assert portal.post(f"{CONTACTS}/groups", group).status_code == 409
