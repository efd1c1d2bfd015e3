"""What the org says of its objects, and of what changed in them."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.schema import Field
from tests.connectors.sandbox.salesforce.running import Running, error_of
from tests.recordings import recorded_file


def read_recorded() -> Any:
    return json.loads(gzip.decompress(recorded_file("salesforce_Lead_describe_v42.json.gz").read_bytes()))


def span(running: Running, **before: float) -> dict[str, str]:
    now = running.clock()
    return {"start": (now - timedelta(**before)).isoformat(), "end": (now + timedelta(minutes=1)).isoformat()}


def test_a_describe_has_every_member_of_the_recorded_one(running: Running) -> None:
    recorded = read_recorded()

    described = running.get("sobjects/Lead/describe").json()

    assert recorded.keys() - described.keys() == set()
    assert recorded["fields"][0].keys() - described["fields"][0].keys() == set()
    assert recorded["childRelationships"][0].keys() == described["childRelationships"][0].keys()
    assert recorded["recordTypeInfos"][0].keys() == described["recordTypeInfos"][0].keys()


def test_a_describe_says_where_people_see_records_and_when_it_last_changed(running: Running) -> None:
    running.clock.advance(60)
    running.org.add_field("Lead", Field("Score__c", "double", custom=True))

    reply = running.get("sobjects/Lead/describe")

    origin = str(running.client.base_url).rstrip("/")
    assert reply.json()["urls"]["uiDetailTemplate"] == f"{origin}/{{ID}}"
    assert reply.json()["urls"]["uiNewRecord"] == f"{origin}/00Q/e"
    assert reply.headers["Last-Modified"] == "Mon, 02 Nov 2026 09:01:00 GMT"


def test_only_what_is_deleted_with_a_record_is_described_so(running: Running) -> None:
    described = running.get("sobjects/Account/describe").json()["childRelationships"]

    assert {child["childSObject"]: child["cascadeDelete"] for child in described if child["field"] == "AccountId"} == {
        "ActivityHistory": True,
        "Contact": True,
        "OpenActivity": True,
        "Opportunity": True,
    }
    assert [child["cascadeDelete"] for child in described if child["relationshipName"] == "ChildAccounts"] == [False]


@pytest.mark.parametrize("sobject", ["Lead", "Contact", "Account"])
def test_a_part_of_a_compound_field_names_it(running: Running, sobject: str) -> None:
    fields = {field["name"]: field for field in running.get(f"sobjects/{sobject}/describe").json()["fields"]}
    prefix = {"Lead": "", "Contact": "Mailing", "Account": "Billing"}[sobject]

    assert fields[f"{prefix}City"]["compoundFieldName"] == f"{prefix}Address"
    assert fields["Name" if sobject == "Account" else "LastName"]["compoundFieldName"] == "Name"
    assert (fields["Phone"]["compoundFieldName"], fields["Id"]["compoundFieldName"]) == (None, None)


@pytest.mark.parametrize(
    "name",
    [
        *("Id", "LastName", "Status", "OwnerId", "IsConverted", "Description", "SystemModstamp", "Name", "Email"),
        *("Address", "PhotoUrl", "ConvertedContactId", "MasterRecordId", "EmailBouncedDate", "Street"),
    ],
)
def test_a_field_is_described_as_it_was_recorded(running: Running, name: str) -> None:
    (recorded,) = [field for field in read_recorded()["fields"] if field["name"] == name]
    members = (
        *("type", "soapType", "createable", "updateable", "filterable", "sortable", "nillable", "referenceTo"),
        *("groupable", "idLookup", "defaultedOnCreate", "queryByDistance", "permissionable", "extraTypeInfo"),
        *("compoundFieldName", "searchPrefilterable"),
    )

    (described,) = [f for f in running.get("sobjects/Lead/describe").json()["fields"] if f["name"] == name]

    assert {member: described[member] for member in members} == {member: recorded[member] for member in members}


def test_every_object_of_the_list_can_be_described(running: Running) -> None:
    listed = running.get("sobjects").json()["sobjects"]

    assert {"Lead", "Task", "ContentVersion", "OpportunityStage"} <= {item["name"] for item in listed}
    for item in listed:
        assert running.client.get(item["urls"]["describe"]).json()["name"] == item["name"]


def test_a_status_of_the_org_is_a_choice_of_the_field(running: Running) -> None:
    described = running.get("sobjects/Lead/describe").json()["fields"]
    (status,) = [field for field in described if field["name"] == "Status"]

    listed = running.rows("SELECT ApiName, IsConverted, IsDefault FROM LeadStatus ORDER BY SortOrder")

    assert [row["ApiName"] for row in listed] == [choice["value"] for choice in status["picklistValues"]]
    assert [row["ApiName"] for row in listed if row["IsDefault"]] == [status["defaultValue"]]


def test_deleted_records_are_listed_with_the_time(running: Running) -> None:
    id_ = running.add_lead()
    running.clock.advance(60)
    running.org.delete("Lead", id_)

    body = running.get("sobjects/Lead/deleted/", **span(running, hours=1)).json()

    assert body["deletedRecords"] == [{"id": id_, "deletedDate": "2026-11-02T09:01:00.000+0000"}]
    assert body.keys() == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}


def test_the_covered_time_does_not_reach_into_the_future(running: Running) -> None:
    body = running.get("sobjects/Lead/deleted", **span(running, hours=1)).json()

    assert body["latestDateCovered"] == "2026-11-02T09:00:01.000+0000"


def test_a_restored_record_is_no_longer_listed_as_deleted(running: Running) -> None:
    id_ = running.add_lead()
    running.org.delete("Lead", id_)
    running.org.undelete("Lead", id_)

    assert running.get("sobjects/Lead/deleted", **span(running, hours=1)).json()["deletedRecords"] == []


def test_updated_records_are_listed(running: Running) -> None:
    running.add_lead()
    running.clock.advance(7200)
    id_ = running.add_lead()
    running.log_in()

    assert running.get("sobjects/Lead/updated", **span(running, hours=1)).json()["ids"] == [id_]


@pytest.mark.parametrize(("before", "code"), [({"days": 31}, "INVALID_REPLICATION_DATE")])
def test_what_is_asked_for_too_late_is_refused(running: Running, before: dict[str, float], code: str) -> None:
    assert error_of(running.get("sobjects/Lead/deleted", **span(running, **before))) == (400, code)


def test_a_plus_sign_that_arrives_as_a_space_is_refused(running: Running) -> None:
    raw = "/services/data/v64.0/sobjects/Lead/deleted/?start=2026-11-01T00:00:00+00:00&end=2026-11-02T00:00:00%2B00:00"

    assert error_of(running.client.get(raw)) == (400, "INVALID_REPLICATION_DATE")


def test_files_are_not_replicated(running: Running) -> None:
    assert running.get("sobjects/ContentVersion/deleted", **span(running, hours=1)).status_code == 400


def test_whether_a_field_is_tracked_can_be_asked(running: Running) -> None:
    soql = (
        "SELECT QualifiedApiName, IsFieldHistoryTracked FROM FieldDefinition WHERE"
        " EntityDefinition.QualifiedApiName = 'Lead' AND QualifiedApiName = 'Status'"
    )
    before = running.rows(soql)[0]["IsFieldHistoryTracked"]
    running.org.history_tracked.add("Lead.Status")

    assert (before, running.rows(soql)[0]["IsFieldHistoryTracked"]) == (False, True)


def test_a_new_org_has_its_users_its_queue_and_its_name() -> None:
    org = SalesforceOrg()

    assert {row["Name"] for row in org.tables["User"].values()} == {"Callfirst Integration", "Ada Admin"}
    assert [row["Type"] for row in org.tables["Group"].values()] == ["Queue"]
    assert len(org.tables["Organization"]) == 1
