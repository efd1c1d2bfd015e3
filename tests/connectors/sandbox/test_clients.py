"""HubSpot's own client drives the portal, and its models take every reply."""

from typing import Any

import hubspot
import pytest
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.lists import ListCreateRequest
from hubspot.crm.objects import (
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties import BatchInputPropertyCreate, PropertyCreate

from tests.connectors.sandbox.portal import Portal

pytestmark = pytest.mark.integration


@pytest.fixture
def api(portal: Portal) -> Any:
    return hubspot.HubSpot(access_token="sandbox", host=str(portal.client.base_url).rstrip("/"))


def test_the_client_reads_pages_history_and_associations(portal: Portal, api: Any) -> None:
    contact = portal.add(firstname="Ada")
    portal.add_note(contact)

    page = api.crm.objects.basic_api.get_page(
        "contacts", properties_with_history=["firstname"], associations=["notes"], archived=False, limit=50
    )

    assert page.results[0].properties_with_history["firstname"][0].value == "Ada"
    assert page.results[0].associations["notes"].results[0].type == "contact_to_note"


def test_the_client_searches(portal: Portal, api: Any) -> None:
    id_ = portal.add(firstname="Ada")
    groups = [{"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "ada"}]}]

    found = api.crm.objects.search_api.do_search("contacts", PublicObjectSearchRequest(filter_groups=groups, limit=5))

    assert [row.id for row in found.results] == [id_]


def test_the_client_creates_updates_and_reads_batches(portal: Portal, api: Any) -> None:
    made = api.crm.objects.basic_api.create(
        "contacts", SimplePublicObjectInputForCreate(properties={"firstname": "Ada"}, associations=[])
    )
    inputs = [{"id": made.id, "properties": {"city": "Graz"}}, {"id": "7", "properties": {"city": "X"}}]
    written = api.crm.objects.batch_api.update("contacts", BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    read = api.crm.objects.batch_api.read(
        "contacts",
        BatchReadInputSimplePublicObjectId(inputs=[{"id": made.id}], properties=["city"], properties_with_history=[]),
    )

    assert (written.num_errors, written.errors[0].context["ids"]) == (1, ["7"])
    assert read.results[0].properties["city"] == "Graz"


def test_the_client_reads_associations(portal: Portal, api: Any) -> None:
    contact = portal.add()
    note = portal.add_note(contact)
    request = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": note}])

    found = api.crm.associations.v4.batch_api.get_page("notes", "contacts", request)

    assert str(found.results[0].to[0].to_object_id) == contact


def test_the_client_creates_properties_and_lists(portal: Portal, api: Any) -> None:
    wanted = PropertyCreate(
        name="callfirst_score", label="Score", group_name="contactinformation", type="number", field_type="number"
    )
    made = api.crm.properties.batch_api.create("contacts", BatchInputPropertyCreate(inputs=[wanted]))
    known = api.crm.properties.core_api.get_all("contacts")
    operation = {"operationType": "NUMBER", "operator": "IS_GREATER_THAN", "value": 1}
    filters = [{"filterType": "PROPERTY", "property": "callfirst_score", "operation": operation}]
    branch = {"filterBranchType": "AND", "filterBranches": [], "filters": filters}
    root = {"filterBranchType": "OR", "filterBranches": [branch], "filters": []}
    request = ListCreateRequest(name="L", object_type_id="0-1", processing_type="DYNAMIC", filter_branch=root)

    assert made.results[0].name in {item.name for item in known.results}
    assert api.crm.lists.lists_api.create(request).list.name == "L"


def test_the_client_reads_pipelines_owners_and_groups(portal: Portal, api: Any) -> None:
    person = {"id": "7", "email": "a@example.com", "firstName": "A", "lastName": "B", "userId": 1}
    portal.objects.owners.append(person | {"type": "PERSON", "archived": False})

    assert api.crm.pipelines.pipelines_api.get_all("deals").results[0].stages[0].metadata["isClosed"] == "false"
    assert api.crm.owners.owners_api.get_page().results[0].user_id == 1
    assert api.crm.properties.groups_api.get_all("contacts").results[0].name == "contactinformation"
