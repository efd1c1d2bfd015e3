"""Asks a language model outright who will buy, without any training: what "just use an LLM" comes to.

Two ways that are common: lead by lead (will this one buy, yes or no?), and two by two (which of them?), in both orders,
because models prefer what is read first. What counts is not the word that the model would say but how much likelier it
holds one answer than the other (Qin et al., "Large Language Models are Effective Text Rankers with Pairwise Ranking
Prompting", 2023, scoring mode).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.baselines import Scorer
from ranking.candidate import Candidate, Example
from ranking.rendering import render_fields, render_passage

# How an order that compares leads of one stage only is called.
TWO_BY_TWO = "asked two by two"

Floats = NDArray[np.float64]
_ALONE = """A sales lead, as the CRM shows it.

{lead}

Will this lead buy? Answer with one word, yes or no."""
_TOGETHER = """Two sales leads, as the CRM shows them.

Lead A:
{first}

Lead B:
{second}

Which of them is likelier to buy? Answer with one letter, A or B."""
_ALONE_CHARACTERS, _TOGETHER_CHARACTERS = 1_500, 600
# Each lead is compared with so many others of its stage: all pairs of a hundred leads would be ten thousand readings.
_DEGREE = 4


class Oracle(Protocol):
    """Something that can be asked."""

    def odds(self, prompts: Sequence[str], yes: str, no: str) -> Floats:
        """Return by how much, in log-odds, the answer `yes` is likelier than `no`, [prompts]."""
        ...


def score_alone(oracle: Oracle) -> Scorer:
    """Return a scorer that asks about each lead by itself; examples are not looked at."""

    def score(_: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
        prompts = [_ALONE.format(lead=_render(candidate, _ALONE_CHARACTERS)) for candidate in candidates]
        return oracle.odds(prompts, "yes", "no")

    return score


def score_together(oracle: Oracle, *, seed: int = 0) -> Scorer:
    """Return a scorer that compares each lead with four others of its stage, in both orders, and looks at no examples.

    A lead's score is the mean log-odds by which it was preferred; one that is alone in its stage has 0.
    """

    def score(_: Sequence[Example], candidates: Sequence[Candidate]) -> Floats:
        pairs = _list_pairs([candidate.stage for candidate in candidates], seed)
        leads = [_render(candidate, _TOGETHER_CHARACTERS) for candidate in candidates]
        both_ways = [*pairs, *((second, first) for first, second in pairs)]
        prompts = [_TOGETHER.format(first=leads[first], second=leads[second]) for first, second in both_ways]
        odds = oracle.odds(prompts, "A", "B")
        total, count = np.zeros(len(candidates)), np.zeros(len(candidates))
        for (first, second), value in zip(both_ways, odds.tolist(), strict=True):
            total[first] += value
            total[second] -= value
            count[[first, second]] += 1
        return total / np.maximum(count, 1)

    return score


def zero_shot_orders(name: str, oracle: Oracle) -> dict[str, Scorer]:
    """Return both ways to ask, by what a report calls them."""
    return {
        f"{name}, asked lead by lead": score_alone(oracle),
        f"{name}, {TWO_BY_TWO}": score_together(oracle),
    }


def _list_pairs(stages: Sequence[str], seed: int) -> list[tuple[int, int]]:
    """Return pairs of rows of one stage: neighbours at a distance of one and two in a random circle."""
    random = np.random.default_rng(seed)
    pairs: set[tuple[int, int]] = set()
    for stage in dict.fromkeys(stages):
        circle = random.permutation([row for row, other in enumerate(stages) if other == stage]).tolist()
        for distance in range(1, _DEGREE // 2 + 1):
            for place, row in enumerate(circle):
                other = circle[(place + distance) % len(circle)]
                if row != other:
                    pairs.add((min(row, other), max(row, other)))
    return sorted(pairs)


def _render(candidate: Candidate, characters: int) -> str:
    """Return a lead in words, its newest texts first, as far as there is room."""
    lines = render_fields(candidate)
    lines += [f"{p.occurred_at:%Y-%m-%d} {p.voice}: {render_passage(p)}" for p in candidate.passages]
    return "\n".join(lines)[:characters]
