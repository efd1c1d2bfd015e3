"""Metadata as plain nodes, and as the XML that Salesforce reads."""

from collections.abc import Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

# A tag with its text, or with the nodes inside it. The order is the vendor's: a deployment refuses any other.
Node: TypeAlias = "tuple[str, str | Sequence[Node]]"
Nodes: TypeAlias = Sequence[Node]


def render_document(root: str, nodes: Nodes) -> bytes:
    """Return a metadata file: the root element with its nodes, escaped and indented by four blanks."""
    element = Element(root, xmlns=NAMESPACE)
    _append(element, nodes)
    indent(element, " " * 4)
    return f"{_DECLARATION}\n{tostring(element, encoding='unicode')}\n".encode()


def _append(parent: Element, nodes: Nodes) -> None:
    for tag, content in nodes:
        child = SubElement(parent, tag)
        if isinstance(content, str):
            child.text = content
        else:
            _append(child, content)
