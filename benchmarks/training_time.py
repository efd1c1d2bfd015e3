"""How long learning takes: 2,000 leads of about 200 tokens, first with nothing read, then with every text read before.

    .venv/bin/python -m benchmarks.training_time [--backbone mpnet] [--leads 2000]

The leads are made of the corpus's notes, two or three each; their outcomes follow the notes' graded truth. Prints one
JSON document: seconds, texts read, tokens, and the order's accuracy on later leads, as a check that it learned.
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from ranking.backbone import Backbone, encode
from ranking.backbone_files import find_backbone
from ranking.candidate import Candidate, Example, Passage
from ranking.general.corpus import load_corpus
from ranking.general.model import find_adapter, find_general_model
from ranking.reader import CachedReader
from ranking.training import train

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Time both trainings and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="mpnet")
    parser.add_argument("--leads", type=int, default=2_000)
    arguments = parser.parse_args()
    cache = user_cache_path("callfirst") / "backbones"
    adapter = find_adapter(find_backbone(arguments.backbone, cache).version)
    backbone = Backbone(arguments.backbone, cache=cache, adapter=adapter)
    examples = make_leads(arguments.leads)
    texts = {passage.text for example in examples for passage in example.candidate.passages}
    tokens = sum(map(len, encode(backbone.tokenizer, sorted(texts))))
    figures: dict[str, object] = {"leads": len(examples), "texts": len(texts), "tokens": tokens}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "again"):
            reader = CachedReader(backbone, Path(folder) / "vectors.sqlite")
            started = time.perf_counter()
            model = train(examples, reader, find_general_model(reader.version), backbone=arguments.backbone)
            figures[f"{name}_seconds"] = round(time.perf_counter() - started, 1)
            figures[f"{name}_texts_read"] = reader.passes
            figures["later_pairs_right"] = model.card.validation_pair_accuracy
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def make_leads(count: int) -> list[Example]:
    """Return leads of two or three notes, each note made unlike any other by a number, so that none is read twice."""
    notes = [text for text in load_corpus() if text.kind == "note"]
    random = np.random.default_rng(0)
    leads = []
    for number in range(count):
        chosen = [notes[place] for place in random.integers(len(notes), size=random.integers(2, 4))]
        utility = sum(note.utility for note in chosen)
        won = bool(random.random() < 1 / (1 + np.exp(-utility)))
        passages = tuple(
            Passage(f"note:{number}-{place}", "note", _NOW, f"{note.text} ({number}-{place})")
            for place, note in enumerate(chosen)
        )
        candidate = Candidate(str(number), chosen[0].stage, _NOW, {}, passages)
        leads.append(Example(candidate, float(won), won, str(number), float(number)))
    return leads


if __name__ == "__main__":
    main()
