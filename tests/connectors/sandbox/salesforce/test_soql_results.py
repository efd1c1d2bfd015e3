"""What is shown of the selected records, and in which order."""

from typing import Any

import pytest

from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.soql import SoqlError
from tests.connectors.sandbox.salesforce.soql_records import ADA, CONTACT, DEAL, OWNER, Records, day, few_records

DATA = "/services/data/v64.0"


@pytest.fixture
def records() -> Records:
    return few_records()


def attributes(type_: str, id_: str, sobject: str = "") -> dict[str, str]:
    return {"type": type_, "url": f"{DATA}/sobjects/{sobject or type_}/{id_}"}


def names(records: Records, soql: str) -> list[str]:
    return [row["Name"].split()[0] for row in records.ask(soql).rows]


def test_a_record_is_shown_as_recorded(records: Records) -> None:
    result = records.ask(
        f"SELECT name, Rating, IsConverted, ConvertedDate, SystemModstamp FROM Lead WHERE Id = '{ADA}'"
    )

    assert result.render(result.rows[0], DATA) == {
        "attributes": attributes("Lead", ADA),
        "Name": "Ada Abel",
        "Rating": "Hot",
        "IsConverted": False,
        "ConvertedDate": None,
        "SystemModstamp": "2026-11-01T12:00:00.000+0000",
    }


def test_numbers_are_shown_by_their_type(records: Records) -> None:
    shown = records.show(f"SELECT Amount, Probability FROM Opportunity WHERE Id = '{DEAL}'")

    assert repr(shown) == "[{'Amount': 50000.0, 'Probability': None}]"


def test_an_address_is_made_of_its_parts(records: Records) -> None:
    ada, ben, _ = records.show("SELECT Address FROM Lead")

    assert ada["Address"]["city"] == "Graz"
    assert sorted(ada["Address"]) == sorted(
        ("city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street")
    )
    assert ben["Address"] is None


def test_parents_are_nested(records: Records) -> None:
    shown = records.show(f"SELECT Account.Owner.Name, Account.Name FROM Contact WHERE Id = '{CONTACT}'")

    assert shown == [
        {
            "Account": {
                "attributes": attributes("Account", make_id("001", 1)),
                "Owner": {"attributes": attributes("User", OWNER), "Name": "Olga Owner"},
                "Name": "Acme Inc",
            }
        }
    ]


def test_a_parent_of_several_objects_is_shown_as_a_name(records: Records) -> None:
    shown = records.show("SELECT Who.Type, Who.Id, What.Name FROM Task WHERE Subject = 'Call'")

    who = {"attributes": attributes("Name", ADA, "Lead"), "Type": "Lead", "Id": ADA}
    assert shown == [{"Who": who, "What": None}]


def test_children_are_nested(records: Records) -> None:
    soql = "SELECT Name, (SELECT Subject, Owner.Name FROM Tasks WHERE Subject != 'x' ORDER BY Subject DESC) FROM Lead"

    ada, ben, _ = records.show(soql)

    assert ada["Tasks"]["totalSize"] == 2
    assert ada["Tasks"]["done"] is True
    assert [task["Subject"] for task in ada["Tasks"]["records"]] == ["Mail", "Call"]
    assert ada["Tasks"]["records"][0]["attributes"] == attributes("Task", make_id("00T", 2))
    assert ben["Tasks"] is None  # its only task is deleted


def test_children_can_be_limited(records: Records) -> None:
    ada = records.show("SELECT Id, (SELECT Subject FROM Tasks ORDER BY Subject LIMIT 1 OFFSET 1) FROM Lead")[0]

    assert [task["Subject"] for task in ada["Tasks"]["records"]] == ["Mail"]


def test_activity_lists_are_seen_below_a_record(records: Records) -> None:
    ada = records.show(
        "SELECT Id, (SELECT Subject FROM ActivityHistories), (SELECT Subject FROM OpenActivities) FROM Lead"
    )[0]

    assert [item["Subject"] for item in ada["ActivityHistories"]["records"]] == ["Call"]
    assert [item["Subject"] for item in ada["OpenActivities"]["records"]] == ["Mail"]


def test_a_feed_shows_the_posts_on_its_object(records: Records) -> None:
    assert records.show("SELECT Body FROM LeadFeed") == [{"Body": "hello"}]
    assert records.show("SELECT Body FROM OpportunityFeed") == []


def test_typeof_shows_fields_by_the_parents_object(records: Records) -> None:
    soql = (
        "SELECT TYPEOF Who WHEN Lead THEN Company, Owner.Name ELSE Email END FROM Task WHERE Subject IN ('Old', 'Call')"
    )

    call, old = records.show(soql, all_rows=True)

    assert call["Who"]["attributes"] == attributes("Lead", ADA)
    assert call["Who"]["Company"] == "Acme"
    assert old["Who"] == {"attributes": attributes("Name", CONTACT, "Contact"), "Email": "carl@example.com"}


def test_contents_are_shown_as_the_place_where_they_are(records: Records) -> None:
    version = make_id("068", 1)

    assert records.show("SELECT VersionData FROM ContentVersion") == [
        {"VersionData": f"{DATA}/sobjects/ContentVersion/{version}/VersionData"}
    ]


def test_later_changes_do_not_reach_a_result(records: Records) -> None:
    result = records.ask("SELECT Name FROM Lead")

    records.tables["Lead"][0]["Name"] = "Somebody else"

    assert result.render(result.rows[0], DATA)["Name"] == "Ada Abel"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("NumberOfEmployees", ["Cleo", "Ben", "Ada"]),
        ("NumberOfEmployees ASC NULLS LAST", ["Ben", "Ada", "Cleo"]),
        ("NumberOfEmployees DESC", ["Cleo", "Ada", "Ben"]),
        ("NumberOfEmployees DESC NULLS LAST", ["Ada", "Ben", "Cleo"]),
        ("IsConverted DESC, Name DESC", ["Ben", "Cleo", "Ada"]),
        ("Company", ["Cleo", "Ada", "Ben"]),
        ("Owner.Name, SystemModstamp DESC", ["Cleo", "Ada", "Ben"]),
    ],
)
def test_records_are_ordered(records: Records, order: str, expected: list[str]) -> None:
    assert names(records, f"SELECT Name FROM Lead ORDER BY {order}") == expected


def test_limit_and_offset(records: Records) -> None:
    assert names(records, "SELECT Name FROM Lead ORDER BY Name LIMIT 1 OFFSET 1") == ["Ben"]
    assert names(records, "SELECT Name FROM Lead LIMIT 0") == []


def test_the_total_is_that_of_the_whole_result(records: Records) -> None:
    result = records.ask("SELECT Name FROM Lead LIMIT 2")

    assert (result.total, len(result.rows), result.count_only) == (2, 2, False)


def test_count_has_a_total_and_no_records(records: Records) -> None:
    result = records.ask("SELECT COUNT() FROM Lead WHERE IsConverted = false")

    assert (result.total, result.rows, result.count_only) == (2, [], True)


@pytest.mark.parametrize(
    ("soql", "long_text"), [("SELECT Id, Description FROM Lead", True), ("SELECT Id, Street FROM Lead", False)]
)
def test_long_texts_are_told(records: Records, soql: str, long_text: bool) -> None:
    assert records.ask(soql).long_text is long_text


@pytest.mark.parametrize(
    ("soql", "rows"),
    [
        (
            "SELECT Status, COUNT(Id), MAX(SystemModstamp) newest FROM Lead GROUP BY Status ORDER BY COUNT(Id) DESC",
            [
                {"Status": "Open - Not Contacted", "expr0": 2, "newest": "2026-11-25T12:00:00.000+0000"},
                {"Status": "Working - Contacted", "expr0": 1, "newest": "2026-11-20T12:00:00.000+0000"},
            ],
        ),
        ("SELECT COUNT(Rating) rated, COUNT(Id) FROM Lead", [{"rated": 1, "expr0": 3}]),
        ("SELECT COUNT_DISTINCT(Status) n, SUM(NumberOfEmployees) s FROM Lead", [{"n": 2, "s": 19.0}]),
        ("SELECT AVG(NumberOfEmployees) a, MIN(Name) m FROM Lead", [{"a": 9.5, "m": "Ada Abel"}]),
        ("SELECT SUM(AnnualRevenue) s, COUNT(Id) FROM Lead WHERE Name = 'x'", [{"s": None, "expr0": 0}]),
        ("SELECT Status s FROM Lead GROUP BY Status HAVING COUNT(Id) > 1", [{"s": "Open - Not Contacted"}]),
        (
            "SELECT CALENDAR_YEAR(SystemModstamp) y, COUNT(Id) n FROM Lead GROUP BY CALENDAR_YEAR(SystemModstamp)",
            [{"y": 2026, "n": 3}],
        ),
        (
            "SELECT Owner.Name, COUNT(Id) n FROM Lead GROUP BY Owner.Name ORDER BY n LIMIT 1",
            [{"Name": "Unassigned", "n": 1}],
        ),
    ],
)
def test_groups(records: Records, soql: str, rows: list[dict[str, Any]]) -> None:
    assert records.show(soql) == rows


def test_a_group_is_no_record(records: Records) -> None:
    result = records.ask("SELECT Status FROM Lead GROUP BY Status")

    assert result.render(result.rows[0], DATA)["attributes"] == {"type": "AggregateResult"}


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("SELECT Name, COUNT(Id) FROM Lead GROUP BY Status", "Field must be grouped or aggregated: Name"),
        ("SELECT Name, COUNT(Id) FROM Lead", "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY SystemModstamp", "field 'SystemModstamp' can not be grouped"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY Description", "field 'Description' can not be grouped"),
        ("SELECT Status FROM Lead GROUP BY Status ORDER BY Name", "Field must be grouped or aggregated: Name"),
        ("SELECT SUM(Name) FROM Lead", "does not support aggregate operator SUM"),
        ("SELECT Id FROM Lead HAVING COUNT(Id) > 1", "HAVING is only allowed with GROUP BY"),
    ],
)
def test_groups_are_refused(records: Records, soql: str, message: str) -> None:
    with pytest.raises(SoqlError, match=message):
        records.ask(soql)


def test_more_groups_than_a_page_are_refused(records: Records) -> None:
    records.tables["Lead"].extend({"Id": make_id("00Q", number), "Name": str(number)} for number in range(9, 2_010))

    with pytest.raises(SoqlError, match="Aggregate query does not support queryMore") as caught:
        records.ask("SELECT Name, COUNT(Id) FROM Lead GROUP BY Name")

    assert caught.value.code == "EXCEEDED_ID_LIMIT"
    assert records.ask("SELECT Name, COUNT(Id) FROM Lead GROUP BY Name LIMIT 5").total == 5


def test_fields_stand_for_all_of_them(records: Records) -> None:
    shown = records.show("SELECT FIELDS(ALL) FROM Lead LIMIT 200")

    assert list(shown[0]) == list(records.objects["Lead"].fields)


def test_all_fields_need_a_limit(records: Records) -> None:
    for limit in ("", "LIMIT 201"):
        with pytest.raises(SoqlError, match="FIELDS function must have a LIMIT of at most 200"):
            records.ask(f"SELECT FIELDS(ALL) FROM Lead {limit}")
    assert records.ask("SELECT FIELDS(STANDARD) FROM Lead").total == 3


def test_a_bulk_result_is_flat(records: Records) -> None:
    result = records.ask("SELECT Id, Who.Name, systemmodstamp FROM Task WHERE Subject = 'Call'", bulk=True)

    assert result.columns == ["Id", "Who.Name", "SystemModstamp"]
    assert result.flat(result.rows[0]) == [make_id("00T", 1), "Ada Abel", day(2)]
