"""Sandbox portals for tests, and whether a store holds exactly what a portal does."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from connectors.base import Connector
from connectors.sandbox.hubspot import HubSpotFaults, HubSpotObjects, build_app
from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_hubspot, fill_many
from connectors.sandbox.server import SandboxServer
from tests.connectors.rows import held_rows
from tests.sandboxes import Sandbox
from worker.pull import pull
from worker.store import Store

KINDS = {
    "notes": "note",
    "emails": "email",
    "calls": "call",
    "meetings": "meeting",
    "tasks": "task",
    "communications": "message",
}


@contextmanager
def running_portal(
    *, object_type: str = "contacts", contacts: int | None = None, engagements: int = 0
) -> Iterator[Sandbox]:
    """Run a portal of its own: the made-up organisation, or with `contacts` that many plain ones."""
    org = build_organisation(3, datetime.now(UTC), closed=40, open_=20)
    objects = fill_hubspot(org, object_type=object_type) if contacts is None else fill_many(contacts, engagements, 1)
    faults = HubSpotFaults()
    with SandboxServer(build_app(objects, faults)) as server:
        shell = Sandbox("hubspot", server.url, None, faults, objects, org)  # type: ignore[arg-type]  # replaced below
        yield Sandbox("hubspot", server.url, shell.connect(), faults, objects, org)


def portal_keys(objects: HubSpotObjects, object_type: str = "contacts") -> tuple[set[str], set[tuple[str, ...]]]:
    """Return which leads and interactions a portal holds, from its tables and past every API."""
    leads = set(objects.records[object_type])
    items: set[tuple[str, ...]] = {
        (lead, kind, id_)
        for type_, kind in KINDS.items()
        for id_ in objects.records[type_]
        for lead in objects.associated(type_, id_, object_type)
        if lead in leads
    }
    return leads, items


def differences(store: Store, objects: HubSpotObjects, quiet: Connector, object_type: str = "contacts") -> list[str]:
    """Return what a store lacks, has too much of, or holds in another state than a portal.

    Which records there are is asked of the portal's tables; what each of them says, of a full read over a `quiet`
    connection into an empty store, hash by hash.
    """
    leads, items = held_rows(store)
    wanted_leads, wanted_items = portal_keys(objects, object_type)
    found = [f"lead {id_}" for id_ in wanted_leads ^ {key[0] for key in leads}]
    found += [f"interaction {key}" for key in wanted_items ^ set(items)]
    fresh = Store("sqlite://")
    fresh.upgrade()
    pull(fresh, quiet)
    said_leads, said_items = held_rows(fresh)
    fresh.close()
    found += [
        f"lead {key} says something else" for key, said in said_leads.items() if key in leads and leads[key] != said
    ]
    found += [
        f"interaction {key} says something else"
        for key, said in said_items.items()
        if key in items and items[key] != said
    ]
    return found


def silent_ties(objects: HubSpotObjects, found: list[str], before: datetime) -> list[str]:
    """Return those differences that no API call but a full read could tell: ties of interactions from long ago."""
    types = {kind: type_ for type_, kind in KINDS.items()}
    silent = []
    for difference in found:
        if difference.startswith("interaction (") and difference.endswith(")"):
            _, kind, id_ = ast.literal_eval(difference.removeprefix("interaction "))
            record = objects.records[types[kind]].get(id_)
            if record is not None and record.created_at < before and record.updated_at < before:
                silent.append(difference)
    return silent
