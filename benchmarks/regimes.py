"""What teaching the language model a team's own leads is worth: `lora` and `full` beside heads on what is read.

    .venv/bin/python -m benchmarks.regimes [--seeds 31 32] [--data FILE ...] [--device cuda] [-o FILE]

Every regime learns from the same history. Of the demo's organisations the open leads are ordered and judged by their
planted chance, and of a data file, of which no such thing is known, the later leads by what became of them; the
language model has seen neither. Needs an accelerator, or patience.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.organisations import PulledOrganisation, argument_parser, pull_organisations
from ranking.candidate import Example
from ranking.checkpoint import Unfinished
from ranking.errors import TeachingError
from ranking.general.model import find_general_model
from ranking.metrics import bootstrap_difference, bootstrap_pair_accuracy
from ranking.training import TrainingConfig, train
from worker.datafile import load_rows
from worker.filed_history import list_train_examples
from worker.regimes import Reading, Teacher
from worker.settings import RankingConfig, Settings
from worker.wiring import build_reader

Floats = NDArray[np.float64]
_TAUGHT: tuple[Literal["lora", "full"], ...] = ("lora", "full")


def main() -> None:
    """Print a line for each history and regime."""
    parser = argument_parser(__doc__)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="data files, as `callfirst backtest` reads")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:0")
    arguments = parser.parse_args()
    lines: list[dict[str, Any]] = []
    settings = Settings(hubspot=None, salesforce=None)
    config = settings.ranking.model_copy(update={"device": arguments.device})
    reader = build_reader(config, settings.cache_dir)
    head = Reading(reader, find_general_model(reader.version), TrainingConfig(), "head")
    for file in arguments.data:
        examples = list_train_examples(load_rows(file))
        for regime in _TAUGHT:
            line, _ = _teach(examples, head, regime, config, settings.cache_dir)
            lines.append(_told({"history": file.name, "regime": regime, **line}))
    for org in pull_organisations(arguments.seeds):
        plain = _order(org, head, config)
        for regime in _TAUGHT:
            line, reading = _teach(org.examples, head, regime, config, settings.cache_dir)
            if reading is not None:
                line |= _judged(org, _order(org, reading, config), plain)
            lines.append(_told({"history": org.crm, "regime": regime, **line}))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(lines, indent=2) + "\n")


def _teach(
    examples: Sequence[Example],
    head: Reading,
    regime: Literal["lora", "full"],
    config: RankingConfig,
    cache_dir: Path,
) -> tuple[dict[str, Any], Reading | None]:
    """Return what is to be said of a regime, and what it reads with, or None where it taught nothing."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            teacher = Teacher(config.model_copy(update={"regime": regime}), cache_dir)
            reading = teacher.teach(examples, head, Path(folder), Unfinished(Path(folder) / "unfinished.pt"))
        except TeachingError as error:
            return {"later pairs": f"nothing was taught: {error}"}, None
    return {"later pairs": reading.described, "seconds": round(time.perf_counter() - started)}, reading


def _order(org: PulledOrganisation, reading: Reading, config: RankingConfig) -> Floats:
    model = train(org.examples, reading.reader, reading.general, backbone=config.backbone, config=reading.config)
    return model.utilities(org.candidates, reading.reader)


def _judged(org: PulledOrganisation, ours: Floats, plain: Floats) -> dict[str, Any]:
    chance = expit([lead.truth for lead in org.truth])
    stages = [candidate.stage for candidate in org.candidates]
    return {
        "open pairs": asdict(bootstrap_pair_accuracy(ours, chance, stages)),
        "of heads": asdict(bootstrap_pair_accuracy(plain, chance, stages)),
        "ahead of heads": asdict(bootstrap_difference(ours, plain, chance, stages)),
    }


def _told(line: dict[str, Any]) -> dict[str, Any]:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return line


if __name__ == "__main__":
    main()
