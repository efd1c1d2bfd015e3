"""Two clients that nobody here wrote do the same in two equal orgs, and see what the orgs' tables hold."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from connectors.sandbox.salesforce import ORG_ID, SalesforceFaults, SalesforceOrg, build_app
from connectors.sandbox.salesforce.values import render_value
from connectors.sandbox.server import SandboxServer
from tests.connectors.fidelity.salesforce import node_packages
from tests.connectors.fidelity.salesforce.clients import MADE, NOW, VERSION, build_org, build_plan
from tests.connectors.fidelity.salesforce.simple_scenario import Scenario

pytestmark = pytest.mark.integration

Seen = dict[str, Any]


def _run_jsforce(url: str, plan: dict[str, Any]) -> Seen:
    found: Seen = node_packages.run("scenario.mjs", url, given=plan)
    return found


def _run_simple_salesforce(url: str, plan: dict[str, Any]) -> Seen:
    return Scenario(url, plan).run()


_RUNS = {"jsforce": _run_jsforce, "simple": _run_simple_salesforce}


@pytest.fixture(scope="module")
def orgs() -> Iterator[dict[str, tuple[SalesforceOrg, str]]]:
    """Two orgs that hold the same, one for each client."""
    node_packages.install()
    with ExitStack() as stack:
        running = {}
        for name in _RUNS:
            org = build_org()
            server = stack.enter_context(SandboxServer(build_app(org, SalesforceFaults())))
            running[name] = (org, server.url)
        yield running


@pytest.fixture(scope="module")
def seen(orgs: dict[str, tuple[SalesforceOrg, str]]) -> dict[str, Seen]:
    """What each client saw, as if both orgs had one address."""
    found = {}
    for name, (_, url) in orgs.items():
        document = json.dumps(_RUNS[name](url, build_plan(_before())))
        found[name] = json.loads(document.replace(url, "https://acme.my.salesforce.com"))
    return found


@pytest.fixture(params=list(_RUNS))
def one(request: pytest.FixtureRequest, seen: dict[str, Seen]) -> Seen:
    """What one client saw."""
    return seen[request.param]


@cache
def _before() -> SalesforceOrg:
    """Return an org as both were; to be read only."""
    return build_org()


def _live(org: SalesforceOrg, sobject: str) -> dict[str, dict[str, Any]]:
    return {id_: row for id_, row in org.tables[sobject].items() if not row["IsDeleted"]}


def test_both_clients_see_the_same(seen: dict[str, Seen]) -> None:
    assert seen["jsforce"].keys() == seen["simple"].keys()
    for step, document in seen["jsforce"].items():
        assert document == seen["simple"][step], step


def test_both_orgs_end_alike(orgs: dict[str, tuple[SalesforceOrg, str]], seen: dict[str, Seen]) -> None:
    jsforce, simple = (orgs[name][0] for name in seen)

    assert jsforce.tables == simple.tables
    assert jsforce.metadata == simple.metadata
    assert jsforce.objects == simple.objects


def test_a_client_logs_in_to_the_organization(one: Seen) -> None:
    assert one["organization"] == ORG_ID


def test_a_client_pages_through_every_lead(one: Seen) -> None:
    leads = _live(_before(), "Lead")
    users = _before().tables["User"]

    url = f"/services/data/v{VERSION}"
    assert one["pages"] == [
        [len(leads), 1_000, False, f"{url}/query/*-1000"],
        [len(leads), 1_000, False, f"{url}/query/*-2000"],
        [len(leads), len(leads) - 2_000, True, None],
    ]
    assert one["all"] == [
        {
            "attributes": {"type": "Lead", "url": f"{url}/sobjects/Lead/{id_}"},
            "Id": id_,
            "LastName": row["LastName"],
            "Description": row.get("Description"),
            "CreatedDate": render_value(row["CreatedDate"]),
            "IsConverted": row["IsConverted"],
            "Owner": {
                "attributes": {"type": "Name", "url": f"{url}/sobjects/User/{row['OwnerId']}"},
                "Name": users[row["OwnerId"]]["Name"],
            },
        }
        for id_, row in sorted(leads.items())
    ]


def test_a_client_knows_how_many_calls_a_day_has(one: Seen) -> None:
    assert one["allowed"] == SalesforceFaults().daily_limit


def test_a_client_reads_the_tasks_of_leads(one: Seen) -> None:
    tasks = _live(_before(), "Task").values()

    assert len(one["tree"]) == 5
    for row in one["tree"]:
        children = row["Tasks"]
        wanted = sorted([task["Id"], task["Subject"], "Lead"] for task in tasks if task["WhoId"] == row["Id"])
        assert [[child["Id"], child["Subject"], child["Who"]["Type"]] for child in children["records"]] == wanted
        assert (children["totalSize"], children["done"]) == (len(wanted), True)


def test_a_client_counts(one: Seen) -> None:
    statuses = Counter(row["Status"] for row in _live(_before(), "Lead").values())

    assert [[row["Status"], row["total"]] for row in one["grouped"]] == sorted(map(list, statuses.items()))
    assert one["counted"] == statuses.total()


def test_a_client_retrieves_leads_by_their_ids(one: Seen) -> None:
    first, nobody, second = one["some"]

    assert first == one["one"]
    assert nobody is None
    assert second["LastName"] == _before().tables["Lead"][second["Id"]]["LastName"]


def test_a_client_finds_every_object_and_field(one: Seen) -> None:
    before = _before()

    listed = {item["name"] for item in one["global"]["sobjects"]}
    assert listed == set(before.objects)
    fields = {field["name"]: field["type"] for field in one["described"]["fields"]}
    assert fields == {name: field.type for name, field in before.describe("Lead").fields.items()}


def test_a_client_writes_two_hundred_leads_in_a_call(one: Seen, orgs: dict[str, tuple[SalesforceOrg, str]]) -> None:
    written = one["written"]

    ids = [outcome["id"] for outcome in written["made"]]
    assert len(set(ids)) == MADE
    assert written["updated"] == [{"id": id_, "success": True, "errors": []} for id_ in ids]
    for org, _ in orgs.values():
        rows = [org.tables["Lead"][id_] for id_ in ids]
        assert [row["Title"] for row in rows] == [f"T{number}" for number in range(MADE)]
        assert {(row["Company"], row["AnnualRevenue"], row["Description"]) for row in rows} == {
            ("Engines & Söhne", 1234, "Zeile 1\nZeile 2")
        }
        assert [row["IsDeleted"] for row in rows] == [True] * 3 + [False] * (MADE - 3)


def test_a_mistake_costs_its_own_record_or_the_whole_call(one: Seen) -> None:
    written = one["written"]

    codes = {
        name: [error["statusCode"] for outcome in written[name] for error in outcome["errors"]]
        for name in ("partly", "whole", "again")
    }
    assert codes == {
        "partly": ["INVALID_EMAIL_ADDRESS"],
        "whole": ["INVALID_EMAIL_ADDRESS", "ALL_OR_NONE_OPERATION_ROLLED_BACK"],
        "again": ["ENTITY_IS_DELETED"] * 2,
    }
    assert [outcome["success"] for outcome in written["partly"]] == [False, True]


def test_a_client_hears_why_it_was_refused(one: Seen) -> None:
    codes = {name: refusal[0] for name, refusal in one["refusals"].items()}

    assert codes == {
        "grammar": "MALFORMED_QUERY",
        "column": "INVALID_FIELD",
        "object": "INVALID_TYPE",
        "long text": "INVALID_FIELD",
        "links": "MALFORMED_QUERY",
        "id": "INVALID_QUERY_FILTER_OPERATOR",
        "literal": "INVALID_FIELD",
        "session": "INVALID_SESSION_ID",
        "locator": "INVALID_QUERY_LOCATOR",
        "unknownId": "NOT_FOUND",
        "unknownField": "INVALID_FIELD",
        "readOnlyField": "INVALID_FIELD_FOR_INSERT_UPDATE",
        "missingField": "REQUIRED_FIELD_MISSING",
        "unknownObject": "NOT_FOUND",
        "method": "METHOD_NOT_ALLOWED",
        "resource": "NOT_FOUND",
    }
    assert one["writtenOne"]["gone"][0] == "ENTITY_IS_DELETED"


def test_a_client_hears_what_changed_and_what_went_away(one: Seen) -> None:
    written = [outcome["id"] for outcome in one["written"]["made"]]
    gone = [id_ for id_, row in _before().tables["Lead"].items() if row["IsDeleted"]]

    assert set(written[3:]) <= set(one["changes"]["updated"])
    deleted = [item["id"] for item in one["changes"]["deleted"]]
    assert deleted == [*gone, *written[:3], one["writtenOne"]["made"]["id"]]
    assert {item["deletedDate"] for item in one["changes"]["deleted"]} == {render_value(NOW)}
    assert [row["Id"] for row in one["withDeleted"]] == sorted(deleted)


def test_a_client_reads_and_writes_by_bulk_jobs(one: Seen) -> None:
    wanted = [
        [id_, row["LastName"], render_value(row["CreatedDate"]).replace("+0000", "Z"), "false", ""]
        for id_, row in _live(_before(), "Lead").items()
        if row["LastName"].startswith("Last1")
    ]
    found = one["bulk"]["found"]
    assert sorted(list(row.values()) for row in found) == sorted(wanted)

    successful, failed, unprocessed = one["bulk"]["updated"]
    assert [row["sf__Id"] for row in successful] == [row["sf__Id"] for row in one["bulk"]["inserted"][0]]
    assert [row["sf__Error"].partition(":")[0] for row in failed] == ["INVALID_CROSS_REFERENCE_KEY"]
    assert unprocessed == []
    assert one["bulk"]["refusedQuery"][0] == "INVALIDENTITY"


def test_a_client_deploys_our_package_as_a_whole_or_not_at_all(one: Seen) -> None:
    checked, broken, deployed = (one["setup"][name] for name in ("checked", "broken", "deployed"))

    assert (checked["status"], checked["checkOnly"], broken["status"]) == ("Succeeded", True, "Failed")
    assert "Nonsense" in broken["details"]["componentFailures"][0]["problem"]
    assert (deployed["status"], deployed["numberComponentErrors"]) == ("Succeeded", 0)
    parts = [(item["componentType"], item["fullName"]) for item in deployed["details"]["componentSuccesses"]]
    assert {"Lead.Callfirst_Rank__c", "Callfirst", "callfirstPriority"} <= {name for _, name in parts}
    # Fields are seen only once their permission set is assigned.
    fields = [name for kind, name in parts if kind == "CustomField"]
    assert one["setup"]["shown"] - one["setup"]["hidden"] == len(fields)
    assert one["setup"]["again"][0] == "DUPLICATE_VALUE"
