"""`callfirst sandbox`: a CRM on this machine to try things on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from connectors.sandbox import hubspot as hubspot_sandbox
from connectors.sandbox import salesforce as salesforce_sandbox
from connectors.sandbox.faults import FAULT_PROFILES, build_faults
from connectors.sandbox.org import build_organisation
from connectors.sandbox.seeding import fill_hubspot, fill_salesforce, organisation_from_rows
from connectors.sandbox.server import SandboxServer
from worker.cli.output import console, print_json, reported_errors
from worker.datafile import load_rows
from worker.demo import SEEDS
from worker.errors import ConfigurationError

_PORTS = {"hubspot": 8710, "salesforce": 8720}


def sandbox(
    crm: Annotated[Literal["hubspot", "salesforce"], typer.Argument()],
    port: Annotated[int | None, typer.Option(help="0 takes any free port.")] = None,
    seed_from: Annotated[Path | None, typer.Option(help="Fill it with the leads of a JSON-lines file.")] = None,
    faults: Annotated[str, typer.Option(help=f"One of: {', '.join(FAULT_PROFILES)}.")] = "none",
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Serve a sandbox CRM on 127.0.0.1 until interrupted."""
    with reported_errors():
        if faults not in FAULT_PROFILES:
            raise ConfigurationError(f"there is no fault profile {faults!r}; there are {', '.join(FAULT_PROFILES)}")
        now = datetime.now(UTC)
        if seed_from is None:
            org = build_organisation(SEEDS[crm], now)
        else:
            org = organisation_from_rows([row.to_seed() for row in load_rows(seed_from)], now)
        misbehaviour = build_faults(faults, crm)
        if crm == "hubspot":
            app = hubspot_sandbox.build_app(fill_hubspot(org), misbehaviour)
        else:
            records = fill_salesforce(org)
            records.hidden = misbehaviour.missing
            app = salesforce_sandbox.build_app(records, misbehaviour)
    with SandboxServer(app, port=_PORTS[crm] if port is None else port) as server:
        settings = {
            "hubspot": {"HUBSPOT__BASE_URL": server.url, "HUBSPOT__ACCESS_TOKEN": hubspot_sandbox.TOKEN},
            "salesforce": {
                "SALESFORCE__INSTANCE_URL": server.url,
                "SALESFORCE__CLIENT_ID": salesforce_sandbox.CLIENT_ID,
                "SALESFORCE__CLIENT_SECRET": salesforce_sandbox.CLIENT_SECRET,
            },
        }[crm]
        if json_output:
            print_json({"crm": crm, "url": server.url, "leads": len(org.leads), "environment": settings})
        else:
            console.print(f"{crm} sandbox with {len(org.leads):,} leads. Point Callfirst at it with:")
            for name, value in settings.items():
                console.print(f"export {name}={value}", markup=False)
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print("stopped")
