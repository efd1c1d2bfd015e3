"""The demo's order against its planted truth: lists of 20 of one stage, every baseline, every ablation.

    .venv/bin/python -m benchmarks.demo_order [--seeds 31 32] [--ask] [-o FILE]

Takes the demo's two organisations through both sandbox CRMs' real clients into a store, learns from each one's history
and orders its open leads. The gain of a lead is its planted chance. With `--ask` SmolLM2 is asked outright, too, lead
by lead and two by two, which takes two cores three quarters of an hour for each organisation.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.organisations import argument_parser, open_reader, pull_organisations
from ranking.backtest import OURS, make_orders
from ranking.baselines import Scorer
from ranking.oracles import LocalOracle
from ranking.report import compare_orders
from ranking.zero_shot import zero_shot_orders
from worker.cli.backtest import show_report
from worker.settings import Settings


def main() -> None:
    """Print the report of both organisations pooled."""
    parser = argument_parser(__doc__)
    parser.add_argument("--ask", action="store_true", help="compare with SmolLM2 that is asked outright, too")
    arguments = parser.parse_args()
    reader, general, backbone = open_reader()
    gains: list[float] = []
    stages: list[str] = []
    leads: list[str] = []
    orders: dict[str, list[NDArray[np.float64]]] = {}
    orders_across: dict[str, list[NDArray[np.float64]]] = {}
    asked: dict[str, Scorer] = {}
    if arguments.ask:
        cache = Settings(hubspot=None, salesforce=None).cache_dir / "backbones"
        asked = zero_shot_orders("SmolLM2", LocalOracle("smollm2", cache=cache))
    for org in pull_organisations(arguments.seeds):
        gains += [float(expit(lead.truth)) for lead in org.truth]
        stages += [f"{org.crm} {candidate.stage}" for candidate in org.candidates]
        leads += [f"{org.crm} {candidate.id}" for candidate in org.candidates]
        found = make_orders(
            org.examples,
            org.candidates,
            reader,
            general,
            backbone=backbone,
            others=asked,
            say=partial(_say, org.crm),
        )
        for name, scores in found.by_stage.items():
            orders.setdefault(name, []).append(scores)
        for name, scores in found.one_list.items():
            orders_across.setdefault(name, []).append(scores)
    report = compare_orders(_pooled(orders), np.array(gains), stages, leads, ours=OURS, one_list=_pooled(orders_across))
    show_report("demo organisations", report)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(asdict(report), indent=2) + "\n")


def _say(crm: str, name: str) -> None:
    sys.stderr.write(f"{crm}: {name}\n")


def _pooled(parts: Mapping[str, Sequence[NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate(scores) for name, scores in parts.items()}


if __name__ == "__main__":
    main()
