"""The sandbox's SOQL: what it takes, and what it refuses as Salesforce does."""

from typing import Any

import pytest

from connectors.sandbox.soql import SoqlError, evaluate, parse_soql

ROWS: list[dict[str, Any]] = [
    {"Id": "1", "Name": "b", "Size": 3.0},
    {"Id": "2", "Name": "A", "Size": None},
    {"Id": "3", "Name": "c'd", "Size": 1.0},
]


def select(soql: str) -> list[str]:
    return [row["Id"] for row in evaluate(parse_soql(soql), ROWS, lambda row, path: row.get(path))]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("Name = 'a'", ["2"]),
        (r"Name = 'c\'d'", ["3"]),
        ("Size > 1", ["1"]),
        ("Size = null", ["2"]),
        ("Size != null AND (Name = 'b' OR Size <= 1)", ["1", "3"]),
        ("Name IN ('a', 'b')", ["1", "2"]),
        ("Name NOT IN ('a', 'b')", ["3"]),
        ("NOT Name LIKE 'c%'", ["1", "2"]),
    ],
)
def test_conditions(where: str, ids: list[str]) -> None:
    assert select(f"SELECT Id FROM X WHERE {where}") == ids


def test_nulls_come_first_unless_told_otherwise() -> None:
    assert select("SELECT Id FROM X ORDER BY Size") == ["2", "3", "1"]
    assert select("SELECT Id FROM X ORDER BY Size DESC NULLS LAST") == ["1", "3", "2"]


def test_limit_and_offset() -> None:
    assert select("SELECT Id FROM X ORDER BY Id LIMIT 1 OFFSET 1") == ["2"]


@pytest.mark.parametrize("soql", ["SELECT FROM X", "SELECT Id FROM X WHERE", "SELECT Id FROM X GROUP BY Id", "DROP"])
def test_what_is_not_known_is_refused(soql: str) -> None:
    with pytest.raises(SoqlError) as caught:
        parse_soql(soql)

    assert caught.value.code == "MALFORMED_QUERY"
