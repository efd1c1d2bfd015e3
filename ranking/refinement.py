"""Refines the head of a stage by comparisons, where that has been shown to help; the gate is here.

A tenant's comparator learns from leads that ended first. Leads that ended later choose how far it is trusted, and the
last ones decide: the refinement is on only if its order beats the ranker's own on them, by an interval above 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.candidate import Candidate, Example
from ranking.comparator import Comparator, learn_comparator
from ranking.errors import InsufficientHistoryError
from ranking.fusion import FusionConfig, choose_comparisons, fuse, head_size
from ranking.metrics import Interval, bootstrap_difference, count_pairs, pair_accuracy
from ranking.preferences import PairConfig, make_pairs
from ranking.reader import CachedReader
from ranking.stacking import places_in_time

Floats = NDArray[np.float64]
_TRUSTS = (0.0, 0.25, 0.5, 1.0)
_SPREADS = (0.25, 0.5, 1.0)
_LEARNED_SHARE, _CHOSEN_SHARE = 0.7, 0.85
_LIST_SIZE = 20


@dataclass(frozen=True)
class Refinement:
    """A comparator and how far it is trusted beside the ranker's utilities."""

    comparator: Comparator
    config: FusionConfig

    def refine(self, utilities: Floats, candidates: Sequence[Candidate], reader: CachedReader) -> Floats:
        """Return the utilities with those of each stage's head fused with comparisons, [candidates]."""
        refined = utilities.copy()
        for rows in _stages(candidates):
            comparisons = _compare_head(rows, utilities, candidates, self.comparator, reader)
            refined[comparisons.head] = comparisons.fuse(utilities, self.config)
        return refined


@dataclass(frozen=True, slots=True)
class Trial:
    """What the gate saw: by how much more pairs of heads the refined order gets right, and on how many leads.

    `refinement` is None unless it won.
    """

    refinement: Refinement | None
    ahead: Interval | None
    leads: int
    reason: str


def try_refinement(
    examples: Sequence[Example],
    rows: NDArray[np.int64],
    utilities: Floats,
    config: PairConfig,
    reader: CachedReader,
    *,
    seed: int = 0,
) -> Trial:
    """Return a refinement if it wins on later leads, or why there is none.

    Args:
        examples: The whole history.
        rows: The examples whose utilities are known from parts that did not learn from them, [rows].
        utilities: Those utilities, [rows].
        config: How preference pairs are drawn.
        reader: Reads the pairs of leads.
        seed: Fixes the pairs drawn and their directions.
    """
    if not reader.can_read_pairs:
        return Trial(None, None, 0, "this language model cannot read two leads together")
    share = places_in_time(examples)
    early = [example for example, place in zip(examples, share.tolist(), strict=True) if place < _LEARNED_SHARE]
    try:
        comparator = learn_comparator(early, make_pairs(early, config, seed=seed), reader, seed=seed)
    except InsufficientHistoryError:
        return Trial(None, None, 0, "too few finished leads to learn comparisons from")
    known = {int(row): float(utility) for row, utility in zip(rows, utilities, strict=True)}
    later = sorted(row for row in known if share[row] >= _LEARNED_SHARE)
    choosing = _Lists(examples, known, [row for row in later if share[row] < _CHOSEN_SHARE], comparator, reader)
    testing = _Lists(examples, known, [row for row in later if share[row] >= _CHOSEN_SHARE], comparator, reader)
    if not choosing.lists or not testing.lists or not count_pairs(testing.levels, testing.names):
        return Trial(None, None, 0, "too few later leads to test it on")
    configs = [
        FusionConfig(trust, comparator.first_is_favoured, spread) for trust, spread in product(_TRUSTS, _SPREADS)
    ]
    best = max(configs, key=lambda config: pair_accuracy(choosing.fused(config), choosing.levels, choosing.names))
    ahead = bootstrap_difference(
        testing.fused(best), testing.plain, testing.levels, testing.names, groups=testing.groups
    )
    wins = ahead.low > 0
    return Trial(
        Refinement(comparator, best) if wins else None,
        ahead,
        len(testing.levels),
        "it orders later leads better" if wins else "it does not order later leads better beyond doubt",
    )


def describe_trial(trial: Trial) -> dict[str, Any]:
    """Return a trial as the model card keeps it."""
    return {
        "on": trial.refinement is not None,
        "reason": trial.reason,
        "leads": trial.leads,
        "ahead": None if trial.ahead is None else asdict(trial.ahead),
        "config": None if trial.refinement is None else asdict(trial.refinement.config),
    }


@dataclass(frozen=True, slots=True)
class _Comparisons:
    """What was compared in one stage: `head` are rows, best first; `first` and `second` are places in it."""

    head: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    verdicts: Floats

    def fuse(self, utilities: Floats, config: FusionConfig) -> Floats:
        return fuse(utilities[self.head], self.first, self.second, self.verdicts, config).utilities


class _Lists:
    """Lists of 20 later leads of one stage, their heads compared once, to be fused with any trust.

    `plain` are the utilities of the heads' leads, `levels`, `groups` and `names` (of the list) describe them.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        known: Mapping[int, float],
        rows: Sequence[int],
        comparator: Comparator,
        reader: CachedReader,
    ) -> None:
        self._utilities = np.array([known[row] for row in rows])
        candidates = [examples[row].candidate for row in rows]
        self.lists = [
            _compare_head(part, self._utilities, candidates, comparator, reader)
            for stage in _stages(candidates)
            for part in np.array_split(stage, -(-len(stage) // _LIST_SIZE))
            if len(part) > 1
        ]
        heads = [int(place) for compared in self.lists for place in compared.head]
        self.plain = self._utilities[heads]
        self.levels = np.array([examples[rows[place]].level for place in heads])
        self.groups = [examples[rows[place]].group for place in heads]
        self.names = [str(number) for number, compared in enumerate(self.lists) for _ in compared.head]

    def fused(self, config: FusionConfig) -> Floats:
        """Return the fused utilities of the heads' leads."""
        return np.concatenate([compared.fuse(self._utilities, config) for compared in self.lists])


def _compare_head(
    rows: NDArray[np.int64],
    utilities: Floats,
    candidates: Sequence[Candidate],
    comparator: Comparator,
    reader: CachedReader,
) -> _Comparisons:
    head = rows[np.argsort(-utilities[rows], kind="stable")][: head_size(len(rows))]
    first, second = choose_comparisons(len(rows))
    pairs = [(candidates[head[i]], candidates[head[j]]) for i, j in zip(first.tolist(), second.tolist(), strict=True)]
    return _Comparisons(head, first, second, comparator.verdicts(pairs, reader))


def _stages(candidates: Sequence[Candidate]) -> Iterator[NDArray[np.int64]]:
    stages = np.array([candidate.stage for candidate in candidates])
    for stage in dict.fromkeys(stages.tolist()):
        yield np.flatnonzero(stages == stage)
