"""How commands speak: tables and bars for a person, one JSON document for a script, one line for an error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.errors import ConnectorError
from ranking.errors import RankingError
from worker.errors import WorkerError

# A pipe has no width of its own; a report is the widest table, and cut figures help nobody.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 280)
_errors = Console(stderr=True, highlight=False)


def warn(line: str) -> None:
    """Tell a person something that a script's JSON must not hold."""
    _errors.print(line, style="yellow", markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(to_json(value), ensure_ascii=False, indent=2) + "\n")


def to_json(value: object) -> Any:
    """Return dataclasses, times and paths as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(asdict(value))
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def describe_pairs(card: dict[str, Any]) -> str:
    """Return in words how many pairs a model learned from, by tier."""
    pairs = card["pairs"]
    if not pairs:
        return "no pairs"
    return f"{sum(pairs.values()):,} pairs ({', '.join(f'{count:,} {tier}' for tier, count in pairs.items())})"


def describe_validation(card: dict[str, Any]) -> str:
    """Return in words what a model's card says of the leads that it was measured on."""
    accuracy = card["validation_pair_accuracy"]
    if accuracy is None:
        return "too few later leads to measure it on"
    low, high = card["validation_low"], card["validation_high"]
    return (
        f"{accuracy:.3f} ({low:.3f} to {high:.3f}) of {card['validation_pairs']:,} pairs of"
        f" {card['validation_leads']:,} later leads right"
    )


def describe_refinement(trial: dict[str, Any]) -> str:
    """Return in words what a model's card says of comparing leads at the head of a stage."""
    ahead = trial["ahead"]
    figures = "" if ahead is None else f": {ahead['value']:+.3f} ({ahead['low']:+.3f} to {ahead['high']:+.3f}) of pairs"
    return f"comparing leads two by two is {'on' if trial['on'] else 'off'}: {trial['reason']}{figures}"


@contextmanager
def reported_errors() -> Iterator[None]:
    """End the command with exit code 1 and one line for an error that a person can act on."""
    try:
        yield
    except (ConnectorError, RankingError, WorkerError) as error:
        _errors.print(f"[red]error:[/] {error}", markup=True, soft_wrap=True)
        raise typer.Exit(1) from error
    except ValidationError as error:
        # Inputs are left out of the message: one of them may be a secret.
        for fault in error.errors(include_input=False, include_url=False):
            name = "__".join(str(part) for part in fault["loc"]).upper()
            _errors.print(f"error: setting {name}: {fault['msg']}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing in a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_errors, disable=not _errors.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
