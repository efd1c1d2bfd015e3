"""A candidate in words: one line of fixed fields, and one text for each interaction.

Each text is read by the language model on its own and only once, whatever lead, stage or day it is needed for: a new
note costs one short pass, and snapshots of the same lead share their readings.
"""

from ranking.candidate import Candidate, FieldValue, Passage

# Part of every cache key: a change here makes the model read everything again.
RENDERING_VERSION = "1"
_MAX_FIELD_CHARACTERS = 80


def render_fields(candidate: Candidate) -> str:
    """Return the stage and the set fields in words, in alphabetical order."""
    words = [f"stage: {candidate.stage}"]
    for name in sorted(candidate.fields):
        value = candidate.fields[name]
        if value is not None and value != "":
            words.append(f"{_spaced(name)}: {_render_value(value)}")
    return ". ".join(words)


def render_passage(passage: Passage) -> str:
    """Return one interaction as the model reads it."""
    return f"{passage.voice}: {passage.text}".replace("\n", " ")


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace(".", " ").lower()


def _render_value(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)[:_MAX_FIELD_CHARACTERS]
