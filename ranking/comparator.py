"""Reads two leads together and says which is the better one to call: a second opinion for the head of a stage.

The two leads stand one after the other in one text, so that a decoder reads the second knowing the first. A line on
what it read gives the log-odds that the first is the better one; its bias is the order term, what being read first is
worth. It learns from the same preference pairs as the ranker, each in a random direction, so that both orders are
covered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking.candidate import Candidate, Example
from ranking.errors import InsufficientHistoryError
from ranking.heads import Heads, fit_path
from ranking.inputs import passages_of
from ranking.preferences import Pairs
from ranking.reader import CachedReader

Floats = NDArray[np.float64]
# The newest texts say most, and two leads have to fit into one reading.
_MAX_CHARACTERS = 500
_PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_CHECKED_SHARE = 0.25
_FEWEST_PAIRS = 40
_NO_ROWS = np.zeros(0, dtype=np.int64)
_NO_PAIRS = Pairs(_NO_ROWS, _NO_ROWS, np.zeros(0), np.zeros(0, dtype=np.int8))


@dataclass(frozen=True)
class Comparator:
    """A line on the vectors of two leads read together, scaled by `centre` and `spread` [width].

    Row 1 of the heads gives the verdict.
    """

    centre: Floats
    spread: Floats
    heads: Heads

    @property
    def first_is_favoured(self) -> float:
        """The log-odds by which the lead that is read first does better for that alone."""
        return float(self.heads.bias[1])

    def verdicts(self, pairs: Sequence[tuple[Candidate, Candidate]], reader: CachedReader) -> Floats:
        """Return the probability that the first of each pair is the better one, [pairs]; one pass for each new pair."""
        if not pairs:
            return np.zeros(0)
        vectors = read_together(pairs, reader)
        return np.asarray(expit(self.heads.apply((vectors - self.centre) / self.spread)[:, 1]))


def learn_comparator(
    examples: Sequence[Example], pairs: Pairs, reader: CachedReader, *, most: int = 400, seed: int = 0
) -> Comparator:
    """Return a comparator that learned from at most `most` pairs of one stage, drawn in random directions.

    The penalty is the one that does best on the quarter of these pairs whose winners ended last.

    Raises:
        InsufficientHistoryError: There are fewer than 40 pairs of one stage.
    """
    random = np.random.default_rng(seed)
    stages = [example.candidate.stage for example in examples]
    inside = [
        place
        for place, (winner, loser) in enumerate(zip(pairs.winners.tolist(), pairs.losers.tolist(), strict=True))
        if stages[winner] == stages[loser]
    ]
    if len(inside) < _FEWEST_PAIRS:
        raise InsufficientHistoryError(
            f"only {len(inside)} pairs of one stage; {_FEWEST_PAIRS} are needed to compare leads"
        )
    chosen = random.choice(inside, min(most, len(inside)), replace=False)
    chosen = chosen[np.argsort([examples[pairs.winners[place]].order for place in chosen.tolist()], kind="stable")]
    first_is_better = (random.random(len(chosen)) < 0.5).astype(np.float64)
    sides = np.stack([pairs.winners[chosen], pairs.losers[chosen]])
    first = np.where(first_is_better > 0, sides[0], sides[1])
    second = np.where(first_is_better > 0, sides[1], sides[0])
    vectors = read_together(
        [(examples[i].candidate, examples[j].candidate) for i, j in zip(first.tolist(), second.tolist(), strict=True)],
        reader,
    )
    centre, spread = vectors.mean(0), vectors.std(0) + 1e-3
    features = (vectors - centre) / spread / np.sqrt(vectors.shape[1])
    learned = round(len(chosen) * (1 - _CHECKED_SHARE))
    trial = fit_path(features[:learned], first_is_better[:learned], np.ones(learned), _NO_PAIRS, _PENALTIES)
    losses = [_loss(heads.apply(features[learned:])[:, 1], first_is_better[learned:]) for heads in trial]
    best = int(np.argmin(losses))
    heads = fit_path(features, first_is_better, np.ones(len(chosen)), _NO_PAIRS, _PENALTIES[: best + 1])[-1]
    return Comparator(centre, spread * np.sqrt(vectors.shape[1]), heads)


def read_together(pairs: Sequence[tuple[Candidate, Candidate]], reader: CachedReader) -> Floats:
    """Return one vector for each pair, float64 [pairs, pair width]."""
    texts = [(render_lead(first), render_lead(second)) for first, second in pairs]
    found = reader.read_pairs(texts)
    return np.stack([found[text] for text in texts]).astype(np.float64)


def render_lead(candidate: Candidate) -> str:
    """Return a lead's newest texts, newest first, as one short text."""
    return " / ".join(passages_of(candidate))[:_MAX_CHARACTERS] or "(nothing written)"


def _loss(scores: Floats, truth: Floats) -> float:
    return float((np.logaddexp(0.0, scores) - truth * scores).mean()) if len(scores) else 0.0
