"""Reads a metadata package: what it would create, and what is wrong with it.

How the problems are worded is not confirmed, but for the one that was recorded.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/file_based.htm
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from connectors.sandbox.salesforce.schema import Field

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

METADATA = "{http://soap.sforce.com/2006/04/metadata}"
_TYPES = {
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "DateTime": "datetime",
    "Date": "date",
    "LongTextArea": "textarea",
    "TextArea": "textarea",
    "Html": "textarea",
    "Text": "string",
    "Checkbox": "boolean",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
}
_NEEDED = {
    "Number": ("precision", "scale"),
    "Currency": ("precision", "scale"),
    "Percent": ("precision", "scale"),
    "Text": ("length",),
    "LongTextArea": ("length", "visibleLines"),
    "Checkbox": ("defaultValue",),
    "Picklist": ("valueSet",),
}
_FIELD_ELEMENTS = frozenset(
    (
        *("fullName", "caseSensitive", "defaultValue", "description", "displayFormat", "externalId", "formula"),
        *("inlineHelpText", "label", "length", "precision", "required", "scale", "trackFeedHistory", "trackHistory"),
        *("trackTrending", "type", "unique", "valueSet", "visibleLines"),
    )
)
# How a folder's files end, and the type that the manifest names their content by.
_FOLDERS = {
    "objects": ("object", "CustomObject"),
    "permissionsets": ("permissionset", "PermissionSet"),
    "workflows": ("workflow", "Workflow"),
    "flows": ("flow", "Flow"),
    "layouts": ("layout", "Layout"),
    "lwc": ("", "LightningComponentBundle"),
}
_PARTS = {
    "CustomField": ("objects", "fields"),
    "ListView": ("objects", "listViews"),
    "WorkflowOutboundMessage": ("workflows", "outboundMessages"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one component cannot be deployed."""

    type: str
    name: str
    file: str
    text: str
    line: int = 1


@dataclass
class Package:
    """What a package holds. `names` are its components as the manifest names them: (type, full name)."""

    fields: dict[tuple[str, str], Field] = field(default_factory=dict)
    views: dict[tuple[str, str], str] = field(default_factory=dict)  # (object, name) -> label
    grants: dict[str, dict[str, bool]] = field(default_factory=dict)  # permission set -> field -> editable
    labels: dict[str, str] = field(default_factory=dict)  # permission set -> label
    files: dict[str, bytes] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)  # -> the file that it is in
    problems: list[Problem] = field(default_factory=list)


def read_package(content: bytes, org: "SalesforceOrg") -> Package:
    """Return what a zip file holds, with everything that is wrong with it."""
    package = Package()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        package.problems.append(Problem("", "", "", "The zip file is not valid"))
        return package
    reader = _Reader(package, org)
    for name, text in sorted(files.items()):
        reader.read(name, text)
    reader.check_manifest(files)
    reader.check_grants()
    return package


class _Reader:
    def __init__(self, package: Package, org: "SalesforceOrg") -> None:
        self._package = package
        self._org = org
        self._manifest: Element | None = None

    def read(self, file: str, text: bytes) -> None:
        folder, _, rest = file.partition("/")
        if folder == "lwc":
            self._read_bundle(file, rest, text)
            return
        try:
            root = defusedxml.ElementTree.fromstring(text, forbid_dtd=True)
        except DefusedXmlException:
            self._refuse("", file, file, "DOCTYPE is disallowed")
            return
        except SyntaxError as error:
            self._refuse("", file, file, f"Error parsing file: {error.msg}", error.lineno or 1)
            return
        if file == "package.xml":
            self._manifest = root
        elif file.startswith("destructiveChanges"):
            self._package.removed += [(kind, name) for kind, name in _members(root)]
        elif folder not in _FOLDERS or not rest.endswith(f".{_FOLDERS[folder][0]}"):
            self._refuse("", file, file, f"Unknown file: {file}")
        else:
            name = rest.rpartition(".")[0]
            {
                "objects": self._read_object,
                "permissionsets": self._read_permission_set,
                "workflows": self._read_workflow,
            }.get(folder, self._keep)(name, file, root)
            self._package.names[_FOLDERS[folder][1], name] = file
            self._package.files[file] = text

    def check_manifest(self, files: dict[str, bytes]) -> None:
        """Hold the manifest and the files against each other."""
        if self._manifest is None:
            self._refuse("", "package.xml", "package.xml", "No package.xml found")
            return
        known = {type_ for _, type_ in _FOLDERS.values()} | _PARTS.keys()
        for kind, name in _members(self._manifest):
            if kind not in known:
                self._refuse("", "package.xml", "package.xml", f"Unknown type name '{kind}' specified in package.xml")
            elif name != "*" and (kind, name) not in self._package.names:
                text = f"An object '{name}' of type {kind} was named in package.xml, but was not found in zipped"
                text += " directory"
                self._refuse(kind, name, "package.xml", text)
        for bundle in [name for kind, name in self._package.names if kind == "LightningComponentBundle"]:
            if f"lwc/{bundle}/{bundle}.js-meta.xml" not in files:
                text = f"No {bundle}.js-meta.xml file found"
                self._refuse("LightningComponentBundle", bundle, f"lwc/{bundle}", text)

    def check_grants(self) -> None:
        """Refuse permissions on fields that neither the org nor the package has, and on fields that need none."""
        for set_, grants in self._package.grants.items():
            for full in grants:
                parent, _, name = full.partition(".")
                definition = self._org.objects.get(parent)
                known = definition.fields.get(name) if definition is not None else None
                file = f"permissionsets/{set_}.permissionset"
                if known is None and (parent, name) not in self._package.fields:
                    text = f"In field: field - no CustomField named {full} found"
                    self._refuse("PermissionSet", set_, file, text)
                elif known is not None and known.required:
                    self._refuse("PermissionSet", set_, file, f"You cannot deploy to a required field: {full}")

    def _read_object(self, sobject: str, file: str, root: Element) -> None:
        if sobject not in self._org.objects:
            self._refuse("CustomObject", sobject, file, f"Entity of type '{sobject}' is not available")
            return
        for node in root.iter(f"{METADATA}fields"):
            definition = self._read_field(sobject, file, node)
            if definition is not None:
                self._package.fields[sobject, definition.name] = definition
                self._package.names["CustomField", f"{sobject}.{definition.name}"] = file
        for node in root.iter(f"{METADATA}listViews"):
            name = text_of(node, "fullName")
            for wanted in ("label", "filterScope"):
                if not text_of(node, wanted):
                    full = f"{sobject}.{name}"
                    self._refuse("ListView", full, file, f"Required field is missing: {wanted}")
            self._package.views[sobject, name] = text_of(node, "label")
            self._package.names["ListView", f"{sobject}.{name}"] = file

    def _read_field(self, sobject: str, file: str, node: Element) -> Field | None:
        name = text_of(node, "fullName")
        found = read_field(node)
        if isinstance(found, str):
            self._refuse("CustomField", f"{sobject}.{name}", file, found)
            return None
        return found

    def _read_permission_set(self, name: str, file: str, root: Element) -> None:
        if not text_of(root, "label"):
            self._refuse("PermissionSet", name, file, "Required field is missing: label")
        self._package.labels[name] = text_of(root, "label")
        self._package.grants[name] = {
            text_of(node, "field"): text_of(node, "editable") == "true"
            for node in root.iter(f"{METADATA}fieldPermissions")
            if text_of(node, "readable") == "true" or text_of(node, "editable") == "true"
        }

    def _read_workflow(self, name: str, file: str, root: Element) -> None:
        users = {row.get("Username") for row in self._org.tables["User"].values()}
        for node in root.iter(f"{METADATA}outboundMessages"):
            full = f"{name}.{text_of(node, 'fullName')}"
            self._package.names["WorkflowOutboundMessage", full] = file
            if text_of(node, "integrationUser") not in users:
                text = f"In field: integrationUser - no User named {text_of(node, 'integrationUser')} found"
                self._refuse("WorkflowOutboundMessage", full, file, text)
            if not text_of(node, "endpointUrl").startswith(("https://", "http://")):
                self._refuse("WorkflowOutboundMessage", full, file, "Invalid endpoint URL")

    def _keep(self, name: str, file: str, root: Element) -> None:
        wanted = {"flows": "Flow", "layouts": "Layout"}[file.partition("/")[0]]
        if root.tag != f"{METADATA}{wanted}":
            self._refuse(wanted, name, file, f"Element {root.tag} invalid at this location in type {wanted}")

    def _read_bundle(self, file: str, rest: str, text: bytes) -> None:
        bundle = rest.partition("/")[0]
        self._package.names["LightningComponentBundle", bundle] = f"lwc/{bundle}"
        self._package.files[file] = text
        if file.endswith("-meta.xml"):
            try:
                defusedxml.ElementTree.fromstring(text, forbid_dtd=True)
            except (DefusedXmlException, SyntaxError):
                self._refuse("LightningComponentBundle", bundle, file, "Error parsing file")

    def _refuse(self, type_: str, name: str, file: str, text: str, line: int = 1) -> None:
        self._package.problems.append(Problem(type_, name, file, text, line))


def read_field(node: Element) -> Field | str:
    """Return the field that a `fields` element defines, or what is wrong with it."""
    name, kind = text_of(node, "fullName"), text_of(node, "type")
    for child in node:
        if child.tag.removeprefix(METADATA) not in _FIELD_ELEMENTS:
            return f"Element {child.tag} invalid at this location in type CustomField"
    if not name.endswith("__c") or len(name) > 43:
        return f"Custom field name {name} must end with __c and hold at most 40 characters before it"
    if kind not in _TYPES:
        return f"'{kind}' is not a valid value for the enum 'FieldType'"
    if not text_of(node, "label"):
        return "Required field is missing: label"
    for wanted in _NEEDED.get(kind, ()):
        if node.find(f"{METADATA}{wanted}") is None:
            return f"Must specify '{wanted}' for a CustomField of type {kind}"
    if kind == "Checkbox" and node.find(f"{METADATA}required") is not None:
        return "Can not specify 'required' for a CustomField of type Checkbox"  # recorded
    length = int(text_of(node, "length") or {"TextArea": 255, "Picklist": 255}.get(kind, 0))
    if kind == "Text" and length > 255:
        return f"The length of a Text field must be at most 255: {length}"
    if kind == "LongTextArea" and not 256 <= length <= 131_072:
        return f"Value for length must be between 256 and 131072: {length}"
    definition = node.find(f"{METADATA}valueSet/{METADATA}valueSetDefinition")
    values = definition.iter(f"{METADATA}value") if definition is not None else ()
    filterable = not (_TYPES[kind] == "textarea" and length > 255)
    return Field(
        name,
        _TYPES[kind],
        label=text_of(node, "label"),
        length=length,
        filterable=filterable,
        sortable=filterable,
        choices=tuple(text_of(value, "fullName") for value in values),
        restricted=text_of(node, f"valueSet/{METADATA}restricted") == "true",
        custom=True,
        precision=int(text_of(node, "precision") or 0),
        scale=int(text_of(node, "scale") or 0),
        default=text_of(node, "defaultValue") == "true" if kind == "Checkbox" else None,
        required=text_of(node, "required") == "true",
        nillable=kind != "Checkbox",
    )


def text_of(node: Element, path: str) -> str:
    """Return the text of a child element."""
    return (node.findtext(f"{METADATA}{path}") or "").strip()


def _members(manifest: Element) -> Iterator[tuple[str, str]]:
    for types in manifest.iter(f"{METADATA}types"):
        for member in types.iter(f"{METADATA}members"):
            yield text_of(types, "name"), (member.text or "").strip()
