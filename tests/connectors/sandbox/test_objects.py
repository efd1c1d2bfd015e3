"""Records, one at a time and in lists."""

import pytest

from tests.connectors.sandbox.portal import Portal

CONTACTS = "/crm/v3/objects/contacts"


@pytest.mark.parametrize("name", ["contacts", "contact", "0-1", "CONTACT"])
def test_a_type_goes_by_plural_singular_and_id(portal: Portal, name: str) -> None:
    id_ = portal.add(firstname="Ada")

    assert portal.get(f"/crm/v3/objects/{name}/{id_}").json()["id"] == id_


@pytest.mark.parametrize(
    "name", ["companies", "deals", "leads", "notes", "emails", "calls", "meetings", "tasks", "communications"]
)
def test_every_type_can_be_listed(portal: Portal, name: str) -> None:
    id_ = portal.add(name)

    assert [row["id"] for row in portal.page(name)["results"]] == [id_]


def test_an_unknown_type_is_refused_as_recorded(portal: Portal) -> None:
    reply = portal.get("/crm/v3/objects/butterflies")

    assert reply.status_code == 400
    assert reply.json().keys() == {"status", "message", "correlationId"}
    assert reply.json()["message"] == "Unable to infer object type from: butterflies"


def test_a_record_has_the_recorded_keys(portal: Portal) -> None:
    row = portal.page() if portal.add(firstname="Ada") else {}

    assert row["results"][0].keys() == {"id", "properties", "createdAt", "updatedAt", "archived", "url"}
    assert row["results"][0]["url"].endswith(f"/record/0-1/{row['results'][0]['id']}")


def test_every_reply_carries_a_correlation_id(portal: Portal) -> None:
    assert portal.get(CONTACTS).headers["x-hubspot-correlation-id"]


def test_an_error_names_the_correlation_id_of_its_header(portal: Portal) -> None:
    reply = portal.get(f"{CONTACTS}/1")

    assert reply.status_code == 404
    assert reply.json()["correlationId"] == reply.headers["x-hubspot-correlation-id"]


def test_unknown_properties_are_left_out_and_unset_ones_are_null(portal: Portal) -> None:
    id_ = portal.add(firstname="Ada")

    properties = portal.get(f"{CONTACTS}/{id_}", properties="phone,nonsense").json()["properties"]

    assert properties.keys() == {"phone", "createdate", "lastmodifieddate", "hs_object_id"}
    assert properties["phone"] is None


def test_properties_may_be_repeated_or_separated_by_commas(portal: Portal) -> None:
    id_ = portal.add(firstname="Ada", lastname="L")

    commas = portal.get(f"{CONTACTS}/{id_}", properties="firstname,lastname").json()
    repeats = portal.get(f"{CONTACTS}/{id_}", properties=["firstname", "lastname"]).json()

    assert commas == repeats
    assert commas["properties"]["lastname"] == "L"


@pytest.mark.parametrize(
    ("type_", "names"),
    [
        ("contacts", {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}),
        ("notes", {"hs_createdate", "hs_lastmodifieddate", "hs_object_id"}),
    ],
)
def test_default_properties_depend_on_the_type(portal: Portal, type_: str, names: set[str]) -> None:
    portal.add(type_)

    assert portal.page(type_)["results"][0]["properties"].keys() == names


def test_a_list_goes_on_behind_its_cursor(portal: Portal) -> None:
    ids = [portal.add() for _ in range(5)]

    first = portal.page(limit=3)
    second = portal.page(limit=3, after=first["paging"]["next"]["after"])

    assert [row["id"] for row in [*first["results"], *second["results"]]] == ids
    assert "paging" not in second


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": 100}, 200),
        ({"limit": 101}, 400),
        ({"limit": 0}, 400),
        ({"limit": 50, "propertiesWithHistory": "email"}, 200),
        ({"limit": 51, "propertiesWithHistory": "email"}, 400),
        ({"after": "abc"}, 400),
        ({"archived": "False"}, 200),
        ({"archived": "false"}, 200),
    ],
)
def test_list_parameters_are_held_to_their_limits(portal: Portal, query: dict[str, object], status: int) -> None:
    assert portal.get(CONTACTS, **query).status_code == status


def test_history_is_newest_first_and_says_who_wrote(portal: Portal) -> None:
    id_ = portal.add(hs_lead_status="NEW")
    portal.clock.advance(60)
    portal.patch(f"{CONTACTS}/{id_}", {"properties": {"hs_lead_status": "WON"}})

    row = portal.get(f"{CONTACTS}/{id_}", propertiesWithHistory="hs_lead_status").json()
    versions = row["propertiesWithHistory"]["hs_lead_status"]

    assert [version["value"] for version in versions] == ["WON", "NEW"]
    assert [version["sourceType"] for version in versions] == ["INTEGRATION", "CRM_UI"]
    assert versions[0]["timestamp"] == "2026-11-02T09:01:00.000Z"


@pytest.mark.parametrize(("type_", "depth"), [("contacts", 45), ("companies", 20)])
def test_history_is_cut_at_a_depth(portal: Portal, type_: str, depth: int) -> None:
    record = portal.objects.create(type_, {"phone": "0"})
    for number in range(60):
        portal.objects.update(type_, record, {"phone": str(number + 1)})

    row = portal.get(f"/crm/v3/objects/{type_}/{record.id}", propertiesWithHistory="phone").json()

    assert len(row["propertiesWithHistory"]["phone"]) == depth


def test_a_record_is_found_by_its_email(portal: Portal) -> None:
    id_ = portal.add(email="Ada@Example.com")

    assert portal.get(f"{CONTACTS}/ada@example.com", idProperty="email").json()["id"] == id_


def test_a_property_that_is_not_unique_identifies_nobody(portal: Portal) -> None:
    portal.add(firstname="Ada")

    assert portal.get(f"{CONTACTS}/Ada", idProperty="firstname").status_code == 400


def test_a_created_record_carries_what_hubspot_computes(portal: Portal) -> None:
    reply = portal.post(CONTACTS, {"properties": {"email": "ada@example.com", "firstname": "Ada"}})

    assert reply.status_code == 201
    assert reply.json()["properties"]["hs_email_domain"] == "example.com"
    assert reply.json()["properties"]["hs_object_source"] == "INTEGRATION"


def test_an_email_is_one_contacts_only(portal: Portal) -> None:
    id_ = portal.add(email="ada@example.com")

    reply = portal.post(CONTACTS, {"properties": {"email": "ADA@example.com"}})

    assert reply.status_code == 409
    assert (reply.json()["category"], reply.json()["message"]) == (
        "CONFLICT",
        f"Contact already exists. Existing ID: {id_}",
    )


def test_an_email_cannot_be_taken_over_by_an_update(portal: Portal) -> None:
    portal.add(email="ada@example.com")
    other = portal.add(email="ben@example.com")

    assert portal.patch(f"{CONTACTS}/{other}", {"properties": {"email": "ada@example.com"}}).status_code == 409


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_lead_status": "won"}, "INVALID_OPTION"),
        ({"annualrevenue": "many"}, "INVALID_INTEGER"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"email": "nobody"}, "INVALID_EMAIL"),
    ],
)
def test_a_wrong_value_is_refused_with_its_code(portal: Portal, properties: dict[str, str], code: str) -> None:
    id_ = portal.add()

    body = portal.patch(f"{CONTACTS}/{id_}", {"properties": properties}).json()

    assert body["category"] == "VALIDATION_ERROR"
    assert body["errors"][0]["code"] == code
    assert body["errors"][0]["context"] == {"propertyName": list(properties)}
    assert body["message"].startswith('Property values were not valid: [{"isValid":false,')


def test_a_wrong_date_is_refused(portal: Portal) -> None:
    id_ = portal.add("notes")

    body = portal.patch(f"/crm/v3/objects/notes/{id_}", {"properties": {"hs_timestamp": "soon"}}).json()

    assert body["errors"][0]["code"] == "INVALID_DATE"


def test_a_stage_of_no_pipeline_is_refused(portal: Portal) -> None:
    id_ = portal.add("deals", dealstage="closedwon")

    assert portal.patch(f"/crm/v3/objects/deals/{id_}", {"properties": {"dealstage": "nowhere"}}).status_code == 400


def test_a_deals_stage_says_whether_it_is_closed(portal: Portal) -> None:
    id_ = portal.add("deals", dealstage="contractsent")
    portal.patch(f"/crm/v3/objects/deals/{id_}", {"properties": {"dealstage": "closedwon"}})

    row = portal.get(f"/crm/v3/objects/deals/{id_}", properties="hs_is_closed_won,hs_deal_stage_probability").json()

    assert row["properties"]["hs_is_closed_won"] == "true"
    assert row["properties"]["hs_deal_stage_probability"] == "1.0"


def test_numbers_and_booleans_are_taken_for_their_spelling(portal: Portal) -> None:
    id_ = portal.add()

    row = portal.patch(f"{CONTACTS}/{id_}", {"properties": {"annualrevenue": 12.5, "city": True}}).json()

    assert (row["properties"]["annualrevenue"], row["properties"]["city"]) == ("12.5", "true")


@pytest.mark.parametrize("value", [["a"], {"a": "b"}])
def test_arrays_and_objects_are_no_property_values(portal: Portal, value: object) -> None:
    reply = portal.post(CONTACTS, {"properties": {"city": value}})

    assert reply.status_code == 400
    assert "category" not in reply.json()


def test_dates_are_kept_in_one_spelling(portal: Portal) -> None:
    id_ = portal.add("notes", hs_timestamp="1793610000000")

    row = portal.get(f"/crm/v3/objects/notes/{id_}", properties="hs_timestamp").json()

    assert row["properties"]["hs_timestamp"] == "2026-11-02T09:00:00.000Z"


def test_an_empty_text_clears_a_property(portal: Portal) -> None:
    id_ = portal.add(city="Graz")
    portal.patch(f"{CONTACTS}/{id_}", {"properties": {"city": ""}})

    assert portal.get(f"{CONTACTS}/{id_}", properties="city").json()["properties"]["city"] is None


def test_writing_what_is_there_moves_no_date(portal: Portal) -> None:
    id_ = portal.add(city="Graz")
    before = portal.get(f"{CONTACTS}/{id_}").json()
    portal.clock.advance(60)

    assert (
        portal.patch(f"{CONTACTS}/{id_}", {"properties": {"city": "Graz"}}).json()["updatedAt"] == before["updatedAt"]
    )


def test_writing_something_else_moves_the_date(portal: Portal) -> None:
    id_ = portal.add(city="Graz")
    portal.clock.advance(60)

    row = portal.patch(f"{CONTACTS}/{id_}", {"properties": {"city": "Linz"}}).json()

    assert row["updatedAt"] == row["properties"]["lastmodifieddate"] == "2026-11-02T09:01:00.000Z"


def test_a_note_created_on_a_contact_moves_the_contacts_date(portal: Portal) -> None:
    contact = portal.add()
    portal.clock.advance(60)
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    portal.post(
        "/crm/v3/objects/notes",
        {"properties": {"hs_note_body": "x"}, "associations": [{"to": {"id": contact}, "types": types}]},
    )

    assert portal.get(f"{CONTACTS}/{contact}").json()["updatedAt"] == "2026-11-02T09:01:00.000Z"


def test_a_new_record_cannot_be_tied_to_what_does_not_exist(portal: Portal) -> None:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    body = {"properties": {}, "associations": [{"to": {"id": "1"}, "types": types}]}

    assert portal.post("/crm/v3/objects/notes", body).status_code == 400


def test_a_lead_needs_a_contact_or_a_company(portal: Portal) -> None:
    assert portal.post("/crm/v3/objects/leads", {"properties": {"hs_lead_name": "x"}}).status_code == 400


def test_an_archived_record_is_listed_among_the_archived_only(portal: Portal) -> None:
    id_ = portal.add()

    assert portal.client.delete(f"{CONTACTS}/{id_}").status_code == 204
    assert portal.page()["results"] == []
    row = portal.page(archived="true")["results"][0]
    assert (row["id"], row["archived"], row["archivedAt"]) == (id_, True, "2026-11-02T09:00:00.000Z")


def test_an_archived_record_is_found_by_no_search(portal: Portal) -> None:
    id_ = portal.add()
    assert portal.found() == [id_]

    portal.client.delete(f"{CONTACTS}/{id_}")

    assert portal.found() == []


def test_a_restored_record_is_back_with_its_associations(portal: Portal) -> None:
    first, second = portal.add(), portal.add()
    note = portal.add_note(first)
    portal.objects.archive("contacts", first)
    assert portal.page("notes", associations="contacts")["results"][0].get("associations") is None

    portal.objects.restore("contacts", first)

    assert [row["id"] for row in portal.page()["results"]] == [first, second]
    row = portal.get(f"/crm/v3/objects/notes/{note}", associations="contacts").json()
    assert row["associations"] == {"contacts": {"results": [{"id": first, "type": "note_to_contact"}]}}


def test_the_id_of_a_merged_record_leads_to_the_winner(portal: Portal) -> None:
    winner, loser = portal.add(firstname="Ada"), portal.add(firstname="Ada", phone="1")

    body = {"primaryObjectId": winner, "objectIdToMerge": loser}
    assert portal.post(f"{CONTACTS}/merge", body).status_code == 200

    row = portal.get(f"{CONTACTS}/{loser}", properties="phone,hs_merged_object_ids").json()
    assert (row["id"], row["properties"]["phone"]) == (winner, "1")
    assert row["properties"]["hs_merged_object_ids"] == loser


def test_a_twice_merged_record_names_all_it_swallowed(portal: Portal) -> None:
    a, b, c = portal.add(), portal.add(), portal.add()
    portal.post(f"{CONTACTS}/merge", {"primaryObjectId": b, "objectIdToMerge": c})
    portal.post(f"{CONTACTS}/merge", {"primaryObjectId": a, "objectIdToMerge": b})

    row = portal.get(f"{CONTACTS}/{c}", properties="hs_merged_object_ids").json()

    assert (row["id"], row["properties"]["hs_merged_object_ids"]) == (a, f"{b};{c}")


def test_a_merge_moves_associations_and_the_winners_date(portal: Portal) -> None:
    winner, loser = portal.add(), portal.add()
    note = portal.add_note(loser)
    portal.clock.advance(60)
    portal.post(f"{CONTACTS}/merge", {"primaryObjectId": winner, "objectIdToMerge": loser})

    row = portal.get(f"{CONTACTS}/{winner}", associations="notes").json()

    assert row["associations"]["notes"]["results"] == [{"id": note, "type": "contact_to_note"}]
    assert row["updatedAt"] == "2026-11-02T09:01:00.000Z"
    assert [row["id"] for row in portal.page()["results"]] == [winner]


def test_a_privacy_deletion_leaves_nothing(portal: Portal) -> None:
    id_ = portal.add()

    assert portal.post(f"{CONTACTS}/gdpr-delete", {"objectId": id_}).status_code == 204
    assert portal.get(f"{CONTACTS}/{id_}").status_code == 404
    assert portal.page(archived="true")["results"] == []


def test_a_privacy_deletion_reaches_the_recycle_bin(portal: Portal) -> None:
    id_ = portal.add()
    portal.client.delete(f"{CONTACTS}/{id_}")

    portal.post(f"{CONTACTS}/gdpr-delete", {"objectId": id_})

    assert portal.page(archived="true")["results"] == []


def test_a_mail_shows_its_content_to_the_scope_for_it_only(portal: Portal) -> None:
    id_ = portal.add("emails", hs_email_subject="Hi", hs_email_text="text", hs_email_direction="EMAIL")
    portal.faults.missing = frozenset({"sales-email-read"})

    names = "hs_email_subject,hs_email_text,hs_email_direction"
    properties = portal.get(f"/crm/v3/objects/emails/{id_}", properties=names).json()["properties"]

    assert properties["hs_email_subject"] is None
    assert properties["hs_email_text"] is None
    assert properties["hs_email_direction"] == "EMAIL"
