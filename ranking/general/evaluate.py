"""What the general model knows of trades that it has not seen, and what it is worth beside own leads.

The trades are dealt into folds; a model is taught on the other folds' trades and judges this fold's. That is harder
than leaving out one trade at a time, and costs two teachings instead of twelve.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking.candidate import Candidate, Example, Passage
from ranking.errors import InsufficientHistoryError
from ranking.general.corpus import CorpusText
from ranking.general.model import GeneralModel
from ranking.general.train import Taught, TeachingConfig, teach
from ranking.metrics import Interval, bootstrap_difference, bootstrap_pair_accuracy
from ranking.preferences import PairConfig
from ranking.reader import CachedReader
from ranking.training import TrainingConfig, train

OWN_LEADS = (50, 100)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Two texts whose chances differ by less than this are told apart by nobody.
_CLEAR_GAP = 1.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OwnLeads:
    """Pair accuracy after learning from `count` own leads, with the general model, and by how much that is ahead."""

    count: int
    with_general: Interval
    ahead: Interval


@dataclass(frozen=True, slots=True)
class TradeResult:
    """What a model that was taught other trades makes of this one; pairs are of notes of one stage, or of snippets.

    `clear_notes` counts only pairs at least one log-odds apart.
    """

    trade: str
    notes: Interval
    clear_notes: float
    snippets: Interval
    own_leads: tuple[OwnLeads, ...]


class _KnownVectors:
    """A reader of texts whose vectors are known already."""

    def __init__(self, version: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self.version = version
        self.width = vectors.shape[1]
        self._places = {text: place for place, text in enumerate(texts)}
        self._vectors = vectors

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Field values are no corpus texts: they say nothing here.
        empty = np.zeros(self.width, dtype=np.float32)
        return np.stack([self._vectors[self._places[text]] if text in self._places else empty for text in texts])


def evaluate_by_trade(
    corpus: Sequence[CorpusText],
    location: str,
    scratch: Path,
    *,
    folds: int = 2,
    config: TeachingConfig = TeachingConfig(),
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[TradeResult]:
    """Yield a result for each trade, judged by a model that was taught none of its texts."""
    trades = sorted({text.trade for text in corpus})
    plain: NDArray[np.float32] | None = None
    for fold in range(folds):
        left_out = trades[fold::folds]
        say(f"teaching without {', '.join(left_out)}")
        chosen = [index for index, text in enumerate(corpus) if text.trade not in left_out]
        if plain is None:
            # Before anything is taught: what a team without the general model reads.
            untaught = teach(corpus, chosen[:2], location, TeachingConfig(epochs=0, rank=config.rank))
            plain = _vectors(untaught)
        taught = teach(corpus, chosen, location, config, progress=progress)
        judged = taught.judge()
        vectors = _vectors(taught)
        weight = np.zeros(vectors.shape[1], dtype=np.float32)
        weight[-len(taught.weight) :] = taught.weight.numpy()
        general = GeneralModel(weight, taught.bias, f"fold-{fold}")
        texts = [text.text for text in corpus]
        reader = CachedReader(_KnownVectors(f"fold-{fold}", texts, vectors), scratch / f"fold-{fold}.sqlite")
        bare = CachedReader(_KnownVectors("plain", texts, plain), scratch / "plain.sqlite")
        for trade in left_out:
            yield _judge_trade(trade, corpus, judged, reader, bare, general)


def _judge_trade(
    trade: str,
    corpus: Sequence[CorpusText],
    judged: Floats,
    reader: CachedReader,
    bare: CachedReader,
    general: GeneralModel,
) -> TradeResult:
    notes = [i for i, text in enumerate(corpus) if text.trade == trade and text.kind == "note"]
    snippets = [i for i, text in enumerate(corpus) if text.trade == trade and text.kind == "snippet"]
    truth = np.array([text.utility for text in corpus])
    stages = [corpus[i].stage for i in notes]
    return TradeResult(
        trade,
        bootstrap_pair_accuracy(judged[notes], truth[notes], stages),
        _clear_accuracy(judged[notes], truth[notes]),
        bootstrap_pair_accuracy(judged[snippets], truth[snippets], [trade] * len(snippets)),
        tuple(_with_own_leads(count, [corpus[i] for i in notes], reader, bare, general) for count in OWN_LEADS),
    )


def _with_own_leads(
    count: int, notes: Sequence[CorpusText], reader: CachedReader, bare: CachedReader, general: GeneralModel
) -> OwnLeads:
    """Learn from the first `count` notes with drawn outcomes, and order the second half of all notes by the truth."""
    half = len(notes) // 2
    random = np.random.default_rng(0)
    examples = []
    for place, note in enumerate(notes[:count]):
        won = bool(random.random() < expit(note.utility))
        examples.append(Example(_candidate(note), float(won), won, note.id, float(place)))
    tested = notes[half:]
    truth = np.array([note.utility for note in tested])
    one_list = ["all"] * len(tested)
    candidates = [_candidate(note) for note in tested]
    config = TrainingConfig(pairs=PairConfig(required_tiers=()))
    scores = []
    for its_reader, its_general in ((reader, general), (bare, None)):
        try:
            model = train(examples, its_reader, its_general, backbone="corpus", config=config)
        except InsufficientHistoryError:
            scores.append(np.zeros(len(tested)))
        else:
            scores.append(model.utilities(candidates, its_reader))
    return OwnLeads(
        count,
        bootstrap_pair_accuracy(scores[0], truth, one_list),
        bootstrap_difference(scores[0], scores[1], truth, one_list),
    )


def _candidate(note: CorpusText) -> Candidate:
    return Candidate(note.id, note.stage, _NOW, {}, (Passage(note.id, "note", _NOW, note.text),))


def _vectors(taught: Taught) -> NDArray[np.float32]:
    halves = [taught.upper.lower_vectors().numpy(), taught.upper.all_vectors().numpy()]
    return np.concatenate(halves, axis=1).astype(np.float32)


def _clear_accuracy(scores: Floats, truth: Floats) -> float:
    clear = truth[:, None] - truth[None, :] >= _CLEAR_GAP
    right = scores[:, None] > scores[None, :]
    return float(right[clear].mean()) if clear.any() else float("nan")
