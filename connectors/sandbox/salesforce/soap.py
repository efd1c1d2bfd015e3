"""What the SOAP doors share: how a request is read, and the answer to one that cannot be."""

from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from connectors.sandbox.salesforce.calls import Reply

SOAP_XML = "text/xml;charset=UTF-8"
# The wording is not confirmed. Such a fault is the SOAP layer's, which knows none of Salesforce's codes.
_UNREADABLE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><soapenv:Fault>'
    "<faultcode>soapenv:Client</faultcode><faultstring>The request is no well-formed XML</faultstring>"
    "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


def read_soap(raw: bytes) -> Element | None:
    """Return the root of a request; None if it is no XML, or has a document type."""
    try:
        return defusedxml.ElementTree.fromstring(raw, forbid_dtd=True)
    except (DefusedXmlException, SyntaxError):
        return None


def refuse_unreadable() -> Reply:
    """Answer a request that is no XML."""
    return Reply(content=_UNREADABLE.encode(), status=500, media_type=SOAP_XML)
