"""`callfirst why`: the evidence behind one lead's place, or behind the order of two."""

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.output import console, print_json, reported_errors
from worker.errors import WorkerError
from worker.settings import Settings
from worker.wiring import build_connectors, build_reader, build_store

if TYPE_CHECKING:
    from worker.why import LeadReasons, Why


def why_command(
    lead: Annotated[str, typer.Argument(help="The lead's id in the CRM.")],
    other: Annotated[str | None, typer.Argument(help="A second lead to compare it with.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show which of a lead's texts and fields speak for it and against it, or why one of two leads comes first."""
    from worker.learn import load_model  # what ranks, which other commands need not wait for
    from worker.regimes import Teacher
    from worker.why import why

    found: dict[str, Why] = {}
    refused: list[WorkerError] = []
    with reported_errors():
        settings = Settings()
        store = build_store(settings)
        reader = build_reader(settings.ranking, settings.cache_dir)
        teacher = Teacher(settings.ranking, settings.cache_dir)
        for connector in build_connectors(settings):
            model, its_reader = load_model(store, connector.name, reader, teacher)
            try:
                found[connector.name] = why(
                    store, connector.name, model, its_reader, [lead] if other is None else [lead, other]
                )
            except WorkerError as error:
                refused.append(error)
        if not found:
            raise refused[0]
    if json_output:
        print_json(found)
        return
    for crm, reasons in found.items():
        _show(crm, reasons)


def _show(crm: str, reasons: "Why") -> None:
    if reasons.second is None:
        _show_lead(crm, reasons.first)
        return
    console.print(f"{crm}: call {reasons.first.lead_id} before {reasons.second.lead_id}", markup=False)
    if reasons.read_together is not None:
        console.print(f"  read side by side, the first is the better one with {reasons.read_together:.0%}")
    _show_lead(crm, reasons.first)
    _show_lead(crm, reasons.second)


def _show_lead(crm: str, lead: "LeadReasons") -> None:
    rests = "nothing to read" if lead.insufficient else f"rank {lead.rank}, chance {lead.score} %"
    console.print(f"{crm}  {lead.lead_id}  {lead.stage}  {rests}", markup=False)
    for heading, evidence in (("for", lead.supporting), ("against", lead.opposing)):
        for item in evidence:
            when = "" if item.occurred_at is None else f", {item.occurred_at:%Y-%m-%d}"
            quote = " ".join(item.quote.split())
            console.print(
                f'  {heading:8}{item.effect:+.2f}  "{quote}" ({item.voice}{when}, {item.source})', markup=False
            )
