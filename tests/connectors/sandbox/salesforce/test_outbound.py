"""Outbound messages: what is told, how often, and until it is acknowledged."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import defusedxml.ElementTree
import pytest

from connectors.sandbox.salesforce import ORG_ID, OutboundSender, SalesforceOrg
from connectors.sandbox.salesforce.org import USER_ID
from tests.connectors.sandbox.portal import Clock

_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_OBJECT = "{urn:sobject.enterprise.soap.sforce.com}"
_ACK = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><notificationsResponse'
    ' xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack></notificationsResponse></soapenv:Body>'
    "</soapenv:Envelope>"
)


class Listener:
    """A server that remembers what it was told and answers as it is set to."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.answer = _ACK.format("true")
        self.status = 200
        listener = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.headers.append(dict(self.headers))
                listener.messages.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(listener.status)
                self.send_header("Content-Length", str(len(listener.answer)))
                self.end_headers()
                self.wfile.write(listener.answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def told(self) -> list[list[tuple[str, str]]]:
        """Return of each message the ids of its notifications and of their records."""
        found = []
        for message in self.messages:
            root = defusedxml.ElementTree.fromstring(message)
            found.append(
                [
                    (item.findtext(f"{_OUTBOUND}Id") or "", item.findtext(f".//{_OBJECT}Id") or "")
                    for item in root.iter(f"{_OUTBOUND}Notification")
                ]
            )
        return found

    def records(self) -> list[str]:
        return [record for message in self.told() for _, record in message]


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()
    thread = threading.Thread(target=heard.server.serve_forever, daemon=True)
    thread.start()
    yield heard
    heard.server.shutdown()
    heard.server.server_close()


def add_lead(org: SalesforceOrg) -> str:
    return str(org.insert("Lead", {"LastName": "L", "Company": "C"})["Id"])


def test_a_message_is_shaped_as_salesforces(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url)
    lead = add_lead(org)
    task = org.insert("Task", {"WhoId": lead, "Subject": "a < b"})["Id"]
    sender.deliver_due()

    root = defusedxml.ElementTree.fromstring(listener.messages[0])
    (notification,) = root.iter(f"{_OUTBOUND}Notification")
    (record,) = notification.iter(f"{_OUTBOUND}sObject")

    assert root.findtext(f".//{_OUTBOUND}OrganizationId") == ORG_ID
    assert record.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "sf:Task"
    assert (record.findtext(f"{_OBJECT}Id"), record.findtext(f"{_OBJECT}WhoId")) == (task, lead)
    assert record.findtext(f"{_OBJECT}CreatedDate") == record.findtext(f"{_OBJECT}LastModifiedDate")
    assert listener.headers[0]["Content-Type"] == "text/xml; charset=utf-8"
    assert listener.headers[0]["SOAPAction"] == '""'


def test_a_message_names_where_the_org_is_by_its_short_id(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url, origin="https://acme.my.salesforce.com")
    add_lead(org)
    sender.deliver_due()

    root = defusedxml.ElementTree.fromstring(listener.messages[0])

    assert [root.findtext(f".//{_OUTBOUND}{name}Url") for name in ("Enterprise", "Partner")] == [
        f"https://acme.my.salesforce.com/services/Soap/{api}/64.0/{ORG_ID[:15]}" for api in "cu"
    ]


def test_a_field_without_a_value_is_left_out_and_a_text_is_escaped(org: SalesforceOrg, listener: Listener) -> None:
    fields = {"Lead": ("Id", "Company", "Title", "IsConverted")}
    sender = OutboundSender(org, listener.url, fields=fields)
    org.insert("Lead", {"LastName": "L", "Company": "A & B"})
    sender.deliver_due()

    (record,) = defusedxml.ElementTree.fromstring(listener.messages[0]).iter(f"{_OUTBOUND}sObject")

    values = {item.tag.removeprefix(_OBJECT): item.text for item in record}
    assert values.keys() == {"Id", "Company", "IsConverted"}
    assert (values["Company"], values["IsConverted"]) == ("A & B", "false")


def test_the_wait_grows_to_two_hours(org: SalesforceOrg, listener: Listener, clock: Clock) -> None:
    sender = OutboundSender(org, listener.url, retry_seconds=3600)
    add_lead(org)
    listener.status = 500
    tries = []
    for _ in range(8):
        sender.deliver_due()
        tries.append(len(listener.messages))
        clock.advance(3600)

    assert tries == [1, 2, 2, 3, 3, 4, 4, 5]


def test_a_message_holds_up_to_100_notifications(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url)
    for _ in range(205):
        add_lead(org)

    assert sender.deliver_due() == 205
    assert [len(message) for message in listener.told()] == [100, 100, 5]


@pytest.mark.parametrize(("status", "answer"), [(200, _ACK.format("false")), (200, "ok"), (500, _ACK.format("true"))])
def test_what_is_not_acknowledged_comes_again_later_and_later(
    org: SalesforceOrg, listener: Listener, clock: Clock, status: int, answer: str
) -> None:
    sender = OutboundSender(org, listener.url, retry_seconds=60)
    add_lead(org)
    listener.status, listener.answer = status, answer
    tries = []
    for _ in range(8):
        sender.deliver_due()
        tries.append(len(listener.messages))
        clock.advance(60)

    assert tries == [1, 2, 2, 3, 3, 3, 3, 4]
    assert len({id_ for message in listener.told() for id_, _ in message}) == 1


def test_after_a_day_a_notification_is_dropped(org: SalesforceOrg, listener: Listener, clock: Clock) -> None:
    sender = OutboundSender(org, listener.url)
    add_lead(org)
    listener.status = 500
    clock.advance(24 * 3600)
    sender.deliver_due()

    assert (sender.waiting, len(sender.given_up)) == (0, 1)


def test_a_deletion_and_a_record_that_is_gone_are_told_of_never(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url)
    kept, gone = add_lead(org), add_lead(org)
    org.delete("Lead", gone)
    queued = sender.waiting
    sender.deliver_due()

    assert (queued, listener.records()) == (2, [kept])


def test_the_record_is_told_as_it_is_when_the_message_is_sent(
    org: SalesforceOrg, listener: Listener, clock: Clock
) -> None:
    sender = OutboundSender(org, listener.url)
    lead, other = add_lead(org), add_lead(org)
    task = org.insert("Task", {"WhoId": lead, "Subject": "s"})["Id"]
    clock.advance(5)
    org.update("Task", task, {"WhoId": other})
    sender.deliver_due()

    (message,) = [message for message in listener.messages if b"sf:Task" in message]
    assert lead.encode() not in message


def test_a_change_is_told_when_it_is_committed(org: SalesforceOrg, listener: Listener, clock: Clock) -> None:
    sender = OutboundSender(org, listener.url)
    org.faults.late_commit_seconds = 180
    add_lead(org)
    early = sender.deliver_due()
    clock.advance(180)

    assert (early, sender.deliver_due()) == (0, 1)


def test_duplicates_have_the_same_id(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url, duplicate=True)
    add_lead(org)
    sender.deliver_due()

    (message,) = listener.told()
    assert len(message) == 2
    assert message[0] == message[1]


def test_shuffled_notifications_come_in_another_order(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url, shuffle=True)
    ids = [add_lead(org) for _ in range(50)]
    sender.deliver_due()

    assert listener.records() != ids
    assert sorted(listener.records()) == sorted(ids)


def test_only_the_configured_objects_are_told_of(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url, fields={"Task": ("Id",)})
    add_lead(org)

    assert sender.waiting == 0


def test_what_the_integration_user_writes_is_not_told(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url)
    lead = add_lead(org)
    sender.deliver_due()
    org.update("Lead", lead, {"Title": "CTO"}, by=USER_ID)

    assert sender.waiting == 0


def test_messages_are_delivered_in_a_thread_of_their_own(org: SalesforceOrg, listener: Listener) -> None:
    sender = OutboundSender(org, listener.url)
    lead = add_lead(org)
    heard = threading.Event()
    with sender.running(interval_seconds=0.01):
        for _ in range(500):
            if listener.messages:
                break
            heard.wait(0.01)

    assert listener.records() == [lead]
