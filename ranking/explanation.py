"""Why a lead stands where it stands: its own words, quoted, with source and date. Nothing is generated."""

import re
from collections.abc import Mapping

from ranking.candidate import Passage
from ranking.model import ScoredCandidate

MAX_REASON = 255
_MAX_QUOTE = 88
_MIN_WORDS = 4  # "Re: scanners" is evidence of nothing
# Below this share of the lead's strongest effect a passage says nothing worth a rep's second.
_WORTH = 0.25
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


def explain(scored: ScoredCandidate, quotes: Mapping[str, str]) -> str:
    """Return the strongest passage for and against, at most 255 characters.

    `quotes` gives, by source, the sentence to quote; without one the passage's beginning is quoted.
    """
    if not scored.candidate.passages:
        return "Nothing has been written about this lead yet."
    parts = []
    for word, passage in (("For", strongest(scored, +1)), ("Against", strongest(scored, -1))):
        if passage is not None:
            quote = _shorten(quotes.get(passage.source, passage.text))
            parts.append(f'{word}: "{quote}" ({passage.voice}, {passage.occurred_at:%Y-%m-%d})')
    return ("; ".join(parts) or "No text moves this lead much.")[:MAX_REASON]


def strongest(scored: ScoredCandidate, sign: int) -> Passage | None:
    """Return the passage that moves the utility most in a direction, or None if none does to speak of."""
    effects = [sign * effect for effect in scored.effects]
    if not effects:
        return None
    best = max(range(len(effects)), key=effects.__getitem__)
    loudest = max(abs(effect) for effect in effects)
    return scored.candidate.passages[best] if effects[best] > _WORTH * loudest else None


def sentences(text: str) -> list[str]:
    """Return a text's sentences and lines, each an exact part of it; headings only where there is nothing else."""
    parts = [part for part in _SENTENCE_END.split(text) if part.strip()]
    return [part for part in parts if len(part.split()) >= _MIN_WORDS] or parts


def _shorten(text: str) -> str:
    """Return the beginning of a text's first line, to the letter, and a mark where the line goes on."""
    line = text.strip().splitlines()[0].rstrip()
    if len(line) <= _MAX_QUOTE:
        return line
    return line[:_MAX_QUOTE].rsplit(maxsplit=1)[0] + "…"
