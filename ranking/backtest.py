"""Scores leads of a data file: learn from its train rows, score its test rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ranking.candidate import Candidate, Example
from ranking.features import CachedReader
from ranking.model import ModelCard, RankingModel
from ranking.training import train


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """The test rows' scores (utilities, higher is better), in the given order, and the model that gave them."""

    scores: tuple[float, ...]
    model: RankingModel

    @property
    def card(self) -> ModelCard:
        return self.model.card


def backtest(
    examples: Sequence[Example],
    candidates: Sequence[Candidate],
    reader: CachedReader,
    *,
    backbone: str,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Return the scores of `candidates` by a model that learned from `examples` only.

    Raises:
        InsufficientHistoryError: The examples are too few to learn from.
    """
    model = train(examples, reader, backbone=backbone, progress=progress)
    scored = model.score(candidates, reader, progress=progress)
    return BacktestResult(tuple(item.utility for item in scored), model)
