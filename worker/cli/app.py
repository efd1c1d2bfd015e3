"""`callfirst`: every command of the product."""

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from worker.cli.backtest import backtest
from worker.cli.demo import demo
from worker.cli.doctor import doctor
from worker.cli.models import models_app
from worker.cli.output import (
    console,
    describe_pairs,
    describe_refinement,
    describe_validation,
    print_json,
    progress_bar,
    reported_errors,
    to_json,
)
from worker.cli.running import pause_command, resume_command, unpark_command, up_command
from worker.cli.sandbox import sandbox
from worker.cli.templates import write_templates
from worker.cli.why import why_command
from worker.errors import ConfigurationError, WorkerError
from worker.leases import taken
from worker.pull import pull
from worker.settings import Settings
from worker.store import DueWrite, Job
from worker.wiring import build_connectors, build_reader, build_store
from worker.writeback import write_back

app = typer.Typer(
    help="Ranks the leads of each funnel stage from what reps already type into the CRM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.command("sandbox")(sandbox)
app.command("backtest")(backtest)
app.command("doctor")(doctor)
app.command("why")(why_command)
app.command("up")(up_command)
app.command("pause")(pause_command)
app.command("resume")(resume_command)
app.command("unpark")(unpark_command)
app.add_typer(models_app, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("init")
def init(crm: Annotated[Literal["hubspot", "salesforce"], typer.Argument()], json_output: Json = False) -> None:
    """Write callfirst.toml and .env.example for a CRM; files that exist are left alone."""
    results = write_templates(Path.cwd(), crm)
    if json_output:
        print_json(results)
        return
    for name, written in results.items():
        console.print(f"{'wrote' if written else 'kept '} {name}")
    console.print("Next: copy .env.example to .env and fill it in, then `callfirst setup --check`.")


@app.command("setup")
def setup(
    check: Annotated[bool, typer.Option("--check/--apply", help="Only say what is missing.")] = False,
    json_output: Json = False,
) -> None:
    """Create our fields in the CRM. A second run changes nothing."""
    with reported_errors():
        results = {connector.name: connector.setup(check_only=check) for connector in build_connectors(Settings())}
    if json_output:
        print_json(results)
        return
    for crm, steps in results.items():
        for step in steps:
            state = "present" if step.exists else "missing" if check else "created"
            console.print(f"{crm}  {state}  {step.what}")


@app.command("pull")
def pull_command(
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False, json_output: Json = False
) -> None:
    """Read what changed in the CRM; a run that broke off goes on where it was."""
    results = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        for connector in build_connectors(settings, store):
            with (
                progress_bar(f"pull {connector.name}") as advance,
                taken(store, connector.name, Job.READ, timedelta(seconds=settings.worker.lease_seconds)) as held,
            ):
                results[connector.name] = pull(
                    held, connector, full=full, progress=lambda _, records: advance(records, max(records, 1))
                )
    if json_output:
        print_json(results)
        return
    for crm, report in results.items():
        console.print(
            f"{crm}: {sum(report.records.values()):,} records, {report.changed:,} new or changed,"
            f" {report.removed:,} gone, {report.calls:,} API calls"
        )
        console.print("  " + ", ".join(f"{stream} {count:,}" for stream, count in report.records.items()))


@app.command("train")
def train_command(json_output: Json = False) -> None:
    """Learn the order from the history that was pulled."""
    from worker.learn import learn  # what ranks takes seconds to import; other commands need not wait for it
    from worker.regimes import Teacher

    results = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        reader = build_reader(settings.ranking, settings.cache_dir)
        for connector in build_connectors(settings):
            with progress_bar(f"read {connector.name}") as advance:
                results[connector.name] = learn(
                    store,
                    connector.name,
                    reader,
                    backbone=settings.ranking.backbone,
                    models_dir=settings.models_dir.resolve(),
                    refine=settings.ranking.refine,
                    teacher=Teacher(settings.ranking, settings.cache_dir, advance),
                    progress=advance,
                )
    if json_output:
        print_json(results)
        return
    for crm, learned in results.items():
        card = learned.model.card
        console.print(
            f"{crm}: {learned.model.version}, {card['examples']:,} snapshots of {card['leads']:,} leads,"
            f" {describe_pairs(card)}; {describe_validation(card)}"
        )
        console.print(f"  regime {card['regime']}", markup=False)
        console.print(f"  {'in use now' if learned.promoted else 'not put into use'}: {learned.reason}")
        if card["refinement"] is not None:
            console.print(f"  {describe_refinement(card['refinement'])}")


@app.command("rank")
def rank_command(json_output: Json = False) -> None:
    """Order the open leads; nothing is written to the CRM."""
    from worker.learn import load_model  # as in `train`
    from worker.rank import rank
    from worker.regimes import Teacher

    results = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        reader = build_reader(settings.ranking, settings.cache_dir)
        teacher = Teacher(settings.ranking, settings.cache_dir)
        for connector in build_connectors(settings):
            with progress_bar(f"read {connector.name}") as advance:
                model, its_reader = load_model(store, connector.name, reader, teacher)
                results[connector.name] = rank(
                    store, connector.name, model, its_reader, settings.bands, progress=advance
                )
    if json_output:
        print_json(results)
        return
    for crm, report in results.items():
        console.print(
            f"{crm}: {report.leads:,} leads in {report.stages} stages, {report.insufficient:,} with nothing to read;"
            f" {report.passes:,} texts read, {report.changed:,} priorities changed"
        )
        if report.unknown_stage:
            console.print(f"  {report.unknown_stage:,} open leads left out: the CRM lists no such stage as theirs")
        if report.without_amount:
            console.print(
                f"  {report.without_amount:,} leads hold no number in {settings.bands.amount_field!r}:"
                " they are ordered as if it was the middle one",
                markup=False,
            )


@app.command("plan")
def plan_command(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the plan to a file.")] = None,
    json_output: Json = False,
) -> None:
    """Show what would be written. Exit code 0: nothing, 2: changes, 1: error."""
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        due = {connector.name: store.list_due_writes(connector.name) for connector in build_connectors(settings)}
    rows = [
        {
            "crm": crm,
            "lead_id": item.priority.lead_id,
            "seq": item.seq,
            "before": item.before,
            "after": asdict(item.priority),
        }
        for crm, items in due.items()
        for item in items
    ]
    if output is not None:
        output.write_text(json.dumps(to_json({"writes": rows}), indent=2) + "\n")
    if json_output:
        print_json({"writes": rows})
    else:
        for crm, items in due.items():
            console.print(f"{crm}: {len(items):,} leads would be written (nothing has been written)")
            for item in items[:10]:
                before = "new" if item.before is None else f"rank {item.before['rank']}"
                console.print(f"  {item.priority.lead_id}  {before} -> rank {item.priority.rank}", markup=False)
    raise typer.Exit(2 if rows else 0)


@app.command("apply")
def apply_command(
    plan: Annotated[Path | None, typer.Option("--plan", help="Write exactly this plan.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Count what would be written, and write nothing.")] = False,
    json_output: Json = False,
) -> None:
    """Write to the CRM what it does not show yet."""
    results: dict[str, dict[str, Any]] = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        connectors = build_connectors(settings)
        due = {connector.name: store.list_due_writes(connector.name) for connector in connectors}
        if plan is not None:
            due = _planned(plan, due)
        if shadow:
            results = {crm: {"would_write": len(items), "written": 0} for crm, items in due.items()}
        else:
            for connector in connectors:
                lease = timedelta(seconds=settings.worker.lease_seconds)
                with taken(store, connector.name, Job.WRITE, lease) as held:
                    results[connector.name] = asdict(write_back(held, connector, due=due[connector.name]))
    if json_output:
        print_json(results)
    else:
        for crm, report in results.items():
            if shadow:
                console.print(f"{crm}: shadow: {report['would_write']:,} leads would be written, none was")
                continue
            refused = report["refused"]
            console.print(
                f"{crm}: {report['written']:,} leads written, {len(refused):,} refused, {report['calls']} API calls"
            )
            for outcome in refused[:20]:
                console.print(f"  {outcome['lead_id']}: {outcome['detail']}", markup=False)
    if any(report.get("refused") for report in results.values()):
        raise typer.Exit(1)


def _planned(plan: Path, due: dict[str, list[DueWrite]]) -> dict[str, list[DueWrite]]:
    """Return the planned writes, if every one of them is still due as it was planned."""
    try:
        rows = json.loads(plan.read_text())["writes"]
        wanted = {(row["crm"], row["lead_id"]): row["seq"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkerError(f"{plan}: not a plan file; `callfirst plan -o {plan}` writes one") from error
    known = {(crm, item.priority.lead_id): item for crm, items in due.items() for item in items}
    for key, seq in wanted.items():
        if key not in known or known[key].seq != seq:
            raise WorkerError(f"{plan}: lead {key[1]} has changed since the plan was made; run `callfirst plan` again")
    return {crm: [item for item in items if (crm, item.priority.lead_id) in wanted] for crm, items in due.items()}


@app.command("sync")
def sync_command(
    once: Annotated[bool, typer.Option("--once", help="Run once and end; `callfirst up` goes on.")] = False,
    json_output: Json = False,
) -> None:
    """Pull, rank and write back."""
    from worker.regimes import Teacher  # as in `train`
    from worker.sync import sync

    results = []
    with reported_errors():
        if not once:
            raise ConfigurationError(
                "`callfirst sync` needs --once: put it into cron, or run `callfirst up`, which goes on by itself"
            )
        settings = Settings()
        store = build_store(settings)
        connectors = build_connectors(settings, store)
        reader = build_reader(settings.ranking, settings.cache_dir)
        teacher = Teacher(settings.ranking, settings.cache_dir)
        results = [sync(store, connector, reader, settings.bands, teacher) for connector in connectors]
    if json_output:
        print_json(results)
    else:
        for report in results:
            console.print(
                f"{report.crm}: {report.pull.changed:,} records changed, {report.rank.passes:,} texts read,"
                f" {report.rank.changed:,} priorities changed, {report.write.written:,} leads written,"
                f" {len(report.write.refused):,} refused, {report.pull.calls + report.write.calls:,} API calls"
            )
            for outcome in report.write.refused[:20]:
                console.print(f"  {outcome.lead_id}: {outcome.detail}", markup=False)
    if any(report.write.refused for report in results):
        raise typer.Exit(1)


@app.command("show")
def show_command(lead_id: Annotated[str, typer.Argument()], json_output: Json = False) -> None:
    """Show a lead's priority, and what the CRM was last told."""
    found: dict[str, dict[str, Any]] = {}
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        for connector in build_connectors(settings):
            known = store.find_priority(connector.name, lead_id)
            if known is not None:
                found[connector.name] = {"priority": asdict(known[0]), "crm_was_told": known[1]}
        if not found:
            raise WorkerError(f"lead {lead_id} is not ranked: unknown id, finished, or `callfirst rank` has not run")
    if json_output:
        print_json(found)
        return
    for crm, entry in found.items():
        for name, value in entry["priority"].items():
            console.print(f"{crm}  {name:14} {value}", markup=False)
        told = entry["crm_was_told"]
        console.print(f"{crm}  the CRM was {'not told yet' if told is None else 'told rank ' + str(told['rank'])}")
