"""The zip that `setup` deploys."""

import io
import zipfile
from xml.etree.ElementTree import Element

import pytest
from pydantic import SecretStr

from connectors.priority import PRIORITY_FIELDS
from connectors.salesforce.package import LIST_VIEW, LeadObjectName, OutboundMessageTarget, build_package
from connectors.salesforce.package.outbound import MESSAGE_OBJECTS
from connectors.salesforce.schema import PERMISSION_SET, field_name
from tests.connectors.salesforce_app.packages import ENDPOINT, SECRET, TARGET, parse, texts, unzip

OURS = {field_name(field) for field in PRIORITY_FIELDS}
OBJECTS: tuple[LeadObjectName, ...] = ("Lead", "Opportunity")


def fields_of(package: bytes, lead_object: str = "Lead") -> dict[str, Element]:
    root = parse(unzip(package)[f"objects/{lead_object}.object"])
    return {field.findtext("fullName", ""): field for field in root.findall("fields")}


@pytest.mark.parametrize("lead_object", OBJECTS)
def test_every_priority_field_is_made_on_the_object_that_is_ranked(lead_object: LeadObjectName) -> None:
    assert set(fields_of(build_package(lead_object=lead_object), lead_object)) == OURS


def test_a_package_touches_one_object_only() -> None:
    files = unzip(build_package(lead_object="Opportunity"))

    assert [name for name in files if name.startswith("objects/")] == ["objects/Opportunity.object"]


def test_a_score_has_room_for_a_hundred_and_one_decimal() -> None:
    score = fields_of(build_package())["Callfirst_Score__c"]

    assert [score.findtext(tag) for tag in ("type", "precision", "scale")] == ["Number", "4", "1"]


def test_a_choice_takes_our_values_and_no_others() -> None:
    fields = fields_of(build_package())

    for field in PRIORITY_FIELDS:
        if field.choices:
            values = fields[field_name(field)].find("valueSet")
            assert values is not None
            assert texts(values, "valueSetDefinition/value/fullName") == list(field.choices)
            assert values.findtext("restricted") == "true"


def test_help_texts_and_labels_are_within_the_vendors_limits() -> None:
    for field in fields_of(build_package()).values():
        assert len(field.findtext("label", "")) <= 40
        assert len(field.findtext("inlineHelpText", "")) <= 255


@pytest.mark.parametrize(
    ("lead_object", "columns", "closed"),
    [
        ("Lead", ["FULL_NAME", "LEAD.COMPANY", "LEAD.STATUS"], "LEAD.CONVERTED"),
        ("Opportunity", ["OPPORTUNITY.NAME", "ACCOUNT.NAME", "OPPORTUNITY.STAGE_NAME"], "OPPORTUNITY.CLOSED"),
    ],
)
def test_the_list_view_shows_a_reps_own_open_leads(
    lead_object: LeadObjectName, columns: list[str], closed: str
) -> None:
    root = parse(unzip(build_package(lead_object=lead_object))[f"objects/{lead_object}.object"])

    (view,) = root.findall("listViews")
    assert view.findtext("fullName") == LIST_VIEW
    assert view.findtext("label") == "Callfirst: my call order"
    assert view.findtext("filterScope") == "Mine"
    assert [texts(view, f"filters/{tag}") for tag in ("field", "operation", "value")] == [[closed], ["equals"], ["0"]]
    assert texts(view, "columns") == [
        *columns,
        "Callfirst_Priority__c",
        "Callfirst_Score__c",
        "Callfirst_Rank__c",
        "Callfirst_Call_Order__c",
        "Callfirst_Reason__c",
    ]


@pytest.mark.parametrize(("name", "editable"), [(PERMISSION_SET, "true"), ("Callfirst_Reader", "false")])
def test_a_permission_set_covers_every_field_and_grants_nothing_else(name: str, editable: str) -> None:
    root = parse(unzip(build_package())[f"permissionsets/{name}.permissionset"])

    assert set(texts(root, "fieldPermissions/field")) == {f"Lead.{field}" for field in OURS}
    assert set(texts(root, "fieldPermissions/editable")) == {editable}
    assert set(texts(root, "fieldPermissions/readable")) == {"true"}
    assert {node.tag for node in root} == {"description", "fieldPermissions", "hasActivationRequired", "label"}


def test_the_manifest_lists_what_is_in_the_package() -> None:
    manifest = parse(unzip(build_package(outbound=TARGET))["package.xml"])
    listed = {types.findtext("name"): texts(types, "members") for types in manifest.findall("types")}

    assert listed == {
        "CustomField": sorted(f"Lead.{field}" for field in OURS),
        "Flow": sorted(f"Callfirst_{name}_Changed" for name in MESSAGE_OBJECTS),
        "LightningComponentBundle": ["callfirstPriority"],
        "ListView": ["Lead.Callfirst_Call_Order"],
        "PermissionSet": ["Callfirst", "Callfirst_Reader"],
        "WorkflowOutboundMessage": sorted(f"{name}.Callfirst_{name}" for name in MESSAGE_OBJECTS),
    }


def test_the_manifest_comes_first() -> None:
    assert next(iter(unzip(build_package()))) == "package.xml"


def test_the_same_package_is_the_same_bytes_on_any_day() -> None:
    package = build_package(outbound=TARGET)

    assert package == build_package(outbound=TARGET)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_component_is_deployed_as_it_stands() -> None:
    names = {name.rpartition("/")[2] for name in unzip(build_package()) if name.startswith("lwc/callfirstPriority/")}

    assert names == {
        "callfirstPriority.css",
        "callfirstPriority.html",
        "callfirstPriority.js",
        "callfirstPriority.js-meta.xml",
        "priority.js",
    }


def test_nothing_is_sent_out_unless_asked_for() -> None:
    assert not [name for name in unzip(build_package()) if name.startswith(("workflows/", "flows/"))]


def test_messages_are_of_the_objects_that_hold_what_people_write() -> None:
    files = unzip(build_package(outbound=TARGET))

    assert {name for name in files if name.startswith("workflows/")} == {
        "workflows/EmailMessage.workflow",
        "workflows/Event.workflow",
        "workflows/Task.workflow",
    }


@pytest.mark.parametrize("name", MESSAGE_OBJECTS)
def test_a_message_goes_to_the_target_whatever_its_address_holds(name: str) -> None:
    root = parse(unzip(build_package(outbound=TARGET))[f"workflows/{name}.workflow"])

    assert texts(root, "outboundMessages/endpointUrl") == [ENDPOINT]
    assert texts(root, "outboundMessages/integrationUser") == ["sync&co@acme.example"]


@pytest.mark.parametrize("name", MESSAGE_OBJECTS)
def test_a_message_carries_no_session_and_no_text(name: str) -> None:
    root = parse(unzip(build_package(outbound=TARGET))[f"workflows/{name}.workflow"])

    sent = texts(root, "outboundMessages/fields")
    assert texts(root, "outboundMessages/includeSessionId") == ["false"]
    assert {"Id", "CreatedDate", "LastModifiedDate"} <= set(sent)
    assert all(field.endswith(("Id", "Date")) for field in sent)


@pytest.mark.parametrize("name", MESSAGE_OBJECTS)
def test_a_flow_calls_the_message_of_its_own_object_after_each_save(name: str) -> None:
    files = unzip(build_package(outbound=TARGET))
    flow = parse(files[f"flows/Callfirst_{name}_Changed.flow"])
    message = parse(files[f"workflows/{name}.workflow"]).findtext("outboundMessages/fullName")

    assert flow.findtext("actionCalls/actionName") == f"{name}.{message}"
    assert flow.findtext("start/object") == name
    assert flow.findtext("start/recordTriggerType") == "CreateAndUpdate"
    assert flow.findtext("start/triggerType") == "RecordAfterSave"
    assert flow.findtext("start/connector/targetReference") == flow.findtext("actionCalls/name")


def test_a_flow_runs_for_new_records_and_for_changes_of_what_is_read() -> None:
    gate = parse(unzip(build_package(outbound=TARGET))["flows/Callfirst_Task_Changed.flow"]).findtext(
        "start/filterFormula"
    )

    assert gate == (
        "ISNEW() || ISCHANGED({!$Record.Subject}) || ISCHANGED({!$Record.Description})"
        " || ISCHANGED({!$Record.Status}) || ISCHANGED({!$Record.WhoId}) || ISCHANGED({!$Record.WhatId})"
    )


def test_no_flow_watches_our_own_fields() -> None:
    files = unzip(build_package(outbound=TARGET))
    gates = [parse(files[name]).findtext("start/filterFormula", "") for name in files if name.startswith("flows/")]

    assert len(gates) == len(MESSAGE_OBJECTS)
    assert not [gate for gate in gates if "Callfirst" in gate]


def test_flows_are_drafts_unless_asked_otherwise() -> None:
    active = OutboundMessageTarget(TARGET.endpoint_url, TARGET.integration_username, flow_status="Active")

    for target, status in ((TARGET, "Draft"), (active, "Active")):
        files = unzip(build_package(outbound=target))
        found = {parse(files[name]).findtext("status") for name in files if name.startswith("flows/")}
        assert found == {status}


def test_the_target_does_not_print_its_secret() -> None:
    assert SECRET not in f"{TARGET!r} {TARGET}"


@pytest.mark.parametrize("url", ["http://callfirst.example.com/?token=s3cret", "https:///?token=s3cret", "s3cret", ""])
def test_an_address_that_others_could_read_on_the_way_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https address") as refusal:
        OutboundMessageTarget(SecretStr(url), "sync@acme.example")

    assert "s3cret" not in str(refusal.value)


def test_a_sandbox_on_this_machine_may_be_told_over_plain_http() -> None:
    target = OutboundMessageTarget(SecretStr("http://127.0.0.1:8000/webhooks/salesforce"), "sync@acme.example")

    assert "127.0.0.1" not in repr(target)


def test_a_target_without_a_user_is_refused() -> None:
    with pytest.raises(ValueError, match="integration user"):
        OutboundMessageTarget(SecretStr(ENDPOINT), "")
