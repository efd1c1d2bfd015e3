"""Which of two leads was the better one to call: pairs of what happened after two snapshots.

The level of a snapshot is what happens after it, not what it is: inside one stage all leads share the latter. Three
tiers with margins, as HPRO has them (arXiv 2606.04387, equations 1 and 2): the further apart two outcomes are, the
further apart the utilities shall be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ranking.candidate import Example
from ranking.errors import InsufficientHistoryError


class Tier(IntEnum):
    """How far apart the two outcomes of a pair are."""

    SOFT = 0
    KEY = 1
    GLOBAL = 2


# The paper's margins, in log-odds.
MARGINS: Mapping[Tier, float] = {Tier.SOFT: 0.1, Tier.KEY: 0.5, Tier.GLOBAL: 1.0}
# The least difference of levels of each tier. With five levels a step of 1 is soft, of 2 key, of 3 or 4 global.
_LEAST_DIFFERENCE = {Tier.GLOBAL: 0.7, Tier.KEY: 0.4}


@dataclass(frozen=True, slots=True)
class PairConfig:
    """How pairs are drawn.

    `max_per_example` bounds how often one snapshot wins, and how often it loses, so that no lead dominates.
    `cross_stage_share` is the number of pairs across stages for each pair inside one: the funnel's own order.
    `window` is how far apart in time two snapshots may be, in the unit of `Example.order`; None is no bound.
    Training refuses to start when a tier of `required_tiers` has no pair.
    """

    max_per_example: int = 40
    cross_stage_share: float = 0.1
    window: float | None = None
    required_tiers: tuple[Tier, ...] = (Tier.GLOBAL,)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Preferences, [pairs]: `winners` and `losers` are example indices (int64), `margins` float64, `tiers` int8."""

    winners: NDArray[np.int64]
    losers: NDArray[np.int64]
    margins: NDArray[np.float64]
    tiers: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.winners)

    def counts(self) -> dict[str, int]:
        """Return the number of pairs of each tier, by its name in lower case."""
        return {tier.name.lower(): int((self.tiers == tier).sum()) for tier in Tier}


def make_pairs(examples: Sequence[Example], config: PairConfig = PairConfig(), *, seed: int = 0) -> Pairs:
    """Return preference pairs: same stage first, then a share across stages.

    A pair's leads are of different groups, and its loser's horizon is complete: a lead that merely has not got further
    *yet* is no loser.

    Raises:
        InsufficientHistoryError: A required tier has no pair.
    """
    random = np.random.default_rng(seed)
    level = np.array([example.level for example in examples], dtype=np.float64)
    order = np.array([example.order for example in examples], dtype=np.float64)
    complete = np.array([example.complete for example in examples], dtype=np.bool_)
    groups = np.unique([example.group for example in examples], return_inverse=True)[1] if len(examples) else level
    stages = (
        np.unique([example.candidate.stage for example in examples], return_inverse=True)[1] if len(examples) else level
    )
    lost_count = np.zeros(len(examples), dtype=np.int64)
    winners: list[int] = []
    losers: list[int] = []

    def draw(winner: int, same_stage: bool, most: int) -> None:
        rivals = complete & (level < level[winner]) & (groups != groups[winner])
        rivals &= (stages == stages[winner]) if same_stage else (stages != stages[winner])
        rivals &= lost_count < config.max_per_example
        if config.window is not None:
            rivals &= np.abs(order - order[winner]) <= config.window
        found = np.flatnonzero(rivals)
        chosen = random.choice(found, min(len(found), most), replace=False) if len(found) and most else found[:0]
        lost_count[chosen] += 1
        winners.extend([winner] * len(chosen))
        losers.extend(chosen.tolist())

    able = np.flatnonzero(level > level.min()) if len(level) else np.zeros(0, dtype=np.int64)
    for winner in random.permutation(able).tolist():
        draw(winner, True, config.max_per_example)
    inside = len(winners)
    wanted = round(inside * config.cross_stage_share) if len(np.unique(stages)) > 1 else 0
    for winner in random.permutation(able).tolist():
        if len(winners) - inside >= wanted:
            break
        draw(winner, False, max(1, config.max_per_example // 10))
    return _graded(level, winners, losers, config)


def _graded(level: NDArray[np.float64], winners: list[int], losers: list[int], config: PairConfig) -> Pairs:
    first, second = np.array(winners, dtype=np.int64), np.array(losers, dtype=np.int64)
    difference = level[first] - level[second] if len(first) else np.zeros(0)
    tiers = np.full(len(first), Tier.SOFT, dtype=np.int8)
    tiers[difference >= _LEAST_DIFFERENCE[Tier.KEY]] = Tier.KEY
    tiers[difference >= _LEAST_DIFFERENCE[Tier.GLOBAL]] = Tier.GLOBAL
    margins = np.array([MARGINS[Tier(int(tier))] for tier in tiers], dtype=np.float64)
    pairs = Pairs(first, second, margins, tiers)
    missing = [tier.name.lower() for tier in config.required_tiers if not (tiers == tier).any()]
    if missing:
        raise InsufficientHistoryError(
            f"no pair of tier {', '.join(missing)}: no stage has both a lead that did well and, with its time"
            f" run out, one that did badly (pairs found: {pairs.counts()})"
        )
    return pairs
