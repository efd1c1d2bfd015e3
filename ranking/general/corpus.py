"""The corpus of written sales texts: what each says, and how much that moves the chance of a sale."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("corpus.jsonl.gz")


@dataclass(frozen=True, slots=True)
class CorpusText:
    """One note or snippet. `utility` is the causal model's graded truth in log-odds; see `causal`."""

    id: str
    kind: str
    trade: str
    stage: str
    language: str
    facts: tuple[str, ...]
    utility: float
    text: str


def load_corpus(file: Path = _FILE) -> list[CorpusText]:
    """Return every text, in the file's order."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    return [
        CorpusText(
            id=row["id"],
            kind=row["kind"],
            trade=row["trade"],
            stage=row["stage"],
            language=row["language"],
            facts=tuple(fact[0] for fact in row["facts"]),
            utility=float(row["utility"]),
            text=row["text"].replace("\n", " "),
        )
        for row in rows
    ]
