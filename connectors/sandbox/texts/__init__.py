"""The wordings of the sandbox's sales organisation, written one by one.

`facts_positive.jsonl` and `facts_negative.jsonl` hold what decides a sale, each fact in many wordings; those of the set
`fresh` share no telling word with those of `history`. `chatter.jsonl` holds what decides nothing.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Wording:
    """One text. `topic` is a fact's name, or for chatter the kind of interaction it fits."""

    topic: str
    wordings: str  # "history", "fresh" or "chatter"
    voice: str  # "rep" or "customer"
    language: str
    text: str


@cache
def load_wordings() -> tuple[Wording, ...]:
    """Return every wording that ships with the sandbox."""
    folder = files(__name__)
    rows = [
        json.loads(line)
        for name in ("facts_positive.jsonl", "facts_negative.jsonl", "chatter.jsonl")
        for line in folder.joinpath(name).read_text(encoding="utf-8").splitlines()
    ]
    return tuple(
        Wording(row.get("fact") or row["kind"], row.get("set", "chatter"), row["voice"], row["lang"], row["text"])
        for row in rows
    )
