"""What the general model knows of trades that it was not taught, by the size of the corpus that it was taught.

The trades are dealt into folds; a model is taught other folds' texts and judges this fold's. That is harder than
leaving out one trade at a time, and costs three teachings instead of twelve. What was taught is kept, so that an
evaluation that was broken off goes on with the next fold, and so that `own_leads` can start from it.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranking.backbone import Backbone
from ranking.backbone_files import find_backbone
from ranking.general.corpus import CorpusText
from ranking.general.model import GeneralModel, find_adapter, find_general_model
from ranking.general.train import TeachingConfig, teach_and_save
from ranking.metrics import Interval, bootstrap_pair_accuracy

# Two texts whose chances differ by less than this many log-odds are told apart by nobody.
_CLEAR_GAP = 1.0
# A small corpus is gone through more often, until this many texts were seen, but not without end.
_TEXTS_SEEN = 16_000
_MOST_EPOCHS = 12
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fold:
    """The trades that a model is not taught, how the others are, and where what it is taught is kept."""

    left_out: tuple[str, ...]
    size: int | None
    config: TeachingConfig
    folder: Path


@dataclass(frozen=True, slots=True)
class TradeResult:
    """What a model that was taught other trades makes of this one; pairs are of notes of one stage, or of snippets.

    `taught` counts the texts that it was taught; `clear_notes` counts only pairs at least one log-odds apart.
    """

    trade: str
    taught: int
    notes: Interval
    clear_notes: Interval
    snippets: Interval


def folds_of(
    corpus: Sequence[CorpusText],
    folder: Path,
    *,
    folds: int,
    size: int | None = None,
    config: TeachingConfig = TeachingConfig(),
) -> list[Fold]:
    """Return the folds of a corpus; `size` limits what is taught to so many texts, drawn by chance.

    The directory's name changes with everything that is taught: what was taught otherwise is never taken for it.
    """
    trades = sorted({text.trade for text in corpus})
    texts = hashlib.sha256("\n".join(f"{text.id} {text.utility} {text.text}" for text in corpus).encode()).hexdigest()
    found = []
    for fold in range(folds):
        left_out = tuple(trades[fold::folds])
        lesson = hashlib.sha256(repr((left_out, size, config, texts)).encode()).hexdigest()[:10]
        name = f"{'all' if size is None else size}-texts-fold-{fold}-{lesson}"
        found.append(Fold(left_out, size, config, folder / name))
    return found


def evaluate_by_trade(
    corpus: Sequence[CorpusText],
    name: str,
    cache: Path,
    folds: Sequence[Fold],
    *,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[TradeResult]:
    """Yield a result for each trade, judged by a model that was taught none of its texts, and one for all of them."""
    tested: list[CorpusText] = []
    judged: list[Floats] = []
    taught = 0
    for fold in folds:
        lesson = texts_to_teach(corpus, fold)
        taught = len(lesson)
        reader, general = taught_reader(lesson, name, cache, fold, device=device, say=say, progress=progress)
        for trade in fold.left_out:
            texts = [text for text in corpus if text.trade == trade]
            scores = general.judge(reader.read([text.text for text in texts]))
            yield _result(trade, taught, texts, scores)
            tested += texts
            judged.append(scores)
    yield _result("these trades together", taught, tested, np.concatenate(judged))


def texts_to_teach(corpus: Sequence[CorpusText], fold: Fold) -> list[CorpusText]:
    """Return the texts of the other trades, or as many of them as the fold's size says."""
    others = [text for text in corpus if text.trade not in fold.left_out]
    if fold.size is None:
        return others
    return random.Random(0).sample(others, min(fold.size, len(others)))


def taught_reader(
    lesson: Sequence[CorpusText],
    name: str,
    cache: Path,
    fold: Fold,
    *,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Backbone, GeneralModel]:
    """Return the language model that was taught a lesson, with its judgement; it is taught now if it was not before."""
    files = find_backbone(name, cache)
    if find_adapter(files.version, fold.folder) is None:
        say(f"teaching {len(lesson)} texts without {', '.join(fold.left_out)}")
        epochs = min(math.ceil(_TEXTS_SEEN / max(len(lesson), 1)), _MOST_EPOCHS)
        longer = replace(fold.config, epochs=max(fold.config.epochs, epochs))
        teach_and_save(name, lesson, cache, fold.folder, longer, device=device, progress=progress)
    reader = Backbone(name, cache=cache, device=device, adapter=find_adapter(files.version, fold.folder))
    general = find_general_model(reader.version, fold.folder)
    assert general is not None, "an adapter is kept together with its judgement"
    return reader, general


def _result(trade: str, taught: int, texts: Sequence[CorpusText], scores: Floats) -> TradeResult:
    truth = np.array([text.utility for text in texts])
    notes = np.array([text.kind == "note" for text in texts])
    lists = [f"{text.trade}, {text.stage}" if text.kind == "note" else text.trade for text in texts]
    note_lists = [name for name, is_note in zip(lists, notes, strict=True) if is_note]
    snippet_lists = [name for name, is_note in zip(lists, notes, strict=True) if not is_note]
    return TradeResult(
        trade,
        taught,
        bootstrap_pair_accuracy(scores[notes], truth[notes], note_lists),
        bootstrap_pair_accuracy(scores[notes], truth[notes], note_lists, gap=_CLEAR_GAP),
        bootstrap_pair_accuracy(scores[~notes], truth[~notes], snippet_lists),
    )
