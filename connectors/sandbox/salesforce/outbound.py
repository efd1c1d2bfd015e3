"""The org's outbound messages: that a record changed, told to a URL as Salesforce tells it.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging_notifications.htm
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import defusedxml.ElementTree
import requests
from defusedxml.common import DefusedXmlException

from connectors.sandbox.salesforce.ids import ORG_ID, make_id
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.org import USER_ID, Change, SalesforceOrg

MAX_NOTIFICATIONS = 100
TIMEOUT_SECONDS = 60.0  # not confirmed: how long Salesforce waits for an answer
_LONGEST_WAIT = timedelta(hours=2)
_KEPT_FOR = timedelta(hours=24)
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
# What is sent of each object, as our package's workflows ask for it.
FIELDS: Mapping[str, Sequence[str]] = {
    "Task": ("Id", "CreatedDate", "LastModifiedDate", "WhoId", "WhatId"),
    "Event": ("Id", "CreatedDate", "LastModifiedDate", "WhoId", "WhatId"),
    "EmailMessage": ("Id", "CreatedDate", "LastModifiedDate", "RelatedToId", "ActivityId"),
    "Lead": ("Id", "CreatedDate", "LastModifiedDate"),
    "Opportunity": ("Id", "CreatedDate", "LastModifiedDate"),
}
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True, slots=True)
class _Message:
    """One notification that waits to be sent, and how often it was sent already."""

    id: str
    sobject: str
    record: str
    queued_at: datetime
    due_at: datetime
    attempt: int = 0


class OutboundSender:
    """Listens to an org and tells of its changes, up to 100 of an object in one message.

    What is not acknowledged is sent again with growing delay for 24 hours, with the record as it is by then. A record
    that was deleted meanwhile is told of no more, and a deletion never. `duplicate` sends every notification twice,
    `shuffle` in any order. What the integration user writes itself is not told: our flow's filter leaves our fields
    out.
    """

    def __init__(
        self,
        org: SalesforceOrg,
        url: str,
        *,
        fields: Mapping[str, Sequence[str]] = FIELDS,
        origin: str = "https://callfirst.my.salesforce.com",
        duplicate: bool = False,
        shuffle: bool = False,
        retry_seconds: float = 60.0,
        timeout_seconds: float = TIMEOUT_SECONDS,
        random: Random | None = None,
    ) -> None:
        self.duplicate = duplicate
        self.shuffle = shuffle
        self.given_up: list[str] = []  # ids of the notifications that were dropped
        self._org = org
        self._url = url
        self._fields = fields
        self._origin = origin
        self._retry = timedelta(seconds=retry_seconds)
        self._timeout_seconds = timeout_seconds
        self._random = random or Random(0)
        self._waiting: list[_Message] = []
        self._lock = threading.Lock()
        self._made = 0
        org.listeners.append(self.take)

    @property
    def waiting(self) -> int:
        """Say how many notifications are still to be delivered."""
        return len(self._waiting)

    def take(self, change: Change) -> None:
        """Queue a change of an object that is told of."""
        row = self._org.tables[change.sobject].get(change.id)
        own = row is not None and row.get("LastModifiedById") == USER_ID
        if change.sobject not in self._fields or row is None or row.get("IsDeleted") or own:
            return
        now = self._org.clock()
        with self._lock:
            self._made += 1
            message = _Message(make_id("04l", self._made), change.sobject, change.id, now, change.committed_at)
            self._waiting.extend([message] * (2 if self.duplicate else 1))

    def deliver_due(self) -> int:
        """Send every notification that is due once; return how many were acknowledged."""
        now = self._org.clock()
        with self._lock:
            due = [message for message in self._waiting if message.due_at <= now]
            self._waiting = [message for message in self._waiting if message.due_at > now]
        if self.shuffle:
            self._random.shuffle(due)
        taken = 0
        for sobject in self._fields:
            messages = [message for message in due if message.sobject == sobject]
            for start in range(0, len(messages), MAX_NOTIFICATIONS):
                batch = messages[start : start + MAX_NOTIFICATIONS]
                if self._send(sobject, batch):
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

    def _put_back(self, batch: Sequence[_Message]) -> None:
        now = self._org.clock()
        for message in batch:
            if now - message.queued_at >= _KEPT_FOR:
                self.given_up.append(message.id)
                continue
            wait = min(self._retry * 2 ** min(message.attempt, 20), _LONGEST_WAIT)
            with self._lock:
                self._waiting.append(replace(message, attempt=message.attempt + 1, due_at=now + wait))

    def _send(self, sobject: str, batch: Sequence[_Message]) -> bool:
        with self._org.lock:
            table = self._org.tables[sobject]
            rows = [(message.id, table.get(message.record)) for message in batch]
            found = [(id_, dict(row)) for id_, row in rows if row is not None and not row.get("IsDeleted")]
        if not found:
            return True
        try:
            reply = requests.post(
                self._url,
                self.render(sobject, found),
                headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'},
                timeout=self._timeout_seconds,
            )
        except requests.RequestException:
            return False
        return reply.status_code == 200 and _is_acknowledged(reply.content)

    def render(self, sobject: str, rows: Sequence[tuple[str, Row]]) -> bytes:
        """Return the message that tells of these records."""
        told = "".join(
            f'<Notification><Id>{id_}</Id><sObject xsi:type="sf:{sobject}"'
            f' xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{self._render_fields(sobject, row)}</sObject>'
            "</Notification>"
            for id_, row in rows
        )
        action = make_id("04k", list(self._fields).index(sobject) + 1)
        soap = f"{self._origin}/services/Soap"
        body = (
            '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
            f"<OrganizationId>{ORG_ID}</OrganizationId><ActionId>{action}</ActionId>"
            '<SessionId xsi:nil="true"/>'
            f"<EnterpriseUrl>{soap}/c/64.0/{ORG_ID[:15]}</EnterpriseUrl>"
            f"<PartnerUrl>{soap}/u/64.0/{ORG_ID[:15]}</PartnerUrl>{told}</notifications>"
        )
        return _ENVELOPE.format(body).encode()

    def _render_fields(self, sobject: str, row: Row) -> str:
        """Return the fields that have a value; the others are left out."""
        values = ((name, row.get(name)) for name in self._fields[sobject])
        return "".join(f"<sf:{name}>{escape(_spell(value))}</sf:{name}>" for name, value in values if value is not None)


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_acknowledged(content: bytes) -> bool:
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except (DefusedXmlException, SyntaxError):
        return False
    return (root.findtext(f".//{_OUTBOUND}Ack") or "").strip().lower() == "true"
