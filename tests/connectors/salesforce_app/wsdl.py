"""Salesforce's own schema of metadata files, from the WSDL that ships with simple-salesforce.

It is of API version 63.0. A file is right when its elements, their order and their values are the schema's.
"""

from functools import cache
from importlib.resources import files

from lxml import etree  # type: ignore[import-untyped]

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_XSD = "http://www.w3.org/2001/XMLSchema"
# The WSDL declares types only; each of these is the root of a file.
_ROOTS = (
    "CustomField",
    "CustomObject",
    "Flow",
    "LightningComponentBundle",
    "ListView",
    "Package",
    "PermissionSet",
    "Workflow",
)


def find_faults(document: bytes) -> list[str]:
    """Return what is wrong with a metadata file; nothing, if nothing is."""
    root = etree.fromstring(document)
    # In a component's file the targets' settings are elements; the WSDL knows them only packed, as bytes.
    for settings in root.findall(f"{{{NAMESPACE}}}targetConfigs"):
        root.remove(settings)
    schema = _load_schema()
    schema.validate(root)
    return [f"{error.line}: {error.message}" for error in schema.error_log]


@cache
def _load_schema() -> etree.XMLSchema:
    wsdl = etree.fromstring((files("simple_salesforce") / "metadata.wsdl").read_bytes())
    schema = wsdl.find(f".//{{{_XSD}}}schema")
    for root in _ROOTS:
        etree.SubElement(schema, f"{{{_XSD}}}element", name=root, type=f"tns:{root}")
    # Read anew: a schema is compiled from a document of its own.
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))
