"""Well-formed queries that Salesforce refuses all the same."""

import pytest

from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.soql import SoqlError
from tests.connectors.sandbox.salesforce.soql_records import ADA, Records, few_records

DOCUMENT = make_id("069", 1)
LINKS = "SELECT LinkedEntityId FROM ContentDocumentLink"


@pytest.fixture
def records() -> Records:
    return few_records()


@pytest.mark.parametrize(
    "where",
    [
        "",
        "WHERE IsDeleted = false",
        f"WHERE ContentDocumentId != '{DOCUMENT}'",
        f"WHERE ContentDocumentId = '{DOCUMENT}' OR LinkedEntityId = '{ADA}'",
        f"WHERE Id = '{make_id('06A', 1)}'",
    ],
)
def test_links_of_files_that_nobody_named_are_refused(records: Records, where: str) -> None:
    with pytest.raises(SoqlError) as caught:
        records.ask(f"{LINKS} {where}")

    assert caught.value.code == "MALFORMED_QUERY"
    assert str(caught.value) == (
        "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or"
        " LinkedEntityId using the equals operator or multiple Id's using the IN operator."
    )


@pytest.mark.parametrize(
    "where",
    [
        f"ContentDocumentId = '{DOCUMENT}'",
        f"LinkedEntityId IN ('{ADA}') AND IsDeleted = false",
        "LinkedEntityId IN (SELECT Id FROM Lead)",
        f"LinkedEntityId = '{ADA}' AND ContentDocument.FileType = 'SNOTE'",
    ],
)
def test_links_of_named_files_or_records_are_shown(records: Records, where: str) -> None:
    assert records.ask(f"{LINKS} WHERE {where}").total == 1


def test_who_may_query_all_files_may_list_their_links(records: Records) -> None:
    records.all_files = True

    assert records.ask(LINKS).total == 1


def test_links_named_by_file_cannot_be_filtered_by_what_the_file_is(records: Records) -> None:
    with pytest.raises(SoqlError, match="filtering on non-id fields is only permitted") as caught:
        records.ask(f"{LINKS} WHERE ContentDocumentId = '{DOCUMENT}' AND ContentDocument.FileType = 'SNOTE'")

    assert caught.value.code == "MALFORMED_QUERY"


@pytest.mark.parametrize("sobject", ["ActivityHistory", "NoteAndAttachment", "AttachedContentDocument", "Name"])
def test_objects_that_are_only_seen_below_another_are_refused(records: Records, sobject: str) -> None:
    with pytest.raises(SoqlError, match=f"entity type {sobject} does not support query") as caught:
        records.ask(f"SELECT Id FROM {sobject}")

    assert caught.value.code == "INVALID_TYPE_FOR_OPERATION"


def test_an_offset_has_a_bound(records: Records) -> None:
    assert records.ask("SELECT Id FROM Lead OFFSET 2000").total == 0
    with pytest.raises(SoqlError, match="Maximum SOQL offset allowed is 2000") as caught:
        records.ask("SELECT Id FROM Lead OFFSET 2001")

    assert caught.value.code == "NUMBER_OUTSIDE_VALID_RANGE"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("Id IN (SELECT WhoId FROM Task) OR City = 'x'", "only allowed at the top level"),
        ("City = 'x' AND (Id IN (SELECT WhoId FROM Task) AND City = 'y')", "only allowed at the top level"),
        ("Id IN (SELECT WhoId, Id FROM Task)", "single id field"),
        ("Id IN (SELECT MasterRecordId FROM Lead)", "should not be on the same object type"),
        ("Id IN (SELECT Subject FROM Task)", "must be an id or reference field, cannot use: 'Subject'"),
        ("Name IN (SELECT WhoId FROM Task)", "should be an id field, cannot use: 'Name'"),
        ("Id IN (SELECT WhoId FROM Task LIMIT 1)", "not allowed in semi join"),
        ("Id IN (SELECT WhoId FROM Task WHERE WhatId IN (SELECT Id FROM Account))", "Nesting of semi join"),
        (
            " AND ".join(f"Id NOT IN (SELECT WhoId FROM Task WHERE Subject = '{letter}')" for letter in "abc"),
            "Maximum 2 semi join",
        ),
    ],
)
def test_joins_are_refused(records: Records, where: str, message: str) -> None:
    with pytest.raises(SoqlError, match=message) as caught:
        records.ask(f"SELECT Id FROM Lead WHERE {where}")

    assert caught.value.code == "MALFORMED_QUERY"


def test_field_definitions_are_asked_of_one_object(records: Records) -> None:
    with pytest.raises(SoqlError, match="a filter on a reified column is required"):
        records.ask("SELECT QualifiedApiName FROM FieldDefinition")


def test_field_definitions_are_found_by_the_name_of_their_object(records: Records) -> None:
    entity = {"Id": "x", "DurableId": "Lead", "QualifiedApiName": "Lead"}
    fields = [{"Id": name, "EntityDefinitionId": name, "QualifiedApiName": "Status"} for name in ("Lead", "Task")]
    records.tables = {"EntityDefinition": [entity], "FieldDefinition": fields}

    found = records.ask("SELECT Id FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead'")

    assert [row["Id"] for row in found.rows] == ["Lead"]


@pytest.mark.parametrize("sobject", ["LeadStatus", "OpportunityStage", "ContentDocumentLink", "EmailMessageRelation"])
def test_objects_without_bulk_are_refused(records: Records, sobject: str) -> None:
    with pytest.raises(SoqlError, match=f"^Entity '{sobject}' is not supported by the Bulk API.$") as caught:
        records.ask(f"SELECT Id FROM {sobject}", bulk=True)

    assert caught.value.code == "INVALIDENTITY"


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("SELECT Address FROM Lead", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Id, (SELECT Id FROM Tasks) FROM Lead", "Nested Queries"),
        ("SELECT TYPEOF Who WHEN Lead THEN Company END FROM Task", "TYPEOF"),
        ("SELECT Id FROM Lead LIMIT 5 OFFSET 5", "OFFSET"),
        ("SELECT COUNT() FROM Lead", "Aggregate functions"),
        ("SELECT MAX(Name) FROM Lead", "Aggregate functions"),
        ("SELECT Status FROM Lead GROUP BY Status", "Aggregate"),
        ("SELECT VersionData FROM ContentVersion", "Binary fields"),
        ("SELECT FIELDS(ALL) FROM Lead LIMIT 5", "FIELDS"),
    ],
)
def test_bulk_queries_are_refused(records: Records, soql: str, message: str) -> None:
    assert records.ask(soql).sobject

    with pytest.raises(SoqlError, match=message) as caught:
        records.ask(soql, bulk=True)

    assert caught.value.code == "API_ERROR"


@pytest.mark.parametrize("sobject", ["LeadHistory", "OpportunityFieldHistory"])
def test_histories_are_dated_by_their_creation_alone(records: Records, sobject: str) -> None:
    assert records.ask(f"SELECT Id FROM {sobject} WHERE CreatedDate = THIS_MONTH").total >= 0
    with pytest.raises(SoqlError, match=f"No such column 'SystemModstamp' on entity '{sobject}'"):
        records.ask(f"SELECT Id FROM {sobject} WHERE SystemModstamp = THIS_MONTH")
