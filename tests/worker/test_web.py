"""Deliveries over HTTP: what is taken in, what is refused with which answer, and what reaches the store."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from connectors.errors import UnavailableError
from connectors.lead import Outcome
from connectors.sandbox.hubspot import WebhookSender
from connectors.sandbox.server import SandboxServer
from tests.connectors.hubspot.portals import differences
from tests.connectors.hubspot.test_reading import add_note
from tests.sandboxes import Sandbox, sandbox
from worker.inbox import drain
from worker.pull import pull
from worker.store import Store
from worker.web import HubSpotHook, build_app

pytestmark = pytest.mark.integration

SECRET = "a client secret"
URL = "https://callfirst.example/webhooks/hubspot"
HOOK = HubSpotHook(URL, SecretStr(SECRET), "contacts")
NOTE = {"subscriptionType": "object.creation", "objectTypeId": "0-46", "objectId": 123, "occurredAt": 1_700_000_300_000}
BODY = json.dumps([{**NOTE, "eventId": 1, "portalId": 2}]).encode()


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with SandboxServer(build_app(store, HOOK)) as server:
        yield server.url + "/webhooks/hubspot"


def sign(body: bytes, at: datetime | None = None, secret: str = SECRET, url: str = URL) -> dict[str, str]:
    timestamp = str(int((at or datetime.now(UTC)).timestamp() * 1000))
    signed = b"POST" + url.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}


def inbox(store: Store) -> list[str]:
    return [told.event.id for told in store.list_due_events("hubspot", datetime.now(UTC), 100)]


def test_a_signed_delivery_is_kept(address: str, store: Store) -> None:
    assert httpx.post(address, content=BODY, headers=sign(BODY)).status_code == 204
    assert inbox(store) == ["123"]


def test_a_replayed_delivery_is_taken_and_kept_once(address: str, store: Store) -> None:
    headers = sign(BODY)
    answers = [httpx.post(address, content=BODY, headers=headers).status_code for _ in range(3)]

    assert answers == [204] * 3
    assert inbox(store) == ["123"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="unsigned"),
        pytest.param(sign(BODY, secret="another"), id="forged"),
        pytest.param(sign(BODY, url="https://other.example/webhooks/hubspot"), id="for another address"),
        pytest.param(sign(BODY, datetime.now(UTC) - timedelta(hours=1)), id="stale or replayed late"),
        pytest.param(sign(BODY, datetime.now(UTC) + timedelta(hours=1)), id="future"),
    ],
)
def test_what_hubspot_did_not_sign_just_now_is_refused(address: str, store: Store, headers: dict[str, str]) -> None:
    assert httpx.post(address, content=BODY, headers=headers).status_code == 401
    assert inbox(store) == []


def test_a_truncated_delivery_is_refused(address: str, store: Store) -> None:
    assert httpx.post(address, content=BODY[:-9], headers=sign(BODY)).status_code == 401
    port = httpx.URL(address).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"POST /webhooks/hubspot HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + BODY)
    assert inbox(store) == []


@pytest.mark.parametrize("body", [b"not json", b"{}", b"[1]"])
def test_a_signed_body_that_is_no_delivery_is_named(address: str, store: Store, body: bytes) -> None:
    answer = httpx.post(address, content=body, headers=sign(body))

    assert answer.status_code == 400
    assert "HubSpot webhook" in answer.json()["detail"]
    assert inbox(store) == []


def test_ten_megabytes_are_refused_before_they_are_read(address: str, store: Store) -> None:
    body = b"[" + b" " * 10_000_000 + b"]"

    assert httpx.post(address, content=body, headers=sign(body)).status_code == 413
    assert inbox(store) == []


def test_events_that_are_not_for_us_are_taken(address: str, store: Store) -> None:
    body = json.dumps([{"subscriptionType": "company.creation", "objectId": 1, "occurredAt": 1}]).encode()

    assert httpx.post(address, content=body, headers=sign(body)).status_code == 204
    assert inbox(store) == []


def test_a_hook_that_is_not_set_up_is_our_fault(store: Store) -> None:
    with SandboxServer(build_app(store, None)) as server:
        answer = httpx.post(server.url + "/webhooks/hubspot", content=BODY, headers=sign(BODY))

    assert answer.status_code == 503


def test_a_store_that_fails_is_our_fault(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/never-migrated.db")
    with SandboxServer(build_app(store, HOOK)) as server:
        answer = httpx.post(server.url + "/webhooks/hubspot", content=BODY, headers=sign(BODY))
    with pytest.raises(OperationalError):
        inbox(store)

    assert answer.status_code == 503


@pytest.fixture
def told(store: Store) -> Iterator[tuple[Sandbox, WebhookSender]]:
    """A portal that was pulled and now tells us of every change, every event twice and in any order."""
    with sandbox("hubspot") as portal, SandboxServer(build_app(store, HOOK)) as web:
        pull(store, portal.connector)
        target = web.url + "/webhooks/hubspot"
        yield portal, WebhookSender(portal.portal, target, SECRET, public_url=URL, duplicate=True, shuffle=True)


def test_what_is_told_is_read_and_nothing_else(store: Store, told: tuple[Sandbox, WebhookSender]) -> None:
    portal, sender = told
    contacts = [str(id_) for id_ in portal.portal.ids["contacts"]]
    add_note(portal.portal, "told at once", contacts[0])
    portal.portal.archive("contacts", contacts[1])
    portal.portal.merge(
        "contacts", portal.portal.records["contacts"][contacts[2]], portal.portal.records["contacts"][contacts[3]]
    )
    portal.portal.update("contacts", portal.portal.records["contacts"][contacts[4]], {"hs_lead_status": "WON"})
    portal.portal.erase("contacts", contacts[5])
    sender.deliver_due()
    connector = portal.connect_hubspot()

    report = drain(store, connector)

    assert sender.waiting == 0
    assert report.erased == 1
    assert connector.calls < 25
    assert differences(store, portal.portal, portal.connect()) == []
    assert drain(store, portal.connect_hubspot()).events == 0


def test_a_note_that_is_told_before_it_is_tied_is_looked_for_again(
    store: Store, told: tuple[Sandbox, WebhookSender]
) -> None:
    portal, sender = told
    contact = str(portal.portal.ids["contacts"][0])
    note = add_note(portal.portal, "tied a little later")
    sender.deliver_due()
    assert drain(store, portal.connect_hubspot()).waiting == 1
    portal.portal.listeners.clear()  # the association itself is never told
    portal.portal.associate("notes", note, "contacts", contact)

    assert drain(store, portal.connect_hubspot()).events == 0  # not yet
    drain(store, portal.connect_hubspot(), now=lambda: datetime.now(UTC) + timedelta(seconds=6))

    assert "tied a little later" in [item.text for item in store.interactions_by_lead("hubspot")[contact]]


def test_a_crm_that_fails_leaves_the_inbox_as_it_was(store: Store, told: tuple[Sandbox, WebhookSender]) -> None:
    portal, sender = told
    add_note(portal.portal, "not read yet", str(portal.portal.ids["contacts"][0]))
    sender.deliver_due()
    waiting = inbox(store)
    portal.faults.fail_after = 0
    with pytest.raises(Exception, match="503"):
        drain(store, portal.connect_hubspot())

    assert inbox(store) == waiting


def test_our_own_writes_are_told_and_change_nothing(store: Store, told: tuple[Sandbox, WebhookSender]) -> None:
    portal, sender = told
    portal.connector.setup()
    contact = str(portal.portal.ids["contacts"][0])
    record = portal.portal.records["contacts"][contact]
    portal.portal.update("contacts", record, {"callfirst_priority": "A"}, source="INTEGRATION")
    sender.deliver_due()

    assert drain(store, portal.connect_hubspot()).events == 0


def test_a_person_who_is_erased_is_not_read_again_in_the_same_breath(
    address: str, store: Store, told: tuple[Sandbox, WebhookSender]
) -> None:
    portal, _ = told
    contact = str(portal.portal.ids["contacts"][0])  # HubSpot is slow: the record is still there
    items = [
        {"subscriptionType": name, "objectId": int(contact), "occurredAt": 1_700_000_300_000, "eventId": number}
        for number, name in enumerate(("contact.deletion", "contact.privacyDeletion", "contact.propertyChange"))
    ]
    body = json.dumps(items).encode()
    httpx.post(address, content=body, headers=sign(body))

    report = drain(store, portal.connect_hubspot())

    assert report.erased == 1
    assert contact not in {lead.id for lead in store.list_leads("hubspot", *Outcome)}


def test_a_person_is_erased_while_the_crm_is_down(
    address: str, store: Store, told: tuple[Sandbox, WebhookSender]
) -> None:
    portal, _ = told
    contact = str(portal.portal.ids["contacts"][0])
    item = {"subscriptionType": "contact.privacyDeletion", "objectId": int(contact), "occurredAt": 1_700_000_300_000}
    body = json.dumps([item]).encode()
    httpx.post(address, content=body, headers=sign(body))
    portal.faults.fail_after = 0
    with pytest.raises(UnavailableError):
        pull(store, portal.connect_hubspot())

    assert contact not in {lead.id for lead in store.list_leads("hubspot", *Outcome)}
