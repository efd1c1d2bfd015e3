"""The whole path on two sandbox CRMs, and how right its order is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette

from connectors.base import Connector, ListedLead
from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.lead import Outcome, Stage
from connectors.quota import Quota
from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sandbox import hubspot, salesforce
from connectors.sandbox.faults import Faults
from connectors.sandbox.org import Organisation, OrgLead, build_organisation
from connectors.sandbox.seeding import fill_hubspot, fill_salesforce
from connectors.sandbox.server import SandboxServer
from ranking.baselines import score_by_fields, score_by_recency, score_by_words
from ranking.metrics import Interval, bootstrap_difference, bootstrap_pair_accuracy
from ranking.reader import CachedReader
from worker.history import list_candidates, list_examples
from worker.learn import learn, load_model
from worker.pull import pull
from worker.rank import rank
from worker.settings import BandConfig
from worker.store import ModelVersion, Store
from worker.writeback import write_back

# Seeds that nobody looked at before the method was done.
SEEDS = {"hubspot": 31, "salesforce": 32}


OURS = "Callfirst"


@dataclass(frozen=True, slots=True)
class Measured:
    """Open leads with their planted truth, their stage and wording, and what each order scores them, all [leads]."""

    truth: NDArray[np.float64]
    stages: list[str]
    wordings: NDArray[np.str_]
    orders: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pair accuracy of one order against the planted truth, by how leads are worded, and our lead over it.

    `ahead` is None for our own order.
    """

    name: str
    everything: Interval
    history: Interval
    fresh: Interval
    ahead: Interval | None


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo did in one CRM."""

    crm: str
    stages: tuple[tuple[Stage, tuple[ListedLead, ...]], ...]
    measured: Measured
    model: ModelVersion
    calls: dict[str, int]
    passes: int
    written: int


def run_demo(
    crm: str,
    store: Store,
    reader: CachedReader,
    bands: BandConfig,
    *,
    backbone: str,
    models_dir: Path,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None = None,
) -> DemoReport:
    """Run setup, pull, train, rank, plan and apply against a sandbox CRM, and compare the order with the truth."""
    org = build_organisation(SEEDS[crm], datetime.now(UTC))
    app, truth = build_sandbox(crm, org, Faults())
    with SandboxServer(app) as server:
        connector = connect(crm, server.url)
        calls: dict[str, int] = {}

        def count(step: str) -> None:
            calls[step] = connector.calls - sum(calls.values())

        connector.setup()
        count("setup")
        report = pull(store, connector)
        count("pull")
        say(f"{crm}: pulled {sum(report.records.values()):,} records")
        model = learn(store, crm, reader, backbone=backbone, models_dir=models_dir, progress=progress).model
        say(f"{crm}: trained {model.version} on {model.card['examples']:,} snapshots of {model.card['leads']:,} leads")
        ranked = rank(store, crm, load_model(store, crm, reader)[0], reader, bands, progress=progress)
        written = write_back(store, connector)
        count("apply")
        stages = tuple(
            (stage, tuple(connector.list_by_rank(stage.id)))
            for stage in connector.list_stages()
            if stage.outcome is Outcome.OPEN
        )
        count("show")
    measured = measure(store, crm, truth, {row.lead_id: -row.rank for _, rows in stages for row in rows})
    return DemoReport(crm, stages, measured, model, calls, ranked.passes, written.written)


def build_sandbox(crm: str, org: Organisation, faults: Faults) -> tuple[Starlette, dict[str, OrgLead]]:
    """Return a sandbox CRM filled with the organisation, and its leads by CRM id."""
    by_email = {lead.email: lead for lead in org.leads}
    if crm == "hubspot":
        objects = fill_hubspot(org)
        contacts = objects.records["contacts"].values()
        truth = {record.id: by_email[str(record.properties["email"])] for record in contacts}
        return hubspot.build_app(objects, faults), truth
    records = fill_salesforce(org)
    truth = {row["Id"]: by_email[row["Email"]] for row in records.tables["Lead"].values()}
    return salesforce.build_app(records, faults), truth


def connect(crm: str, url: str) -> Connector:
    """Return a connector to a sandbox CRM."""
    if crm == "hubspot":
        config = HubSpotConfig.model_validate({"access_token": hubspot.TOKEN, "base_url": url})
        return HubSpotConnector(config, quota=Quota("sandbox"))
    secret = {"client_id": salesforce.CLIENT_ID, "client_secret": salesforce.CLIENT_SECRET}
    return SalesforceConnector(SalesforceConfig.model_validate({"instance_url": url, **secret}))


def measure(store: Store, tenant: str, truth: dict[str, OrgLead], ranks: dict[str, int]) -> Measured:
    """Return the order that the CRM shows, and three plain orders, beside the planted truth of the open leads."""
    pairs = [
        (lead, candidate)
        for lead, candidate in list_candidates(store, tenant, datetime.now(UTC))
        if not isnan(truth[lead.id].truth)
    ]
    candidates = [candidate for _, candidate in pairs]
    examples = list_examples(store, tenant)
    return Measured(
        truth=np.array([truth[lead.id].truth for lead, _ in pairs]),
        stages=[f"{tenant} {lead.stage}" for lead, _ in pairs],
        wordings=np.array([truth[lead.id].wordings for lead, _ in pairs]),
        orders={
            OURS: np.array([float(ranks[lead.id]) for lead, _ in pairs]),
            "newest activity first": score_by_recency(examples, candidates),
            "TF-IDF + logistic regression": score_by_words(examples, candidates),
            "fields only": score_by_fields(examples, candidates),
        },
    )


def pool(parts: Sequence[Measured]) -> Measured:
    """Return several CRMs' measurements as one; their stages stay apart."""
    return Measured(
        truth=np.concatenate([part.truth for part in parts]),
        stages=[stage for part in parts for stage in part.stages],
        wordings=np.concatenate([part.wordings for part in parts]),
        orders={name: np.concatenate([part.orders[name] for part in parts]) for name in parts[0].orders},
    )


def compare(measured: Measured) -> tuple[Comparison, ...]:
    """Return how right each order is, and by how much ours is ahead of it."""

    def accuracy(scores: NDArray[np.float64], kind: str) -> Interval:
        chosen = measured.wordings == kind
        stages = [stage for stage, is_kept in zip(measured.stages, chosen, strict=True) if is_kept]
        return bootstrap_pair_accuracy(scores[chosen], measured.truth[chosen], stages)

    ours = measured.orders[OURS]
    return tuple(
        Comparison(
            name=name,
            everything=bootstrap_pair_accuracy(scores, measured.truth, measured.stages),
            history=accuracy(scores, "history"),
            fresh=accuracy(scores, "fresh"),
            ahead=None if name == OURS else bootstrap_difference(ours, scores, measured.truth, measured.stages),
        )
        for name, scores in measured.orders.items()
    )
