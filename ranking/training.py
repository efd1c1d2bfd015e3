"""Learns an order from finished leads: earlier ones to fit, later ones to choose by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking.candidate import Example
from ranking.errors import InsufficientHistoryError
from ranking.features import WORD_BUCKETS, CachedReader, add_words, texts_of
from ranking.heads import Heads, fit_heads
from ranking.metrics import count_pairs, pair_accuracy
from ranking.model import ModelCard, RankingModel, Scaling, build_row
from ranking.preferences import make_pairs

MIN_WON = MIN_LOST = 10
_VALIDATION_SHARE = 0.25
# Strongest first: each fit begins where the one before ended.
_RIDGES = (0.001, 0.0003, 0.0001, 0.00003)


@dataclass(frozen=True, slots=True)
class _Parts:
    """How loudly each part speaks: what the model read of the texts, their words, what it read of the fields."""

    text: float
    words: float
    fields: float


# A part of weight 0 is silent, so that a small history may fall back to the simpler reading.
_PARTS = (
    _Parts(1.0, 0.0, 0.3),
    _Parts(0.0, 3.0, 0.0),
    _Parts(1.0, 1.0, 0.3),
    _Parts(1.0, 3.0, 0.3),
    _Parts(0.3, 0.3, 1.0),
)


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: _Parts
    ridge: float
    accuracy: float


def train(
    examples: Sequence[Example],
    reader: CachedReader,
    *,
    backbone: str,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> RankingModel:
    """Return a ranker that learned from `examples`.

    The latest quarter of the groups chooses how loudly text and fields speak and how strong the penalty is; the heads
    are then fitted again on everything.

    Raises:
        InsufficientHistoryError: Fewer than 10 won or 10 lost leads, or no stage that has both.
    """
    pairs = _checked_pairs(examples, seed)
    texts = [texts_of(example.candidate) for example in examples]
    vectors = reader.read((text for group in texts for text in group), progress=progress)
    fields = [vectors[group[0]] for group in texts]
    said = add_words({text: vectors[text] for group in texts for text in group[1:]})
    passages = [[said[text] for text in group[1:]] for group in texts]
    late = _is_late(examples)
    choice, late_utilities = _choose(examples, fields, passages, late, seed)
    late_examples = [example for example, is_late in zip(examples, late, strict=True) if is_late]
    slope, intercept = _calibrate(late_utilities, np.array([example.won for example in late_examples]))
    scaling = _measure_scaling(fields, passages, choice.parts)
    final = _fit(examples, _rows(fields, passages, scaling), pairs, choice.ridge)
    card = ModelCard(
        backbone=backbone,
        reader_version=reader.version,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        examples=len(examples),
        leads=len({example.group for example in examples}),
        pairs=len(pairs),
        text_share=float(np.mean([bool(group) for group in passages])),
        slope=slope,
        intercept=intercept,
        text_weight=choice.parts.text,
        word_weight=choice.parts.words,
        field_weight=choice.parts.fields,
        ridge=choice.ridge,
        validation_pairs=count_pairs(
            np.array([example.won for example in late_examples], dtype=np.float64),
            [example.candidate.stage for example in late_examples],
        ),
        validation_pair_accuracy=choice.accuracy,
    )
    return RankingModel(card, scaling, final)


def _checked_pairs(examples: Sequence[Example], seed: int) -> NDArray[np.int64]:
    """Return the preference pairs, or refuse a history that is too small to learn from."""
    won = len({example.group for example in examples if example.won})
    lost = len({example.group for example in examples if not example.won})
    if won < MIN_WON or lost < MIN_LOST:
        raise InsufficientHistoryError(
            f"the history holds {won} won and {lost} lost leads; at least {MIN_WON} and {MIN_LOST} are needed."
            " Check the won and lost settings, or wait for more finished leads"
        )
    pairs = make_pairs(examples, seed=seed)
    if not len(pairs):
        raise InsufficientHistoryError("no stage has both a later win and a later loss: there is nothing to compare")
    return pairs


def _is_late(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Mark the examples of the groups that ended last."""
    ends: dict[str, float] = {}
    for example in examples:
        ends[example.group] = max(example.order, ends.get(example.group, -np.inf))
    ordered = sorted(ends, key=lambda group: (ends[group], group))
    late = set(ordered[int(len(ordered) * (1 - _VALIDATION_SHARE)) :])
    return np.array([example.group in late for example in examples], dtype=np.bool_)


def _choose(
    examples: Sequence[Example],
    fields: Sequence[NDArray[np.float32]],
    passages: Sequence[Sequence[NDArray[np.float32]]],
    late: NDArray[np.bool_],
    seed: int,
) -> tuple[_Choice, NDArray[np.float64]]:
    """Return the settings that order the late examples best, and the utilities that they gave them."""
    early = np.flatnonzero(~late).tolist()
    early_examples = [examples[index] for index in early]
    early_fields, early_passages = [fields[index] for index in early], [passages[index] for index in early]
    late_stages = [examples[index].candidate.stage for index in np.flatnonzero(late).tolist()]
    late_won = np.array([examples[index].won for index in np.flatnonzero(late).tolist()], dtype=np.float64)
    pairs = make_pairs(early_examples, seed=seed)
    if not len(pairs):
        raise InsufficientHistoryError("the earlier leads hold no stage with both a win and a loss")
    best: tuple[_Choice, NDArray[np.float64]] | None = None
    for parts in _PARTS:
        scaling = _measure_scaling(early_fields, early_passages, parts)
        rows = _rows(fields, passages, scaling)
        early_rows, late_rows = rows[early], rows[late]
        heads = None
        for ridge in _RIDGES:
            heads = _fit(early_examples, early_rows, pairs, ridge, heads)
            utilities = heads.utilities(late_rows)
            accuracy = pair_accuracy(utilities, late_won, late_stages)
            if best is None or accuracy > best[0].accuracy:
                best = _Choice(parts, ridge, accuracy), utilities
    assert best is not None
    return best


def _calibrate(utilities: NDArray[np.float64], won: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and intercept that turn a utility into a chance, fitted on leads that the heads did not see.

    Platt's method with his smoothed targets, so that a small or one-sided validation part cannot claim certainty.
    """
    high, low = (won.sum() + 1) / (won.sum() + 2), 1 / ((~won).sum() + 2)
    targets = np.where(won, high, low)
    slope, intercept = 1.0, 0.0
    for _ in range(50):
        chance = expit(slope * utilities + intercept)
        gradient = np.array([((chance - targets) * utilities).sum() + 0.01 * (slope - 1), (chance - targets).sum()])
        spread = chance * (1 - chance)
        hessian = np.array(
            [
                [(spread * utilities**2).sum() + 0.01, (spread * utilities).sum()],
                [(spread * utilities).sum(), spread.sum() + 1e-6],
            ]
        )
        # A step of at most 1 keeps Newton's method from running away where few leads decide.
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        slope, intercept = float(slope - step[0]), float(intercept - step[1])
    # A slope of zero or below would turn the order round: the order stays, the chance is then a flat one.
    return max(slope, 0.01), intercept


def _fit(
    examples: Sequence[Example],
    rows: NDArray[np.float32],
    pairs: NDArray[np.int64],
    ridge: float,
    start: Heads | None = None,
) -> Heads:
    """Fit the heads; a lead with many snapshots counts once."""
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.group] = counts.get(example.group, 0) + 1
    weights = np.array([1 / counts[example.group] for example in examples], dtype=np.float32)
    won = np.array([example.won for example in examples], dtype=np.bool_)
    return fit_heads(rows, won, weights, pairs, ridge=ridge, start=start)


def _measure_scaling(
    fields: Sequence[NDArray[np.float32]], passages: Sequence[Sequence[NDArray[np.float32]]], parts: _Parts
) -> Scaling:
    table = np.stack(fields)
    width = table.shape[1]
    said = [vector for group in passages for vector in group]
    texts = np.stack(said) if said else np.zeros((1, width + WORD_BUCKETS), dtype=np.float32)
    # Divided by the root of the width, a part of weight 1 has unit length whatever the backbone.
    root = np.sqrt(width)
    frequency = (texts[:, width:] != 0).sum(0)
    rarity = np.log((1 + len(texts)) / (1 + frequency)) + 1  # the idf of scikit-learn
    with np.errstate(divide="ignore"):
        read_spread = (texts[:, :width].std(0) + 1e-4) * root / np.float64(parts.text)
        word_spread = rarity.max() / rarity / np.float64(parts.words)
        field_spread = (table.std(0) + 1e-4) * root / np.float64(parts.fields)
    return Scaling(
        np.concatenate([texts[:, :width].mean(0), np.zeros(WORD_BUCKETS)]).astype(np.float32),
        np.concatenate([read_spread, word_spread]).astype(np.float32),
        table.mean(0).astype(np.float32),
        field_spread.astype(np.float32),
    )


def _rows(
    fields: Sequence[NDArray[np.float32]], passages: Sequence[Sequence[NDArray[np.float32]]], scaling: Scaling
) -> NDArray[np.float32]:
    return np.stack([build_row(field, group, scaling) for field, group in zip(fields, passages, strict=True)])
