"""The metadata package that `setup` deploys: our Lead fields, a permission set and a list view.

Metadata format, as the REST deploy resource takes it:
https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
"""

import io
import zipfile
from xml.etree.ElementTree import Element, SubElement, tostring

from connectors.priority import PRIORITY_FIELDS, PriorityField
from connectors.salesforce.schema import PERMISSION_SET, field_name
from connectors.salesforce.transport import API_VERSION

_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


def build_package() -> bytes:
    """Return the package as the zip file that Salesforce deploys in one transaction."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package.xml", _render(_manifest()))
        archive.writestr("objects/Lead.object", _render(_lead_object()))
        archive.writestr(f"permissionsets/{PERMISSION_SET}.permissionset", _render(_permission_set()))
    return buffer.getvalue()


def _manifest() -> Element:
    root = Element("Package", xmlns=_NAMESPACE)
    types = {
        "CustomField": [f"Lead.{field_name(field)}" for field in PRIORITY_FIELDS],
        "ListView": ["Lead.Callfirst_Call_Order"],
        "PermissionSet": [PERMISSION_SET],
    }
    for name, members in types.items():
        node = SubElement(root, "types")
        _children(node, *(("members", member) for member in members), ("name", name))
    _children(root, ("version", API_VERSION))
    return root


def _lead_object() -> Element:
    root = Element("CustomObject", xmlns=_NAMESPACE)
    for field in PRIORITY_FIELDS:
        _field(SubElement(root, "fields"), field)
    view = SubElement(root, "listViews")
    columns = ("FULL_NAME", "LEAD.COMPANY", "LEAD.STATUS", *(field_name(field) for field in PRIORITY_FIELDS[:5]))
    _children(
        view,
        ("fullName", "Callfirst_Call_Order"),
        *(("columns", column) for column in columns),
        ("filterScope", "Mine"),
    )
    filters = SubElement(view, "filters")
    _children(filters, ("field", "LEAD.CONVERTED"), ("operation", "equals"), ("value", "0"))
    _children(view, ("label", "Callfirst: my call order"))
    return root


def _field(node: Element, field: PriorityField) -> None:
    _children(node, ("fullName", field_name(field)), ("description", field.description), ("label", field.label))
    if field.kind == "choice":
        _children(node, ("type", "Picklist"))
        values = SubElement(node, "valueSet")
        _children(values, ("restricted", "true"))
        definition = SubElement(values, "valueSetDefinition")
        _children(definition, ("sorted", "false"))
        for choice in field.choices:
            _children(SubElement(definition, "value"), ("fullName", choice), ("default", "false"), ("label", choice))
    elif field.kind == "number":
        precision = 4 if field.decimals else 6
        _children(node, ("precision", str(precision)), ("scale", str(field.decimals)), ("type", "Number"))
    elif field.kind == "time":
        _children(node, ("type", "DateTime"))
    elif field.name == "reason":
        _children(node, ("length", "1000"), ("type", "LongTextArea"), ("visibleLines", "3"))
    else:
        _children(node, ("length", "80"), ("type", "Text"))


def _permission_set() -> Element:
    root = Element("PermissionSet", xmlns=_NAMESPACE)
    _children(root, ("description", "Lets the integration user write Callfirst's fields."))
    for field in PRIORITY_FIELDS:
        _children(
            SubElement(root, "fieldPermissions"),
            ("editable", "true"),
            ("field", f"Lead.{field_name(field)}"),
            ("readable", "true"),
        )
    _children(root, ("label", PERMISSION_SET))
    return root


def _children(node: Element, *pairs: tuple[str, str]) -> None:
    for tag, text in pairs:
        SubElement(node, tag).text = text


def _render(root: Element) -> bytes:
    rendered: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return rendered
