"""Several records in one call: what goes together, and what each of them is told."""

from typing import Any

from tests.connectors.sandbox.salesforce.running import KEEP_OWNER, Running, error_of


def lead(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, **values}


def test_all_or_none_deletes_none_if_one_is_refused(running: Running) -> None:
    kept, gone = running.add_leads(2)
    running.org.delete("Lead", gone)

    outcomes = running.delete("composite/sobjects", ids=f"{kept},{gone}", allOrNone="true").json()

    assert [outcome["errors"][0]["statusCode"] for outcome in outcomes] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "ENTITY_IS_DELETED",
    ]
    assert not running.lead(kept)["IsDeleted"]


def test_2000_records_can_be_read_at_once_and_no_more(running: Running) -> None:
    ids = ["00QWs0000099999"] * 2001

    many = running.post("composite/sobjects/Lead", {"ids": ids, "fields": ["Id"]})
    most = running.post("composite/sobjects/Lead", {"ids": ids[:2000], "fields": ["Id"]})

    assert error_of(many) == (400, "EXCEEDED_MAX_SIZE_REQUEST")
    assert most.json() == [None] * 2000


def test_a_deleted_record_is_read_as_null(running: Running) -> None:
    id_ = running.add_lead()
    running.org.delete("Lead", id_)

    assert running.get("composite/sobjects/Lead", ids=id_, fields="LastName").json() == [None]


def test_an_upsert_that_finds_two_records_is_refused(running: Running) -> None:
    for _ in range(2):
        running.add_lead(Email="ada@example.com")

    (outcome,) = running.patch(
        "composite/sobjects/Lead/Email", {"records": [lead(Email="ada@example.com", Title="CTO")]}, KEEP_OWNER
    ).json()

    assert outcome["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
