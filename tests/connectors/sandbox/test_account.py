"""The portal itself: who may do what, its pipelines, owners and lists."""

from typing import Any

import httpx
import pytest

from tests.connectors.sandbox.portal import Portal

GRANT = {
    "grant_type": "refresh_token",
    "client_id": "sandbox",
    "client_secret": "sandbox",
    "refresh_token": "sandbox",
}


def token(portal: Portal) -> str:
    return str(portal.client.post("/oauth/v1/token", data=GRANT).json()["access_token"])


def as_app(portal: Portal, path: str, bearer: str) -> httpx.Response:
    return portal.client.get(path, headers={"Authorization": f"Bearer {bearer}"})


def test_a_wrong_token_is_refused(portal: Portal) -> None:
    reply = as_app(portal, "/crm/v3/objects/contacts", "nonsense")

    assert (reply.status_code, reply.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_refresh_token_buys_an_access_token(portal: Portal) -> None:
    body = portal.client.post("/oauth/v1/token", data=GRANT).json()

    assert body.keys() == {"token_type", "refresh_token", "access_token", "expires_in"}
    assert (body["refresh_token"], body["expires_in"]) == ("sandbox", 1800)
    assert as_app(portal, "/crm/v3/objects/contacts", body["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("grant_type", "BAD_GRANT_TYPE"),
        ("client_id", "BAD_CLIENT_ID"),
        ("client_secret", "BAD_CLIENT_SECRET"),
        ("refresh_token", "BAD_REFRESH_TOKEN"),
    ],
)
def test_a_wrong_grant_is_refused_with_its_code(portal: Portal, key: str, code: str) -> None:
    reply = portal.client.post("/oauth/v1/token", data={**GRANT, key: "nonsense"})

    assert (reply.status_code, reply.json()["status"]) == (400, code)


def test_an_access_token_expires_after_its_lifetime(portal: Portal) -> None:
    portal.faults.token_lifetime_seconds = 60
    bearer = token(portal)
    portal.clock.advance(61)

    reply = as_app(portal, "/crm/v3/objects/contacts", bearer)

    assert (reply.status_code, reply.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")


def test_an_access_token_tells_its_scopes(portal: Portal) -> None:
    portal.faults.missing = frozenset({"sales-email-read"})

    body = portal.get(f"/oauth/v1/access-tokens/{token(portal)}").json()

    assert "crm.objects.contacts.read" in body["scopes"]
    assert "sales-email-read" not in body["scopes"]


def test_a_private_token_tells_its_scopes(portal: Portal) -> None:
    body = portal.post("/oauth/v2/private-apps/get/access-token-info", {"tokenKey": "sandbox"}).json()

    assert body.keys() == {"userId", "hubId", "appId", "scopes"}
    assert "crm.objects.leads.write" in body["scopes"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v3/objects/contacts", "crm.objects.contacts.read"),
        ("GET", "/crm/v3/objects/notes", "crm.objects.contacts.read"),
        ("POST", "/crm/v3/objects/notes", "crm.objects.contacts.write"),
        ("GET", "/crm/v3/objects/deals/1", "crm.objects.deals.read"),
        ("PATCH", "/crm/v3/objects/deals/1", "crm.objects.deals.write"),
        ("POST", "/crm/v3/objects/leads/search", "crm.objects.leads.read"),
        ("POST", "/crm/v3/objects/companies/batch/update", "crm.objects.companies.write"),
        ("POST", "/crm/v4/associations/notes/deals/batch/read", "crm.objects.deals.read"),
        ("GET", "/crm/v3/properties/contacts", "crm.schemas.contacts.read"),
        ("POST", "/crm/v3/properties/deals/groups", "crm.schemas.deals.write"),
        ("GET", "/crm/v3/owners", "crm.objects.owners.read"),
        ("GET", "/crm/v3/pipelines/deals", "crm.objects.deals.read"),
        ("POST", "/crm/v3/lists/search", "crm.lists.read"),
        ("POST", "/crm/v3/lists", "crm.lists.write"),
    ],
)
def test_a_missing_scope_is_named_as_recorded(portal: Portal, method: str, path: str, scope: str) -> None:
    portal.faults.missing = frozenset({scope})

    reply = portal.client.request(method, path, json={})

    assert reply.status_code == 403
    assert reply.json()["message"] == "One or more of the following scopes are required."
    assert reply.json()["category"] == "MISSING_SCOPES"
    assert reply.json()["context"] == {
        "requiredGranularScopes": [scope],
        "links": ["https://developers.hubspot.com/scopes"],
    }


def test_pipelines_show_their_stages_as_recorded(portal: Portal) -> None:
    pipeline = portal.get("/crm/v3/pipelines/deals").json()["results"][0]

    assert pipeline["stages"][0] == {
        "label": "Appointment Scheduled",
        "displayOrder": 0,
        "metadata": {"isClosed": "false", "probability": "0.2"},
        "id": "appointmentscheduled",
        "createdAt": "1970-01-01T00:00:00Z",
        "updatedAt": "1970-01-01T00:00:00Z",
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }
    assert portal.get(f"/crm/v3/pipelines/deals/{pipeline['id']}").json() == pipeline


def test_leads_have_a_pipeline_too(portal: Portal) -> None:
    assert portal.get("/crm/v3/pipelines/leads").json()["results"][0]["stages"]


@pytest.fixture
def owners(portal: Portal) -> Portal:
    for number in range(3):
        person = {"id": str(number + 7), "email": f"{number}@example.com", "firstName": "A", "lastName": "B"}
        portal.objects.owners.append(person | {"type": "PERSON", "userId": number, "archived": number == 2})
    return portal


def test_owners_come_in_pages(owners: Portal) -> None:
    first = owners.get("/crm/v3/owners", limit=1).json()
    second = owners.get("/crm/v3/owners", limit=1, after=first["paging"]["next"]["after"]).json()

    assert [owner["id"] for owner in first["results"] + second["results"]] == ["7", "8"]
    assert "paging" not in second


def test_owners_who_left_are_archived(owners: Portal) -> None:
    assert [owner["id"] for owner in owners.get("/crm/v3/owners", archived="true").json()["results"]] == ["9"]


def test_one_owner_is_found_by_either_id(owners: Portal) -> None:
    assert owners.get("/crm/v3/owners/8").json()["email"] == "1@example.com"
    assert owners.get("/crm/v3/owners/1", idProperty="userId").json()["id"] == "8"
    assert owners.get("/crm/v3/owners/99").status_code == 404


def test_the_portal_tells_its_time_zone(portal: Portal) -> None:
    assert portal.get("/account-info/v3/details").json()["timeZone"] == "Europe/Berlin"


def wanted_list(**changes: Any) -> dict[str, Any]:
    operation = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["NEW"]}
    wanted = {"filterType": "PROPERTY", "property": "hs_lead_status", "operation": {**operation, **changes}}
    inner = {"filterBranchType": "AND", "filterBranches": [], "filters": [wanted]}
    root = {"filterBranchType": "OR", "filterBranches": [inner], "filters": []}
    return {"name": "Call first", "objectTypeId": "0-1", "processingType": "DYNAMIC", "filterBranch": root}


def test_a_list_is_found_by_its_name(portal: Portal) -> None:
    made = portal.post("/crm/v3/lists", wanted_list()).json()["list"]

    found = portal.get("/crm/v3/lists/object-type-id/0-1/name/Call%20first").json()["list"]

    assert found["listId"] == made["listId"]
    assert portal.get("/crm/v3/lists/object-type-id/0-1/name/Other").status_code == 404


def test_a_list_is_searched_for(portal: Portal) -> None:
    portal.post("/crm/v3/lists", wanted_list())

    body = portal.post("/crm/v3/lists/search", {"query": "call"}).json()

    assert (body["total"], body["hasMore"], body["offset"]) == (1, False, 1)
    assert body["lists"][0]["processingType"] == "DYNAMIC"


def test_the_name_of_a_list_is_taken_once(portal: Portal) -> None:
    portal.post("/crm/v3/lists", wanted_list())

    assert portal.post("/crm/v3/lists", wanted_list()).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        wanted_list(values=["NOWHERE"]),
        wanted_list(operator="IS_GREATER_THAN"),
        wanted_list(operationType="NUMBER", operator="IS_EQUAL_TO", value=1),
        {**wanted_list(), "filterBranch": {**wanted_list()["filterBranch"], "filters": [{"filterType": "PROPERTY"}]}},
        {**wanted_list(), "filterBranch": {"filterBranchType": "AND", "filterBranches": [], "filters": []}},
        {**wanted_list(), "filterBranch": None},
        {**wanted_list(), "processingType": "SOMETIMES"},
        {**wanted_list(), "objectTypeId": "0-999"},
    ],
)
def test_a_list_with_a_wrong_filter_is_refused(portal: Portal, body: dict[str, Any]) -> None:
    assert portal.post("/crm/v3/lists", body).status_code == 400
