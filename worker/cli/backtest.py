"""`callfirst backtest`: what the order would have been worth, on one's own history or on a data file."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from ranking.candidate import Example
from worker.cli.output import (
    console,
    describe_pairs,
    describe_validation,
    print_json,
    progress_bar,
    reported_errors,
    warn,
)
from worker.errors import ConfigurationError
from worker.settings import Settings
from worker.wiring import build_connectors, build_reader, build_store

if TYPE_CHECKING:
    from ranking.baselines import Scorer
    from ranking.metrics import Interval
    from ranking.report import Report


def backtest(
    data: Annotated[Path | None, typer.Option("--data", help="A JSON-lines file, .jsonl or .jsonl.gz.")] = None,
    scores: Annotated[
        Path | None, typer.Option("--scores", help="Where the test rows' scores go: log-odds to be won.")
    ] = None,
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report", help="Compare with plain orders on later rows; the default without --scores."
        ),
    ] = None,
    windows: Annotated[
        int, typer.Option(min=1, max=10, help="Judge the latest 60 % in so many windows, each by what was before it.")
    ] = 1,
    ask: Annotated[
        Literal["local", "endpoint"] | None,
        typer.Option(
            help="Compare with a language model that is asked outright, too: SmolLM2 on this machine, or the endpoint"
            " of your environment (ASK_ENDPOINT__*), to which the leads' texts are sent then."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the report as JSON.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn from earlier leads and order later ones; compare with what a team would use instead.

    Without --data the history that was pulled is used: the latest 30 % of the finished leads are ordered by what was
    learned from the others; with --windows, twice as many leads in several steps. With --data the train rows are used
    in the same way, and --scores writes the scores of the test rows by a model that learned from all train rows.
    """
    from ranking.backtest import evaluate, score_rows  # imports scikit-learn, which other commands need not wait for
    from ranking.general.model import find_general_model
    from ranking.leaks import refuse_leaks
    from ranking.preferences import PairConfig
    from worker.datafile import load_rows
    from worker.filed_history import list_train_examples
    from worker.history import list_examples
    from worker.learn import WINDOW

    document: dict[str, object] = {}
    reports: dict[str, Report] = {}
    with reported_errors():
        settings = Settings()
        compares = report if report is not None else scores is None
        others = _open_oracle(settings, local=ask == "local") if compares and ask is not None else {}
        histories: dict[str, Sequence[Example]] = {}
        rows = load_rows(data) if data is not None else []
        reader = build_reader(settings.ranking, settings.cache_dir)
        general = find_general_model(reader.version)
        backbone = settings.ranking.backbone
        if data is not None:
            histories[data.name] = list_train_examples(rows)
        else:
            store = build_store(settings)
            histories = {c.name: list_examples(store, c.name) for c in build_connectors(settings)}
            for examples in histories.values():
                refuse_leaks(examples)
        # A file's order need not be in seconds.
        window = WINDOW.total_seconds() if data is None else None
        tests = [row for row in rows if row.split == "test"]
        if data is not None and tests:
            with progress_bar("read") as advance:
                result = score_rows(
                    histories[data.name],
                    [row.to_candidate() for row in tests],
                    reader,
                    general,
                    backbone=backbone,
                    progress=advance,
                )
            if scores is not None:
                lines = (
                    json.dumps({"id": row.id, "score": score, "stage": row.stage})
                    for row, score in zip(tests, result.scores, strict=True)
                )
                scores.write_text("".join(f"{line}\n" for line in lines))
            card = asdict(result.model.card)
            document |= {"scored": len(tests), "model": result.model.version, "card": card}
            if not json_output:
                if not card["examples"]:
                    console.print("too few train rows of both outcomes: the scores are the general model's alone")
                console.print(
                    f"{len(tests):,} test rows scored by {result.model.version}; learned from"
                    f" {card['examples']:,} rows, {describe_pairs(card)}; {describe_validation(card)}"
                )
        if compares:
            for name, examples in histories.items():
                with progress_bar("compare"):
                    reports[name] = evaluate(
                        examples,
                        reader,
                        general,
                        backbone=backbone,
                        windows=windows,
                        others=others,
                        pairs=PairConfig(window=window, required_tiers=()),
                    )
                for order, reason in reports[name].failed.items():
                    warn(f"{name}: {order} is missing: {reason}")
    document["reports"] = {name: asdict(found) for name, found in reports.items()}
    if output is not None:
        output.write_text(json.dumps(document, indent=2) + "\n")
    if json_output:
        print_json(document)
        return
    for name, found in reports.items():
        show_report(name, found)


def _open_oracle(settings: Settings, *, local: bool) -> "dict[str, Scorer]":
    """Return what asks a language model outright.

    Raises:
        ConfigurationError: The endpoint is not configured.
    """
    from ranking.oracles import LocalOracle, RemoteOracle  # imports torch
    from ranking.zero_shot import zero_shot_orders

    if local:
        oracle = LocalOracle("smollm2", cache=settings.cache_dir / "backbones", device=settings.ranking.device)
        return zero_shot_orders("SmolLM2", oracle)
    endpoint = settings.ask_endpoint
    if endpoint is None:
        raise ConfigurationError(
            "--ask endpoint needs ASK_ENDPOINT__URL, ASK_ENDPOINT__MODEL and ASK_ENDPOINT__API_KEY"
        )
    warn(f"the texts of the leads that are compared are sent to {endpoint.url}: they leave this machine")
    remote = RemoteOracle(str(endpoint.url), endpoint.model, endpoint.api_key.get_secret_value())
    return zero_shot_orders(endpoint.model, remote)


def show_report(name: str, report: "Report") -> None:
    """Print a report as a table."""
    table = Table(
        title=f"{name}: {report.leads:,} leads; NDCG (the gain is the label) over {report.lists:,} lists of one stage,"
        f" dealt {report.deals} times ({report.skipped_lists:,} with nothing to tell apart left out)",
        title_justify="left",
    )
    plain = any(order.area is not None for order in report.orders)
    headings = ["order", "pairs right", "ours ahead by", "NDCG@1", "ours ahead by", "p", "NDCG@3", "NDCG@5"]
    headings += ["AUC", "ours ahead by", "AUC in stage", "won in top 10 %", "ours ahead by"] if plain else []
    headings += ["of all wins in top 10 %", "lift", "calibration error"] if plain else []
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "order" else "right")
    for order in report.orders:
        ahead = order.ahead
        cells = [order.name, _figure(order.pair_accuracy), _figure(ahead.pair_accuracy if ahead else None)]
        cells += [_figure(order.ndcg.get("ndcg@1")), _figure(ahead.ndcg.get("ndcg@1") if ahead else None)]
        cells += ["" if ahead is None else f"{ahead.ndcg_p:.3f}" if ahead.ndcg_p >= 0.001 else "<0.001"]
        cells += [_figure(order.ndcg.get(key)) for key in ("ndcg@3", "ndcg@5")]
        if plain:
            cells += [_figure(order.area), _figure(ahead.area if ahead else None), _number(order.stage_area)]
            cells += [_figure(order.precision_at_10_percent), _figure(ahead.precision_at_10_percent if ahead else None)]
            cells += [_number(order.recall_at_10_percent), _number(order.lift), _figure(order.calibration_error)]
        table.add_row(*cells)
    console.print(table)
    mixed = Table(title="one list of all stages", title_justify="left")
    for heading in ("order", "NDCG@1", "NDCG@3", "NDCG@5"):
        mixed.add_column(heading, justify="left" if heading == "order" else "right")
    for order in report.orders:
        if order.mixed_ndcg is not None:
            figures = (_figure(order.mixed_ndcg.get(key)) for key in ("ndcg@1", "ndcg@3", "ndcg@5"))
            mixed.add_row(order.name, *figures)
    console.print(mixed)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _figure(interval: "Interval | None") -> str:
    return "" if interval is None else f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
