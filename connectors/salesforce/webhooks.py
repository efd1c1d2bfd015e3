"""Salesforce's outbound messages: what do they say has happened?

An outbound message carries no signature: the address it is sent to holds a secret, and it names its organisation. Its
values never reach the store: a message is a hint, and the record is read again.
https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.errors import InvalidRequestError
from connectors.events import Change, Event, Subject
from connectors.lead import InteractionKind

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_SOBJECT = "{urn:sobject.enterprise.soap.sforce.com}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_MAX_NOTIFICATIONS = 100  # Salesforce's own limit
# What a record of each object is to us. A Task may be a call or a mail: when it is read, it says so itself.
_SUBJECTS: dict[str, Subject] = {
    "Task": InteractionKind.TASK,
    "Event": InteractionKind.MEETING,
    "EmailMessage": InteractionKind.EMAIL,
    "ContentVersion": InteractionKind.NOTE,
    "ContentDocument": InteractionKind.NOTE,
    "Note": InteractionKind.NOTE,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one message told. `ignored` are notifications of objects that are nothing to us."""

    organization_id: str
    events: tuple[Event, ...]
    ignored: int


def is_token(expected: str, given: str) -> bool:
    """Say whether the secret part of the address is right; it takes the same time wherever they differ."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def is_organization(expected: str, given: str) -> bool:
    """Say whether two organisation ids are the same, of which either may lack its last three characters."""
    return len(given) in (15, 18) and hmac.compare_digest(expected[:15].encode(), given[:15].encode())


def parse_message(body: bytes, lead_object: str, received_at: datetime) -> Delivery:
    """Return what an outbound message says about leads and interactions.

    Raises:
        InvalidRequestError: The body is no outbound message, or is XML that could harm its reader: a document type,
            an entity, a reference to a file.
    """
    try:
        root = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise InvalidRequestError(f"outbound message: forbidden XML: {type(error).__name__}") from None
    except (ParseError, ValueError, LookupError):
        raise InvalidRequestError("outbound message: the body is not XML") from None
    told = root.find(f"{_SOAP}Body/{_OUTBOUND}notifications")
    if root.tag != f"{_SOAP}Envelope" or told is None:
        raise InvalidRequestError("outbound message: the body holds no notifications")
    notifications = told.findall(f"{_OUTBOUND}Notification")
    if len(notifications) > _MAX_NOTIFICATIONS:
        raise InvalidRequestError(
            f"outbound message: {len(notifications)} notifications, of {_MAX_NOTIFICATIONS} at most"
        )
    events: list[Event] = []
    ignored = 0
    for notification in notifications:
        found = list(_events(notification, lead_object, received_at))
        events += found
        ignored += not found
    return Delivery((told.findtext(f"{_OUTBOUND}OrganizationId") or "").strip(), tuple(events), ignored)


def render_acknowledgement(*, kept: bool) -> str:
    """Return what Salesforce is answered: it sends everything again that is not said to be kept."""
    ack = "true" if kept else "false"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<Ack>{ack}</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>"
    )


def _events(notification: Element, lead_object: str, received_at: datetime) -> Iterator[Event]:
    record = notification.find(f"{_OUTBOUND}sObject")
    name = (notification.findtext(f"{_OUTBOUND}Id") or "").strip()
    if record is None or not name:
        return
    sobject = record.get(_TYPE, "").rpartition(":")[2]
    subject = "lead" if sobject == lead_object else _SUBJECTS.get(sobject)
    id_ = (record.findtext(f"{_SOBJECT}Id") or "").strip()
    if subject is not None and len(id_) == 18 and id_.isascii() and id_.isalnum():
        # Every delivery of a notification bears the same id, however often it is repeated.
        key = hashlib.sha256(f"salesforce {name}".encode()).hexdigest()
        yield Event(key, subject, id_, Change.CHANGED, received_at)
