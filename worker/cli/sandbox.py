"""`callfirst sandbox`: a CRM on this machine to try things on."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from starlette.applications import Starlette

from connectors.sandbox import hubspot as hubspot_sandbox
from connectors.sandbox import salesforce as salesforce_sandbox
from connectors.sandbox.faults import build_faults, fault_profiles
from connectors.sandbox.hubspot.faults import for_portal
from connectors.sandbox.org import Organisation, build_organisation
from connectors.sandbox.salesforce.faults import for_org
from connectors.sandbox.seeding import fill_hubspot, fill_salesforce, organisation_from_rows
from connectors.sandbox.server import SandboxServer
from worker.cli.output import console, print_json, reported_errors
from worker.datafile import load_rows
from worker.errors import ConfigurationError

_PORTS = {"hubspot": 8710, "salesforce": 8720}
_LEADS = {"hubspot": ("contacts", "deals", "leads"), "salesforce": ("Lead", "Opportunity")}


def sandbox(
    crm: Annotated[Literal["hubspot", "salesforce"], typer.Argument()],
    port: Annotated[int | None, typer.Option(help="0 takes any free port.")] = None,
    seed_from: Annotated[Path | None, typer.Option(help="Fill it with the leads of a JSON-lines file.")] = None,
    leads_as: Annotated[
        Literal["contacts", "deals", "leads", "Lead", "Opportunity"] | None,
        typer.Option(help="What a lead is: contacts, deals or leads in HubSpot, Lead or Opportunity in Salesforce."),
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            help="; ".join(f"{name}: {', '.join(fault_profiles(name))}" for name in _PORTS),
        ),
    ] = "none",
    control_port: Annotated[
        int | None, typer.Option(help="Steer the running sandbox here; 0 takes any free port.")
    ] = None,
    webhooks: Annotated[str | None, typer.Option(help="HubSpot: tell this URL of every change.")] = None,
    webhook_secret: Annotated[str, typer.Option(help="HubSpot: the secret that signs what it is told.")] = (
        hubspot_sandbox.TOKEN
    ),
    outbound: Annotated[
        str | None, typer.Option(help="Salesforce: send this URL an outbound message of every change.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Serve a sandbox CRM on 127.0.0.1 until interrupted."""
    with reported_errors(), ExitStack() as running:
        if faults not in fault_profiles(crm):
            known = ", ".join(fault_profiles(crm))
            raise ConfigurationError(f"there is no fault profile {faults!r} of {crm}; there are {known}")
        if leads_as is not None and leads_as not in _LEADS[crm]:
            raise ConfigurationError(f"a lead of {crm} cannot be {leads_as!r}; it can be {', '.join(_LEADS[crm])}")
        now = datetime.now(UTC)
        if seed_from is None:
            from worker.demo import SEEDS  # brings what ranks, which other commands need not wait for

            org = build_organisation(SEEDS[crm], now)
        else:
            org = organisation_from_rows([row.to_seed() for row in load_rows(seed_from)], now)
        kind = leads_as or _LEADS[crm][0]
        if crm == "hubspot":
            app, control_app = _hubspot(org, kind, faults, webhooks, webhook_secret, running)
        else:
            app, control_app = _salesforce(org, kind, faults, outbound, running)
        control = None
        if control_port is not None:
            control = running.enter_context(SandboxServer(control_app, port=control_port))
        server = running.enter_context(SandboxServer(app, port=_PORTS[crm] if port is None else port))
        settings = {
            "hubspot": {"HUBSPOT__BASE_URL": server.url, "HUBSPOT__ACCESS_TOKEN": hubspot_sandbox.TOKEN},
            "salesforce": {
                "SALESFORCE__INSTANCE_URL": server.url,
                "SALESFORCE__CLIENT_ID": salesforce_sandbox.CLIENT_ID,
                "SALESFORCE__CLIENT_SECRET": salesforce_sandbox.CLIENT_SECRET,
            },
        }[crm]
        steering = {"control": control.url} if control is not None else {}
        if json_output:
            print_json({"crm": crm, "url": server.url, "leads": len(org.leads), "environment": settings} | steering)
        else:
            console.print(f"{crm} sandbox with {len(org.leads):,} leads. Point Callfirst at it with:")
            for name, value in settings.items():
                console.print(f"export {name}={value}", markup=False)
            for url in steering.values():
                console.print(f"Steer it at {url}", markup=False)
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print("stopped")


def _hubspot(
    org: Organisation, kind: str, profile: str, webhooks: str | None, secret: str, running: ExitStack
) -> tuple[Starlette, Starlette]:
    """Return a portal and its control port, with its webhooks running."""
    faults = for_portal(build_faults(profile, "hubspot"))
    objects = fill_hubspot(org, object_type=kind)
    app = hubspot_sandbox.build_app(objects, faults)
    if webhooks is not None:
        running.enter_context(hubspot_sandbox.WebhookSender(objects, webhooks, secret).running())
    return app, hubspot_sandbox.build_control_app(objects, faults)


def _salesforce(
    org: Organisation, kind: str, profile: str, outbound: str | None, running: ExitStack
) -> tuple[Starlette, Starlette]:
    """Return an org and its control port, with its outbound messages running."""
    faults = for_org(build_faults(profile, "salesforce"))
    records = fill_salesforce(org, lead_object=kind)
    app = salesforce_sandbox.build_app(records, faults)
    if outbound is not None:
        running.enter_context(salesforce_sandbox.OutboundSender(records, outbound).running())
    return app, salesforce_sandbox.build_control_app(records, faults)
