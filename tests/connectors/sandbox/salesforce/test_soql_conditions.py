"""Which records a query selects, and which conditions are refused."""

from datetime import date

import pytest

from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.schema import Field
from connectors.sandbox.salesforce.soql import SoqlError
from connectors.sandbox.salesforce.soql.literals import span_of
from tests.connectors.sandbox.salesforce.soql_records import ADA, BEN, CLEO, CONTACT, DEAL, Records, few_records

NAMES = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo"}


@pytest.fixture
def records() -> Records:
    return few_records()


def select(records: Records, where: str) -> list[str]:
    """Return the leads that fulfil a condition, by their first names."""
    return [NAMES[row["Id"]] for row in records.ask(f"SELECT Id FROM Lead WHERE {where}").rows]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Name = 'ADA abel'", ["Ada"]),
        (r"Name = 'Cleo O\'Hara'", ["Cleo"]),
        (r"Name = 'Ada\u0020Abel'", ["Ada"]),
        ("name != 'Ada Abel'", ["Ben", "Cleo"]),
        ("Name <> 'Ada Abel'", ["Ben", "Cleo"]),
        ("Name > 'ada abel' AND Name <= 'BEN BERG'", ["Ben"]),
        ("NumberOfEmployees > 9", ["Ada"]),
        ("NumberOfEmployees >= 9", ["Ada", "Ben"]),
        ("NumberOfEmployees < 10", ["Ben"]),
        ("NumberOfEmployees <= 10", ["Ada", "Ben"]),
        ("NumberOfEmployees != 9", ["Ada", "Cleo"]),
        ("NumberOfEmployees > -1.5", ["Ada", "Ben"]),
        ("AnnualRevenue = 5e6", ["Ada"]),
        ("NumberOfEmployees = null", ["Cleo"]),
        ("NumberOfEmployees != NULL", ["Ada", "Ben"]),
        ("Rating = ''", ["Ben", "Cleo"]),
        ("Rating NOT IN ('Hot')", ["Ben", "Cleo"]),
        ("Name IN ('ada abel', 'BEN BERG')", ["Ada", "Ben"]),
        ("IsConverted = true", ["Ben"]),
        ("IsConverted = FALSE", ["Ada", "Cleo"]),
        ("IsConverted != true", ["Ada", "Cleo"]),
        ("Name LIKE '%b%'", ["Ada", "Ben"]),
        ("Name LIKE 'ben_berg'", ["Ben"]),
        (r"Company LIKE 'berg\_%'", ["Ben"]),
        (r"Company LIKE '100\%%'", ["Cleo"]),
        (r"Company LIKE 'Ac\%'", []),
        ("Rating LIKE '%'", ["Ada"]),
        ("(NOT Name LIKE 'a%') AND IsConverted = false", ["Cleo"]),
        ("NOT (Name = 'Ada Abel' OR IsConverted = true)", ["Cleo"]),
        ("(Name = 'Ada Abel' AND IsConverted = true) OR Name LIKE 'cleo%'", ["Cleo"]),
        ("Name = 'x' OR Name LIKE 'cleo%' OR IsConverted = true", ["Ben", "Cleo"]),
        ("Owner.Name = 'olga owner'", ["Ada", "Cleo"]),
        ("Owner.Type = 'Queue'", []),
        ("Owner.Type = 'Group'", ["Ben"]),
    ],
)
def test_conditions_select(records: Records, where: str, names: list[str]) -> None:
    assert select(records, where) == names


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("SystemModstamp = 2026-11-20T12:00:00Z", ["Ben"]),
        ("SystemModstamp = 2026-11-20T13:00:00+01:00", ["Ben"]),
        ("SystemModstamp >= 2026-11-20T12:00:00.000Z", ["Ben", "Cleo"]),
        ("SystemModstamp > 2026-11-20T12:00:00Z", ["Cleo"]),
        ("SystemModstamp < 2026-11-20T12:00:00Z", ["Ada"]),
        ("SystemModstamp = TODAY", ["Cleo"]),
        ("SystemModstamp = today", ["Cleo"]),
        ("SystemModstamp < TODAY", ["Ada", "Ben"]),
        ("SystemModstamp >= LAST_N_DAYS:5", ["Ben", "Cleo"]),
        ("SystemModstamp = LAST_WEEK", ["Ben"]),
        ("SystemModstamp != LAST_WEEK", ["Ada", "Cleo"]),
        ("SystemModstamp > LAST_WEEK", ["Cleo"]),
        ("SystemModstamp <= LAST_WEEK", ["Ada", "Ben"]),
        ("ConvertedDate = 2026-11-24", ["Ben"]),
        ("ConvertedDate = YESTERDAY", ["Ben"]),
        ("ConvertedDate != 2026-11-24", ["Ada", "Cleo"]),
        ("CALENDAR_MONTH(SystemModstamp) = 11 AND DAY_IN_MONTH(SystemModstamp) < 20", ["Ada"]),
        ("DAY_ONLY(SystemModstamp) = 2026-11-01", ["Ada"]),
        ("HOUR_IN_DAY(convertTimezone(SystemModstamp)) = 12 AND DAY_IN_WEEK(SystemModstamp) = 1", ["Ada"]),
    ],
)
def test_conditions_on_time_select(records: Records, where: str, names: list[str]) -> None:
    assert select(records, where) == names


@pytest.mark.parametrize(
    ("literal", "first", "after"),
    [
        ("YESTERDAY", "2026-11-24", "2026-11-25"),
        ("TOMORROW", "2026-11-26", "2026-11-27"),
        ("THIS_WEEK", "2026-11-22", "2026-11-29"),
        ("NEXT_WEEK", "2026-11-29", "2026-12-06"),
        ("LAST_MONTH", "2026-10-01", "2026-11-01"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("LAST_QUARTER", "2026-07-01", "2026-10-01"),
        ("NEXT_FISCAL_QUARTER", "2027-01-01", "2027-04-01"),
        ("THIS_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_FISCAL_YEAR", "2025-01-01", "2026-01-01"),
        ("LAST_90_DAYS", "2026-08-27", "2026-11-26"),
        ("NEXT_90_DAYS", "2026-11-26", "2027-02-24"),
        ("LAST_N_DAYS:2", "2026-11-23", "2026-11-26"),
        ("NEXT_N_DAYS:2", "2026-11-26", "2026-11-28"),
        ("N_DAYS_AGO:2", "2026-11-23", "2026-11-24"),
        ("LAST_N_WEEKS:2", "2026-11-08", "2026-11-22"),
        ("N_WEEKS_AGO:2", "2026-11-08", "2026-11-15"),
        ("NEXT_N_MONTHS:2", "2026-12-01", "2027-02-01"),
        ("LAST_N_QUARTERS:2", "2026-04-01", "2026-10-01"),
        ("N_FISCAL_YEARS_AGO:3", "2023-01-01", "2024-01-01"),
    ],
)
def test_date_literals_mean_spans_of_days(literal: str, first: str, after: str) -> None:
    assert span_of(literal, date(2026, 11, 25)) == (date.fromisoformat(first), date.fromisoformat(after))


def test_both_lengths_of_an_id_are_equal(records: Records) -> None:
    assert select(records, f"Id = '{ADA[:15]}'") == select(records, f"Id = '{ADA}'") == ["Ada"]


def test_ids_are_told_apart_by_the_case_of_their_letters(records: Records) -> None:
    assert select(records, f"Id = '{ADA[:15].swapcase()}'") == []


def test_ids_have_an_order(records: Records) -> None:
    assert select(records, f"Id > '{ADA}'") == ["Ben", "Cleo"]


def test_a_keyset_resumes_between_records_of_one_stamp(records: Records) -> None:
    where = f"(SystemModstamp = 2026-11-20T12:00:00Z AND Id > '{ADA}') OR SystemModstamp > 2026-11-20T12:00:00Z"

    assert select(records, where) == ["Ben", "Cleo"]


def test_a_semi_join_selects_by_another_object(records: Records) -> None:
    assert select(records, "Id IN (SELECT WhoId FROM Task WHERE Status = 'Completed')") == ["Ada"]
    assert select(records, "Id NOT IN (SELECT WhoId FROM Task)") == ["Ben", "Cleo"]


def test_a_multipicklist_includes_one_of_the_choices(records: Records) -> None:
    lead = records.objects["Lead"]
    interests = Field("Interests__c", "multipicklist", custom=True)
    records.objects["Lead"] = type(lead)(lead.name, lead.label, lead.prefix, {**lead.fields, interests.name: interests})
    for row, held in zip(records.tables["Lead"], ("a;b;c", "b", None), strict=True):
        row["Interests__c"] = held

    assert select(records, "Interests__c INCLUDES ('a;c', 'x')") == ["Ada"]
    assert select(records, "Interests__c INCLUDES ('b')") == ["Ada", "Ben"]
    assert select(records, "Interests__c EXCLUDES ('a')") == ["Ben", "Cleo"]


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ("Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"),
        ("Address = null", "INVALID_FIELD", "field 'Address' can not be filtered in a query call"),
        (
            "SystemModstamp = '2026-11-20T12:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'SystemModstamp' must be of type dateTime and should not be enclosed"
            " in quotes",
        ),
        ("SystemModstamp = 2026-11-20", "INVALID_FIELD", "must be of type dateTime"),
        ("ConvertedDate = 2026-11-20T12:00:00Z", "INVALID_FIELD", "must be of type date and"),
        ("NumberOfEmployees = '9'", "INVALID_FIELD", "must be of type int and should not be enclosed in quotes"),
        ("IsConverted = 'true'", "INVALID_FIELD", "must be of type boolean and should not be enclosed in quotes"),
        ("IsConverted IN (1)", "INVALID_FIELD", "must be of type boolean"),
        ("Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("OwnerId LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"),
        ("IsConverted > false", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"),
        ("Rating INCLUDES ('Hot')", "INVALID_QUERY_FILTER_OPERATOR", "only valid on multipicklist"),
        ("COUNT(Id) > 1", "MALFORMED_QUERY", "Invalid Aggregate Function"),
        ("DAY_ONLY(ConvertedDate) = 2026-11-01", "INVALID_FIELD", "can not be used in function DAY_ONLY"),
        ("SystemModstamp > LAST_N_YEARS:99999", "MALFORMED_QUERY", "Invalid date literal"),
    ],
)
def test_conditions_are_refused(records: Records, where: str, code: str, message: str) -> None:
    with pytest.raises(SoqlError, match="Row:1:Column:") as caught:
        select(records, where)

    assert caught.value.code == code
    assert message in str(caught.value)


def test_deleted_records_are_only_seen_by_all_rows(records: Records) -> None:
    gone = "SELECT Id FROM Task WHERE Subject = 'Gone'"

    assert records.ask(gone).total == 0
    assert records.ask(gone, all_rows=True).total == 1
    assert records.ask("SELECT Id FROM Task WHERE IsDeleted = true").total == 0


def test_archived_activities_are_only_seen_by_all_rows(records: Records) -> None:
    old = f"SELECT Id FROM Task WHERE WhatId = '{DEAL}'"

    assert records.ask(old).total == 0
    assert records.ask(old, all_rows=True).total == 1


@pytest.mark.parametrize(
    ("soql", "asked"),
    [
        (f"SELECT Id FROM Lead WHERE Id IN ('{ADA}', '{BEN}') AND Name LIKE 'a%'", ("Lead", "Id")),
        (f"SELECT Id FROM Lead l WHERE l.Id = '{ADA[:15]}'", ("Lead", "Id")),
        (f"SELECT Id FROM Task WHERE Subject != null AND WhoId = '{CONTACT}'", ("Task", "WhoId")),
        (f"SELECT COUNT() FROM ContentDocumentLink WHERE LinkedEntityId IN ('{ADA}')", ("ContentDocumentLink",) * 2),
    ],
)
def test_records_named_by_their_ids_are_looked_up(records: Records, soql: str, asked: tuple[str, str]) -> None:
    records.ask(soql)

    assert [sobject for sobject, _ in records.looked_up] == [asked[0]]
    assert records.listed == []


def test_ids_under_or_are_no_reason_to_look_up(records: Records) -> None:
    assert select(records, f"Id = '{ADA}' OR Name LIKE 'ben%'") == ["Ada", "Ben"]
    assert records.looked_up == []


def test_the_shortest_list_of_ids_is_looked_up(records: Records) -> None:
    many = ", ".join(f"'{make_id('00Q', number)}'" for number in range(1, 50))

    records.ask(f"SELECT Id FROM Task WHERE WhoId IN ({many}) AND WhatId = '{DEAL}'")

    assert records.looked_up == [("Task", "WhatId")]


def test_a_semi_join_is_asked_once(records: Records) -> None:
    select(records, "Id IN (SELECT WhoId FROM Task)")

    assert records.listed == ["Task"]
