"""Steering a running portal from outside: its faults, changes to its records, and all that it holds.

It listens on a port of its own, so that no client mistakes it for HubSpot.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors.sandbox.hubspot.changes import Work
from connectors.sandbox.hubspot.faults import PROFILES, HubSpotFaults
from connectors.sandbox.hubspot.object_types import OBJECT_TYPES
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import Record
from connectors.times import render_time

_NOT_SETTABLE = {"requests", "random", "rates"}


def build_control_app(objects: HubSpotObjects, faults: HubSpotFaults) -> Starlette:
    """Return the control port of a portal as an ASGI application."""
    control = _Control(objects, faults)
    return Starlette(
        routes=[
            Route("/faults", control.get_faults, methods=["GET"]),
            Route("/faults", control.put_faults, methods=["PUT"]),
            Route("/changes", control.change, methods=["POST"]),
            Route("/state", control.state, methods=["GET"]),
            Route("/export", control.export, methods=["GET"]),
            Route("/requests", control.requests, methods=["GET"]),
        ]
    )


class _Control:
    """The handlers. They run in another thread than the portal's and hold its lock."""

    def __init__(self, objects: HubSpotObjects, faults: HubSpotFaults) -> None:
        self._objects = objects
        self._faults = faults

    async def get_faults(self, _request: Request) -> Response:
        return JSONResponse(_render_faults(self._faults))

    async def put_faults(self, request: Request) -> Response:
        """Take `{"profile": name}`, or fields to change, or both: the fields then change the profile."""
        body = await request.json()
        profile = body.pop("profile", None)
        known = _render_faults(self._faults)
        unknown = sorted(body.keys() - known.keys())
        if unknown or (profile is not None and profile not in PROFILES):
            return JSONResponse({"unknown": unknown or [profile], "profiles": list(PROFILES)}, 400)
        if profile is not None:
            self._faults.become(PROFILES[profile]())
        for name, value in body.items():
            setattr(self._faults, name, frozenset(value) if name == "missing" else value)
        return await self.get_faults(request)

    async def change(self, request: Request) -> Response:
        """Take `{"contacts": n, "engagements": m, "seed": s}` and say what was done."""
        body = await request.json()
        with self._objects.lock:
            work = Work(self._objects, int(body.get("seed", 0)))
            done = work.change_contacts(int(body.get("contacts", 0)))
            done += work.change_engagements(int(body.get("engagements", 0)))
        return JSONResponse(dict(sorted(done.items())))

    async def state(self, _request: Request) -> Response:
        with self._objects.lock:
            return JSONResponse(
                {
                    "live": {type_: len(rows) for type_, rows in self._objects.records.items()},
                    "archived": {type_: len(rows) for type_, rows in self._objects.archived.items()},
                    "merged": len(self._objects.merged),
                    "requests": len(self._faults.rates.log),
                }
            )

    async def export(self, _request: Request) -> Response:
        return StreamingResponse(self._lines(), media_type="application/jsonl")

    async def requests(self, _request: Request) -> Response:
        log = list(self._faults.rates.log)
        return JSONResponse([arrival._asdict() for arrival in log])

    def _lines(self) -> Iterator[bytes]:
        for type_, table in self._objects.records.items():
            with self._objects.lock:
                rows = list(table.values())
            for record in rows:
                with self._objects.lock:
                    line = self._render(type_, record)
                yield json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def _render(self, type_: str, record: Record) -> dict[str, Any]:
        tied = {other: list(self._objects.associated(type_, record.id, other)) for other in OBJECT_TYPES}
        return {
            "type": type_,
            "id": record.id,
            "properties": record.properties,
            "createdAt": render_time(record.created_at),
            "updatedAt": render_time(record.updated_at),
            "associations": {other: ids for other, ids in tied.items() if ids},
        }


def _render_faults(faults: HubSpotFaults) -> dict[str, Any]:
    values = {item.name: getattr(faults, item.name) for item in fields(faults) if item.name not in _NOT_SETTABLE}
    return values | {"missing": sorted(faults.missing)}
