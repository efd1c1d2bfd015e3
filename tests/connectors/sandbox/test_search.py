"""Searches: the rules on asking, what the operators mean, and how a result is walked."""

from typing import Any

import pytest

from tests.connectors.sandbox.portal import START, Portal, where

SEARCH = "/crm/v3/objects/contacts/search"


@pytest.fixture
def people(portal: Portal) -> Portal:
    """Three contacts, `ada` before `ben` before `cleo`, a minute apart."""
    for name, city, worth in (("Ada", "Graz", "10"), ("Ben", "Linz", "9"), ("Cleo", "", "")):
        email = f"{name.lower()}@example.com"
        portal.objects.create(
            "contacts", {"firstname": name, "city": city, "annualrevenue": worth, "email": email}, portal.clock()
        )
        portal.clock.advance(60)
    return portal


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (where("firstname", "EQ", "ADA"), ["Ada"]),
        (where("firstname", "NEQ", "ada"), ["Ben", "Cleo"]),
        (where("city", "NEQ", "Graz"), ["Ben", "Cleo"]),
        (where("annualrevenue", "LT", "10"), ["Ben"]),
        (where("annualrevenue", "LTE", "10"), ["Ada", "Ben"]),
        (where("annualrevenue", "GT", "9"), ["Ada"]),
        (where("annualrevenue", "GTE", "9"), ["Ada", "Ben"]),
        (where("annualrevenue", "BETWEEN", "9.5", highValue="10"), ["Ada"]),
        (where("annualrevenue", "BETWEEN", "9", highValue="9.5"), ["Ben"]),
        (where("firstname", "IN", "ada", "ben"), ["Ada", "Ben"]),
        (where("firstname", "IN", "Ada"), []),
        (where("firstname", "NOT_IN", "ada"), ["Ben", "Cleo"]),
        (where("city", "HAS_PROPERTY"), ["Ada", "Ben"]),
        (where("city", "NOT_HAS_PROPERTY"), ["Cleo"]),
        (where("email", "CONTAINS_TOKEN", "example"), ["Ada", "Ben", "Cleo"]),
        (where("email", "CONTAINS_TOKEN", "be*@example.com"), ["Ben"]),
        (where("email", "NOT_CONTAINS_TOKEN", "ada"), ["Ben", "Cleo"]),
        (where("createdate", "GT", "2026-11-02T09:00:00.000Z"), ["Ben", "Cleo"]),
        (where("createdate", "GTE", "1793610060000"), ["Ben", "Cleo"]),
        (where("createdate", "LT", "2026-11-02T10:01:00+01:00"), ["Ada"]),
    ],
)
def test_operators(people: Portal, wanted: dict[str, Any], names: list[str]) -> None:
    rows = people.search(wanted, properties=["firstname"]).json()["results"]

    assert [row["properties"]["firstname"] for row in rows] == names


def test_groups_are_alternatives_and_filters_are_not(people: Portal) -> None:
    groups = [
        {"filters": [where("firstname", "EQ", "Ada"), where("city", "EQ", "Linz")]},
        {"filters": [where("firstname", "EQ", "Cleo")]},
    ]

    rows = people.post(SEARCH, {"filterGroups": groups, "properties": ["firstname"]}).json()["results"]

    assert [row["properties"]["firstname"] for row in rows] == ["Cleo"]


def test_a_query_looks_into_the_searched_properties(people: Portal) -> None:
    assert people.search(query="be").json()["total"] == 1


def test_associations_filter_as_a_pseudo_property(portal: Portal) -> None:
    first, second = portal.add(), portal.add()
    note = portal.add_note(first)
    portal.add_note(second)

    assert portal.found(where("associations.contact", "EQ", first), type_="notes") == [note]


def test_an_association_made_since_counts_in_the_next_search(portal: Portal) -> None:
    contact, note = portal.add(), portal.add("notes")
    wanted = where("associations.contact", "EQ", contact)
    assert portal.found(wanted, type_="notes") == []

    portal.objects.associate("notes", note, "contacts", contact)

    assert portal.found(wanted, type_="notes") == [note]


def filters(count: int) -> list[dict[str, Any]]:
    return [where("city", "HAS_PROPERTY")] * count


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"limit": 200}, 200),
        ({"limit": "200"}, 200),
        ({"limit": 201}, 400),
        ({"limit": None, "sorts": None, "after": None}, 200),
        ({"after": ""}, 200),
        ({"after": "MTA"}, 400),
        ({"after": "9800", "limit": 200}, 200),
        ({"after": "9801", "limit": 200}, 400),
        ({"filterGroups": [{"filters": filters(6)}] * 3}, 200),
        ({"filterGroups": [{"filters": filters(7)}]}, 400),
        ({"filterGroups": [{"filters": filters(1)}] * 6}, 400),
        ({"filterGroups": [{"filters": filters(5)}] * 4}, 400),
        ({"filters": filters(1)}, 200),
        ({"sorts": ["-createdate"]}, 200),
        ({"sorts": [{"propertyName": "city"}, {"propertyName": "email"}]}, 400),
        ({"sorts": [{"propertyName": "nonsense"}]}, 400),
        ({"filterGroups": [{"filters": [where("nonsense", "EQ", "1")]}]}, 400),
        ({"filterGroups": [{"filters": [where("city", "LIKE", "1")]}]}, 400),
        ({"filterGroups": [{"filters": [where("city", "EQ")]}]}, 400),
        ({"filterGroups": [{"filters": [where("city", "IN")]}]}, 400),
        ({"filterGroups": [{"filters": [where("annualrevenue", "BETWEEN", "1")]}]}, 400),
        ({"filterGroups": [{"filters": [where("annualrevenue", "GT", "much")]}]}, 400),
        ({"filterGroups": [{"filters": [where("createdate", "GT", "soon")]}]}, 400),
        ({"colour": "red"}, 400),
        ({"properties": ["x" * 3_000]}, 400),
    ],
)
def test_rules_on_asking(portal: Portal, body: dict[str, Any], status: int) -> None:
    assert portal.post(SEARCH, body).status_code == status


def test_a_search_is_walked_by_offsets(portal: Portal) -> None:
    ids = [portal.add() for _ in range(5)]

    first = portal.search(limit=3).json()
    second = portal.search(limit=3, after=first["paging"]["next"]["after"]).json()

    assert first["paging"] == {"next": {"after": "3"}}
    assert [row["id"] for row in [*first["results"], *second["results"]]] == ids
    assert (second["total"], "paging" in second) == (5, False)


def test_a_search_is_walked_by_ids_which_compare_as_numbers(portal: Portal) -> None:
    ids = [portal.add(city="Graz") for _ in range(5)]
    sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]

    beyond = where("hs_object_id", "GT", ids[1])

    assert portal.found(where("city", "EQ", "graz"), beyond, sorts=sorts) == ids[2:]
    assert portal.found(where("hs_object_id", "GT", "99999")) == ids
    assert portal.found(where("hs_object_id", "BETWEEN", ids[1], highValue=ids[3])) == ids[1:4]


def test_a_walk_by_ids_can_run_backwards(portal: Portal) -> None:
    ids = [portal.add() for _ in range(5)]
    sorts = [{"propertyName": "hs_object_id", "direction": "DESCENDING"}]

    assert portal.found(sorts=sorts, limit=2, after="2") == [ids[2], ids[1]]


def test_a_remembered_search_notices_what_changed_since(portal: Portal) -> None:
    first, second = portal.add(city="Graz"), portal.add(city="Linz")
    assert portal.found(where("city", "EQ", "Graz")) == [first]

    portal.patch(f"/crm/v3/objects/contacts/{first}", {"properties": {"city": "Linz"}})
    portal.patch(f"/crm/v3/objects/contacts/{second}", {"properties": {"city": "Graz"}})
    third = portal.add(city="Graz")

    assert portal.found(where("city", "EQ", "Graz")) == [second, third]


def test_a_sort_by_a_property_puts_unset_values_last(people: Portal) -> None:
    sorts = [{"propertyName": "annualrevenue", "direction": "ASCENDING"}]

    rows = people.search(sorts=sorts, properties=["firstname"]).json()["results"]

    assert [row["properties"]["firstname"] for row in rows] == ["Ben", "Ada", "Cleo"]


def test_a_sort_notices_what_changed_since(people: Portal) -> None:
    sorts = [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}]
    ids = people.found(sorts=sorts)

    people.patch(f"/crm/v3/objects/contacts/{ids[-1]}", {"properties": {"city": "Wels"}})

    assert people.found(sorts=sorts) == [ids[-1], *ids[:-1]]


def test_many_rows_of_one_moment_are_walked_completely(portal: Portal) -> None:
    ids = [portal.objects.load("contacts", {"city": "Graz"}, START).id for _ in range(15_000)]
    seen: list[str] = []
    while True:
        page = portal.search(
            where("lastmodifieddate", "GTE", "2026-11-02T09:00:00Z"),
            where("hs_object_id", "GT", seen[-1] if seen else "0"),
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            limit=200,
        ).json()
        seen += [row["id"] for row in page["results"]]
        if "paging" not in page:
            break

    assert seen == ids


def test_the_index_shows_records_as_they_were(portal: Portal) -> None:
    portal.faults.index_lag_seconds = 10
    id_ = portal.add(city="Graz")
    assert portal.found() == []
    portal.clock.advance(10)
    assert portal.found() == [id_]

    portal.patch(f"/crm/v3/objects/contacts/{id_}", {"properties": {"city": "Linz"}})

    row = portal.search(properties=["city"]).json()["results"][0]
    assert (row["properties"]["city"], row["updatedAt"]) == ("Graz", "2026-11-02T09:00:00.000Z")
    assert portal.get(f"/crm/v3/objects/contacts/{id_}", properties="city").json()["properties"]["city"] == "Linz"
    portal.clock.advance(10)
    assert portal.found(where("city", "EQ", "Linz")) == [id_]
