"""A trained ranker: which backbone reads, how its vectors are scaled, and the heads that score them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.special import expit

from ranking.candidate import Candidate
from ranking.errors import RankingError
from ranking.features import MAX_PASSAGES, CachedReader, add_words, combine, texts_of
from ranking.heads import Heads

_WEIGHTS = "heads.safetensors"
_CARD = "model.json"


@dataclass(frozen=True, slots=True)
class Scaling:
    """How vectors are centred and scaled before the heads see them.

    `text_mean` and `text_spread` [width + 8192] are for what the language model read of an interaction and for its
    hashed words, `field_mean` and `field_spread` [width] for what it read of the fields. The spread holds how loudly
    each part speaks: it is infinite for a silent one.
    """

    text_mean: NDArray[np.float32]
    text_spread: NDArray[np.float32]
    field_mean: NDArray[np.float32]
    field_spread: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained model; written beside its weights."""

    backbone: str
    reader_version: str
    trained_at: str
    examples: int
    leads: int
    pairs: int
    text_share: float
    slope: float
    intercept: float
    text_weight: float
    word_weight: float
    field_weight: float
    ridge: float
    validation_pairs: int
    validation_pair_accuracy: float


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """One candidate's utility and calibrated chance, and how much each of its passages moves the utility.

    `effects[i]` is the utility with passage i less the utility without it.
    """

    candidate: Candidate
    utility: float
    probability: float
    effects: tuple[float, ...]
    insufficient: bool


class RankingModel:
    """Scores candidates of any stage; higher utility is called first."""

    def __init__(self, card: ModelCard, scaling: Scaling, heads: Heads) -> None:
        self.card = card
        self._scaling = scaling
        self._heads = heads

    @property
    def version(self) -> str:
        """A short name that changes with the weights."""
        digest = hashlib.sha256(self._heads.weight.tobytes() + self._heads.bias.tobytes())
        digest.update(self.card.reader_version.encode())
        return f"{self.card.backbone.rsplit('/', 1)[-1][:24]}-{digest.hexdigest()[:10]}"

    def score(
        self,
        candidates: Sequence[Candidate],
        reader: CachedReader,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[ScoredCandidate]:
        """Return every candidate scored, in the given order.

        Raises:
            RankingError: `reader` is not the one that the model was trained on.
        """
        if reader.version != self.card.reader_version:
            raise RankingError(
                f"the model was trained on {self.card.reader_version}, not on {reader.version}; run `callfirst train`"
            )
        texts = [texts_of(candidate) for candidate in candidates]
        vectors = reader.read((text for group in texts for text in group), progress=progress)
        said = add_words({text: vectors[text] for group in texts for text in group[1:]})
        return [
            self._score_one(candidate, vectors[group[0]], [said[text] for text in group[1:]])
            for candidate, group in zip(candidates, texts, strict=True)
        ]

    def _score_one(
        self, candidate: Candidate, fields: NDArray[np.float32], passages: Sequence[NDArray[np.float32]]
    ) -> ScoredCandidate:
        without = [[p for j, p in enumerate(passages) if j != i] for i in range(len(passages))]
        rows = np.stack([build_row(fields, group, self._scaling) for group in (passages, *without)])
        utilities = self._heads.utilities(rows)
        chance = expit(self.card.slope * utilities[0] + self.card.intercept)
        return ScoredCandidate(
            candidate=candidate,
            utility=float(utilities[0]),
            probability=float(chance),
            effects=tuple(float(utilities[0] - utility) for utility in utilities[1:]),
            # Where history is told in texts, a lead without any is not ranked by what its silence resembles.
            insufficient=not passages and self.card.text_share >= 0.5,
        )

    def text_effects(self, texts: Sequence[str], reader: CachedReader) -> dict[str, float]:
        """Return what each text alone would add to a lead's utility; for choosing the sentence to quote."""
        weight = self._heads.weight[0, : len(self._scaling.text_mean)]
        return {
            text: float(((vector - self._scaling.text_mean) / self._scaling.text_spread) @ weight)
            for text, vector in add_words(reader.read(texts)).items()
        }

    def save(self, folder: Path) -> None:
        """Write weights and card to a new directory."""
        folder.mkdir(parents=True, exist_ok=True)
        scaling = self._scaling
        arrays = {
            "weight": self._heads.weight,
            "bias": self._heads.bias,
            "text_mean": scaling.text_mean,
            "text_spread": scaling.text_spread,
            "field_mean": scaling.field_mean,
            "field_spread": scaling.field_spread,
        }
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / _WEIGHTS)
        (folder / _CARD).write_text(json.dumps(asdict(self.card), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "RankingModel":
        """Read a model that `save` wrote; its scores are the same to the bit.

        Raises:
            RankingError: The directory does not hold a model.
        """
        try:
            arrays = load_file(folder / _WEIGHTS)
            card = ModelCard(**json.loads((folder / _CARD).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise RankingError(f"{folder}: no usable model here; run `callfirst train`") from error
        scaling = Scaling(
            arrays["text_mean"],
            arrays["text_spread"],
            arrays["field_mean"],
            arrays["field_spread"],
        )
        return cls(card, scaling, Heads(arrays["weight"], arrays["bias"]))


def build_row(
    fields: NDArray[np.float32], passages: Sequence[NDArray[np.float32]], scaling: Scaling
) -> NDArray[np.float32]:
    """Return one candidate's features, [2 * width + 8193]: interactions, fields, and how much there is to read."""
    scaled = [(passage - scaling.text_mean) / scaling.text_spread for passage in passages]
    text = combine(scaled, len(scaling.text_mean))
    field = (fields - scaling.field_mean) / scaling.field_spread
    amount = np.array([np.log1p(len(passages)) / np.log1p(MAX_PASSAGES)], dtype=np.float32)
    return np.concatenate([text, field, amount]).astype(np.float32)
