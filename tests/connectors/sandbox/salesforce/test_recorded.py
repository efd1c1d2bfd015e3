"""The org answers as real orgs were recorded to answer."""

import json
from typing import Any

from tests.connectors.sandbox.salesforce.running import KEEP_OWNER, Running
from tests.recordings import recorded_file


def read(name: str) -> Any:
    return json.loads(recorded_file(f"amp-labs/salesforce/test/{name}").read_text())


def contact(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact"}, **values}


def test_updates_without_ids(running: Running) -> None:
    rows = [contact(LastName="A"), contact(LastName="B")]

    reply = running.patch("composite/sobjects", {"records": rows}, KEEP_OWNER)

    assert reply.json() == read("batch/update/contacts/err-each-no-ids.json")


def test_an_update_that_is_rolled_back(running: Running) -> None:
    ids = [running.org.insert("Contact", {"LastName": name})["Id"] for name in "AB"]
    rows = [contact(id=ids[0], LastName="C"), contact(id=ids[1], unknownField_LastName="D")]

    reply = running.patch("composite/sobjects", {"allOrNone": True, "records": rows}, KEEP_OWNER)

    assert reply.json() == read("batch/update/contacts/partial-but-allOrNone.json")


def test_a_creation_that_is_rolled_back(running: Running) -> None:
    rows = [contact(FirstName="A"), contact(LastName="B")]

    reply = running.post("composite/sobjects", {"allOrNone": True, "records": rows})

    assert reply.json() == read("batch/create/contacts/partial-but-allOrNone.json")


def test_a_creation_of_nothing(running: Running) -> None:
    reply = running.post("composite/sobjects", {"records": []})

    assert reply.json() == read("batch/create/contacts/err-bad-request.json")


def test_a_field_that_may_not_be_written(running: Running) -> None:
    id_ = running.add_lead()

    reply = running.patch(f"sobjects/Lead/{id_}", {"MasterRecordId": id_}, KEEP_OWNER)

    assert reply.json() == read("invalid-field-upsert.json")


def test_a_field_that_there_is_not(running: Running) -> None:
    reply = running.post("sobjects/Account", {"Name": "A", "AccountNumer": "1"})

    assert reply.json() == read("unknown-field.json")


def test_an_object_that_there_is_not(running: Running) -> None:
    (recorded,) = read("unknown-object.json")

    (answered,) = running.query("SELECT Id,Name,BillingCity,IsDeleted FROM Accout").json()

    assert answered["errorCode"] == recorded["errorCode"]
    assert answered["message"].rpartition("\n")[2] == recorded["message"].rpartition("\n")[2]


def test_a_query_job_and_an_ingest_job(running: Running) -> None:
    query = running.post("jobs/query", {"operation": "query", "query": "SELECT Id FROM Account", "contentType": "CSV"})
    ingest = running.post("jobs/ingest", {"object": "Opportunity", "operation": "delete", "contentType": "CSV"})

    assert query.json().keys() == read("bulk/read-launch-job-account.json").keys()
    assert ingest.json().keys() == read("bulk/delete/launch-job-opportunity.json").keys()


def test_an_address_is_a_compound(running: Running) -> None:
    running.add_lead(City="Tallahassee", State="FL")
    recorded = read("read-list-leads.json")["records"][0]["Address"]

    (row,) = running.rows("SELECT Address FROM Lead")

    assert row["Address"].keys() == recorded.keys()
    assert (row["Address"]["city"], row["Address"]["state"]) == ("Tallahassee", "FL")
