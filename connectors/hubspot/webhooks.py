"""HubSpot's webhooks: is a request HubSpot's, and what does it say has happened?

An event is a hint. Its values never reach the store: the record is read again.
https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import InvalidRequestError
from connectors.events import Change, Event, Subject
from connectors.hubspot.schema import LEAD_OBJECTS, OBJECT_TYPE_IDS, PREFIX
from connectors.lead import InteractionKind

# HubSpot asks to refuse what is older; its own helper takes any time that lies ahead, which we do not.
_MAX_AGE = timedelta(minutes=5)
# The characters that HubSpot decodes in the address before it signs, and no others.
_DECODED = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "("} | {
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_CHANGES = {
    "creation": Change.CHANGED,
    "propertyChange": Change.CHANGED,
    "associationChange": Change.CHANGED,
    "restore": Change.CHANGED,
    "merge": Change.CHANGED,
    "deletion": Change.CHANGED,  # the record is asked for, and is not there
    "privacyDeletion": Change.ERASED,
}
_INTERACTIONS = {type_id: kind for kind, type_id in OBJECT_TYPE_IDS.items()}
_SINGULARS = {lead.singular: lead.type_id for lead in LEAD_OBJECTS.values()}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one webhook request told, and how many of its events lacked or garbled a member."""

    events: tuple[Event, ...]
    unreadable: int


def is_signed(
    secret: str, method: str, url: str, body: bytes, *, signature: str | None, timestamp: str | None, now: datetime
) -> bool:
    """Say whether HubSpot signed this request (version 3), less than five minutes ago.

    `url` is the address that HubSpot called, as configured: behind a proxy no header can be trusted to know it.
    `timestamp` is in milliseconds. The comparison takes the same time wherever the signatures differ.
    """
    if signature is None or timestamp is None or not (timestamp.isascii() and timestamp.isdigit()):
        return False
    try:
        sent_at = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return False
    if abs(now - sent_at) > _MAX_AGE:
        return False
    signed = method.encode() + _decode(url).encode() + body + timestamp.encode()
    expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.encode(errors="replace"))


def parse_delivery(body: bytes, lead_type: str, portal_id: int | None = None) -> Delivery:
    """Return what a delivery says about leads and interactions; the rest of it is not for us.

    Changes of our own properties are left out: they are the echo of what we wrote. So is what another portal tells,
    where `portal_id` says which is ours. An event that cannot be read is counted, and costs the others nothing.

    Raises:
        InvalidRequestError: The body is not an array of events.
    """
    try:
        items = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("HubSpot webhook: the body is not JSON") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidRequestError("HubSpot webhook: the body is not an array of events")
    events: list[Event] = []
    unreadable = 0
    for item in items:
        if portal_id is not None and str(item.get("portalId")) != str(portal_id):
            continue
        try:
            events += _events(item, LEAD_OBJECTS[lead_type].type_id)
        except (KeyError, TypeError, ValueError, OverflowError):
            unreadable += 1
    return Delivery(tuple(events), unreadable)


def _events(item: dict[str, Any], lead_type_id: str) -> Iterator[Event]:
    name, _, what = str(item.get("subscriptionType") or item["eventType"]).partition(".")
    change = _CHANGES.get(what)
    if change is None or str(item.get("propertyName", "")).startswith(PREFIX):
        return
    occurred_at = datetime.fromtimestamp(int(item["occurredAt"]) / 1000, UTC)
    sides: list[tuple[str, object]]
    if what == "associationChange":
        sides = [(item["fromObjectTypeId"], item["fromObjectId"]), (item["toObjectTypeId"], item["toObjectId"])]
        # An interaction knows all its leads, and is read in two calls; a lead with all its interactions takes thirteen.
        sides = [side for side in sides if str(side[0]) in _INTERACTIONS] or sides
    else:
        type_id = str(item.get("objectTypeId") or _SINGULARS.get(name, ""))
        ids = [item["objectId"], *(item.get("mergedObjectIds") or ()), *filter(None, [item.get("newObjectId")])]
        sides = [(type_id, id_) for id_ in ids]
    for type_id, id_ in dict.fromkeys(sides):
        subject = _subject(type_id, lead_type_id)
        if subject is not None:
            yield Event(_key(item, type_id, id_), subject, str(int(str(id_))), change, occurred_at)


def _subject(type_id: str, lead_type_id: str) -> Subject | None:
    kind: InteractionKind | None = _INTERACTIONS.get(type_id)
    return "lead" if type_id == lead_type_id else kind


def _key(item: dict[str, Any], type_id: str, id_: object) -> str:
    """Return what every delivery of one event shares: `eventId` alone is not unique, `attemptNumber` grows."""
    names = ("portalId", "subscriptionType", "eventType", "propertyName", "occurredAt", "eventId")
    parts = [*(str(item.get(name, "")) for name in names), type_id, str(id_)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _decode(url: str) -> str:
    for code, character in _DECODED.items():
        url = url.replace(code, character).replace(code.lower(), character)
    return url
