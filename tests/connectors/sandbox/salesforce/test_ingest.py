"""Bulk jobs that write: the file that they take, and what becomes of each of its rows."""

import csv
import io
from typing import Any

import httpx

from connectors.sandbox.salesforce.org import ADMIN_ID
from tests.connectors.sandbox.salesforce.running import Running, error_of


def read(reply: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reply.text)))


def ingest(running: Running, content: str, operation: str = "update", **more: Any) -> str:
    """Run an ingest job to its end; return its path."""
    wanted = {"object": "Lead", "operation": operation, "contentType": "CSV", "lineEnding": "LF", **more}
    created = running.post("jobs/ingest", wanted).json()
    path = f"jobs/ingest/{created['id']}"
    assert created["contentUrl"] == f"services/data/v64.0/{path}/batches"
    uploaded = running.client.put(f"/{created['contentUrl']}", content=content, headers={"Content-Type": "text/csv"})
    assert uploaded.status_code == 201
    running.patch(path, {"state": "UploadComplete"})
    while running.get(path).json()["state"] in ("UploadComplete", "InProgress"):
        pass
    return path


def test_an_ingest_job_tells_the_outcome_of_every_row(running: Running) -> None:
    good, bad = running.add_leads(2)
    path = ingest(running, f"Id,Title,Email\n{good},CTO,\n{bad},CEO,nobody\n")

    done = running.get(path).json()
    successful = read(running.get(f"{path}/successfulResults"))
    failed = read(running.get(f"{path}/failedResults"))

    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == ("JobComplete", 2, 1)
    assert successful == [{"sf__Id": good, "sf__Created": "false", "Id": good, "Title": "CTO", "Email": ""}]
    assert failed[0]["sf__Error"].startswith("INVALID_EMAIL_ADDRESS:")


def test_a_cell_that_is_no_value_of_its_type_is_named_by_its_column(running: Running) -> None:
    path = ingest(running, f"Id,Title,NumberOfEmployees\n{running.add_lead()},CTO,many\n")

    (failed,) = read(running.get(f"{path}/failedResults"))

    assert failed["sf__Error"] == (
        "INVALID_FIELD:Failed to deserialize field at col 2. Due to, 'many' is not a valid value for the type"
        " xsd:int:NumberOfEmployees --"
    )


def test_a_refusal_that_names_no_field_ends_without_a_space(running: Running) -> None:
    running.org.convert(converted := running.add_lead())
    path = ingest(running, f"Id,Title\n{converted},CTO\n")

    (failed,) = read(running.get(f"{path}/failedResults"))

    assert failed["sf__Error"] == "CANNOT_UPDATE_CONVERTED_LEAD:cannot reference converted lead:--"


def test_the_uploaded_columns_are_named_without_quotes(running: Running) -> None:
    path = ingest(running, f"Id,Title\n{running.add_lead()},CTO\n")

    assert running.get(f"{path}/successfulResults").text.splitlines()[0] == '"sf__Id","sf__Created",Id,Title'


def test_only_the_reply_to_a_change_of_state_leaves_the_spelling_of_the_file_out(running: Running) -> None:
    id_ = running.post("jobs/ingest", {"object": "Lead", "operation": "insert"}).json()["id"]

    changed = running.patch(f"jobs/ingest/{id_}", {"state": "UploadComplete"}).json()
    asked = running.get(f"jobs/ingest/{id_}").json()

    assert asked.keys() - changed.keys() >= {"lineEnding", "columnDelimiter"}


def test_an_ingest_job_runs_no_assignment_rule(running: Running) -> None:
    id_ = running.add_lead()
    ingest(running, f"Id,Title\n{id_},CTO\n")

    assert (running.lead(id_)["Title"], running.lead(id_)["OwnerId"]) == ("CTO", ADMIN_ID)


def test_a_cell_empties_a_field_only_when_it_says_so(running: Running) -> None:
    first, second = running.add_lead(Title="CTO"), running.add_lead(Title="CTO")
    ingest(running, f"Id,Title\n{first},\n{second},#N/A\n")

    assert [running.lead(id_)["Title"] for id_ in (first, second)] == ["CTO", None]


def test_ingest_inserts_upserts_and_deletes(running: Running) -> None:
    ingest(running, "LastName,Company,Email\nA,C,a@example.com\n", "insert")
    ingest(running, "LastName,Company,Email\nB,C,a@example.com\n", "upsert", externalIdFieldName="Email")
    (row,) = running.rows("SELECT Id, LastName FROM Lead")
    ingest(running, f"Id\n{row['Id']}\n", "delete")

    assert (row["LastName"], running.rows("SELECT Id FROM Lead")) == ("B", [])


def test_an_unknown_column_fails_the_whole_job(running: Running) -> None:
    path = ingest(running, f"Id,Nope\n{running.add_lead()},1\n")

    body = running.get(path).json()

    assert (body["state"], body["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Nope")
    assert len(read(running.get(f"{path}/unprocessedrecords"))) == 1


def test_a_hard_deletion_passes_the_recycle_bin_by(running: Running) -> None:
    id_ = running.add_lead()
    ingest(running, f"Id\n{id_}\n", "hardDelete")

    assert running.rows("SELECT Id FROM Lead", resource="queryAll") == []


def test_new_rows_are_told_from_changed_ones(running: Running) -> None:
    running.add_lead(Email="a@example.com")
    content = "LastName,Company,Email\nA,C,a@example.com\nB,C,b@example.com\n"
    path = ingest(running, content, "upsert", externalIdFieldName="Email")

    assert [row["sf__Created"] for row in read(running.get(f"{path}/successfulResults"))] == ["false", "true"]


def test_an_upsert_by_id_changes_what_has_one(running: Running) -> None:
    id_ = running.add_lead()
    path = ingest(running, f"Id,LastName,Company\n{id_},A,C\n,B,C\n", "upsert", externalIdFieldName="Id")

    assert [row["sf__Created"] for row in read(running.get(f"{path}/successfulResults"))] == ["false", "true"]
    assert running.lead(id_)["LastName"] == "A"


def test_a_row_of_an_upsert_without_its_key_fails_alone(running: Running) -> None:
    content = "LastName,Company,Email\nA,C,\nB,C,b@example.com\n"
    path = ingest(running, content, "upsert", externalIdFieldName="Email")

    (failed,) = read(running.get(f"{path}/failedResults"))
    assert (failed["LastName"], failed["sf__Error"].partition(":")[0]) == ("A", "MISSING_ARGUMENT")


def test_an_upsert_needs_the_name_of_its_key(running: Running) -> None:
    assert error_of(running.post("jobs/ingest", {"object": "Lead", "operation": "upsert"})) == (400, "API_ERROR")


def test_the_columns_may_be_separated_by_another_character(running: Running) -> None:
    path = ingest(running, "LastName|Company\nA, B|C\n", "insert", columnDelimiter="PIPE")

    assert running.rows("SELECT LastName, Company FROM Lead") == [{"LastName": "A, B", "Company": "C"}]
    assert '"|"' in running.get(f"{path}/successfulResults").text


def test_a_file_may_begin_with_a_byte_order_mark(running: Running) -> None:
    ingest(running, "\ufeffLastName,Company\nA,C\n", "insert")

    assert running.rows("SELECT LastName FROM Lead") == [{"LastName": "A"}]


def test_a_job_takes_one_file_and_one_end(running: Running) -> None:
    path = ingest(running, f"Id,Title\n{running.add_lead()},CTO\n")
    opened = running.post("jobs/ingest", {"object": "Lead", "operation": "insert"}).json()
    uploads = [running.client.put(f"/{opened['contentUrl']}", content="LastName\nA\n") for _ in range(2)]

    assert [reply.status_code for reply in uploads] == [201, 400]
    assert error_of(running.patch(path, {"state": "Aborted"})) == (400, "API_ERROR")


def test_an_aborted_job_has_written_nothing(running: Running) -> None:
    running.faults.bulk_aborts = True
    id_ = running.add_lead()
    path = ingest(running, f"Id,Title\n{id_},CTO\n")

    assert (running.get(path).json()["state"], running.lead(id_).get("Title")) == ("Aborted", None)
    assert [row["Id"] for row in read(running.get(f"{path}/unprocessedrecords"))] == [id_]


def test_an_operation_that_there_is_not_is_refused(running: Running) -> None:
    assert error_of(running.post("jobs/ingest", {"object": "Lead", "operation": "melt"})) == (400, "API_ERROR")
