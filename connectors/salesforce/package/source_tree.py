"""The source format: a project folder for Salesforce's command line (`sf project deploy start`).

https://developer.salesforce.com/docs/atlas.en-us.sfdx_dev.meta/sfdx_dev/sfdx_dev_source_file_format.htm
"""

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from connectors.salesforce.package.archive import name_first
from connectors.salesforce.package.component import APP, COMPONENT, read_component
from connectors.salesforce.package.contents import define_parts
from connectors.salesforce.package.fields import LeadObjectName
from connectors.salesforce.package.markup import render_document
from connectors.salesforce.package.outbound import OutboundMessageTarget
from connectors.salesforce.package.parts import Part
from connectors.salesforce.transport import API_VERSION

LEAD_OBJECTS: tuple[LeadObjectName, ...] = ("Lead", "Opportunity")
_SOURCE = "force-app/main/default"


def write_source_tree(
    directory: Path,
    *,
    lead_objects: Sequence[LeadObjectName] = LEAD_OBJECTS,
    outbound: OutboundMessageTarget | None = None,
) -> None:
    """Write the project into a folder, over files of the same names.

    Raises:
        ValueError: Outbound messages were asked for inside our own checkout, where their secret could be committed.
    """
    if outbound is not None and directory.resolve().is_relative_to(APP.resolve()):
        raise ValueError("outbound messages hold a secret and are not written into the repository")
    for path, content in render_tree(lead_objects, outbound).items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def render_tree(lead_objects: Sequence[LeadObjectName], outbound: OutboundMessageTarget | None) -> dict[str, bytes]:
    """Return the project's files by path."""
    parts = define_parts(lead_objects, outbound)
    files = {"sfdx-project.json": _render_project()}
    files |= {f"{_SOURCE}/{path}": content for part in parts for path, content in _render_part(part)}
    messages = [part for part in parts if part.kind == "WorkflowOutboundMessage"]
    for owner, owned in groupby(messages, key=lambda part: part.owner):
        nodes = [("outboundMessages", name_first(part)) for part in owned]
        files[f"{_SOURCE}/workflows/{owner}.workflow-meta.xml"] = render_document("Workflow", nodes)
    return files | {f"{_SOURCE}/lwc/{COMPONENT}/{name}": content for name, content in read_component().items()}


def _render_part(part: Part) -> list[tuple[str, bytes]]:
    match part.kind:
        case "CustomField":
            path = f"objects/{part.owner}/fields/{part.name}.field-meta.xml"
        case "ListView":
            path = f"objects/{part.owner}/listViews/{part.name}.listView-meta.xml"
        case "PermissionSet":
            return [(f"permissionsets/{part.name}.permissionset-meta.xml", render_document(part.kind, part.body))]
        case "Flow":
            return [(f"flows/{part.name}.flow-meta.xml", render_document(part.kind, part.body))]
        case _:
            # Outbound messages of one object share a file in this format too.
            return []
    return [(path, render_document(part.kind, name_first(part)))]


def _render_project() -> bytes:
    project = {
        "name": "callfirst",
        "namespace": "",
        "packageDirectories": [{"default": True, "path": "force-app"}],
        "sfdcLoginUrl": "https://login.salesforce.com",
        "sourceApiVersion": API_VERSION,
    }
    return (json.dumps(project, indent=2) + "\n").encode()
