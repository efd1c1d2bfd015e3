"""Deploying metadata, and granting what was deployed."""

import io
import json
import zipfile
from typing import Any

import pytest

from connectors.sandbox.salesforce.org import ADMIN_ID, USER_ID, USERNAME
from tests.connectors.sandbox.salesforce.running import DATA, Running, error_of

_SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
_SCORE = (
    "<fields><fullName>Score__c</fullName><label>Score</label><precision>4</precision><scale>1</scale>"
    "<type>Number</type></fields>"
)
_VIEW = "<listViews><fullName>Hot</fullName><filterScope>Mine</filterScope><label>Hot leads</label></listViews>"


def xml(root: str, content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} {_SPACE}>{content}</{root}>'


def manifest(**members: str) -> str:
    types = "".join(
        f"<types><members>{member}</members><name>{name}</name></types>" for name, member in members.items()
    )
    return xml("Package", f"{types}<version>64.0</version>")


def permission_set(field: str = "Lead.Score__c", *, editable: str = "true") -> str:
    grant = f"<fieldPermissions><editable>{editable}</editable><field>{field}</field><readable>true</readable>"
    return xml("PermissionSet", f"{grant}</fieldPermissions><label>Ours</label>")


def pack(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def package(**more: str) -> dict[str, str]:
    """Return the files of a package that adds a score to Lead and grants it."""
    return {
        "package.xml": manifest(CustomField="Lead.Score__c", PermissionSet="Ours", ListView="Lead.Hot"),
        "objects/Lead.object": xml("CustomObject", _SCORE + _VIEW),
        "permissionsets/Ours.permissionset": permission_set(),
    } | more


def start(running: Running, content: bytes, part: str = "json", **options: Any) -> Any:
    usual: dict[str, Any] = {
        "checkOnly": False,
        "rollbackOnError": True,
        "singlePackage": True,
        "testLevel": "NoTestRun",
    }
    parts: Any = {
        part: (None, json.dumps({"deployOptions": usual | options}), "application/json"),
        "file": ("package.zip", content, "application/zip"),
    }
    return running.client.post(f"{DATA}/metadata/deployRequest", files=parts)


def deploy(running: Running, files: dict[str, str], **options: Any) -> Any:
    """Deploy a package and return the result, with its details."""
    id_ = start(running, pack(files), **options).json()["id"]
    while True:
        result = running.get(f"metadata/deployRequest/{id_}", includeDetails="true").json()["deployResult"]
        if result["done"]:
            return result


def fields_of_lead(running: Running) -> set[str]:
    return {field["name"] for field in running.get("sobjects/Lead/describe").json()["fields"]}


def assign(running: Running) -> Any:
    (set_,) = running.rows("SELECT Id FROM PermissionSet WHERE Name = 'Ours'")
    return running.post("sobjects/PermissionSetAssignment", {"AssigneeId": USER_ID, "PermissionSetId": set_["Id"]})


def test_a_deployment_goes_through_its_states(running: Running) -> None:
    reply = start(running, pack(package()))
    path = f"metadata/deployRequest/{reply.json()['id']}"
    states = [running.get(path).json()["deployResult"]["status"] for _ in range(2)]

    assert (reply.status_code, reply.json()["deployResult"]["status"]) == (201, "Pending")
    assert states == ["InProgress", "Succeeded"]


def test_the_part_with_the_options_may_have_jsforces_name(running: Running) -> None:
    assert start(running, pack(package()), part="entity_content").status_code == 201


def test_a_new_field_is_seen_only_when_a_set_that_grants_it_is_assigned(running: Running) -> None:
    result = deploy(running, package())
    before = fields_of_lead(running)
    assign(running)
    id_ = running.add_lead()

    assert (result["success"], result["numberComponentsTotal"]) == (True, 4)
    assert ("Score__c" in before, "Score__c" in fields_of_lead(running)) == (False, True)
    assert running.write({"id": id_, "Score__c": 3.5})[0]["success"]


def test_a_set_that_only_somebody_else_has_opens_nothing(running: Running) -> None:
    deploy(running, package())
    (set_,) = running.rows("SELECT Id FROM PermissionSet WHERE Name = 'Ours'")
    running.org.insert("PermissionSetAssignment", {"AssigneeId": ADMIN_ID, "PermissionSetId": set_["Id"]})

    assert "Score__c" not in fields_of_lead(running)


def test_a_field_is_hidden_again_when_the_set_is_taken_away(running: Running) -> None:
    deploy(running, package())
    assignment = assign(running).json()["id"]
    seen = "Score__c" in fields_of_lead(running)
    running.delete(f"sobjects/PermissionSetAssignment/{assignment}")

    assert (seen, "Score__c" in fields_of_lead(running)) == (True, False)
    assert assign(running).status_code == 201


def test_a_deleted_permission_set_takes_its_grants_and_assignments_along(running: Running) -> None:
    deploy(running, package())
    assign(running)
    (set_,) = running.rows("SELECT Id FROM PermissionSet WHERE Name = 'Ours'")

    running.delete(f"sobjects/PermissionSet/{set_['Id']}")

    assert "Score__c" not in fields_of_lead(running)
    assert running.rows(f"SELECT Id FROM FieldPermissions WHERE ParentId = '{set_['Id']}'") == []
    assert running.rows(f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = '{set_['Id']}'") == []


def test_a_field_that_is_granted_for_reading_only_cannot_be_written(running: Running) -> None:
    deploy(running, package(**{"permissionsets/Ours.permissionset": permission_set(editable="false")}))
    assign(running)

    assert running.refusal(running.add_lead(), Score__c=1)[0] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_assigning_a_set_twice_is_refused_as_a_duplicate(running: Running) -> None:
    deploy(running, package())
    assign(running)

    reply = assign(running)

    assert error_of(reply) == (400, "DUPLICATE_VALUE")
    assert reply.json()[0]["fields"] == ["AssigneeId", "PermissionSetId"]
    assert reply.json()[0]["message"].startswith("Duplicate PermissionSetAssignment.  Assignee: 005")


def test_a_check_changes_nothing(running: Running) -> None:
    result = deploy(running, package(), checkOnly=True)

    assert (result["success"], result["checkOnly"]) == (True, True)
    assert running.rows("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = false") == []


def test_deploying_again_changes_what_is_there(running: Running) -> None:
    deploy(running, package())
    deploy(running, package())

    assert len(running.rows("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = false")) == 1
    assert len(running.rows("SELECT Id FROM FieldPermissions")) == 1
    assert [row["Name"] for row in running.rows("SELECT Name FROM ListView")] == ["Hot leads"]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("objects/Lead.object", "<broken", "Error parsing file"),
        ("objects/Lead.object", f"<!DOCTYPE a>{xml('CustomObject', '')[38:]}", "DOCTYPE"),
        ("objects/Lead.object", xml("CustomObject", ""), "was named in package.xml, but was not found"),
        (
            "objects/Lead.object",
            xml("CustomObject", _SCORE.replace("Number", "Nmber") + _VIEW),
            "'Nmber' is not a valid value for the enum 'FieldType'",
        ),
        (
            "objects/Lead.object",
            xml("CustomObject", _SCORE.replace("<scale>1</scale>", "") + _VIEW),
            "Must specify 'scale' for a CustomField of type Number",
        ),
        (
            "objects/Lead.object",
            xml("CustomObject", _SCORE.replace("</fields>", "<colour>red</colour></fields>") + _VIEW),
            "colour invalid at this location in type CustomField",
        ),
        ("objects/Nothing.object", xml("CustomObject", _SCORE), "Entity of type 'Nothing' is not available"),
        ("permissionsets/Ours.permissionset", permission_set("Lead.Nope__c"), "no CustomField named Lead.Nope__c"),
        ("permissionsets/Ours.permissionset", permission_set("Lead.LastName"), "required field: Lead.LastName"),
        ("package.xml", manifest(Spell="Abra"), "Unknown type name 'Spell' specified in package.xml"),
        ("lwc/card/card.js", "export default 1;", "No card.js-meta.xml file found"),
        ("notes/x.txt", "<x/>", "Unknown file: notes/x.txt"),
    ],
)
def test_what_is_wrong_with_a_package_is_told_and_nothing_is_changed(
    running: Running, file: str, content: str, problem: str
) -> None:
    result = deploy(running, package(**{file: content}))

    assert (result["status"], result["success"]) == ("Failed", False)
    assert any(problem in failure["problem"] for failure in result["details"]["componentFailures"])
    assert running.rows("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = false") == []


def test_without_rollback_the_good_components_are_taken(running: Running) -> None:
    broken = permission_set("Lead.Nope__c")

    result = deploy(running, package(**{"permissionsets/Ours.permissionset": broken}), rollbackOnError=False)

    assert result["status"] == "SucceededPartial"
    assert "Score__c" in running.org.objects["Lead"].fields


def test_outbound_messages_and_flows_are_taken_as_files(running: Running) -> None:
    message = (
        "<outboundMessages><fullName>Tell</fullName><endpointUrl>https://example.com/x</endpointUrl>"
        f"<integrationUser>{USERNAME}</integrationUser></outboundMessages>"
    )
    files = package(
        **{
            "workflows/Task.workflow": xml("Workflow", message),
            "flows/Tell.flow": xml("Flow", "<label>Tell</label><status>Active</status>"),
            "lwc/card/card.js": "export default 1;",
            "lwc/card/card.js-meta.xml": xml("LightningComponentBundle", ""),
        }
    )

    assert deploy(running, files)["success"]
    assert {"workflows/Task.workflow", "flows/Tell.flow", "lwc/card/card.js"} <= running.org.metadata.keys()
    assert running.rows("SELECT ApiName, IsActive FROM FlowDefinitionView") == [{"ApiName": "Tell", "IsActive": True}]


def test_an_outbound_message_of_an_unknown_user_is_refused(running: Running) -> None:
    message = (
        "<outboundMessages><fullName>Tell</fullName><endpointUrl>https://example.com/x</endpointUrl>"
        "<integrationUser>nobody@example.com</integrationUser></outboundMessages>"
    )

    result = deploy(running, package(**{"workflows/Task.workflow": xml("Workflow", message)}))

    assert "no User named nobody@example.com found" in result["details"]["componentFailures"][0]["problem"]


def test_how_far_a_deployment_is_can_be_asked_over_soap(running: Running) -> None:
    id_ = start(running, pack(package(**{"notes/x.txt": "<x/>"}))).json()["id"]
    session = running.client.headers["Authorization"].removeprefix("Bearer ")
    ask = (
        f"<Envelope><Header><sessionId>{session}</sessionId></Header><Body><checkDeployStatus>"
        f"<asyncProcessId>{id_}</asyncProcessId><includeDetails>true</includeDetails></checkDeployStatus></Body></Envelope>"
    )

    replies = [running.client.post("/services/Soap/m/64.0", content=ask).text for _ in range(2)]

    assert "<status>InProgress</status>" in replies[0]
    assert "<status>Failed</status>" in replies[1]
    assert "<problem>Unknown file: notes/x.txt</problem>" in replies[1]


def test_soap_metadata_that_is_no_xml_is_refused_by_the_soap_layer(running: Running) -> None:
    reply = running.client.post("/services/Soap/m/64.0", content="{}")

    assert (reply.status_code, "<faultcode>soapenv:Client</faultcode>" in reply.text) == (500, True)


def test_soap_without_a_session_is_refused(running: Running) -> None:
    ask = "<Envelope><checkDeployStatus/></Envelope>"

    assert "INVALID_SESSION_ID" in running.client.post("/services/Soap/m/64.0", content=ask).text


def test_a_deployment_can_fail_and_be_cancelled(running: Running) -> None:
    running.faults.deploy_fails = True
    failed = deploy(running, package())["status"]
    id_ = start(running, pack(package())).json()["id"]
    cancelled = running.patch(f"metadata/deployRequest/{id_}", {"deployResult": {"status": "Canceling"}})

    assert (failed, cancelled.json()["deployResult"]["status"]) == ("Failed", "Canceled")


def test_a_removed_field_is_gone_with_its_values(running: Running) -> None:
    deploy(running, package())
    assign(running)
    id_ = running.add_lead(Score__c=3.0)
    files = {"package.xml": manifest(), "destructiveChanges.xml": manifest(CustomField="Lead.Score__c")}

    assert deploy(running, files)["success"]
    assert ("Score__c" in fields_of_lead(running), "Score__c" in running.lead(id_)) == (False, False)


def test_removed_components_leave_no_records_behind(running: Running) -> None:
    deploy(running, package())
    assign(running)
    removed = manifest(CustomField="Lead.Score__c", PermissionSet="Ours", ListView="Lead.Hot")

    deploy(running, {"package.xml": manifest(), "destructiveChanges.xml": removed})

    assert [len(running.org.tables[name]) for name in ("FieldPermissions", "ListView")] == [0, 0]
    assert running.rows("SELECT Id FROM PermissionSet WHERE Name = 'Ours'") == []


@pytest.mark.parametrize("name", ["Lead.LastName", "Nothing.Score__c", "Lead.Nothing__c"])
def test_what_cannot_be_removed_is_passed_over(running: Running, name: str) -> None:
    deploy(running, package())
    before = fields_of_lead(running)

    deploy(running, {"package.xml": manifest(), "destructiveChanges.xml": manifest(CustomField=name)})

    assert fields_of_lead(running) == before


def test_a_field_made_by_the_tooling_api_is_there_once(running: Running) -> None:
    metadata = {"label": "Score", "type": "Number", "precision": 4, "scale": 1}
    body = {"FullName": "Lead.Score__c", "Metadata": metadata}

    made, again = (running.post("tooling/sobjects/CustomField", body) for _ in range(2))

    assert (made.status_code, made.json()["success"]) == (201, True)
    assert error_of(again) == (400, "DUPLICATE_DEVELOPER_NAME")


def test_field_permissions_can_be_inserted_as_records(running: Running) -> None:
    metadata = {"label": "Score", "type": "Number", "precision": 4, "scale": 1}
    running.post("tooling/sobjects/CustomField", {"FullName": "Lead.Score__c", "Metadata": metadata})
    set_ = running.post("sobjects/PermissionSet", {"Name": "Ours", "Label": "Ours"}).json()["id"]
    grant = {"ParentId": set_, "SobjectType": "Lead", "Field": "Lead.Score__c", "PermissionsRead": True}
    running.post("sobjects/FieldPermissions", {**grant, "PermissionsEdit": True})
    assign(running)

    assert "Score__c" in fields_of_lead(running)
