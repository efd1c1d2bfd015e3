"""`python -m ranking.general build|evaluate`: rebuilds the general model from the corpus, or measures it by trade."""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from ranking.backbone_files import find_backbone
from ranking.general.corpus import load_corpus
from ranking.general.evaluate import evaluate_by_trade
from ranking.general.train import TeachingConfig, build


def main() -> None:
    """Build the general model and say what was written, or print one JSON line for each trade."""
    parser = argparse.ArgumentParser(prog="python -m ranking.general", description=__doc__)
    parser.add_argument("what", choices=("build", "evaluate"))
    parser.add_argument("--backbone", default="smollm2")
    parser.add_argument("--cache", type=Path, required=True, help="where the unpacked backbones are kept")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where the model is written")
    parser.add_argument("--epochs", type=int, default=TeachingConfig().epochs)
    parser.add_argument("--folds", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    config = TeachingConfig(epochs=arguments.epochs)
    corpus = load_corpus()
    if arguments.what == "build":
        model = build(arguments.backbone, corpus, arguments.cache, arguments.folder, config, progress=_show)
        sys.stdout.write(f"{model.version} for {model.reader_version}\n")
        return
    location = find_backbone(arguments.backbone, arguments.cache).location
    with tempfile.TemporaryDirectory() as scratch:
        for result in evaluate_by_trade(
            corpus,
            location,
            Path(scratch),
            folds=arguments.folds,
            config=config,
            say=_say,
            progress=_show,
        ):
            sys.stdout.write(json.dumps(asdict(result)) + "\n")
            sys.stdout.flush()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _show(done: int, steps: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {steps} steps")
    elif done % 50 == 0 or done == steps:
        sys.stderr.write(f"{done} of {steps} steps\n")


if __name__ == "__main__":
    main()
