"""Pages: how large they are, where the next one is, and when it is lost."""

from typing import Any

import pytest

from tests.connectors.sandbox.salesforce.running import Running, error_of


def walk(running: Running, soql: str, **headers: str) -> list[list[str]]:
    """Return the ids of a query's pages."""
    body: Any = running.query(soql, **headers).json()
    pages = [[row["Id"] for row in body["records"]]]
    while not body["done"]:
        body = running.client.get(body["nextRecordsUrl"]).json()
        pages.append([row["Id"] for row in body["records"]])
    return pages


@pytest.mark.parametrize(("fields", "sizes"), [("Id", [2_000, 200]), ("Id, Description", [1_000, 1_000, 200])])
def test_a_page_holds_2000_rows_and_1000_with_a_long_text(running: Running, fields: str, sizes: list[int]) -> None:
    running.add_leads(2_200)

    assert [len(page) for page in walk(running, f"SELECT {fields} FROM Lead")] == sizes


def test_the_first_page_names_the_next_by_its_offset_and_the_total(running: Running) -> None:
    running.add_leads(2_001)

    body = running.query("SELECT Id FROM Lead").json()

    assert body["totalSize"] == 2_001
    assert body["nextRecordsUrl"].startswith("/services/data/v64.0/query/0r8")
    assert body["nextRecordsUrl"].endswith("-2000")


@pytest.mark.parametrize(("wish", "size"), [("500", 500), ("10", 200), ("5000", 700)])
def test_a_wished_page_size_is_held_to_200_and_2000(running: Running, wish: str, size: int) -> None:
    running.add_leads(700)

    pages = walk(running, "SELECT Id FROM Lead", **{"Sforce-Query-Options": f"batchSize={wish}"})

    assert len(pages[0]) == size


def test_later_pages_show_what_there_was_when_the_query_was_asked(running: Running) -> None:
    ids = running.add_leads(2_100)
    body = running.query("SELECT Id, Title FROM Lead ORDER BY Id").json()
    running.org.update("Lead", ids[-1], {"Title": "changed meanwhile"})

    rows = running.client.get(body["nextRecordsUrl"]).json()["records"]

    assert (rows[-1]["Id"], rows[-1]["Title"]) == (ids[-1], None)


def test_short_pages_lose_and_repeat_nothing(running: Running) -> None:
    ids = running.add_leads(600)
    running.faults.page_rows, running.faults.short_pages = 50, True

    pages = walk(running, "SELECT Id FROM Lead ORDER BY Id")

    assert sorted(id_ for page in pages for id_ in page) == sorted(ids)
    assert {len(page) for page in pages} != {50}
    assert max(len(page) for page in pages) <= 50


def test_a_locator_is_lost_after_two_days(running: Running) -> None:
    running.add_leads(2_001)
    after = running.query("SELECT Id FROM Lead").json()["nextRecordsUrl"]
    running.clock.advance(2 * 24 * 3600)
    running.log_in()

    assert error_of(running.client.get(after)) == (400, "INVALID_QUERY_LOCATOR")


def test_a_locator_can_be_lost_after_so_many_pages(running: Running) -> None:
    running.add_leads(600)
    running.faults.page_rows, running.faults.locator_pages = 200, 2
    first = running.query("SELECT Id FROM Lead").json()
    second = running.client.get(first["nextRecordsUrl"]).json()

    assert error_of(running.client.get(second["nextRecordsUrl"])) == (400, "INVALID_QUERY_LOCATOR")


def test_an_eleventh_open_query_closes_the_one_that_was_left_alone_longest(running: Running) -> None:
    running.add_leads(2_001)
    urls = [running.query("SELECT Id FROM Lead").json()["nextRecordsUrl"] for _ in range(11)]

    statuses = [running.client.get(url).status_code for url in urls]

    assert statuses == [400, *[200] * 10]


def test_a_page_can_be_fetched_again(running: Running) -> None:
    running.add_leads(4_500)
    after = running.query("SELECT Id FROM Lead").json()["nextRecordsUrl"]

    assert running.client.get(after).json() == running.client.get(after).json()


def test_a_count_has_no_records(running: Running) -> None:
    running.add_leads(3)

    assert running.query("SELECT COUNT() FROM Lead").json() == {"totalSize": 3, "done": True, "records": []}


def test_deleted_rows_come_with_query_all_only(running: Running) -> None:
    kept, gone = running.add_leads(2)
    running.org.delete("Lead", gone)

    assert [row["Id"] for row in running.rows("SELECT Id FROM Lead")] == [kept]
    rows = running.rows("SELECT Id FROM Lead WHERE IsDeleted = true", resource="queryAll")
    assert [row["Id"] for row in rows] == [gone]


def test_a_refused_query_says_where(running: Running) -> None:
    reply = running.query("SELECT Id, Nope__c FROM Lead")

    assert error_of(reply) == (400, "INVALID_FIELD")
    assert "ERROR at Row:1:Column:12" in reply.json()[0]["message"]
