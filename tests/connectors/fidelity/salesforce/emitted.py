"""Every query that our connector sends, heard on the wire while it does all that it can."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.lead import InteractionKind
from connectors.salesforce import OutboundMessageTarget, SalesforceConfig, SalesforceConnector
from connectors.salesforce.schema import DOCUMENT, VERSION
from connectors.sandbox.org import build_organisation
from connectors.sandbox.salesforce import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORG_ID,
    USERNAME,
    SalesforceFaults,
    SalesforceOrg,
    build_app,
)
from connectors.sandbox.salesforce.changes import Work
from connectors.sandbox.seeding import fill_many_salesforce, fill_salesforce
from connectors.sandbox.server import SandboxServer
from tests.sandboxes import NO_WAIT

_SINCE = timedelta(days=30)
_TOKEN = "x" * 32
_TARGET = OutboundMessageTarget(SecretStr(f"https://callfirst.example/webhooks/salesforce/{_TOKEN}"), USERNAME)


@dataclass
class Listener:
    """Stands before an org and notes every query, by REST or for a Bulk job, that was sent to it."""

    app: ASGIApp
    queries: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).rstrip("/")
        if path.endswith(("/query", "/queryAll")):
            self.queries.update(parse_qs(scope["query_string"].decode()).get("q", ()))
        if not (path.endswith("/jobs/query") and scope["method"] == "POST"):
            await self.app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        self.jobs.add(json.loads(b"".join(message.get("body", b"") for message in messages))["query"])

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)


@dataclass(frozen=True)
class _Running:
    """An org that is listened to."""

    org: SalesforceOrg
    faults: SalesforceFaults
    url: str

    def connect(self, **settings: Any) -> SalesforceConnector:
        login = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        config = SalesforceConfig.model_validate({"instance_url": self.url, **login, **settings})
        return SalesforceConnector(config, NO_WAIT, outbound=_TARGET if "webhook_token" in settings else None)


def hear() -> tuple[set[str], set[str]]:
    """Have connectors do all that they can in several orgs; return the queries by REST, and those of Bulk jobs."""
    heard: list[Listener] = []
    for sobject in ("Lead", "Opportunity"):
        with _listened(_org(sobject), heard) as running:
            _do_everything(running, sobject)
    with _listened(fill_many_salesforce(10_100, 14_500, 30, 1), heard) as running:
        _read_all(running.connect(), None)
    return {soql for one in heard for soql in one.queries}, {soql for one in heard for soql in one.jobs}


def _org(sobject: str) -> SalesforceOrg:
    return fill_salesforce(build_organisation(3, datetime.now(UTC), closed=30, open_=20), lead_object=sobject)


@contextmanager
def _listened(org: SalesforceOrg, heard: list[Listener]) -> Iterator[_Running]:
    faults = SalesforceFaults()
    heard.append(Listener(build_app(org, faults)))
    with SandboxServer(heard[-1]) as server:
        yield _Running(org, faults, server.url)


def _do_everything(running: _Running, sobject: str) -> None:
    org = running.org
    settings: dict[str, Any] = {"object": sobject, "chatter": True}
    running.connect(**settings).setup(check_only=True)
    running.connect(**settings).setup()
    messages = {"webhook_token": SecretStr(_TOKEN), "organization_id": ORG_ID}
    connector = running.connect(**settings, **messages)
    connector.setup()
    assert all(step.exists for step in connector.setup())
    connector.check_health()
    connector.list_stages()
    work = Work(org, 1)
    work.change_activities(60)
    work.change_notes(60)
    work.change_leads(60)
    _read_all(connector, None)
    _read_all(connector, datetime.now(UTC) - _SINCE)
    running.faults.page_rows, running.faults.locator_pages = 3, 1
    _read_all(running.connect(**settings), datetime.now(UTC) - _SINCE)
    running.faults.page_rows = running.faults.locator_pages = None
    _read_by_id(running.connect(**settings), org, sobject)
    step = connector.list_stages()[0]
    connector.list_by_rank(step.id)
    _read_what_is_hidden(running, settings)


def _read_all(connector: SalesforceConnector, since: datetime | None) -> None:
    """Read every stream to its end, and once more from where its first page ended."""
    for stream in connector.streams:
        positions = [page.position for page in connector.read(stream, since=since)]
        if positions and positions[0] is not None:
            next(connector.read(stream, since=since, position=positions[0]), None)


def _read_by_id(connector: SalesforceConnector, org: SalesforceOrg, sobject: str) -> None:
    ids = list(org.tables[sobject])
    for start in range(0, len(ids), 20):
        connector.read_leads(ids[start : start + 20])
    tables = {
        InteractionKind.TASK: ("Task",),
        InteractionKind.EMAIL: ("EmailMessage", "Task"),
        InteractionKind.MEETING: ("Event",),
        InteractionKind.NOTE: ("ContentDocument", "ContentVersion", "Note", "FeedItem"),
    }
    for kind, names in tables.items():
        found = [id_ for name in names for id_ in org.tables[name]]
        assert kind is not InteractionKind.NOTE or {DOCUMENT, VERSION} <= {id_[:3] for id_ in found}
        connector.read_interactions(kind, found)


def _read_what_is_hidden(running: _Running, settings: dict[str, Any]) -> None:
    """Let the org hide what an org may hide, one thing after the other."""
    org = running.org
    asked = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token = httpx.post(f"{running.url}/services/oauth2/token", data=asked).json()
    session = {"session_id": token["access_token"], "client_id": None, "client_secret": None}
    running.connect(**settings, **session, username=USERNAME).check_health()
    org.hidden = frozenset({"Task.Description", "Lead.Company", "Opportunity.NextStep", "FieldDefinition.DurableId"})
    _read_all(running.connect(**settings), None)
    running.connect(**settings).check_health()
    org.hidden = frozenset()
    org.history_tracked = set()
    org.query_all_files = False
    running.connect(**settings).check_health()
    _read_all(running.connect(**settings), datetime.now(UTC) - _SINCE)
    org.hidden_objects = frozenset({"FieldDefinition", "EmailMessage", "EmailMessageRelation"})
    org.notes_enabled = False
    running.connect(**settings).check_health()
    _read_all(running.connect(**settings), None)
