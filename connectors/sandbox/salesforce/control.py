"""Steering a running org from outside: its faults, changes to its records, and all that it holds.

It listens on a port of its own, so that no client mistakes it for Salesforce.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors.sandbox.salesforce.changes import Work
from connectors.sandbox.salesforce.faults import PROFILES, SalesforceFaults
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.values import render_value

_NOT_SETTABLE = {"requests", "random", "log", "used"}


def build_control_app(org: SalesforceOrg, faults: SalesforceFaults) -> Starlette:
    """Return the control port of an org as an ASGI application."""
    control = _Control(org, faults)
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
    """The handlers. They run in another thread than the org's and hold its lock."""

    def __init__(self, org: SalesforceOrg, faults: SalesforceFaults) -> None:
        self._org = org
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
        with self._org.lock:
            if profile is not None:
                self._faults.become(PROFILES[profile]())
            for name, value in body.items():
                setattr(self._faults, name, frozenset(value) if name == "missing" else value)
        return await self.get_faults(request)

    async def change(self, request: Request) -> Response:
        """Take `{"leads": n, "activities": m, "notes": k, "seed": s}` and say what was done."""
        body = await request.json()
        with self._org.lock:
            work = Work(self._org, int(body.get("seed", 0)))
            done = work.change_leads(int(body.get("leads", 0)))
            done += work.change_activities(int(body.get("activities", 0)))
            done += work.change_notes(int(body.get("notes", 0)))
        return JSONResponse(dict(sorted(done.items())))

    async def state(self, _request: Request) -> Response:
        with self._org.lock:
            live = self._org.count()
            return JSONResponse(
                {
                    "live": dict(live),
                    "deleted": {
                        name: len(rows) - live[name]
                        for name, rows in self._org.tables.items()
                        if len(rows) > live[name]
                    },
                    "requests": len(self._faults.log),
                }
            )

    async def export(self, _request: Request) -> Response:
        return StreamingResponse(self._lines(), media_type="application/jsonl")

    async def requests(self, _request: Request) -> Response:
        return JSONResponse([arrival._asdict() for arrival in list(self._faults.log)])

    def _lines(self) -> Iterator[bytes]:
        """Yield every record that is not deleted, whoever may see it; a note comes with its text."""
        for sobject, table in self._org.tables.items():
            with self._org.lock:
                rows = [dict(row) for row in table.values() if not row.get("IsDeleted")]
            for row in rows:
                line: dict[str, Any] = {name: render_value(value) for name, value in row.items()}
                if sobject == "ContentVersion":
                    line["VersionData"] = self._org.bodies[row["Id"]].decode("utf-8", "replace")
                yield json.dumps({"type": sobject, **line}, ensure_ascii=False).encode() + b"\n"


def _render_faults(faults: SalesforceFaults) -> dict[str, Any]:
    values = {item.name: getattr(faults, item.name) for item in fields(faults) if item.name not in _NOT_SETTABLE}
    return values | {"missing": sorted(faults.missing)}
