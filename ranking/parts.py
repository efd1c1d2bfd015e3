"""What can be learned of a lead, part by part: from its fields by trees and by a line, from its words, from what the
language model read, and from what the general model makes of it.

Each part is learned by itself, with a penalty of its own, and gives scores in log-odds: a part that finds nothing in a
history gives nearly the same score to every lead and so bows out. `stacking` puts the parts together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from ranking.columns import Columns, fit_columns
from ranking.heads import MOST_ROWS_FOR_A_FACTOR, Heads, fit_path
from ranking.inputs import INTENT_NAMES, Inputs
from ranking.preferences import Pairs
from ranking.rates import Rates, fit_rates
from ranking.words import measure_rarity, weigh_words

# Strongest first: each fit begins where the one before ended.
_RIDGES = (0.1, 0.01, 0.001, 0.0003, 0.0001)
# Words share few buckets, so their rows are long and thin and bear less penalty.
_WORD_RIDGES = (0.01, 0.001, 0.0003, 0.0001, 0.00003, 0.00001)
_TOGETHER_RIDGES = (0.01, 0.001, 0.0003, 0.0001, 0.00003)
# By depth. Two fields of a dozen values each that mean something only together need deep trees, or very many.
_TREE_COUNTS = {3: (20, 60, 150, 400), 6: (60, 150, 400)}
_TREES = {
    "objective": "binary:logistic",
    "learning_rate": 0.05,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "tree_method": "hist",
}
# The least that a leaf holds, and what pulls it to nothing, both in rows' weights p (1 - p) (`limits_of_leaves`).
_LEAST_OF_A_LEAF, _PULL_OF_A_LEAF = 3.0, 5.0
_USUAL_WEIGHT = 0.125
_TREE_SEEDS = (0, 1, 2)
# How loudly the fields in words speak beside the texts: adding them at full strength drowns short histories.
_NAMED_SHARE = 0.3
# How much longer the rows of words are than those of the reading where both are learned together.
_WORDS_SHARE = 2.0


_UNTAUGHT = Heads(np.zeros((2, 0)), np.zeros(2))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is known of the rows to learn from.

    `won` is 1, 0 or NaN, `weights` how much each row counts, `taken` when it was taken and `ended` when its lead ended,
    `pairs` which row is preferred to which.
    """

    won: NDArray[np.float64]
    weights: NDArray[np.float64]
    taken: NDArray[np.float64]
    ended: NDArray[np.float64]
    pairs: Pairs


class Part(Protocol):
    """One learned part. `names` says what each of its scores is."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return the scores in log-odds, [rows, len(names)]."""
        ...


@dataclass(frozen=True)
class TreesPart:
    """Gradient-boosted trees on columns and rates: XGBoost, averaged over three seeds."""

    columns: Columns
    rates: Rates
    boosters: tuple[xgboost.Booster, ...]
    trees: int

    @property
    def names(self) -> tuple[str, ...]:
        return ("fields, trees",)

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        tables = self.columns.table(inputs.candidates), self.rates.table(inputs.candidates)
        data = xgboost.DMatrix(np.hstack(tables))
        margins = [
            booster.predict(data, output_margin=True, iteration_range=(0, self.trees)) for booster in self.boosters
        ]
        return np.mean(margins, axis=0, dtype=np.float64).reshape(-1, 1)


@dataclass(frozen=True)
class LinePart:
    """Two heads on the columns."""

    columns: Columns
    heads: Heads

    @property
    def names(self) -> tuple[str, ...]:
        return ("fields, pairs", "fields, outcomes")

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        return self.heads.apply(self.columns.line(self.columns.table(inputs.candidates)))


@dataclass(frozen=True)
class WordsPart:
    """Two heads on TF-IDF weights. `buckets` are the hashed words that the history holds, `rarity` how rare each is."""

    buckets: NDArray[np.int64]
    rarity: NDArray[np.float64]
    heads: Heads

    @property
    def names(self) -> tuple[str, ...]:
        return ("words, pairs", "words, outcomes")

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        return self.heads.apply(weigh_words(inputs.words, self.buckets, self.rarity))


@dataclass(frozen=True)
class ReadingPart:
    """Two heads on the language model's vectors. `centre` and `spread` [2, width]: of the texts, of the fields."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    heads: Heads

    @property
    def names(self) -> tuple[str, ...]:
        return ("reading, pairs", "reading, outcomes")

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        return self.heads.apply(_reading_features(inputs, self.centre, self.spread))


@dataclass(frozen=True)
class TogetherPart:
    """Two heads on words and reading in one: what both say is not counted twice, as it is where parts are added up."""

    words: WordsPart
    reading: ReadingPart
    heads: Heads

    @property
    def names(self) -> tuple[str, ...]:
        return ("words and reading, pairs", "words and reading, outcomes")

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        counted, read = _together(inputs, self.words, self.reading)
        return self.heads.apply(csr_matrix(hstack([counted, csr_matrix(read)])))


@dataclass(frozen=True)
class GeneralPart:
    """The general model's judgement as it is; nothing of it is learned from the history."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"general, {name}" for name in INTENT_NAMES)

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        return inputs.intent


def fit_trees(inputs: Inputs, outcomes: Outcomes) -> list[Part]:
    """Return the part with more and more trees, first shallow ones, then deep ones."""
    columns = fit_columns(inputs.candidates)
    rates, judged = fit_rates(inputs.candidates, outcomes.won, outcomes.weights, outcomes.taken, outcomes.ended)
    table = np.hstack([columns.table(inputs.candidates), judged])
    known = ~np.isnan(outcomes.won)
    data = xgboost.DMatrix(table[known], label=outcomes.won[known], weight=outcomes.weights[known])
    limits = limits_of_leaves(outcomes.won[known], outcomes.weights[known])
    path: list[Part] = []
    for depth, counts in _TREE_COUNTS.items():
        settings = _TREES | limits | {"max_depth": depth}
        boosters = tuple(xgboost.train(settings | {"seed": seed}, data, max(counts)) for seed in _TREE_SEEDS)
        path += [TreesPart(columns, rates, boosters, count) for count in counts]
    return path


def limits_of_leaves(won: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, float]:
    """Return what bounds a leaf of XGBoost's trees.

    XGBoost counts rows by their weights p (1 - p): a dozen where half are won, two dozen where one in seven is. Where
    fewer are, the bounds shrink with the weights, so that two dozen rows stay enough: of two wins in a hundred it would
    take 150 rows otherwise, and no category of fewer leads would ever be told from the rest.
    """
    share = float(np.average(won, weights=weights))
    scale = float(np.clip(share * (1.0 - share) / _USUAL_WEIGHT, 0.01, 1.0))
    return {"min_child_weight": _LEAST_OF_A_LEAF * scale, "reg_lambda": _PULL_OF_A_LEAF * scale}


def fit_line(inputs: Inputs, outcomes: Outcomes) -> list[Part]:
    """Return the part under a weaker and weaker penalty."""
    columns = fit_columns(inputs.candidates)
    features = columns.line(columns.table(inputs.candidates))
    return [
        LinePart(columns, heads)
        for heads in fit_path(features, outcomes.won, outcomes.weights, outcomes.pairs, _RIDGES)
    ]


def fit_words(inputs: Inputs, outcomes: Outcomes) -> list[Part]:
    """Return the part under a weaker and weaker penalty."""
    part = _words_part(inputs)
    features = weigh_words(inputs.words, part.buckets, part.rarity)
    return [
        replace(part, heads=heads)
        for heads in fit_path(features, outcomes.won, outcomes.weights, outcomes.pairs, _WORD_RIDGES)
    ]


def fit_reading(inputs: Inputs, outcomes: Outcomes) -> list[Part]:
    """Return the part under a weaker and weaker penalty."""
    part = _reading_part(inputs)
    features = _reading_features(inputs, part.centre, part.spread)
    return [
        replace(part, heads=heads)
        for heads in fit_path(features, outcomes.won, outcomes.weights, outcomes.pairs, _RIDGES)
    ]


def fit_together(inputs: Inputs, outcomes: Outcomes) -> list[Part]:
    """Return the part under a weaker and weaker penalty."""
    words, reading = _words_part(inputs), _reading_part(inputs)
    counted, read = _together(inputs, words, reading)
    features = csr_matrix(hstack([counted, csr_matrix(read)]))
    # Word by word and dense by dense: one product of the joint rows would take a hundred times as long.
    small = len(inputs) <= MOST_ROWS_FOR_A_FACTOR
    inner = (counted @ counted.T).toarray() + read @ read.T if small else None
    path = fit_path(features, outcomes.won, outcomes.weights, outcomes.pairs, _TOGETHER_RIDGES, inner=inner)
    return [TogetherPart(words, reading, heads) for heads in path]


class Fitter(Protocol):
    """Learns one part, once for each strength of its penalty, strongest first."""

    def __call__(self, inputs: Inputs, outcomes: Outcomes) -> list[Part]: ...


FITTERS: Mapping[str, Fitter] = {
    "trees": fit_trees,
    "line": fit_line,
    "words": fit_words,
    "reading": fit_reading,
    "together": fit_together,
}


def pick(path: Sequence[Part], strengths: Sequence[int]) -> Part:
    """Return the part whose score number i is that of `path[strengths[i]]`: each head bears its own penalty."""
    first = path[strengths[0]]
    if isinstance(first, LinePart | WordsPart | ReadingPart | TogetherPart):
        chosen = [path[strength] for strength in strengths]
        heads = [part.heads for part in chosen if isinstance(part, LinePart | WordsPart | ReadingPart | TogetherPart)]
        weight = np.stack([head.weight[row] for row, head in enumerate(heads)])
        return replace(first, heads=Heads(weight, np.array([head.bias[row] for row, head in enumerate(heads)])))
    return first


def _words_part(inputs: Inputs) -> WordsPart:
    """Return the part as it is before its heads learn."""
    buckets, rarity = measure_rarity(inputs.words)
    return WordsPart(buckets, rarity, _UNTAUGHT)


def _reading_part(inputs: Inputs) -> ReadingPart:
    """Return the part as it is before its heads learn."""
    mean_of_texts = inputs.read[inputs.texts > 0] / inputs.texts[inputs.texts > 0, None]
    tables = [mean_of_texts if len(mean_of_texts) else inputs.read, inputs.named]
    centre = np.stack([table.mean(0, dtype=np.float64) for table in tables])
    return ReadingPart(centre, np.stack([_spread(table) for table in tables]), _UNTAUGHT)


def _together(inputs: Inputs, words: WordsPart, reading: ReadingPart) -> tuple[csr_matrix, NDArray[np.float64]]:
    """Return the rows of words and those of the reading, which are learned side by side."""
    counted = csr_matrix(weigh_words(inputs.words, words.buckets, words.rarity) * _WORDS_SHARE)
    return counted, _reading_features(inputs, reading.centre, reading.spread)


def _spread(table: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each column's standard deviation; a column that hardly varied here is not blown up elsewhere."""
    spread = table.std(0, dtype=np.float64)
    # Plain means, no squares: language models have a few columns that are a hundred times as large as the others.
    least = 0.1 * spread.mean() + 0.05 * np.abs(table).mean() + 1e-6
    return np.asarray(np.maximum(spread, least))


def _reading_features(inputs: Inputs, centre: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what was read of the texts, summed over the root of their number, and of the fields.

    Between the mean, which dilutes the one telling note among many, and the sum, which rewards length.
    """
    width = inputs.read.shape[1]
    root = np.sqrt(np.maximum(inputs.texts, 1.0))[:, None]
    said = (inputs.read - inputs.texts[:, None] * centre[0]) / spread[0] / root
    named = (inputs.named - centre[1]) / spread[1] * _NAMED_SHARE
    return np.asarray(np.concatenate([said, named], axis=1) / np.sqrt(width))
