"""`callfirst models`: which trained models there are, and which one is in use."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from worker.cli.output import console, describe_validation, print_json, reported_errors, warn
from worker.errors import NoModelError
from worker.settings import Settings
from worker.wiring import build_connectors, build_store

models_app = typer.Typer(
    help="List trained models, put one into use, or go back to the one before.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@models_app.command("list")
def list_models(json_output: Json = False) -> None:
    """List every trained model, the newest first."""
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        found = {connector.name: store.list_models(connector.name) for connector in build_connectors(settings)}
        in_use = {crm: store.find_model(crm) for crm in found}
    if json_output:
        print_json(
            {
                crm: [{"in_use": model == in_use[crm], "model": model} for model in models]
                for crm, models in found.items()
            }
        )
        return
    for crm, models in found.items():
        table = Table(title=crm, title_justify="left")
        for heading in ("in use", "version", "trained at", "leads", "measured"):
            table.add_column(heading)
        for model in models:
            mark = "yes" if model == in_use[crm] else ""
            leads = f"{model.card['leads']:,}"
            table.add_row(
                mark, model.version, f"{model.trained_at:%Y-%m-%d %H:%M} UTC", leads, describe_validation(model.card)
            )
        console.print(table)


@models_app.command("promote")
def promote(version: Annotated[str, typer.Argument()], json_output: Json = False) -> None:
    """Put a trained model into use; the next `rank` follows it."""
    from ranking.model import refuse_foreign_format  # imports what ranks, which other commands need not wait for

    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        now = datetime.now(UTC)
        names = [connector.name for connector in build_connectors(settings)]
        found = {crm: model for crm in names for model in store.list_models(crm) if model.version == version}
        if not found:
            raise NoModelError(f"there is no model {version}; `callfirst models list` shows them")
        for model in found.values():
            refuse_foreign_format(model.path)
        crms = [crm for crm in found if store.set_promoted(crm, version, now)]
    _tell(dict.fromkeys(crms, version), json_output)


@models_app.command("rollback")
def rollback(json_output: Json = False) -> None:
    """Take the model in use out of use: the one before it that can be used, or the general model, takes its place."""
    from ranking.errors import RankingError
    from ranking.model import refuse_foreign_format

    after: dict[str, str] = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        for connector in build_connectors(settings):
            current = store.find_model(connector.name)
            if current is None:
                raise NoModelError(f"{connector.name}: no trained model is in use; there is nothing to go back from")
            store.set_promoted(connector.name, current.version, None)
            previous = store.find_model(connector.name)
            while previous is not None:
                try:
                    refuse_foreign_format(previous.path)
                    break
                except RankingError as error:
                    warn(f"{connector.name}: {error}")
                store.set_promoted(connector.name, previous.version, None)
                previous = store.find_model(connector.name)
            after[connector.name] = "the general model" if previous is None else previous.version
    _tell(after, json_output)


def _tell(in_use: dict[str, str], json_output: bool) -> None:
    if json_output:
        print_json(in_use)
        return
    for crm, version in in_use.items():
        console.print(f"{crm}: {version} is in use; `callfirst rank` makes its order")
