"""A candidate in words: each interaction and each named field is one text.

Each text is read by the language model on its own and only once, whatever lead, stage or day it is needed for: a new
note costs one short pass, and snapshots of the same lead share their readings.
"""

import re

from ranking.candidate import Candidate, Passage
from ranking.columns import date_as_days

# Part of every cache key: a change here makes the model read everything again.
RENDERING_VERSION = "2"
_MAX_FIELD_CHARACTERS = 80
_A_LETTER = re.compile(r"[^\W\d_]")


def render_fields(candidate: Candidate) -> list[str]:
    """Return the stage and each field that holds a word, in alphabetical order.

    Numbers and dates, also those that are typed as texts, are left to the columns.
    """
    words = [f"stage: {candidate.stage}"]
    for name in sorted(candidate.fields):
        value = candidate.fields[name]
        if isinstance(value, str) and _A_LETTER.search(value) and date_as_days(value, candidate.as_of) == value:
            words.append(f"{_spaced(name)}: {value[:_MAX_FIELD_CHARACTERS]}")
    return words


def render_passage(passage: Passage) -> str:
    """Return one interaction as the model reads it."""
    return passage.text.replace("\n", " ")


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " ").lower()
