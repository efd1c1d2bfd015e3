"""The metadata format: one zip for the REST deploy resource, all of it in one transaction or nothing.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
"""

import io
import zipfile
from collections.abc import Iterable, Sequence

from connectors.salesforce.package.component import COMPONENT, read_component
from connectors.salesforce.package.contents import define_parts
from connectors.salesforce.package.fields import LeadObjectName
from connectors.salesforce.package.markup import Node, Nodes, render_document
from connectors.salesforce.package.outbound import OutboundMessageTarget
from connectors.salesforce.package.parts import Part
from connectors.salesforce.transport import API_VERSION

# Kinds that live inside the file of the object that owns them: folder, root element, element of one part.
_OWNED = {
    "CustomField": ("objects/{}.object", "CustomObject", "fields"),
    "ListView": ("objects/{}.object", "CustomObject", "listViews"),
    "WorkflowOutboundMessage": ("workflows/{}.workflow", "Workflow", "outboundMessages"),
}
_FILES = {"PermissionSet": "permissionsets/{}.permissionset", "Flow": "flows/{}.flow"}
_UNIX = 3


def build_package(*, lead_object: LeadObjectName = "Lead", outbound: OutboundMessageTarget | None = None) -> bytes:
    """Return the zip that Salesforce deploys: fields, list view, permission sets, component, and outbound messages
    where there is a target for them.

    It overwrites parts of the same names, and can be deployed any number of times.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in render_files(define_parts([lead_object], outbound)).items():
            # Dated 1980 and from one system, so that the same package is the same bytes on any day and machine.
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            archive.writestr(entry, content)
    return buffer.getvalue()


def render_files(parts: Sequence[Part]) -> dict[str, bytes]:
    """Return the package's files by path, the manifest first."""
    documents: dict[str, tuple[str, list[Node]]] = {}
    for part in parts:
        if part.kind in _OWNED:
            path, root, tag = _OWNED[part.kind]
            _, nodes = documents.setdefault(path.format(part.owner), (root, []))
            nodes.append((tag, name_first(part)))
        else:
            documents[_FILES[part.kind].format(part.name)] = (part.kind, list(part.body))
    files = {"package.xml": render_document("Package", _manifest(parts))}
    files |= {path: render_document(root, nodes) for path, (root, nodes) in documents.items()}
    return files | {f"lwc/{COMPONENT}/{name}": content for name, content in read_component().items()}


def name_first(part: Part) -> Nodes:
    """Return a part's definition with its name, which the vendor wants first."""
    return [("fullName", part.name), *part.body]


def _manifest(parts: Iterable[Part]) -> list[Node]:
    members: dict[str, list[str]] = {"LightningComponentBundle": [COMPONENT]}
    for part in parts:
        members.setdefault(part.kind, []).append(part.full_name)
    return [
        *(
            ("types", [*(("members", name) for name in sorted(names)), ("name", kind)])
            for kind, names in sorted(members.items())
        ),
        ("version", API_VERSION),
    ]
