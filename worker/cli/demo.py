"""`callfirst demo`: the whole path on two sandbox CRMs, without account, key, GPU or network."""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worker.cli.output import console, print_json, progress_bar, reported_errors, to_json
from worker.settings import Settings
from worker.store import Store
from worker.wiring import build_reader

if TYPE_CHECKING:
    from ranking.metrics import Interval
    from worker.demo import Comparison, DemoReport


def demo(
    top: Annotated[int, typer.Option(help="How many leads of each stage to print; 0 prints all.")] = 5,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the full lists and figures go.")] = Path(
        "callfirst-demo.json"
    ),
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Fill two sandbox CRMs, rank their leads, write the priorities back and show what the CRMs then show."""
    from worker.demo import SEEDS, compare, pool, run_demo  # sandboxes and baselines, for this command alone

    started = time.monotonic()
    reports: list[DemoReport] = []
    with reported_errors(), tempfile.TemporaryDirectory(prefix="callfirst-demo-") as folder:
        settings = Settings(hubspot=None, salesforce=None)
        reader = build_reader(settings.ranking, settings.cache_dir)
        store = Store(f"sqlite:///{folder}/demo.db")
        store.upgrade()
        for crm in SEEDS:
            with progress_bar(f"read {crm}") as advance:
                reports.append(
                    run_demo(
                        crm,
                        store,
                        reader,
                        settings.bands,
                        backbone=settings.ranking.backbone,
                        models_dir=Path(folder) / "models",
                        say=lambda line: None if json_output else console.print(line),
                        progress=advance,
                    )
                )
        store.close()
    seconds = time.monotonic() - started
    accuracy = {report.crm: compare(report.measured) for report in reports}
    accuracy["both"] = compare(pool([report.measured for report in reports]))
    document = {
        "seconds": round(seconds, 1),
        "pair_accuracy": to_json(accuracy),
        "crms": [_without_measurements(report) for report in reports],
    }
    output.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if json_output:
        print_json(document)
        return
    for report in reports:
        _show(report, top)
    for name, comparisons in accuracy.items():
        _show_accuracy(name, comparisons)
    console.print(f"\nDone in {seconds:.0f} s. Full lists and figures: {output}")


def _show(report: "DemoReport", top: int) -> None:
    for stage, rows in report.stages:
        shown = rows if top == 0 else rows[:top]
        more = f", first {len(shown)} of {len(rows)}" if len(shown) < len(rows) else ""
        table = Table(title=f"{report.crm}, stage {stage.label}, as the CRM sorts it{more}", title_justify="left")
        for heading in ("rank", "band", "score", "call order", "lead", "reason"):
            table.add_column(heading, justify="left" if heading in ("lead", "reason") else "right")
        for row in shown:
            table.add_row(str(row.rank), row.band, f"{row.score:.1f}", str(row.call_order), row.name, row.reason)
        console.print(table)
    calls = ", ".join(f"{step} {count}" for step, count in report.calls.items())
    console.print(
        f"{report.crm}: {report.written} leads written; API calls: {calls}, {sum(report.calls.values())} in all"
    )


def _show_accuracy(name: str, comparisons: "Sequence[Comparison]") -> None:
    table = Table(title=f"{name}: pairs of open leads ordered rightly within their stage", title_justify="left")
    for heading in ("order", "all leads", "words seen before", "words never seen", "Callfirst ahead by"):
        table.add_column(heading, justify="left" if heading == "order" else "right")
    for item in comparisons:
        ahead = "" if item.ahead is None else _figure(item.ahead)
        table.add_row(item.name, _figure(item.everything), _figure(item.history), _figure(item.fresh), ahead)
    console.print(table)


def _figure(interval: "Interval") -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _without_measurements(report: "DemoReport") -> dict[str, object]:
    """Return a report as JSON; the raw scores stay out, their figures are listed beside it."""
    return {field.name: to_json(getattr(report, field.name)) for field in fields(report) if field.name != "measured"}
