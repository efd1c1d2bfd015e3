"""Every file that we generate, against the vendor's schema."""

import pytest

from connectors.salesforce.package import build_package
from tests.connectors.salesforce_app.packages import TARGET, render_project, unzip
from tests.connectors.salesforce_app.wsdl import find_faults

FILES = {
    **{f"Lead: {name}": content for name, content in unzip(build_package(outbound=TARGET)).items()},
    **{f"Opportunity: {name}": content for name, content in unzip(build_package(lead_object="Opportunity")).items()},
    **{f"project: {name}": content for name, content in render_project(TARGET).items()},
}
FILES = {
    name: content
    for name, content in FILES.items()
    if name.endswith((".xml", ".object", ".permissionset", ".workflow", ".flow"))
}
FIELD = FILES["project: force-app/main/default/objects/Lead/fields/Callfirst_Score__c.field-meta.xml"]
VIEW = FILES["project: force-app/main/default/objects/Lead/listViews/Callfirst_Call_Order.listView-meta.xml"]
FLOW = FILES["project: force-app/main/default/flows/Callfirst_Task_Changed.flow-meta.xml"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_what_the_vendors_schema_asks_for(name: str) -> None:
    assert find_faults(FILES[name]) == []


def test_every_kind_of_file_is_checked() -> None:
    roots = {content.split(b"<", 2)[2].split(b" ", 1)[0].decode() for content in FILES.values()}

    assert roots == {
        "CustomField",
        "CustomObject",
        "Flow",
        "LightningComponentBundle",
        "ListView",
        "Package",
        "PermissionSet",
        "Workflow",
    }


@pytest.mark.parametrize(
    ("document", "old", "new"),
    [
        pytest.param(FIELD, b"<type>Number</type>", b"<type>Numbers</type>", id="an unknown type of field"),
        pytest.param(VIEW, b">Mine<", b">Ours<", id="an unknown scope"),
        pytest.param(VIEW, b">equals<", b">is<", id="an unknown operation"),
        pytest.param(FLOW, b">Draft<", b">Sleeping<", id="an unknown status"),
        pytest.param(FLOW, b">outboundMessage<", b">carrierPigeon<", id="an unknown action"),
        pytest.param(FIELD, b"<scale>1</scale>", b"<scale>one</scale>", id="a text for a number"),
        pytest.param(FIELD, b"<scale>1</scale>", b"<scales>1</scales>", id="an unknown element"),
        pytest.param(VIEW, b"<filterScope>Mine</filterScope>", b"", id="a missing element"),
        pytest.param(
            FIELD,
            b"<precision>4</precision>\n    <scale>1</scale>",
            b"<scale>1</scale>\n    <precision>4</precision>",
            id="two elements swapped",
        ),
    ],
)
def test_the_schema_refuses(document: bytes, old: bytes, new: bytes) -> None:
    assert document.count(old) == 1
    assert find_faults(document.replace(old, new))
