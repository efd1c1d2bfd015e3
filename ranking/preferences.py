"""Which of two leads of the same stage was the better one to call: pairs of a later win and a later loss."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.candidate import Example

# The margin of the widest tier (won against lost) of HPRO, arXiv 2606.04387, equation 1.
MARGIN = 1.0
_MAX_PAIRS_PER_EXAMPLE = 40


def make_pairs(examples: Sequence[Example], *, seed: int) -> NDArray[np.int64]:
    """Return pairs (winner, loser) of example indices, int64 of shape [pairs, 2].

    Both are snapshots of the same stage and of different leads. No example is the winner of more than 40 pairs, so
    that no lead dominates.
    """
    random = np.random.default_rng(seed)
    by_stage: dict[str, tuple[list[int], list[int]]] = {}
    for index, example in enumerate(examples):
        won, lost = by_stage.setdefault(example.candidate.stage, ([], []))
        (won if example.won else lost).append(index)
    pairs: list[tuple[int, int]] = []
    for won, lost in by_stage.values():
        for winner in won:
            rivals = [loser for loser in lost if examples[loser].group != examples[winner].group]
            count = min(len(rivals), _MAX_PAIRS_PER_EXAMPLE)
            pairs += [(winner, int(loser)) for loser in random.choice(rivals, count, replace=False)] if rivals else []
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
