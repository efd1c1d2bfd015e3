"""What the general model is worth beside a team's own leads: the same training with it and without it, trade by trade.

A lead has one text of the corpus; its outcome is drawn from the causal model's chance. Every third note of the trade is
kept for the test, and ordered by the truth.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking.backbone import Backbone
from ranking.candidate import Candidate, Example, Passage
from ranking.errors import InsufficientHistoryError
from ranking.general.corpus import CorpusText
from ranking.general.evaluate import Fold, taught_reader, texts_to_teach
from ranking.general.model import GeneralModel
from ranking.metrics import Interval, bootstrap_difference, bootstrap_pair_accuracy
from ranking.preferences import PairConfig
from ranking.reader import CachedReader
from ranking.training import TrainingConfig, general_ranker, train

COUNTS = (0, 50, 100, 300, 1_000)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OwnLeads:
    """Accuracy on pairs of one stage after `count` leads of a trade; by how much the general model is ahead."""

    trade: str
    count: int
    with_general: Interval
    without: Interval
    ahead: Interval


def evaluate_own_leads(
    corpus: Sequence[CorpusText],
    name: str,
    cache: Path,
    folds: Sequence[Fold],
    *,
    counts: Sequence[int] = COUNTS,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[OwnLeads]:
    """Yield a result for each trade and number of own leads; the general model was taught none of the trade's texts."""
    bare = CachedReader(Backbone(name, cache=cache, device=device), cache / "own-leads.sqlite")
    for fold in folds:
        backbone, general = taught_reader(texts_to_teach(corpus, fold), name, cache, fold, device=device, say=say)
        reader = CachedReader(backbone, cache / "own-leads.sqlite")
        for trade in fold.left_out:
            own, tested = _deal([text for text in corpus if text.trade == trade])
            truth = np.array([text.utility for text in tested])
            lists = [text.stage for text in tested]
            for count in counts:
                if count > len(own):
                    continue
                ours = _learn_and_score(own[:count], tested, reader, general)
                theirs = _learn_and_score(own[:count], tested, bare, None)
                yield OwnLeads(
                    trade,
                    count,
                    bootstrap_pair_accuracy(ours, truth, lists),
                    bootstrap_pair_accuracy(theirs, truth, lists),
                    bootstrap_difference(ours, theirs, truth, lists),
                )


def _deal(texts: Sequence[CorpusText]) -> tuple[list[CorpusText], list[CorpusText]]:
    """Return the texts to learn from, mixed, and every third note for the test."""
    tested = [text for text in texts if text.kind == "note"][::3]
    kept = set(tested)
    own = [text for text in texts if text not in kept]
    random.Random(0).shuffle(own)
    return own, tested


def _learn_and_score(
    own: Sequence[CorpusText], tested: Sequence[CorpusText], reader: CachedReader, general: GeneralModel | None
) -> Floats:
    """Return the utilities of the tested notes; without anything to learn from, all are equal."""
    drawn = np.random.default_rng(0).random(len(own))
    examples = [
        Example(_candidate(text), float(won), won, text.id, float(place))
        for place, text in enumerate(own)
        for won in [bool(drawn[place] < expit(text.utility))]
    ]
    candidates = [_candidate(text) for text in tested]
    try:
        config = TrainingConfig(pairs=PairConfig(required_tiers=()))
        model = train(examples, reader, general, backbone="corpus", config=config)
    except InsufficientHistoryError:
        if general is None:
            return np.zeros(len(tested))
        model = general_ranker(reader, general)
    return model.utilities(candidates, reader)


def _candidate(text: CorpusText) -> Candidate:
    return Candidate(text.id, text.stage, _NOW, {}, (Passage(text.id, "note", _NOW, text.text),))
