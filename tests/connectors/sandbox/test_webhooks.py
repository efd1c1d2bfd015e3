"""What a portal tells of its changes, and how it signs and repeats it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.sandbox.hubspot import WebhookSender
from connectors.sandbox.hubspot.webhooks import sign
from tests.connectors.sandbox.portal import Portal


class Listener:
    """A URL that takes webhooks: the batches that it was sent, with their headers, and the status it answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 204
        self.batches: list[list[dict[str, Any]]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            listener.requests.append(({name.lower(): value for name, value in self.headers.items()}, raw))
            listener.batches.append(json.loads(raw))
            self.send_response(listener.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    yield listener
    server.shutdown()
    server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def sender(portal: Portal, listener: Listener, **options: Any) -> WebhookSender:
    return WebhookSender(portal.objects, listener.url, "secret", clock=portal.clock, **options)


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_a_signature_is_that_of_hubspots_own_helper(stamp: str, signature: str) -> None:
    secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    body = b"{'example_field':'example_value'}"

    assert sign(secret, "POST", "https://www.example.com/webhook_uri", body, stamp) == signature


def test_escapes_in_the_address_are_decoded_before_signing() -> None:
    assert sign("s", "POST", "https://a.example/x?u=a%40b%2fc", b"", "1") == sign(
        "s", "POST", "https://a.example/x?u=a@b/c", b"", "1"
    )


def test_the_public_address_is_signed(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener, public_url="https://public.example/hooks")
    portal.add()
    hooks.deliver_due()

    headers, raw = listener.requests[0]
    stamp = headers["x-hubspot-request-timestamp"]
    assert stamp == "1793610000000"
    assert headers["x-hubspot-signature-v3"] == sign("secret", "POST", "https://public.example/hooks", raw, stamp)


def test_a_stale_timestamp_can_be_sent(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener, clock_skew_seconds=-301)
    portal.add()
    hooks.deliver_due()

    assert listener.requests[0][0]["x-hubspot-request-timestamp"] == "1793609699000"


def test_a_creation_is_told(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener)
    id_ = portal.add("notes", hs_note_body="x")
    hooks.deliver_due()

    event = listener.events[0]
    assert (event["subscriptionType"], event["objectId"], event["objectTypeId"]) == (
        "object.creation",
        int(id_),
        "0-46",
    )
    assert (event["changeFlag"], event["changeSource"], event["attemptNumber"]) == ("NEW", "CRM_UI", 0)
    assert event["occurredAt"] == 1793610000000


def test_a_change_through_the_api_names_the_app(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener)
    id_ = portal.add()
    portal.patch(f"/crm/v3/objects/contacts/{id_}", {"properties": {"city": "Graz"}})
    hooks.deliver_due()

    event = listener.events[-1]
    assert (event["subscriptionType"], event["propertyName"], event["propertyValue"]) == (
        "object.propertyChange",
        "city",
        "Graz",
    )
    assert (event["changeSource"], event["sourceId"]) == ("INTEGRATION", str(event["appId"]))


def test_writing_what_is_there_tells_nothing(portal: Portal, listener: Listener) -> None:
    id_ = portal.add(city="Graz")
    hooks = sender(portal, listener)
    portal.patch(f"/crm/v3/objects/contacts/{id_}", {"properties": {"city": "Graz"}})

    assert hooks.waiting == 0


def test_the_content_of_a_mail_is_not_told(portal: Portal, listener: Listener) -> None:
    record = portal.objects.create("emails", {"hs_email_text": "old"})
    hooks = sender(portal, listener)
    portal.objects.update("emails", record, {"hs_email_text": "new"})

    assert hooks.waiting == 0


def test_an_association_is_told_from_both_sides(portal: Portal, listener: Listener) -> None:
    contact, note = portal.add(), portal.add("notes")
    hooks = sender(portal, listener)
    portal.objects.associate("notes", note, "contacts", contact)
    portal.objects.dissociate("notes", note, "contacts", contact)
    hooks.deliver_due()

    told = [
        (event["associationType"], event["associationTypeId"], event["fromObjectId"], event["associationRemoved"])
        for event in listener.events
    ]
    assert told == [
        ("NOTE_TO_CONTACT", 202, int(note), False),
        ("CONTACT_TO_NOTE", 201, int(contact), False),
        ("NOTE_TO_CONTACT", 202, int(note), True),
        ("CONTACT_TO_NOTE", 201, int(contact), True),
    ]


def test_deletion_restore_and_privacy_deletion_are_told(portal: Portal, listener: Listener) -> None:
    id_ = portal.add()
    hooks = sender(portal, listener)
    portal.objects.archive("contacts", id_)
    portal.objects.restore("contacts", id_)
    portal.objects.erase("contacts", id_)
    hooks.deliver_due()

    assert [event["subscriptionType"] for event in listener.events] == [
        "object.deletion",
        "object.restore",
        "contact.privacyDeletion",
    ]


def test_a_merge_names_winner_and_loser(portal: Portal, listener: Listener) -> None:
    winner, loser = portal.add(), portal.add(city="Graz")
    hooks = sender(portal, listener)
    portal.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": winner, "objectIdToMerge": loser})
    hooks.deliver_due()

    event = next(event for event in listener.events if event["subscriptionType"] == "contact.merge")
    assert (event["primaryObjectId"], event["mergedObjectIds"]) == (int(winner), [int(loser)])
    assert (event["newObjectId"], event["numberOfPropertiesMoved"]) == (int(winner), 1)


def test_events_come_a_hundred_at_a_time(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener)
    for _ in range(101):
        portal.add()

    assert hooks.deliver_due() == 101
    assert [len(batch) for batch in listener.batches] == [100, 1]


def test_events_can_come_twice_and_in_any_order(portal: Portal, listener: Listener) -> None:
    hooks = sender(portal, listener, duplicate=True, shuffle=True)
    ids = [int(portal.add()) for _ in range(10)]
    hooks.deliver_due()

    told = [event["objectId"] for event in listener.events]
    assert sorted(told) == sorted(ids * 2)
    assert told != [id_ for id_ in ids for _ in range(2)]


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_what_is_not_taken_is_sent_again_ten_times(portal: Portal, listener: Listener, status: int) -> None:
    listener.status = status
    hooks = sender(portal, listener)
    portal.add()
    for _ in range(12):
        hooks.deliver_due()

    assert [event["attemptNumber"] for event in listener.events] == list(range(11))
    assert (hooks.waiting, len(hooks.given_up)) == (0, 1)


def test_a_retry_waits(portal: Portal, listener: Listener) -> None:
    listener.status = 500
    hooks = sender(portal, listener, retry_seconds=60)
    portal.add()
    hooks.deliver_due()
    hooks.deliver_due()
    assert len(listener.batches) == 1

    portal.clock.advance(60)
    hooks.deliver_due()

    assert len(listener.batches) == 2


def test_a_url_that_nobody_serves_is_tried_again(portal: Portal) -> None:
    hooks = WebhookSender(portal.objects, "http://127.0.0.1:9/", "secret", clock=portal.clock)
    portal.add()

    assert hooks.deliver_due() == 0
    assert hooks.waiting == 1


def test_a_thread_delivers_by_itself(portal: Portal, listener: Listener) -> None:
    hooks = WebhookSender(portal.objects, listener.url, "secret")
    portal.add()
    with hooks.running(interval_seconds=0.01):
        deadline = datetime.now(UTC).timestamp() + 5
        while not listener.events and datetime.now(UTC).timestamp() < deadline:
            threading.Event().wait(0.01)

    assert len(listener.events) == 1
