"""Packages and projects to look into."""

import io
import zipfile
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from pydantic import SecretStr

from connectors.salesforce.package import OutboundMessageTarget
from connectors.salesforce.package.source_tree import LEAD_OBJECTS, render_tree
from tests.connectors.salesforce_app.wsdl import NAMESPACE

SECRET = "tOkEn-4711"
ENDPOINT = f"https://callfirst.example.com/webhooks/salesforce?org=a&token={SECRET}&x=<'\">"
TARGET = OutboundMessageTarget(SecretStr(ENDPOINT), "sync&co@acme.example")


def unzip(package: bytes) -> dict[str, bytes]:
    """Return a zip's files by name, in its order."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def render_project(outbound: OutboundMessageTarget | None = None) -> dict[str, bytes]:
    """Return the files of the project for both objects."""
    return render_tree(LEAD_OBJECTS, outbound)


def parse(document: bytes) -> Element:
    """Return a metadata file's root, without the namespace that all its tags share."""
    root: Element = fromstring(document.decode().replace(f' xmlns="{NAMESPACE}"', ""))
    return root


def texts(node: Element, path: str) -> list[str]:
    """Return the texts at a path below a node."""
    return [found.text or "" for found in node.findall(path)]
