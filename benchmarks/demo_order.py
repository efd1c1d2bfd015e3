"""The demo's order against its planted truth: lists of 20 of one stage, every baseline, every ablation.

    .venv/bin/python -m benchmarks.demo_order [--seeds 31 32] [-o FILE]

Takes the demo's two organisations through both sandbox CRMs' real clients into a store, learns from each one's history
and orders its open leads. The gain of a lead is its planted chance.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from connectors.sandbox.faults import Faults
from connectors.sandbox.org import build_organisation
from connectors.sandbox.server import SandboxServer
from ranking.backtest import OURS, make_orders
from ranking.general.model import find_general_model
from ranking.report import compare_orders
from worker.cli.backtest import show_report
from worker.demo import SEEDS, build_sandbox, connect
from worker.history import list_candidates, list_examples
from worker.pull import pull
from worker.settings import Settings
from worker.store import Store
from worker.wiring import build_reader


def main() -> None:
    """Print the report of both organisations pooled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=list(SEEDS.values()))
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    settings = Settings(hubspot=None, salesforce=None)
    reader = build_reader(settings.ranking, settings.cache_dir)
    general = find_general_model(reader.version)
    gains: list[float] = []
    stages: list[str] = []
    leads: list[str] = []
    orders: dict[str, list[NDArray[np.float64]]] = {}
    orders_across: dict[str, list[NDArray[np.float64]]] = {}
    for crm, seed in zip(SEEDS, arguments.seeds, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{folder}/callfirst.db")
            store.upgrade()
            app, truth = build_sandbox(crm, build_organisation(seed, datetime.now(UTC)), Faults())
            with SandboxServer(app) as server:
                pull(store, connect(crm, server.url))
            known = [
                (lead, candidate)
                for lead, candidate in list_candidates(store, crm, datetime.now(UTC))
                if not isnan(truth[lead.id].truth)
            ]
            gains += [float(expit(truth[lead.id].truth)) for lead, _ in known]
            stages += [f"{crm} {lead.stage}" for lead, _ in known]
            leads += [f"{crm} {lead.id}" for lead, _ in known]
            found = make_orders(
                list_examples(store, crm),
                [candidate for _, candidate in known],
                reader,
                general,
                backbone=settings.ranking.backbone,
            )
            for name, scores in found.by_stage.items():
                orders.setdefault(name, []).append(scores)
            for name, scores in found.one_list.items():
                orders_across.setdefault(name, []).append(scores)
            store.close()
    report = compare_orders(_pooled(orders), np.array(gains), stages, leads, ours=OURS, one_list=_pooled(orders_across))
    show_report("demo organisations", report)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(asdict(report), indent=2) + "\n")


def _pooled(parts: Mapping[str, Sequence[NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate(scores) for name, scores in parts.items()}


if __name__ == "__main__":
    main()
