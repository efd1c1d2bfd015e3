"""The project for Salesforce's command line, as it lies in the repository, and its component."""

import json
import re
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from connectors.priority import PRIORITY_FIELDS
from connectors.salesforce.package import build_package, write_source_tree
from connectors.salesforce.package.component import APP
from connectors.salesforce.schema import PREFIX, field_name
from connectors.salesforce.transport import API_VERSION
from tests.connectors.salesforce_app.packages import SECRET, TARGET, parse, render_project, texts, unzip

COMPONENT = APP / "force-app" / "main" / "default" / "lwc" / "callfirstPriority"
DEPLOYED = sorted(path for path in (APP / "force-app").rglob("*") if path.is_file())


def read_tree(directory: Path) -> dict[str, bytes]:
    """Return what Salesforce's command line would look at in a project folder."""
    paths = [directory / "sfdx-project.json", *(directory / "force-app").rglob("*")]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def list_values(root: Element) -> list[tuple[str, str]]:
    """Return every tag below a root with its text, however it is indented."""
    return [(node.tag, (node.text or "").strip()) for node in root.iter() if node is not root]


def test_the_project_in_the_repository_is_what_the_table_makes(tmp_path: Path) -> None:
    write_source_tree(tmp_path)

    assert read_tree(APP) == read_tree(tmp_path)


def test_both_formats_define_the_same_fields() -> None:
    lead = parse(unzip(build_package())["objects/Lead.object"])
    project = render_project()

    for field in lead.findall("fields"):
        path = f"force-app/main/default/objects/Lead/fields/{field.findtext('fullName')}.field-meta.xml"
        assert list_values(parse(project[path])) == list_values(field)


def test_the_project_is_for_leads_and_opportunities() -> None:
    rights = parse(render_project()["force-app/main/default/permissionsets/Callfirst.permissionset-meta.xml"])

    assert len(texts(rights, "fieldPermissions/field")) == 2 * len(PRIORITY_FIELDS)


def test_a_project_elsewhere_can_hold_the_outbound_messages(tmp_path: Path) -> None:
    write_source_tree(tmp_path, lead_objects=["Lead"], outbound=TARGET)

    default = tmp_path / "force-app" / "main" / "default"
    assert SECRET in (default / "workflows" / "Task.workflow-meta.xml").read_text(encoding="utf-8")
    assert (default / "flows" / "Callfirst_Event_Changed.flow-meta.xml").is_file()


@pytest.mark.parametrize("directory", [APP, APP / "preview" / ".." / "force-app"])
def test_the_secret_address_is_never_written_into_the_repository(directory: Path) -> None:
    with pytest.raises(ValueError, match="hold a secret") as refusal:
        write_source_tree(directory, outbound=TARGET)

    assert SECRET not in str(refusal.value)


def test_no_address_but_the_vendors_names_lies_in_the_project() -> None:
    urls = {url for path in DEPLOYED for url in re.findall(r"https?:[^\s\"'<]*", path.read_text(encoding="utf-8"))}

    assert urls == {"http://soap.sforce.com/2006/04/metadata"}


def test_the_project_names_the_api_version_that_the_connector_speaks() -> None:
    project = json.loads((APP / "sfdx-project.json").read_text(encoding="utf-8"))
    bundle = parse((COMPONENT / "callfirstPriority.js-meta.xml").read_bytes())

    assert project["sourceApiVersion"] == bundle.findtext("apiVersion") == API_VERSION


def test_the_component_is_for_the_record_pages_of_both_objects() -> None:
    bundle = parse((COMPONENT / "callfirstPriority.js-meta.xml").read_bytes())

    assert bundle.findtext("isExposed") == "true"
    assert texts(bundle, "targets/target") == ["lightning__RecordPage"]
    assert [node.get("targets") for node in bundle.findall("targetConfigs/targetConfig")] == ["lightning__RecordPage"]
    assert texts(bundle, "targetConfigs/targetConfig/objects/object") == ["Lead", "Opportunity"]


def test_the_component_reads_our_fields_only() -> None:
    source = (COMPONENT / "priority.js").read_text(encoding="utf-8")
    named = set(re.findall(rf"'({PREFIX}\w+__c)'", source))

    # The model's name is for the admin, not for reps.
    assert named == {field_name(field) for field in PRIORITY_FIELDS if field.name != "model_version"}


def test_the_component_knows_every_choice_that_we_write() -> None:
    source = (COMPONENT / "priority.js").read_text(encoding="utf-8")
    choices = {choice for field in PRIORITY_FIELDS for choice in field.choices}

    assert {choice for choice in choices if re.search(rf"^    {choice}: {{", source, re.MULTILINE)} == choices


@pytest.mark.parametrize("call", ["fetch(", "apex", "XMLHttpRequest", "WebSocket", "<a ", "innerHTML", "lwc:dom"])
def test_the_component_sends_nothing_and_trusts_no_markup(call: str) -> None:
    sources = [path for path in COMPONENT.iterdir() if path.suffix in (".js", ".html")]

    assert len(sources) == 3
    assert not [path.name for path in sources if call in path.read_text(encoding="utf-8")]
