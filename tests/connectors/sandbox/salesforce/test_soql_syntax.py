"""The grammar: what is SOQL, what is not, and where a refusal points."""

import pytest

from connectors.sandbox.salesforce.soql import SoqlError
from tests.connectors.sandbox.salesforce.soql_records import Records, few_records


@pytest.fixture
def records() -> Records:
    return few_records()


@pytest.mark.parametrize(
    "soql",
    [
        "select id, name from lead where name like 'a%' order by name limit 1",
        "SELECT Id\nFROM Lead\n\tWHERE Name = 'x'",
        "SELECT l.Id, Lead.Name FROM Lead l WHERE l.Owner.Name = 'x'",
        "SELECT Id FROM Lead USING SCOPE mine",
        "SELECT Id FROM Lead WITH SECURITY_ENFORCED",
        "SELECT Id FROM Lead FOR VIEW",
        "SELECT Id FROM Lead LIMIT 1 FOR REFERENCE UPDATE TRACKING",
        "SELECT Id, FromAddress FROM EmailMessage WHERE FromAddress = 'x' ORDER BY FromAddress DESC NULLS LAST",
        "SELECT Id FROM Group",
        "SELECT Id FROM Lead WHERE NOT(Name = 'x')",
        "SELECT Id FROM Lead WHERE Name IN('x','y')AND City='z'",
        "SELECT toLabel(Status), FORMAT(AnnualRevenue) revenue FROM Lead",
    ],
)
def test_this_is_soql(records: Records, soql: str) -> None:
    assert records.ask(soql).total >= 0


@pytest.mark.parametrize(
    ("soql", "token"),
    [
        ("SELECT FROM Lead", "FROM"),
        ("SELECT Id Lead", "<EOF>"),
        ("SELECT Id, FROM Lead", "FROM"),
        ("DROP TABLE Lead", "DROP"),
        ("SELECT Id FROM Lead WHERE", "<EOF>"),
        ("SELECT Id FROM Lead WHERE Name = 'a' AND City = 'b' OR City = 'c'", "OR"),
        ("SELECT Id FROM Lead WHERE Name = 'a' OR City = 'b' AND City = 'c'", "AND"),
        ("SELECT Id FROM Lead WHERE Name = 'a' AND NOT City = 'b'", "NOT"),
        ("SELECT Id FROM Lead WHERE Name = Open", "Open"),
        ("SELECT Id FROM Lead WHERE Name == 'a'", "="),
        ("SELECT Id FROM Lead LIMIT 1 WHERE Name = 'a'", "WHERE"),
        ("SELECT Id FROM Lead LIMIT x", "x"),
        ("SELECT Id FROM Lead; DELETE", ";"),
        ("SELECT * FROM Lead", "*"),
        ("SELECT Id FROM Lead WHERE CreatedDate > 2026-11-20T12:00:00 00:00", "2026-11-20T12:00:00"),
        ("SELECT Id FROM Lead WHERE CreatedDate > N_DAYS:3", "N_DAYS"),
    ],
)
def test_the_unexpected_token_is_named(records: Records, soql: str, token: str) -> None:
    with pytest.raises(SoqlError) as caught:
        records.ask(soql)

    assert caught.value.code == "MALFORMED_QUERY"
    assert str(caught.value).endswith(f"unexpected token: '{token}'")
    if token != "<EOF>":
        _, line, mark, *_ = str(caught.value).split("\n")
        assert line[mark.index("^") :].startswith(token)


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("", "SOQL statement is empty"),
        ("SELECT Id FROM Lead WHERE Name = :name", "Bind variables only allowed in Apex code"),
        ("SELECT Id FROM Lead WHERE Name = 'abc", "mismatched character '<EOF>'"),
        (r"SELECT Id FROM Lead WHERE Name = 'a\q'", r"Illegal character sequence '\q'"),
        ("SELECT Id FROM Lead WHERE CreatedDate > 2026-13-20T12:00:00Z", "Invalid date: 2026-13-20T12:00:00Z"),
        ("SELECT Id FROM Lead WHERE ConvertedDate > 2026-02-30", "Invalid date: 2026-02-30"),
        ("SELECT Id FROM Lead WHERE Name = '" + "x" * 100_000 + "'", "cannot be longer than 100000 characters"),
        ("SELECT Id FROM Lead ALL ROWS", "ALL ROWS not allowed in this context"),
        ("SELECT Id mine FROM Lead", "only aggregate expressions use field aliasing"),
        ("SELECT UPPER(Name) FROM Lead", "UPPER"),
    ],
)
def test_malformed_queries_are_refused(records: Records, soql: str, message: str) -> None:
    with pytest.raises(SoqlError) as caught:
        records.ask(soql)

    assert caught.value.code == "MALFORMED_QUERY"
    assert message in str(caught.value)


def test_a_query_may_be_as_long_as_its_bound(records: Records) -> None:
    soql = "SELECT Id FROM Lead WHERE Name = 'x'"

    assert records.ask(soql.ljust(100_000)).total == 0


def test_an_unknown_object_is_refused_as_recorded(records: Records) -> None:
    with pytest.raises(SoqlError) as caught:
        records.ask("SELECT Id,Name,BillingCity,IsDeleted FROM Accout")

    assert caught.value.code == "INVALID_TYPE"
    assert str(caught.value) == (
        "\nName,BillingCity,IsDeleted FROM Accout\n                                ^\nERROR at Row:1:Column:43\n"
        "sObject type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the"
        " '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
    )


# https://github.com/airbytehq/airbyte/issues/62877
def test_a_refusal_shows_the_query_from_a_word_before_to_a_word_after(records: Records) -> None:
    columns = ", ".join(name for name in records.objects["LeadHistory"].fields)
    soql = f"SELECT {columns} FROM LeadHistory WHERE OldValue >= 2017-01-01T00:00:00Z AND CreatedDate < TODAY"

    with pytest.raises(SoqlError) as caught:
        records.ask(soql)

    assert str(caught.value).split("\n")[1:3] == [
        "NewValue FROM LeadHistory WHERE OldValue >= 2017-01-01T00:00:00Z AND",
        " " * 32 + "^",
    ]


def test_a_refusal_names_the_row_of_the_query(records: Records) -> None:
    with pytest.raises(SoqlError, match=r"^\n  Nmae\n  \^\nERROR at Row:2:Column:3\nNo such column 'Nmae'"):
        records.ask("SELECT Id,\n  Nmae\nFROM Lead")


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT Foo__c FROM Lead",
            "INVALID_FIELD",
            "No such column 'Foo__c' on entity 'Lead'. If you are attempting to use a custom field, be sure to append"
            " the '__c' after the custom field name. Please reference your WSDL or the describe call for the"
            " appropriate names.",
        ),
        ("SELECT Id FROM Lead WHERE Foo = 1", "INVALID_FIELD", "No such column 'Foo' on entity 'Lead'"),
        ("SELECT Id FROM Lead ORDER BY Foo", "INVALID_FIELD", "No such column 'Foo' on entity 'Lead'"),
        ("SELECT Owner.Department FROM Lead", "INVALID_FIELD", "No such column 'Department' on entity 'Name'"),
        ("SELECT Who.Company FROM Task", "INVALID_FIELD", "No such column 'Company' on entity 'Name'"),
        ("SELECT Account.Foo FROM Contact", "INVALID_FIELD", "No such column 'Foo' on entity 'Account'"),
        ("SELECT Boss.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Boss' in field path."),
        ("SELECT RecurrenceActivity.Id FROM Task", "INVALID_FIELD", "Didn't understand relationship"),
        ("SELECT Campaign.Name FROM Opportunity", "INVALID_FIELD", "Didn't understand relationship 'Campaign'"),
        (
            "SELECT (SELECT Id FROM Deals) FROM Lead",
            "INVALID_TYPE",
            "Didn't understand relationship 'Deals' in FROM part of query call.",
        ),
        ("SELECT Id, Name, id FROM Lead", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Lead ORDER BY Description", "MALFORMED_QUERY", "'Description' can not be sorted"),
        (
            "SELECT Account.Parent.Parent.Parent.Parent.Parent.Name FROM Contact",
            "MALFORMED_QUERY",
            "Only 5 levels of parents",
        ),
    ],
)
def test_what_is_not_there_is_named(records: Records, soql: str, code: str, message: str) -> None:
    with pytest.raises(SoqlError, match="Row:1:Column:") as caught:
        records.ask(soql)

    assert caught.value.code == code
    assert message in str(caught.value)


def test_a_hidden_field_is_not_there(records: Records) -> None:
    records.hide("Lead", "OwnerId")

    with pytest.raises(SoqlError, match="No such column 'OwnerId' on entity 'Lead'"):
        records.ask("SELECT OwnerId FROM Lead")
    with pytest.raises(SoqlError, match="Didn't understand relationship 'Owner'"):
        records.ask("SELECT Owner.Name FROM Lead")
