"""`callfirst doctor`: looks for what would fail, or lose data in silence."""

from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from connectors.base import Health, HealthCheck
from worker.cli.output import console, print_json, reported_errors
from worker.settings import Settings
from worker.store import Store
from worker.wiring import build_connectors

_STYLES = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


def doctor(json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Check everything that Callfirst needs; reads only. Exit code 1 if a check fails."""
    with reported_errors():
        settings = Settings()
        checks = [_check_store(settings)]
        for connector in build_connectors(settings):
            checks += connector.check_health()
    if json_output:
        print_json({"checks": checks})
    else:
        for check in checks:
            style = _STYLES[check.health]
            console.print(f"[{style}]{check.health.value:4}[/]", end=" ")
            console.print(f"{check.what}: {check.found}", markup=False, highlight=False)
            if check.fix and check.health is not Health.OK:
                console.print(f"       fix: {check.fix}", markup=False, highlight=False)
    if any(check.health is Health.FAIL for check in checks):
        raise typer.Exit(1)


def _check_store(settings: Settings) -> HealthCheck:
    store = Store(settings.database_url)
    try:
        revision, newest = store.database.revisions()
    except SQLAlchemyError as error:
        return HealthCheck("store", Health.FAIL, type(error).__name__, "check DATABASE_URL")
    finally:
        store.close()
    if revision is None:
        return HealthCheck("store", Health.OK, "empty; the first `callfirst pull` creates its tables")
    if revision != newest:
        return HealthCheck("store", Health.WARN, f"tables of version {revision}", "any other command migrates them")
    return HealthCheck("store", Health.OK, f"tables of version {revision}")
