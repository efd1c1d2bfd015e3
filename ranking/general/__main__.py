"""Builds the general model from the corpus, or measures it. Prints one JSON line for each result.

build      teaches the whole corpus and writes the model that is shipped
evaluate   teaches all trades but some, and judges those (`--size`: from so many texts only)
own-leads  what the general model is worth beside 0 to 1,000 leads of a trade that it was not taught
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ranking.general.corpus import load_corpus
from ranking.general.evaluate import evaluate_by_trade, folds_of
from ranking.general.train import TeachingConfig, teach_and_save

_HERE = Path(__file__).parent


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m ranking.general", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("build", "evaluate", "own-leads"))
    parser.add_argument("--backbone", default="mpnet")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--cache", type=Path, required=True, help="where the unpacked backbones are kept")
    parser.add_argument("--folder", type=Path, help="where models are written; for `build` beside this file")
    parser.add_argument("--epochs", type=int, default=TeachingConfig().epochs)
    parser.add_argument("--rank", type=int, default=TeachingConfig().rank)
    parser.add_argument("--first-layer", type=int, default=TeachingConfig().first_layer)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--fold", type=int, help="this fold alone, so that folds can be run side by side")
    parser.add_argument("--size", type=int, help="how many texts are taught; all, where none is given")
    parser.add_argument(
        "--counts", type=int, nargs="+", help="how many own leads; for `own-leads`, 0 to 1,000 otherwise"
    )
    arguments = parser.parse_args()
    config = TeachingConfig(epochs=arguments.epochs, rank=arguments.rank, first_layer=arguments.first_layer)
    for line in _run(arguments, config):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _run(arguments: argparse.Namespace, config: TeachingConfig) -> Iterator[dict[str, Any]]:
    corpus = load_corpus()
    name, cache, device = arguments.backbone, arguments.cache, arguments.device
    if arguments.what == "build":
        folder = arguments.folder or _HERE
        model = teach_and_save(name, corpus, cache, folder, config, device=device, progress=_show)
        yield {"model": model.version, "reader": model.reader_version, "texts": len(corpus)}
        return
    folder = arguments.folder or cache / "general-folds"
    folds = folds_of(corpus, folder, folds=arguments.folds, size=arguments.size, config=config)
    if arguments.fold is not None:
        folds = [folds[arguments.fold]]
    if arguments.what == "evaluate":
        for result in evaluate_by_trade(corpus, name, cache, folds, device=device, say=_say, progress=_show):
            yield asdict(result)
    else:
        # The ranker's own parts are only needed here: teaching runs where they are not installed.
        from ranking.general.own_leads import COUNTS, evaluate_own_leads

        counts = arguments.counts or COUNTS
        for own in evaluate_own_leads(corpus, name, cache, folds, counts=counts, device=device, say=_say):
            yield asdict(own)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _show(done: int, steps: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {steps} steps")
    elif done % 50 == 0 or done == steps:
        sys.stderr.write(f"{done} of {steps} steps\n")


if __name__ == "__main__":
    main()
