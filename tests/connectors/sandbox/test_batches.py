"""Batches of records: what is refused as a whole, and what in part."""

from typing import Any

import pytest

from tests.connectors.sandbox.portal import Portal

BATCH = "/crm/v3/objects/contacts/batch"


def update(*items: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"inputs": [{"id": id_, "properties": properties} for id_, properties in items]}


def ids(*wanted: str, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"id": id_} for id_ in wanted], **more}


def test_a_batch_read_is_not_in_the_order_of_its_inputs(portal: Portal) -> None:
    first, second = portal.add(), portal.add()

    body = portal.post(f"{BATCH}/read", ids(first, second)).json()

    assert [row["id"] for row in body["results"]] == [second, first]
    assert body.keys() == {"status", "results", "startedAt", "completedAt"}


def test_a_batch_read_tells_of_unknown_ids_with_207(portal: Portal) -> None:
    id_ = portal.add()

    reply = portal.post(f"{BATCH}/read", ids(id_, "7"))

    assert reply.status_code == 207
    assert [row["id"] for row in reply.json()["results"]] == [id_]
    assert reply.json()["numErrors"] == 1
    assert reply.json()["errors"][0]["context"] == {"ids": ["7"]}


def test_a_batch_reads_by_email(portal: Portal) -> None:
    id_ = portal.add(email="ada@example.com")

    body = portal.post(f"{BATCH}/read", ids("ada@example.com", idProperty="email")).json()

    assert [row["id"] for row in body["results"]] == [id_]


def test_a_batch_read_follows_a_merge(portal: Portal) -> None:
    winner, loser = portal.add(), portal.add()
    portal.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": winner, "objectIdToMerge": loser})

    body = portal.post(f"{BATCH}/read", ids(winner, loser)).json()

    assert [row["id"] for row in body["results"]] == [winner]


@pytest.mark.parametrize(("count", "history", "status"), [(100, [], 207), (101, [], 400), (51, ["email"], 400)])
def test_a_batch_holds_a_hundred_inputs_or_fifty_with_history(
    portal: Portal, count: int, history: list[str], status: int
) -> None:
    body = ids(*(str(number + 1) for number in range(count)), propertiesWithHistory=history)

    assert portal.post(f"{BATCH}/read", body).status_code == status


def test_an_update_writes_the_good_ones_and_names_the_unknown(portal: Portal) -> None:
    id_ = portal.add()

    reply = portal.post(f"{BATCH}/update", update(("unknownIdentifier888", {"city": "X"}), (id_, {"city": "Graz"})))

    assert reply.status_code == 207
    assert reply.json()["errors"][0] == {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": ["unknownIdentifier888"]},
    }
    assert portal.objects.records["contacts"][id_].properties["city"] == "Graz"


def test_one_wrong_value_refuses_the_whole_update(portal: Portal) -> None:
    good, bad = portal.add(), portal.add()

    reply = portal.post(f"{BATCH}/update", update((good, {"city": "Graz"}), (bad, {"hs_lead_status": "nope"})))

    assert reply.status_code == 400
    assert good not in reply.text
    assert bad not in reply.text
    assert portal.objects.records["contacts"][good].properties.get("city") is None


def test_an_id_may_occur_once_in_an_update(portal: Portal) -> None:
    id_ = portal.add()

    body = portal.post(f"{BATCH}/update", update((id_, {"city": "A"}), (id_, {"city": "B"}))).json()

    assert body["message"] == f"Duplicate IDs found in batch input: [{id_}]. IDs must be unique"
    assert (body["context"], body["category"]) == ({"ids": [id_]}, "VALIDATION_ERROR")


def test_a_batch_creates_with_201(portal: Portal) -> None:
    reply = portal.post(f"{BATCH}/create", {"inputs": [{"properties": {"city": "A"}}, {"properties": {"city": "B"}}]})

    assert reply.status_code == 201
    assert {row["properties"]["city"] for row in reply.json()["results"]} == {"A", "B"}


def test_a_conflict_without_trace_ids_refuses_the_whole_creation(portal: Portal) -> None:
    portal.add(email="ada@example.com")
    inputs = [{"properties": {"email": "ben@example.com"}}, {"properties": {"email": "ada@example.com"}}]

    assert portal.post(f"{BATCH}/create", {"inputs": inputs}).status_code == 409
    assert len(portal.page()["results"]) == 1


def test_a_conflict_with_trace_ids_is_told_with_207(portal: Portal) -> None:
    id_ = portal.add(email="ada@example.com")
    inputs = [
        {"objectWriteTraceId": "0", "properties": {"email": "ada@example.com"}},
        {"objectWriteTraceId": "1", "properties": {"email": "ben@example.com"}},
    ]

    reply = portal.post(f"{BATCH}/create", {"inputs": inputs})

    assert reply.status_code == 207
    assert len(reply.json()["results"]) == 1
    assert reply.json()["errors"][0]["context"] == {"objectWriteTraceId": ["0"], "existingId": [id_]}


def test_a_batch_archives_without_a_body(portal: Portal) -> None:
    reply = portal.post(f"{BATCH}/archive", ids(portal.add(), portal.add()))

    assert (reply.status_code, reply.content) == (204, b"")
    assert portal.page()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": [{"id": "1", "colour": "red"}]},
        {"inputs": [{"id": "1"}], "colour": "red"},
        {"inputs": {"id": "1"}},
        {"inputs": ["1"]},
        {"inputs": []},
        [],
    ],
)
def test_a_batch_of_another_shape_is_refused(portal: Portal, body: object) -> None:
    assert portal.post(f"{BATCH}/read", body).status_code == 400


def test_malformed_json_is_refused_without_a_category(portal: Portal) -> None:
    reply = portal.client.post(f"{BATCH}/read", content=b"{", headers={"Content-Type": "application/json"})

    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Invalid input JSON on line 1, column 2")
    assert "category" not in reply.json()


def test_another_content_type_is_refused(portal: Portal) -> None:
    reply = portal.client.post(f"{BATCH}/read", content=b"{}", headers={"Content-Type": "text/plain"})

    assert reply.status_code == 415


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_dated_paths_serve_the_same(portal: Portal, version: str) -> None:
    id_ = portal.add(firstname="Ada")

    assert portal.get(f"/crm/objects/{version}/contacts").json()["results"][0]["id"] == id_
    assert portal.get(f"/crm/properties/{version}/contacts/email").status_code == 200
    assert portal.get(f"/crm/pipelines/{version}/deals").status_code == 200
    assert portal.get(f"/crm/owners/{version}").status_code == 200
    assert portal.post(f"/crm/objects/{version}/0-1/search", {}).json()["total"] == 1
    assert portal.post(f"/crm/associations/{version}/notes/contacts/batch/read", ids("1")).status_code == 207
    assert portal.get(f"/account-info/{version}/details").status_code == 200


def test_associations_are_version_four_only(portal: Portal) -> None:
    assert portal.post("/crm/v3/associations/notes/contacts/batch/read", ids("1")).status_code == 404
    assert portal.get("/crm/v4/objects/contacts").status_code == 404


def test_2026_09_refuses_any_write_to_a_record_that_lacks_a_required_property(portal: Portal) -> None:
    portal.objects.required["contacts"] = ("phone",)
    bare, full = portal.add(), portal.add(phone="1")
    body = update((bare, {"city": "A"}), (full, {"city": "B"}))

    refused = portal.post("/crm/objects/2026-09/contacts/batch/update", body)

    assert refused.status_code == 400
    assert refused.json()["category"] == "VALIDATION_ERROR"
    assert bare not in refused.text
    assert portal.objects.records["contacts"][full].properties.get("city") is None


@pytest.mark.parametrize("prefix", ["/crm/v3/objects", "/crm/objects/2026-03"])
def test_older_versions_do_not_enforce_required_properties(portal: Portal, prefix: str) -> None:
    portal.objects.required["contacts"] = ("phone",)
    id_ = portal.add()

    assert portal.post(f"{prefix}/contacts/batch/update", update((id_, {"city": "A"}))).status_code == 200


def test_an_unknown_path_is_not_found(portal: Portal) -> None:
    reply = portal.get("/crm/v3/nothing")

    assert reply.status_code == 404
    assert reply.headers["x-hubspot-notfound"] == "true"


def test_a_known_path_with_another_method_is_refused(portal: Portal) -> None:
    assert portal.client.put("/crm/v3/objects/contacts").status_code == 405


def test_an_address_that_is_too_long_is_refused_in_html(portal: Portal) -> None:
    reply = portal.get("/crm/v3/objects/contacts", properties=",".join(f"name{number}" for number in range(2_000)))

    assert reply.status_code == 414
    assert reply.headers["content-type"].startswith("text/html")
