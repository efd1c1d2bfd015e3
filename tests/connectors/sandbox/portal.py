"""A portal as the tests of the sandbox see it: asked over HTTP, with its insides and its clock at hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects, build_app

STAGES = [("NEW", "New"), ("WON", "Won")]
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Switch:
    """An ASGI application that stands for another: each test gets its own portal on the one server."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


class Portal:
    """An empty portal and a client of it."""

    def __init__(self, switch: Switch, client: httpx.Client) -> None:
        self.clock = Clock()
        self.objects = HubSpotObjects(STAGES, self.clock)
        self.faults = HubSpotFaults()
        self.client = client
        switch.app = build_app(self.objects, self.faults)

    def add(self, type_: str = "contacts", **properties: str) -> str:
        """Add a record as a user of the portal would; return its id."""
        return self.objects.create(type_, properties).id

    def add_note(self, contact: str, text: str = "text") -> str:
        """Add a note on a contact; return its id."""
        note = self.add("notes", hs_note_body=text)
        self.objects.associate("notes", note, "contacts", contact)
        return note

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(path, params=query)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.client.patch(path, json=body)

    def page(self, type_: str = "contacts", **query: Any) -> Any:
        """Return the body of a list page."""
        return self.get(f"/crm/v3/objects/{type_}", **query).json()

    def search(self, *filters: dict[str, Any], type_: str = "contacts", **body: Any) -> httpx.Response:
        """Search with one group of filters."""
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"/crm/v3/objects/{type_}/search", {"filterGroups": groups, **body})

    def found(self, *filters: dict[str, Any], type_: str = "contacts", **body: Any) -> list[str]:
        """Return the ids that a search finds."""
        return [row["id"] for row in self.search(*filters, type_=type_, **body).json()["results"]]


def where(name: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    """Return a search filter."""
    wanted: dict[str, Any] = {"propertyName": name, "operator": operator, **more}
    if operator in ("IN", "NOT_IN"):
        return wanted | {"values": list(values)}
    return wanted | ({"value": values[0]} if values else {})
