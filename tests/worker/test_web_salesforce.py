"""Outbound messages over HTTP: what is taken in, what is refused with which answer, and what reaches the store."""

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from connectors.sandbox.salesforce import ORG_ID, OutboundSender
from connectors.sandbox.salesforce.activities import add_email
from connectors.sandbox.server import SandboxServer
from tests.connectors.salesforce.orgs import differences, running_org
from worker.inbox import drain
from worker.pull import pull
from worker.store import Store
from worker.web import SalesforceHook, build_app

pytestmark = pytest.mark.integration

TOKEN = "0123456789abcdef0123456789abcdef"
ORG = "00D5g000004CnXmEAK"
TASK, LEAD = "00T5g00000AbCdEEAV", "00Q5g00000AbCdEEAV"
ACK = "<Ack>true</Ack>"


@pytest.fixture
def server(store: Store) -> Iterator[str]:
    hook = SalesforceHook(SecretStr(TOKEN), ORG, "Lead")
    with SandboxServer(build_app(store, salesforce=hook)) as running:
        yield running.url + "/webhooks/salesforce/"


def message(*records: tuple[str, str, str], org: str = ORG, more: str = "", head: str = "") -> bytes:
    """Return an outbound message; each record is a notification's id, an object and the id of a record of it."""
    notifications = "".join(
        f'<Notification><Id>{name}</Id><sObject xsi:type="sf:{sobject}"'
        f' xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{id_}</sf:Id>{more}</sObject></Notification>'
        for name, sobject, id_ in records
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>04k5g000000CaXmAAK</ActionId>"
        '<SessionId xsi:nil="true"/><EnterpriseUrl>https://x</EnterpriseUrl><PartnerUrl>https://x</PartnerUrl>'
        f"{notifications}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def post(server: str, body: bytes, token: str = TOKEN) -> httpx.Response:
    return httpx.post(server + token, content=body, headers={"Content-Type": "text/xml; charset=utf-8"})


def inbox(store: Store) -> list[tuple[str, str]]:
    told = store.list_due_events("salesforce", datetime.now(UTC), 200)
    return sorted((str(item.event.subject), item.event.id) for item in told)


def test_a_message_is_kept_and_then_acknowledged(server: str, store: Store) -> None:
    answer = post(server, message(("04l1", "Task", TASK), ("04l2", "Lead", LEAD)))

    assert answer.status_code == 200
    assert ACK in answer.text
    assert inbox(store) == [("lead", LEAD), ("task", TASK)]


def test_a_replayed_notification_is_acknowledged_and_kept_once(server: str, store: Store) -> None:
    for _ in range(3):
        assert ACK in post(server, message(("04l1", "Task", TASK))).text

    assert inbox(store) == [("task", TASK)]


def test_two_notifications_of_one_record_are_two_events(server: str, store: Store) -> None:
    post(server, message(("04l1", "Task", TASK), ("04l2", "Task", TASK)))

    assert len(inbox(store)) == 2


def test_an_organisation_id_of_fifteen_characters_is_the_same(server: str, store: Store) -> None:
    assert ACK in post(server, message(("04l1", "Task", TASK), org=ORG[:15])).text
    assert inbox(store)


@pytest.mark.parametrize("object_id", [("Account", "0015g00000AbCdEEAV"), ("Opportunity", "0065g00000AbCdEEAV")])
def test_an_object_that_is_nothing_to_us_is_acknowledged_and_left(
    server: str, store: Store, object_id: tuple[str, str]
) -> None:
    answer = post(server, message(("04l1", *object_id), ("04l2", "Task", TASK)))

    assert ACK in answer.text  # or Salesforce would send it again for a day
    assert inbox(store) == [("task", TASK)]


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
REMOTE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("head", [BOMB, EXTERNAL, REMOTE], ids=["bomb", "external", "remote"])
@pytest.mark.parametrize("more", ["", "<x>&a;</x>", "<x>&c;</x>"])
def test_dangerous_xml_is_refused_and_not_resolved(server: str, store: Store, head: str, more: str) -> None:
    started = time.monotonic()

    answer = post(server, message(("04l1", "Task", TASK), head=head, more=more))

    assert answer.status_code == 400
    assert "<Ack>false</Ack>" in answer.text
    assert Path("/etc/hostname").read_text().strip() not in answer.text
    assert time.monotonic() - started < 5
    assert inbox(store) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not xml", 400),
        (message(("04l1", "Task", TASK))[:-40], 400),
        (message(("04l1", "Task", TASK)).replace(b"UTF-8", b"UTF-7"), 400),
        (message(("04l1", "Task", TASK)).replace(b"notifications", b"complaints"), 400),
        (message(*((f"04l{n}", "Task", TASK) for n in range(101))), 400),
        (b"<x>" * 50_000, 400),
        (message(("04l1", "Task", TASK), org="00D000000000001EAA"), 403),
        (message(("04l1", "Task", TASK), org=""), 403),
        (message(("04l1", "Task", TASK), more=f"<x>{'y' * 1_000_001}</x>"), 413),
    ],
    ids=[
        "empty",
        "no xml",
        "truncated",
        "strange encoding",
        "no notifications",
        "too many",
        "too deep",
        "another org",
        "no org",
        "too large",
    ],
)
def test_bad_messages_are_refused_and_nothing_is_kept(server: str, store: Store, body: bytes, status: int) -> None:
    answer = post(server, body)

    assert answer.status_code == status
    assert "<Ack>false</Ack>" in answer.text
    assert inbox(store) == []


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "0", "%F0%9F%92%A9"])
def test_a_wrong_token_is_refused(server: str, store: Store, token: str) -> None:
    assert post(server, message(("04l1", "Task", TASK)), token).status_code == 404
    assert inbox(store) == []


@pytest.mark.parametrize("id_", ["", "00T5g00000AbCdE", TASK + "0", "00T'; DROP TABLE", "００Ｔ5g00000AbCdEEAV"])
def test_an_id_that_is_none_costs_the_others_nothing(server: str, store: Store, id_: str) -> None:
    answer = post(server, message(("04l1", "Task", escape(id_)), ("04l2", "Lead", LEAD)))

    assert ACK in answer.text
    assert inbox(store) == [("lead", LEAD)]


def test_a_body_of_32_000_characters_of_every_kind_is_no_trouble(server: str, store: Store) -> None:
    allowed = [n for n in range(0x20, 0x110000, 37) if not 0xD800 <= n < 0xE000 and n & 0xFFFE != 0xFFFE]
    text = escape("".join(map(chr, allowed))[:32_000])

    answer = post(server, message(("04l1", "Task", TASK), more=f"<sf:Description>{text}</sf:Description>"))

    assert ACK in answer.text
    assert inbox(store) == [("task", TASK)]


def test_a_store_that_is_down_is_not_acknowledged(
    server: str, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "receive", _fail)

    answer = post(server, message(("04l1", "Task", TASK)))

    assert answer.status_code == 503
    assert ACK not in answer.text


def test_a_body_that_stops_half_way_reaches_nothing(server: str, store: Store) -> None:
    host, port = server.removeprefix("http://").split("/")[0].split(":")
    body = message(("04l1", "Task", TASK))
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /webhooks/salesforce/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:200])
    time.sleep(0.2)

    assert inbox(store) == []


def test_it_is_ours_when_nothing_is_set_up(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with SandboxServer(build_app(store)) as running, caplog.at_level(logging.ERROR):
        answer = post(running.url + "/webhooks/salesforce/", message(("04l1", "Task", TASK)))

    assert answer.status_code == 503
    assert "SALESFORCE__WEBHOOK_TOKEN" in caplog.text


def test_the_served_application_does_not_log_the_token(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "SALESFORCE__INSTANCE_URL": "http://127.0.0.1:9",
        "SALESFORCE__CLIENT_ID": "sandbox",
        "SALESFORCE__CLIENT_SECRET": "sandbox",
        "SALESFORCE__WEBHOOK_TOKEN": TOKEN,
        "SALESFORCE__ORGANIZATION_ID": ORG,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            answer = httpx.Client(transport=httpx.HTTPTransport(retries=8)).post(
                f"http://127.0.0.1:{port}/webhooks/salesforce/{TOKEN}", content=message(("04l1", "Task", TASK))
            )
        finally:
            process.terminate()
            process.wait(10)
    printed = (tmp_path / "log").read_text()

    assert ACK in answer.text
    assert "/webhooks/salesforce/…" in printed
    assert TOKEN not in printed


def test_what_an_org_tells_is_read_and_nothing_else(store: Store) -> None:
    hook = SalesforceHook(SecretStr(TOKEN), ORG_ID, "Lead")
    with running_org() as running, SandboxServer(build_app(store, salesforce=hook)) as web:
        pull(store, running.connect())
        target = f"{web.url}/webhooks/salesforce/{TOKEN}"
        sender = OutboundSender(running.org, target, duplicate=True, shuffle=True)
        first, second = list(running.org.tables["Lead"])[:2]
        call = {"WhoId": first, "Subject": "Call", "Description": "told at once", "TaskSubtype": "Call"}
        running.org.insert("Task", call)
        add_email(running.org, second, "Offer", "<p>told at once, too</p>", datetime.now(UTC))
        running.org.update("Lead", second, {"Company": "Renamed"})
        sender.deliver_due()
        connector = running.connect()

        drain(store, connector)

        assert sender.waiting == 0
        assert connector.calls < 30
        assert differences(store, running.org, running.connect()) == []
        assert drain(store, running.connect()).events == 0


def test_what_could_not_be_kept_is_told_again_and_kept_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = SalesforceHook(SecretStr(TOKEN), ORG_ID, "Lead")
    with running_org() as running, SandboxServer(build_app(store, salesforce=hook)) as web:
        sender = OutboundSender(running.org, f"{web.url}/webhooks/salesforce/{TOKEN}")
        lead = next(iter(running.org.tables["Lead"]))
        running.org.update("Lead", lead, {"Company": "Renamed"})
        with monkeypatch.context() as down:
            down.setattr(store, "receive", _fail)
            sender.deliver_due()
        assert sender.waiting == 1
        running.clock.ahead = timedelta(hours=1)

        sender.deliver_due()

    assert sender.waiting == 0
    assert inbox(store) == [("lead", lead)]


def _fail(*_: object) -> None:
    raise OperationalError("INSERT", {}, Exception("disk I/O error"))
