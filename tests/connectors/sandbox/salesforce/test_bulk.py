"""Bulk jobs: what they take, how they go on, and the files that come of them."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.connectors.sandbox.salesforce.running import Running

_SOQL = "SELECT Id, Title, IsConverted, SystemModstamp FROM Lead ORDER BY Id"


def start(running: Running, soql: str = _SOQL, operation: str = "query") -> httpx.Response:
    return running.post("jobs/query", {"operation": operation, "query": soql, "contentType": "CSV"})


def finish(running: Running, soql: str = _SOQL, operation: str = "query") -> str:
    """Run a query job to its end; return its id."""
    id_ = start(running, soql, operation).json()["id"]
    while running.get(f"jobs/query/{id_}").json()["state"] not in ("JobComplete", "Failed", "Aborted"):
        pass
    return str(id_)


def read(reply: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_a_job_goes_through_its_states(running: Running) -> None:
    created = start(running).json()
    states = [running.get(f"jobs/query/{created['id']}").json()["state"] for _ in range(2)]

    assert [created["state"], *states] == ["UploadComplete", "InProgress", "JobComplete"]
    assert created.keys() == {
        *("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode"),
        *("contentType", "apiVersion", "lineEnding", "columnDelimiter"),
    }
    assert (created["object"], created["apiVersion"]) == ("Lead", 64.0)


def test_a_file_quotes_everything_and_spells_times_with_a_z(running: Running) -> None:
    id_ = running.add_lead(Title='says "hi",\nthere')

    reply = running.get(f"jobs/query/{finish(running)}/results")

    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.text == (
        '"Id","Title","IsConverted","SystemModstamp"\n'
        f'"{id_}","says ""hi"",\nthere","false","2026-11-02T09:00:00.000Z"\n'
    )


def test_null_is_an_empty_cell_and_parents_are_columns_with_a_dot(running: Running) -> None:
    running.add_lead()

    rows = read(running.get(f"jobs/query/{finish(running, 'SELECT Title, Owner.Name FROM Lead')}/results"))

    assert rows == [{"Title": "", "Owner.Name": "Ada Admin"}]


def test_results_come_in_pages_with_a_locator(running: Running) -> None:
    ids = running.add_leads(7)
    job = finish(running)
    found, locator, sizes = [], "", []
    while locator != "null":
        query: dict[str, Any] = {"maxRecords": 3} | ({"locator": locator} if locator else {})
        reply = running.get(f"jobs/query/{job}/results", **query)
        found += [row["Id"] for row in read(reply)]
        locator = reply.headers["Sforce-Locator"]
        sizes.append(reply.headers["Sforce-NumberOfRecords"])

    assert (found, sizes) == (ids, ["3", "3", "1"])


def test_an_empty_result_is_a_header(running: Running) -> None:
    reply = running.get(f"jobs/query/{finish(running, 'SELECT Id FROM Lead')}/results")

    assert (reply.text, reply.headers["Sforce-NumberOfRecords"], reply.headers["Sforce-Locator"]) == (
        '"Id"\n',
        "0",
        "null",
    )


def test_query_all_jobs_see_deleted_rows(running: Running) -> None:
    id_ = running.add_lead()
    running.org.delete("Lead", id_)

    plain, everything = (
        read(running.get(f"jobs/query/{finish(running, _SOQL, operation)}/results"))
        for operation in ("query", "queryAll")
    )

    assert (plain, [row["Id"] for row in everything]) == ([], [id_])


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, (SELECT Id FROM Tasks) FROM Lead",
        "SELECT COUNT() FROM Lead",
        "SELECT Id FROM Lead LIMIT 5 OFFSET 5",
        "SELECT ApiName FROM LeadStatus",
        "SELECT VersionData FROM ContentVersion",
        "SELECT Address FROM Lead",
        "SELECT Nope__c FROM Lead",
    ],
)
def test_what_bulk_does_not_take_is_refused(running: Running, soql: str) -> None:
    assert start(running, soql).status_code == 400


def test_a_slow_job_is_looked_at_many_times(running: Running) -> None:
    running.faults.bulk_polls = 5
    id_ = start(running).json()["id"]

    states = [running.get(f"jobs/query/{id_}").json()["state"] for _ in range(6)]

    assert states == ["InProgress"] * 5 + ["JobComplete"]


def test_a_job_that_is_not_done_has_no_results(running: Running) -> None:
    id_ = start(running).json()["id"]

    assert running.get(f"jobs/query/{id_}/results").status_code == 400


@pytest.mark.parametrize(("fault", "state"), [("bulk_fails", "Failed"), ("bulk_aborts", "Aborted")])
def test_a_job_can_fail_and_be_aborted(running: Running, fault: str, state: str) -> None:
    setattr(running.faults, fault, True)

    body = running.get(f"jobs/query/{finish(running)}").json()

    assert body["state"] == state
    assert ("errorMessage" in body) == (state == "Failed")


def test_a_job_can_be_aborted_and_deleted_by_its_owner(running: Running) -> None:
    id_ = start(running).json()["id"]
    aborted = running.patch(f"jobs/query/{id_}", {"state": "Aborted"}).json()["state"]
    deleted = running.delete(f"jobs/query/{id_}").status_code

    assert (aborted, deleted, running.get(f"jobs/query/{id_}").status_code) == ("Aborted", 204, 404)


def test_a_session_can_end_in_the_middle_of_a_job(running: Running) -> None:
    running.add_lead()
    running.faults.session_requests = 2
    id_ = start(running).json()["id"]
    running.get(f"jobs/query/{id_}")
    ended = running.get(f"jobs/query/{id_}").status_code
    running.log_in()

    assert (ended, running.get(f"jobs/query/{id_}").json()["state"]) == (401, "JobComplete")


def test_jobs_are_listed(running: Running) -> None:
    ids = {finish(running), finish(running)}

    assert {job["id"] for job in running.get("jobs/query").json()["records"]} == ids


def test_times_are_the_same_in_both_apis(running: Running) -> None:
    running.clock.advance(0.7)
    running.org.insert("Event", {"Subject": "Demo", "StartDateTime": running.clock()})
    soql = "SELECT StartDateTime, CreatedDate FROM Event WHERE StartDateTime = 2026-11-02T09:00:00Z"

    (bulk,) = read(running.get(f"jobs/query/{finish(running, soql)}/results"))
    (rest,) = running.rows(soql)

    assert bulk == {name: value.replace("+0000", "Z") for name, value in rest.items()}
    assert bulk["StartDateTime"] == "2026-11-02T09:00:00.000Z"
