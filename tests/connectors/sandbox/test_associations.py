"""What is tied to what, and what reads see of it."""

from typing import Any

import pytest

from tests.connectors.sandbox.portal import Portal

V4 = "/crm/v4"


def ties(portal: Portal, type_: str, other: str, *ids: str, **more: Any) -> Any:
    body = {"inputs": [{"id": id_, **more} for id_ in ids]}
    return portal.post(f"{V4}/associations/{type_}/{other}/batch/read", body)


@pytest.mark.parametrize(
    ("type_", "other", "type_id"),
    [
        ("notes", "contacts", 202),
        ("notes", "companies", 190),
        ("notes", "deals", 214),
        ("emails", "contacts", 198),
        ("emails", "deals", 210),
        ("calls", "contacts", 194),
        ("calls", "deals", 206),
        ("meetings", "contacts", 200),
        ("meetings", "deals", 212),
        ("tasks", "contacts", 204),
        ("tasks", "deals", 216),
        ("leads", "contacts", 608),
        ("leads", "companies", 610),
        ("leads", "calls", 596),
        ("leads", "emails", 598),
        ("leads", "meetings", 600),
        ("leads", "tasks", 646),
        ("leads", "notes", 854),
        ("contacts", "notes", 201),
    ],
)
def test_unlabelled_associations_have_hubspots_type_ids(portal: Portal, type_: str, other: str, type_id: int) -> None:
    one, two = portal.add(type_), portal.add(other)
    portal.objects.associate(type_, one, other, two)

    to = ties(portal, type_, other, one).json()["results"][0]["to"]

    assert to == [
        {
            "toObjectId": int(two),
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}],
        }
    ]


def test_a_label_comes_with_the_unlabelled_association(portal: Portal) -> None:
    lead, contact = portal.add("leads"), portal.add()
    portal.objects.associate("leads", lead, "contacts", contact, 578)

    to = ties(portal, "leads", "contacts", lead).json()["results"][0]["to"]

    assert [(kind["typeId"], kind["label"]) for kind in to[0]["associationTypes"]] == [(578, "Primary"), (608, None)]


def test_associations_are_read_from_both_sides(portal: Portal) -> None:
    contact = portal.add()
    notes = [portal.add_note(contact), portal.add_note(contact)]

    to = ties(portal, "contacts", "notes", contact).json()["results"][0]["to"]

    assert [item["toObjectId"] for item in to] == [int(note) for note in notes]


def test_a_record_without_associations_is_an_error_of_a_207(portal: Portal) -> None:
    note = portal.add("notes")

    reply = ties(portal, "notes", "contacts", note)

    assert reply.status_code == 207
    assert reply.json()["errors"] == [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": f"No contact is associated with note {note}.",
            "context": {"fromObjectId": [note], "fromObjectType": ["note"], "toObjectType": ["contact"]},
        }
    ]


def test_many_associations_come_in_pages(portal: Portal) -> None:
    contact = portal.add()
    notes = [portal.add_note(contact) for _ in range(501)]

    first = ties(portal, "contacts", "notes", contact).json()["results"][0]
    after = first["paging"]["next"]["after"]
    second = ties(portal, "contacts", "notes", contact, after=after).json()["results"][0]

    assert [item["toObjectId"] for item in first["to"] + second["to"]] == [int(note) for note in notes]
    assert "paging" not in second


def test_inline_associations_stop_at_a_hundred_and_say_so(portal: Portal) -> None:
    contact = portal.add()
    for _ in range(101):
        portal.add_note(contact)

    inline = portal.page(associations="notes")["results"][0]["associations"]["notes"]

    assert len(inline["results"]) == 100
    assert inline["paging"]["next"]["after"] == inline["results"][-1]["id"]


def test_one_records_associations_can_be_listed(portal: Portal) -> None:
    contact = portal.add()
    notes = [portal.add_note(contact) for _ in range(3)]
    path = f"{V4}/objects/contacts/{contact}/associations/notes"

    first = portal.get(path, limit=2).json()
    second = portal.get(path, limit=2, after=first["paging"]["next"]["after"]).json()

    assert [item["toObjectId"] for item in first["results"] + second["results"]] == [int(note) for note in notes]


def test_an_association_is_put_and_deleted(portal: Portal) -> None:
    note, contact = portal.add("notes"), portal.add()
    path = f"{V4}/objects/notes/{note}/associations/contacts/{contact}"
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]

    put = portal.client.put(path, json=types)

    assert put.status_code == 201
    assert put.json()["fromObjectId"] == int(note)
    assert ties(portal, "notes", "contacts", note).status_code == 200
    assert portal.client.delete(path).status_code == 204
    assert ties(portal, "notes", "contacts", note).status_code == 207


def test_the_default_association_needs_no_type(portal: Portal) -> None:
    note, contact = portal.add("notes"), portal.add()

    reply = portal.client.put(f"{V4}/objects/notes/{note}/associations/default/contacts/{contact}")

    assert reply.status_code == 200
    assert reply.json()["results"][0]["associationSpec"]["associationTypeId"] == 202


def test_an_association_type_of_another_pair_is_refused(portal: Portal) -> None:
    note, contact = portal.add("notes"), portal.add()
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 214}]

    path = f"{V4}/objects/notes/{note}/associations/contacts/{contact}"

    assert portal.client.put(path, json=types).status_code == 400


def test_associations_are_created_in_a_batch_with_recorded_errors(portal: Portal) -> None:
    note, contact = portal.add("notes"), portal.add()
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    inputs = [
        {"from": {"id": note}, "to": {"id": contact}, "types": types},
        {"from": {"id": "unknown_id"}, "to": {"id": contact}, "types": types},
    ]

    reply = portal.post(f"{V4}/associations/notes/contacts/batch/create", {"inputs": inputs})

    assert reply.status_code == 207
    assert reply.json()["results"][0]["toObjectId"] == int(contact)
    assert reply.json()["errors"][0]["subCategory"] == "crm.associations.INVALID_IDENTIFIER"


def test_associations_are_archived_in_a_batch(portal: Portal) -> None:
    contact = portal.add()
    note = portal.add_note(contact)
    inputs = [{"from": {"id": note}, "to": [{"id": contact}]}]

    reply = portal.post(f"{V4}/associations/notes/contacts/batch/archive", {"inputs": inputs})

    assert reply.status_code == 204
    assert ties(portal, "notes", "contacts", note).status_code == 207


def test_tying_an_existing_note_moves_no_date(portal: Portal) -> None:
    contact, note = portal.add(), portal.add("notes")
    portal.clock.advance(60)
    portal.client.put(f"{V4}/objects/notes/{note}/associations/default/contacts/{contact}")

    assert portal.page("notes")["results"][0]["updatedAt"] == "2026-11-02T09:00:00.000Z"
    assert portal.page()["results"][0]["updatedAt"] == "2026-11-02T09:00:00.000Z"


def test_a_late_association_is_seen_by_no_read_before_its_time(portal: Portal) -> None:
    portal.faults.late_association_seconds = 3
    contact = portal.add()
    note = portal.add_note(contact)

    assert ties(portal, "notes", "contacts", note).status_code == 207
    assert "associations" not in portal.page("notes", associations="contacts")["results"][0]
    portal.clock.advance(3)
    assert ties(portal, "notes", "contacts", note).status_code == 200
    assert "associations" in portal.page("notes", associations="contacts")["results"][0]
