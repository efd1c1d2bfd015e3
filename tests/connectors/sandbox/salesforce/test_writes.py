"""What is written, what is refused, and what a write brings about."""

from typing import Any

import pytest

from connectors.sandbox.salesforce.org import ADMIN_ID, QUEUE_ID, USER_ID, ValidationRule
from connectors.sandbox.salesforce.schema import Field
from tests.connectors.sandbox.salesforce.running import KEEP_OWNER, Running, error_of

_SCORE = Field("Score__c", "double", label="Score", custom=True, precision=4, scale=1)
_TIER = Field("Tier__c", "picklist", label="Tier", custom=True, choices=("A", "B"), restricted=True)
_SEEN = Field("Seen__c", "boolean", label="Seen", custom=True, nillable=False, default=False)


def test_outcomes_are_told_by_position_and_a_refused_one_has_no_id(running: Running) -> None:
    first, second = running.add_leads(2)

    outcomes = running.write({"id": first, "Title": "CTO"}, {"id": second, "Title": "x" * 129}, {"id": second})

    assert [outcome["success"] for outcome in outcomes] == [True, False, True]
    assert outcomes[0] == {"id": first, "success": True, "errors": []}
    assert outcomes[1].keys() == {"success", "errors"}
    assert outcomes[1]["errors"][0]["fields"] == ["Title"]


def test_all_or_none_writes_none_if_one_is_refused(running: Running) -> None:
    first, second = running.add_leads(2)

    outcomes = running.write({"id": first, "Title": "CTO"}, {"id": second, "Nope": 1}, all_or_none=True)

    assert [outcome["errors"][0]["statusCode"] for outcome in outcomes] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_FIELD",
    ]
    assert running.lead(first).get("Title") is None


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"Nope__c": 1}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Lead"),
        ({"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name. Please check"),
        ({"Title": "x" * 129}, "STRING_TOO_LONG", "Title: data value too large: "),
        ({"Title": 5}, "JSON_PARSER_ERROR", "Cannot deserialize instance of string from VALUE_NUMBER_INT value 5"),
        ({"Score__c": "many"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of double from VALUE_STRING"),
        ({"Score__c": True}, "JSON_PARSER_ERROR", "Cannot deserialize instance of double from VALUE_TRUE"),
        ({"Score__c": 1000}, "NUMBER_OUTSIDE_VALID_RANGE", "Score: value outside of valid range"),
        ({"NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR", "Cannot deserialize instance of int"),
        ({"Tier__c": "C"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Tier: bad value for restricted picklist"),
        ({"Seen__c": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Seen: value not of required type"),
        ({"Email": "nobody"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: nobody"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: nobody"),
        ({"OwnerId": "005Ws0000099999"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
    ],
)
def test_a_value_that_a_field_does_not_take_is_refused(
    running: Running, values: dict[str, Any], code: str, message: str
) -> None:
    for field in (_SCORE, _TIER, _SEEN):
        running.org.add_field("Lead", field, visible=True)
    id_ = running.add_lead()
    before = dict(running.lead(id_))

    found = running.refusal(id_, **values)

    assert found[0] == code
    assert found[1].startswith(message)
    assert running.lead(id_) == before


def test_a_picklist_that_is_not_restricted_takes_any_value(running: Running) -> None:
    assert running.write({"id": running.add_lead(), "Rating": "Lukewarm"})[0]["success"]


def test_an_empty_text_empties_a_field(running: Running) -> None:
    id_ = running.add_lead(Title="CTO")
    running.write({"id": id_, "Title": ""})

    assert running.lead(id_)["Title"] is None


def test_a_new_record_brings_no_id(running: Running) -> None:
    reply = running.post("sobjects/Lead", {"Id": running.add_lead(), "LastName": "L", "Company": "C"})

    assert reply.json()[0]["message"] == "cannot specify Id in an insert call"


def test_a_text_may_be_as_long_as_its_field(running: Running) -> None:
    assert running.write({"id": running.add_lead(), "Title": "x" * 128})[0]["success"]


def test_a_required_field_with_a_default_need_not_be_given(running: Running) -> None:
    definition = Field("Region__c", "string", label="Region", custom=True, length=40, default="North", required=True)
    running.org.add_field("Lead", definition, visible=True)

    made = running.post("sobjects/Lead", {"LastName": "L", "Company": "C"})

    assert running.lead(made.json()["id"])["Region__c"] == "North"


def test_numbers_are_rounded_to_the_fields_places(running: Running) -> None:
    running.org.add_field("Lead", _SCORE, visible=True)
    id_ = running.add_lead()
    running.write({"id": id_, "Score__c": 87.46})

    assert running.lead(id_)["Score__c"] == 87.5


def test_every_write_moves_the_stamps_even_if_nothing_changes(running: Running) -> None:
    id_ = running.add_lead(Title="CTO")
    running.clock.advance(60.7)
    running.write({"id": id_, "Title": "CTO"})

    row = running.rows("SELECT SystemModstamp, LastModifiedDate, LastModifiedById FROM Lead")[0]

    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2026-11-02T09:01:00.000+0000"
    assert row["LastModifiedById"] == USER_ID


def test_an_update_without_the_header_gives_the_lead_to_a_queue(running: Running) -> None:
    kept, given = running.add_leads(2)
    running.patch(f"sobjects/Lead/{kept}", {"Title": "CTO"}, KEEP_OWNER)
    running.patch(f"sobjects/Lead/{given}", {"Title": "CTO"})

    assert (running.lead(kept)["OwnerId"], running.lead(given)["OwnerId"]) == (ADMIN_ID, QUEUE_ID)


def test_an_org_without_an_assignment_rule_keeps_owners(running: Running) -> None:
    running.org.assignment_rule = False
    id_ = running.add_lead()
    running.patch(f"sobjects/Lead/{id_}", {"Title": "CTO"})

    assert running.lead(id_)["OwnerId"] == ADMIN_ID


@pytest.mark.parametrize("state", ["converted", "deleted", "merged", "unknown", "malformed", "another type"])
def test_a_lead_that_cannot_be_written_is_named_by_a_code(running: Running, state: str) -> None:
    id_, other = running.add_leads(2)
    match state:
        case "converted":
            running.org.convert(id_)
        case "deleted":
            running.org.delete("Lead", id_)
        case "merged":
            running.org.merge("Lead", other, [id_])
    wanted = {"unknown": "00QWs0000099999", "malformed": "x", "another type": ADMIN_ID}.get(state, id_)

    code, _ = running.refusal(wanted, Title="CTO")

    assert (
        code
        == {
            "converted": "CANNOT_UPDATE_CONVERTED_LEAD",
            "deleted": "ENTITY_IS_DELETED",
            "merged": "ENTITY_IS_DELETED",
            "unknown": "INVALID_CROSS_REFERENCE_KEY",
            "malformed": "MALFORMED_ID",
            "another type": "MALFORMED_ID",
        }[state]
    )


def test_a_collection_without_an_id_says_so(running: Running) -> None:
    (outcome,) = running.write({"Title": "CTO"})

    assert outcome["errors"][0]["message"] == "Id not specified in an update call"


def test_a_15_character_id_is_taken(running: Running) -> None:
    id_ = running.add_lead()
    (outcome,) = running.write({"id": id_[:15], "Title": "CTO"})

    assert outcome["id"] == id_


def test_a_validation_rule_refuses_with_its_message(running: Running) -> None:
    running.org.validation_rules.append(ValidationRule("Lead", {"Rating": "Cold"}, "Warm it up", ("Rating",)))
    id_ = running.add_lead(Rating="Cold")

    assert running.refusal(id_, Title="x") == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Warm it up")


def test_a_trigger_that_fails_refuses_every_write(running: Running) -> None:
    running.org.triggers_fail.add("Lead")

    assert running.refusal(running.add_lead(), Title="x")[0] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_a_hidden_field_is_absent_in_every_place(running: Running) -> None:
    id_ = running.add_lead()
    running.org.hidden = frozenset({"Lead.Title"})

    names = {field["name"] for field in running.get("sobjects/Lead/describe").json()["fields"]}

    assert "Title" not in names
    assert error_of(running.query("SELECT Title FROM Lead")) == (400, "INVALID_FIELD")
    assert running.refusal(id_, Title="CTO")[0] == "INVALID_FIELD"
    assert error_of(running.get(f"sobjects/Lead/{id_}", fields="Title")) == (400, "INVALID_FIELD")


def test_a_hidden_object_is_not_supported(running: Running) -> None:
    running.org.hidden_objects = frozenset({"EmailMessage"})

    assert error_of(running.query("SELECT Id FROM EmailMessage")) == (400, "INVALID_TYPE")
    assert running.get("sobjects/EmailMessage/describe").status_code == 404


def test_201_records_and_none_are_refused_as_a_whole(running: Running) -> None:
    rows = [{"attributes": {"type": "Lead"}, "id": id_} for id_ in running.add_leads(201)]

    many = running.patch("composite/sobjects", {"records": rows})
    none = running.patch("composite/sobjects", {"records": []})

    assert error_of(many) == (400, "EXCEEDED_MAX_SIZE_REQUEST")
    assert (error_of(none), none.json()[0]["message"]) == (
        (400, "REQUIRED_FIELD_MISSING"),
        "At least 1 record is required",
    )


def test_types_may_change_ten_times_in_a_collection(running: Running) -> None:
    rows = [{"attributes": {"type": ("Lead", "Contact")[number % 2]}, "id": "x"} for number in range(11)]

    assert running.patch("composite/sobjects", {"records": rows}).status_code == 400
    assert running.patch("composite/sobjects", {"records": rows[:10]}).status_code == 200


def test_collections_create_read_and_delete(running: Running) -> None:
    rows = [{"attributes": {"type": "Lead"}, "LastName": name, "Company": "X"} for name in "AB"]
    made = [outcome["id"] for outcome in running.post("composite/sobjects", {"records": rows}).json()]
    read = running.get("composite/sobjects/Lead", ids=",".join([*made, "00QWs0000099999"]), fields="LastName").json()
    gone = running.delete("composite/sobjects", ids=made[0]).json()

    assert [row and row["LastName"] for row in read] == ["A", "B", None]
    assert gone == [{"id": made[0], "success": True, "errors": []}]
    assert running.lead(made[0])["IsDeleted"]


def test_a_new_lead_needs_its_required_fields(running: Running) -> None:
    reply = running.post("sobjects/Lead", {"FirstName": "Ada"})

    assert error_of(reply) == (400, "REQUIRED_FIELD_MISSING")
    assert reply.json()[0]["fields"] == ["LastName", "Company"]


def test_one_record_can_be_created_read_changed_and_deleted(running: Running) -> None:
    id_ = running.post("sobjects/Lead", {"LastName": "L", "Company": "C"}).json()["id"]
    changed = running.patch(f"sobjects/Lead/{id_}", {"Title": "CTO"}, KEEP_OWNER)
    read = running.get(f"sobjects/Lead/{id_}")
    gone = running.delete(f"sobjects/Lead/{id_}")

    assert (changed.status_code, read.json()["Title"], gone.status_code) == (204, "CTO", 204)
    assert read.headers["Last-Modified"] == "Mon, 02 Nov 2026 09:00:00 GMT"
    assert error_of(running.get(f"sobjects/Lead/{id_}")) == (404, "ENTITY_IS_DELETED")


def test_some_fields_are_written_only_with_a_new_record_and_some_only_later(running: Running) -> None:
    bounced = {"EmailBouncedReason": "full"}
    new = running.post("sobjects/Lead", {"LastName": "L", "Company": "C", **bounced})
    id_ = running.add_lead()
    later = running.patch(f"sobjects/Lead/{id_}", bounced, KEEP_OWNER)
    post = running.post("sobjects/FeedItem", {"ParentId": id_, "Body": "a"})
    moved = running.patch(f"sobjects/FeedItem/{post.json()['id']}", {"ParentId": running.add_lead()})

    assert (new.json()[0]["fields"], later.status_code) == (["EmailBouncedReason"], 204)
    assert (post.status_code, moved.json()[0]["fields"]) == (201, ["ParentId"])


def test_a_new_record_says_where_it_is(running: Running) -> None:
    reply = running.post("sobjects/Lead", {"LastName": "L", "Company": "C"})

    assert reply.headers["Location"] == f"/services/data/v64.0/sobjects/Lead/{reply.json()['id']}"


def test_only_a_refusal_to_write_has_fields(running: Running) -> None:
    id_ = running.add_lead()
    running.org.delete("Lead", id_)

    assert running.delete(f"sobjects/Lead/{id_}").json() == [
        {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}  # recorded
    ]
    assert running.get("sobjects/Lead/00QWs0000099999").json()[0].keys() == {"message", "errorCode"}
    assert running.post("sobjects/Lead", {"Nope": 1}).json()[0].keys() == {"message", "errorCode"}


def test_a_record_that_is_not_there_is_not_found(running: Running) -> None:
    for reply in (
        running.get("sobjects/Lead/00QWs0000099999"),
        running.patch("sobjects/Lead/00QWs0000099999", {"Title": "x"}),
        running.delete("sobjects/Lead/00QWs0000099999"),
        running.get("sobjects/Nothing/00QWs0000099999"),
        running.get("nowhere"),
    ):
        assert error_of(reply) == (404, "NOT_FOUND")


def test_a_wrong_method_and_wrong_json_are_refused(running: Running) -> None:
    id_ = running.add_lead()
    broken = running.client.patch(f"/services/data/v64.0/sobjects/Lead/{id_}", content="{")

    assert error_of(running.client.put("/services/data/v64.0/limits")) == (405, "METHOD_NOT_ALLOWED")
    assert error_of(broken) == (400, "JSON_PARSER_ERROR")


def test_a_duplicate_is_saved_only_when_that_is_allowed(running: Running) -> None:
    running.org.duplicate_rule = True
    running.add_lead(Email="ada@example.com")
    lead = {"LastName": "L", "Company": "C", "Email": "ada@example.com"}

    assert error_of(running.post("sobjects/Lead", lead)) == (400, "DUPLICATES_DETECTED")
    allowed = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert running.post("sobjects/Lead", lead, **allowed).status_code == 201


def test_objects_that_nobody_writes_are_refused(running: Running) -> None:
    reply = running.post("sobjects/LeadHistory", {"LeadId": running.add_lead()})

    assert error_of(reply) == (400, "INVALID_TYPE_FOR_OPERATION")


def test_a_collection_can_be_written_by_another_field_than_the_id(running: Running) -> None:
    known = running.add_lead(Email="a@example.com")
    rows = [
        {"attributes": {"type": "Lead"}, "Email": f"{name}@example.com", "LastName": "New", "Company": "C"}
        for name in "ab"
    ]

    outcomes = running.patch("composite/sobjects/Lead/Email", {"records": rows}).json()

    assert [outcome["created"] for outcome in outcomes] == [False, True]
    assert running.lead(known)["LastName"] == "New"


def test_a_record_can_be_written_by_another_field_than_the_id(running: Running) -> None:
    made, changed = (
        running.patch("sobjects/Lead/Email/a@example.com", {"LastName": name, "Company": "C"}) for name in "AB"
    )

    assert (made.status_code, changed.status_code) == (201, 200)
    assert running.rows("SELECT LastName FROM Lead") == [{"LastName": "B"}]


def test_a_composite_call_fills_in_what_earlier_calls_answered(running: Running) -> None:
    calls = [
        {"method": "POST", "url": "/services/data/v64.0/sobjects/Lead", "referenceId": "lead"}
        | {"body": {"LastName": "L", "Company": "C"}},
        {"method": "GET", "url": "/services/data/v64.0/sobjects/Lead/@{lead.id}?fields=Company", "referenceId": "r"},
    ]

    answers = running.post("composite", {"compositeRequest": calls}).json()["compositeResponse"]

    assert [answer["httpStatusCode"] for answer in answers] == [201, 200]
    assert answers[1]["body"]["Company"] == "C"


def test_a_batch_tells_the_status_of_each_call(running: Running) -> None:
    calls = [{"method": "GET", "url": "v64.0/limits"}, {"method": "GET", "url": "v64.0/nowhere"}]

    body = running.post("composite/batch", {"batchRequests": calls}).json()

    assert (body["hasErrors"], [result["statusCode"] for result in body["results"]]) == (True, [200, 404])
