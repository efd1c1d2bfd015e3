"""A trained ranker: its parts, how loudly each speaks, and how its utilities become chances."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ranking.calibration import Calibration
from ranking.candidate import Candidate, Passage
from ranking.columns import Columns
from ranking.comparator import Comparator
from ranking.errors import RankingError
from ranking.fusion import FusionConfig
from ranking.general.model import GeneralModel
from ranking.heads import Heads
from ranking.inputs import Library, build_inputs, join, leave_one_out, read_texts
from ranking.metrics import Interval
from ranking.parts import GeneralPart, LinePart, Part, ReadingPart, TogetherPart, TreesPart, WordsPart
from ranking.rates import Rates
from ranking.reader import CachedReader
from ranking.refinement import Refinement
from ranking.stacking import Stack

_WEIGHTS = "weights.safetensors"
_CARD = "model.json"
# Changes whenever the same weights would mean something else.
FORMAT = 4
_TEXT_PARTS = (WordsPart, ReadingPart, TogetherPart, GeneralPart)
# Candidates whose leave-one-out rows are held in memory at once.
_EXPLAINED_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained model; written beside its weights.

    `pairs` counts preferences by tier. `weights` is how loudly each score speaks. `validation_*` is measured on
    `validation_leads` later leads by parts that did not learn from them: same-stage pair accuracy and its 95 %
    interval over resampled leads, None where there was nothing to measure; `validation_ece` is of the chances that were
    fitted to the same leads. `ahead_of_general` is by how many of those pairs it is ahead of the general model alone,
    though its weights were chosen on them.
    `refinement` says how the comparison of two leads did where it was tried, `regime` how the language model learned.

    `config` and `data_hash` (SHA-256 of the examples) say what it was made of, `losses` how each score did on later
    leads under every setting that was tried: penalties from the strongest on, or trees as `parts` lists them.
    """

    backbone: str
    reader_version: str
    general_version: str | None
    trained_at: str
    examples: int
    leads: int
    won: int
    lost: int
    pairs: Mapping[str, int]
    text_share: float
    weights: Mapping[str, float]
    validation_leads: int
    validation_pairs: int
    validation_pair_accuracy: float | None
    validation_low: float | None
    validation_high: float | None
    validation_ece: float | None
    ahead_of_general: Interval | None = None
    refinement: Mapping[str, Any] | None = None
    regime: str = "head"
    config: Mapping[str, Any] = field(default_factory=dict)
    data_hash: str = ""
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """One candidate's utility and calibrated chance, and how much each of its passages moves the utility.

    `effects[i]` is the utility with passage i less the utility without it, as if there were as many texts as before.
    """

    candidate: Candidate
    utility: float
    probability: float
    effects: tuple[float, ...]
    insufficient: bool


def refuse_foreign_format(folder: Path) -> None:
    """Refuse a saved model whose weights would mean something else today.

    Raises:
        RankingError: It was trained by another version, or there is none.
    """
    try:
        document = json.loads((folder / _CARD).read_text())
    except (OSError, ValueError) as error:
        raise RankingError(f"{folder}: no usable model here; run `callfirst train`") from error
    if document.get("format") != FORMAT:
        raise RankingError(f"{folder}: was trained by another version of Callfirst; run `callfirst train`")


class RankingModel:
    """Scores candidates of any stage; higher utility is called first."""

    def __init__(
        self,
        card: ModelCard,
        parts: Sequence[Part],
        stack: Stack,
        calibration: Calibration,
        general: GeneralModel | None,
        refinement: Refinement | None = None,
    ) -> None:
        self.card = card
        self.parts = tuple(parts)
        self.stack = stack
        self.calibration = calibration
        self.refinement = refinement
        self._general = general

    @property
    def version(self) -> str:
        """A short name that changes with the weights."""
        digest = hashlib.sha256(f"{self.card.reader_version} {FORMAT}".encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(name.encode() + array.tobytes())
        for part in self.parts:
            if isinstance(part, TreesPart):
                digest.update(b"".join(bytes(booster.save_raw("ubj")) for booster in part.boosters))
        digest.update(json.dumps(self._plain(), sort_keys=True).encode())
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
        self._check(reader)
        library = read_texts(candidates, reader, self._general, progress=progress)
        inputs = build_inputs(candidates, library)
        utilities = self.stack.utilities(self.parts, inputs)
        if self.refinement is not None:
            utilities = self.refinement.refine(utilities, candidates, reader)
        chances = self.calibration.chances(utilities, [candidate.stage for candidate in candidates])
        effects = self._effects(candidates, library)
        return [
            ScoredCandidate(
                candidate=candidate,
                utility=float(utility),
                probability=float(chance),
                effects=effect,
                # Where history is told in texts, a lead without any is not ranked by what its silence resembles.
                insufficient=not candidate.passages and self.card.text_share >= 0.5,
            )
            for candidate, utility, chance, effect in zip(candidates, utilities, chances, effects, strict=True)
        ]

    def utilities(
        self, candidates: Sequence[Candidate], reader: CachedReader, *, refine: bool = True
    ) -> NDArray[np.float64]:
        """Return the utilities alone, [candidates]; without comparisons at the head of a stage unless `refine`."""
        self._check(reader)
        library = read_texts(candidates, reader, self._general)
        utilities = self.stack.utilities(self.parts, build_inputs(candidates, library))
        if self.refinement is None or not refine:
            return utilities
        return self.refinement.refine(utilities, candidates, reader)

    def text_effects(self, texts: Sequence[str], reader: CachedReader) -> dict[str, float]:
        """Return what each text alone would add to a lead's utility; for choosing the sentence to quote."""
        if not texts:
            return {}
        now = datetime.fromtimestamp(0, tz=UTC)  # the text parts look at no time
        texts = list(dict.fromkeys(texts))
        alone = [Candidate(text, "", now, {}, (Passage("", "", now, text),)) for text in texts]
        silent = Candidate("", "", now)
        library = read_texts([*alone, silent], reader, self._general)
        utilities = self.stack.utilities(self._text_parts(), build_inputs([*alone, silent], library))
        return {text: float(utility - utilities[-1]) for text, utility in zip(texts, utilities, strict=False)}

    def save(self, folder: Path) -> None:
        """Write weights and card to a new directory."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(array) for name, array in self._arrays().items()}, folder / _WEIGHTS)
        for part in self.parts:
            if isinstance(part, TreesPart):
                for number, booster in enumerate(part.boosters):
                    booster.save_model(folder / f"trees-{number}.ubj")
        document = self._plain() | {"card": asdict(self.card), "format": FORMAT}
        (folder / _CARD).write_text(json.dumps(document, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path, general: GeneralModel | None) -> "RankingModel":
        """Read a model that `save` wrote; its scores are the same to the bit.

        Raises:
            RankingError: The directory does not hold a model, or one that was trained on another general model.
        """
        refuse_foreign_format(folder)
        try:
            arrays = load_file(folder / _WEIGHTS)
            document = json.loads((folder / _CARD).read_text())
            card = _load_card(document["card"])
            parts = _load_parts(folder, document["parts"], arrays)
            stack = Stack(document["stack"])
            refinement = _load_refinement(card, arrays)
            calibration = Calibration(**document["calibration"])
        except (OSError, ValueError, TypeError, KeyError, xgboost.core.XGBoostError) as error:
            raise RankingError(f"{folder}: no usable model here; run `callfirst train`") from error
        if card.general_version != (None if general is None else general.version):
            raise RankingError(f"{folder}: was trained beside another general model; run `callfirst train`")
        return cls(card, parts, stack, calibration, general, refinement)

    def _check(self, reader: CachedReader) -> None:
        if reader.version != self.card.reader_version:
            raise RankingError(
                f"the model was trained on {self.card.reader_version}, not on {reader.version}; run `callfirst train`"
            )

    def _text_parts(self) -> list[Part]:
        return [part for part in self.parts if isinstance(part, _TEXT_PARTS)]

    def _effects(self, candidates: Sequence[Candidate], library: Library) -> list[tuple[float, ...]]:
        """Return what each passage adds to each candidate's utility, by what the texts say alone."""
        parts = self._text_parts()
        effects: list[tuple[float, ...]] = []
        for start in range(0, len(candidates), _EXPLAINED_AT_ONCE):
            chunk = candidates[start : start + _EXPLAINED_AT_ONCE]
            whole = self.stack.utilities(parts, build_inputs(chunk, library))
            rests = [leave_one_out(candidate, library) for candidate in chunk]
            without = self.stack.utilities(parts, join(rests))
            ends = np.cumsum([len(rest) for rest in rests])
            for utility, values, candidate in zip(whole, np.split(without, ends[:-1]), chunk, strict=True):
                # Texts beyond those that count move nothing.
                unread = (0.0,) * (len(candidate.passages) - len(values))
                effects.append((*(float(utility - value) for value in values), *unread))
        return effects

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for part in self.parts:
            if isinstance(part, LinePart):
                arrays |= {"line.weight": part.heads.weight, "line.bias": part.heads.bias}
            elif isinstance(part, WordsPart):
                arrays |= {"words.weight": part.heads.weight, "words.bias": part.heads.bias}
                arrays |= {"words.buckets": part.buckets, "words.rarity": part.rarity}
            elif isinstance(part, ReadingPart):
                arrays |= {"reading.weight": part.heads.weight, "reading.bias": part.heads.bias}
                arrays |= {"reading.centre": part.centre, "reading.spread": part.spread}
            elif isinstance(part, TogetherPart):
                arrays |= {"together.weight": part.heads.weight, "together.bias": part.heads.bias}
                arrays |= {"together.buckets": part.words.buckets, "together.rarity": part.words.rarity}
                arrays |= {"together.centre": part.reading.centre, "together.spread": part.reading.spread}
        if self.refinement is not None:
            comparator = self.refinement.comparator
            arrays |= {"comparator.weight": comparator.heads.weight, "comparator.bias": comparator.heads.bias}
            arrays |= {"comparator.centre": comparator.centre, "comparator.spread": comparator.spread}
        return arrays

    def _plain(self) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for part in self.parts:
            match part:
                case TreesPart():
                    parts["trees"] = {
                        "columns": asdict(part.columns),
                        "rates": part.rates.by_field,
                        "trees": part.trees,
                        "boosters": len(part.boosters),
                    }
                case LinePart():
                    parts["line"] = {"columns": asdict(part.columns)}
                case WordsPart():
                    parts["words"] = {}
                case ReadingPart():
                    parts["reading"] = {}
                case TogetherPart():
                    parts["together"] = {}
                case GeneralPart():
                    parts["general"] = {}
        return {
            "parts": parts,
            "stack": dict(self.stack.weights),
            "calibration": asdict(self.calibration),
        }


def _load_parts(folder: Path, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[Part]:
    parts: list[Part] = []
    for name, described in plain.items():
        heads = Heads(arrays[f"{name}.weight"], arrays[f"{name}.bias"]) if f"{name}.weight" in arrays else None
        match name:
            case "trees":
                boosters = [xgboost.Booster() for _ in range(described["boosters"])]
                for number, booster in enumerate(boosters):
                    booster.load_model(folder / f"trees-{number}.ubj")
                columns, rates = _load_columns(described["columns"]), Rates(described["rates"])
                parts.append(TreesPart(columns, rates, tuple(boosters), described["trees"]))
            case "line" if heads:
                parts.append(LinePart(_load_columns(described["columns"]), heads))
            case "words" if heads:
                parts.append(WordsPart(arrays["words.buckets"], arrays["words.rarity"], heads))
            case "reading" if heads:
                parts.append(ReadingPart(arrays["reading.centre"], arrays["reading.spread"], heads))
            case "together" if heads:
                words = WordsPart(arrays["together.buckets"], arrays["together.rarity"], heads)
                reading = ReadingPart(arrays["together.centre"], arrays["together.spread"], heads)
                parts.append(TogetherPart(words, reading, heads))
            case "general":
                parts.append(GeneralPart())
            case _:
                raise ValueError(f"unknown part {name}")
    return parts


def _load_card(plain: Mapping[str, Any]) -> ModelCard:
    ahead = plain["ahead_of_general"]
    return ModelCard(**{**plain, "ahead_of_general": None if ahead is None else Interval(**ahead)})


def _load_refinement(card: ModelCard, arrays: Mapping[str, NDArray[Any]]) -> Refinement | None:
    if card.refinement is None or not card.refinement["on"]:
        return None
    heads = Heads(arrays["comparator.weight"], arrays["comparator.bias"])
    comparator = Comparator(arrays["comparator.centre"], arrays["comparator.spread"], heads)
    return Refinement(comparator, FusionConfig(**card.refinement["config"]))


def _load_columns(plain: Mapping[str, Any]) -> Columns:
    return Columns(
        tuple(plain["numbers"]),
        tuple((name, value) for name, value in plain["categories"]),
        tuple(plain["centre"]),
        tuple(plain["spread"]),
    )
