"""`callfirst up`, and the hands that people have on a running worker: `pause`, `resume`, `unpark`."""

import os
from typing import Annotated

import typer

from worker.cli.output import console, print_json, reported_errors
from worker.errors import ConfigurationError
from worker.settings import Settings
from worker.wiring import build_store, list_tenants

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Crm = Annotated[str | None, typer.Option("--crm", help="hubspot or salesforce; both when left out.")]


def up_command(
    host: Annotated[str, typer.Option(help="Where webhooks are listened for.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
) -> None:
    """Run everything in one process: webhooks, reading, ranking, writing, schedule. Needs no Redis."""
    with reported_errors():
        # Its own workers are in this process: no other broker is wanted, whatever the environment says.
        os.environ["BROKER_URL"] = "memory://"
        from worker.up import up  # Celery reads its settings when it is imported

        up(Settings(), host, port, lambda: console.print(f"callfirst is up on http://{host}:{port}"))


def pause_command(
    reason: Annotated[str, typer.Option(help="Kept with the pause.")] = "by hand", crm: Crm = None, json: Json = False
) -> None:
    """Stop reading, ranking and writing at once, whatever is going on; what CRMs tell meanwhile is kept."""
    with reported_errors():
        settings = Settings()
        store, tenants = build_store(settings), _chosen(settings, crm)
        for tenant in tenants:
            store.pause(tenant, reason)
    _say(json, tenants, "paused; `callfirst resume` goes on")


def resume_command(crm: Crm = None, json: Json = False) -> None:
    """Go on after `pause`."""
    with reported_errors():
        settings = Settings()
        store, tenants = build_store(settings), _chosen(settings, crm)
        for tenant in tenants:
            store.resume(tenant)
    _say(json, tenants, "goes on")


def unpark_command(crm: Crm = None, json: Json = False) -> None:
    """Try again what failed too often: work, leads and values that wait for a person."""
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        found = {tenant: store.unpark(tenant) for tenant in _chosen(settings, crm)}
    if json:
        print_json(found)
        return
    for tenant, count in found.items():
        console.print(f"{tenant}: {count:,} tried again")


def _chosen(settings: Settings, crm: str | None) -> list[str]:
    tenants = list_tenants(settings)
    if crm is None:
        return tenants
    if crm not in tenants:
        raise ConfigurationError(f"{crm} is not configured here; configured: {', '.join(tenants) or 'none'}")
    return [crm]


def _say(as_json: bool, tenants: list[str], what: str) -> None:
    if as_json:
        print_json(dict.fromkeys(tenants, what))
        return
    for tenant in tenants:
        console.print(f"{tenant}: {what}")
