"""The portal's webhooks: what happens in it, told to a URL as HubSpot tells it."""

import base64
import hashlib
import hmac
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import requests

from connectors.sandbox.hubspot.object_types import OBJECT_TYPES
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import APP_ID, PORTAL_ID, Change

MAX_EVENTS = 100
MAX_RETRIES = 10
TIMEOUT_SECONDS = 5.0
# What HubSpot decodes in the address before it signs it.
_DECODED = {"3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'", "28": "(", "29": ")"} | {
    "2A": "*",
    "2C": ",",
    "3B": ";",
}
_ESCAPE = re.compile("%(" + "|".join(_DECODED) + ")", re.IGNORECASE)
_RESTRICTED = {"hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_headers"}
_SUBSCRIPTIONS = {
    kind: 1_160_452 + number
    for number, kind in enumerate(
        ("creation", "propertyChange", "associationChange", "deletion", "restore", "merge", "privacyDeletion")
    )
}
_FLAGS = {"creation": "NEW", "deletion": "DELETED", "restore": "RESTORED"}


@dataclass(frozen=True, slots=True)
class _Event:
    """One event that waits to be sent, and how often it was sent already."""

    body: dict[str, Any]
    attempt: int
    due_at: datetime


class WebhookSender:
    """Listens to a portal and delivers its changes, in batches of up to 100, signed.

    What is not answered by a 2xx in time is sent again, ten times at most. `duplicate` sends every event twice,
    `shuffle` in any order. `public_url` is the address that is signed where `target_url` is only how to get there.
    """

    def __init__(
        self,
        objects: HubSpotObjects,
        target_url: str,
        client_secret: str,
        *,
        public_url: str | None = None,
        app_id: int = APP_ID,
        portal_id: int = PORTAL_ID,
        duplicate: bool = False,
        shuffle: bool = False,
        retry_seconds: float = 0.0,
        clock_skew_seconds: float = 0.0,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
    ) -> None:
        self.duplicate = duplicate
        self.shuffle = shuffle
        self.clock_skew_seconds = clock_skew_seconds
        self.given_up: list[dict[str, Any]] = []
        self._target_url = target_url
        self._signed_url = public_url or target_url
        self._secret = client_secret
        self._app_id = app_id
        self._portal_id = portal_id
        self._retry = timedelta(seconds=retry_seconds)
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._random = random or Random(0)
        self._waiting: deque[_Event] = deque()
        objects.listeners.append(self.take)

    @property
    def waiting(self) -> int:
        """Say how many events are still to be delivered."""
        return len(self._waiting)

    def take(self, change: Change) -> None:
        """Queue a change, unless the app may not hear of it."""
        if change.kind == "propertyChange" and change.type == "emails" and change.name in _RESTRICTED:
            return
        body = self._render(change)
        for _ in range(2 if self.duplicate else 1):
            self._waiting.append(_Event(body, 0, self._clock()))

    def deliver_due(self) -> int:
        """Send every event that is due once; return how many were taken."""
        now = self._clock()
        events = [self._waiting.popleft() for _ in range(len(self._waiting))]
        due = [event for event in events if event.due_at <= now]
        self._waiting.extend(event for event in events if event.due_at > now)
        if self.shuffle:
            self._random.shuffle(due)
        taken = 0
        for start in range(0, len(due), MAX_EVENTS):
            batch = due[start : start + MAX_EVENTS]
            if self._send(batch):
                taken += len(batch)
            else:
                self._put_back(batch)
        return taken

    @contextmanager
    def running(self, interval_seconds: float = 0.5) -> Iterator[None]:
        """Deliver in a thread of its own."""
        stop = threading.Event()

        def deliver() -> None:
            while not stop.wait(interval_seconds):
                self.deliver_due()

        thread = threading.Thread(target=deliver, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _put_back(self, batch: list[_Event]) -> None:
        for event in batch:
            if event.attempt >= MAX_RETRIES:
                self.given_up.append(event.body)
            else:
                self._waiting.append(_Event(event.body, event.attempt + 1, self._clock() + self._retry))

    def _send(self, batch: list[_Event]) -> bool:
        raw = json.dumps([event.body | {"attemptNumber": event.attempt} for event in batch]).encode()
        sent_at = self._clock() + timedelta(seconds=self.clock_skew_seconds)
        stamp = str(int(sent_at.timestamp() * 1000))
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Request-Timestamp": stamp,
            "X-HubSpot-Signature-v3": sign(self._secret, "POST", self._signed_url, raw, stamp),
        }
        try:
            reply = requests.post(self._target_url, raw, headers=headers, timeout=self._timeout_seconds)
        except requests.RequestException:
            return False
        return 200 <= reply.status_code < 300

    def _render(self, change: Change) -> dict[str, Any]:
        body: dict[str, Any] = {
            "eventId": self._random.randrange(1, 2**31),
            "subscriptionId": _SUBSCRIPTIONS[change.kind],
            "portalId": self._portal_id,
            "appId": self._app_id,
            "occurredAt": int(change.at.timestamp() * 1000),
            "subscriptionType": f"object.{change.kind}",
            "attemptNumber": 0,
            "changeSource": change.source,
            "sourceId": "userId:1" if change.source == "CRM_UI" else str(self._app_id),
        }
        type_id = OBJECT_TYPES[change.type].id
        if change.kind == "associationChange":
            from_, to = (OBJECT_TYPES[name].singular.upper() for name in (change.type, change.other))
            return body | {
                "associationType": f"{from_}_TO_{to}",
                "fromObjectId": int(change.id),
                "toObjectId": int(change.other_id),
                "fromObjectTypeId": type_id,
                "toObjectTypeId": OBJECT_TYPES[change.other].id,
                "associationTypeId": change.type_id,
                "associationCategory": "HUBSPOT_DEFINED",
                "associationRemoved": change.removed,
                "isPrimaryAssociation": False,
                "changeSource": "USER" if change.source == "CRM_UI" else change.source,
            }
        body |= {"objectId": int(change.id), "objectTypeId": type_id}
        match change.kind:
            case "propertyChange":
                values = {"propertyName": change.name, "propertyValue": change.value, "isSensitive": False}
                return body | values
            case "merge":
                return body | {
                    "subscriptionType": f"{OBJECT_TYPES[change.type].singular}.merge",
                    "primaryObjectId": int(change.id),
                    "mergedObjectIds": [int(change.other_id)],
                    "newObjectId": int(change.id),
                    "numberOfPropertiesMoved": change.moved,
                }
            case "privacyDeletion":
                return body | {"subscriptionType": "contact.privacyDeletion", "changeFlag": "DELETED"}
            case _:
                return body | {"changeFlag": _FLAGS[change.kind]}


def sign(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    """Return HubSpot's v3 signature of a request."""
    address = _ESCAPE.sub(lambda found: _DECODED[found.group(1).upper()], url)
    source = method.encode() + address.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()
