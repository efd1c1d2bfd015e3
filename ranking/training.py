"""Learns an order from what happened to earlier leads."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.calibration import Calibration, fit_calibration
from ranking.candidate import Example
from ranking.errors import InsufficientHistoryError
from ranking.general.model import GeneralModel
from ranking.inputs import Inputs, build_inputs, read_texts
from ranking.metrics import Interval, bootstrap_difference, bootstrap_pair_accuracy, calibration_error, count_pairs
from ranking.model import ModelCard, RankingModel
from ranking.parts import FITTERS, Fitter, GeneralPart, Part, pick
from ranking.preferences import PairConfig, make_pairs
from ranking.reader import CachedReader
from ranking.refinement import describe_trial, try_refinement
from ranking.stacking import (
    CUTS,
    GENERAL,
    HeldOut,
    Stack,
    describe_outcomes,
    fit_stack,
    score_held_out,
    starting_weights,
    weights_of,
)

MIN_WON = MIN_LOST = 10


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a ranker learns. `without` says what stays out, for ablations, by the start of the scores' names.

    With `refine`, comparisons of two leads at the head of each stage are tried, and kept only if they win on later
    leads. Parts learn before each of `cuts` and are judged between it and the next: shares of the leads, in time.
    """

    pairs: PairConfig = field(default_factory=PairConfig)
    seed: int = 0
    without: tuple[str, ...] = ()
    refine: bool = False
    cuts: tuple[float, ...] = CUTS

    def fitters(self) -> Mapping[str, Fitter]:
        """Return what is learned: the part of a name before the comma decides."""
        firsts = {
            "trees": "fields, trees",
            "line": "fields, outcomes",
            "words": "words, outcomes",
            "reading": "reading, outcomes",
            "together": "words and reading, outcomes",
        }
        return {
            name: fitter for name, fitter in FITTERS.items() if not firsts[name].startswith(self.without or ("\0",))
        }


def refuse_short_history(examples: Sequence[Example]) -> tuple[int, int]:
    """Return the number of won and lost leads.

    Raises:
        InsufficientHistoryError: Fewer than 10 of either.
    """
    won = len({example.group for example in examples if example.won is True})
    lost = len({example.group for example in examples if example.won is False})
    if won < MIN_WON or lost < MIN_LOST:
        raise InsufficientHistoryError(
            f"the history holds {won} won and {lost} lost leads; at least {MIN_WON} and {MIN_LOST} are needed."
            " Check the won and lost settings, or wait for more finished leads"
        )
    return won, lost


def train(
    examples: Sequence[Example],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    backbone: str,
    config: TrainingConfig = TrainingConfig(),
    progress: Callable[[int, int], None] | None = None,
) -> RankingModel:
    """Return a ranker that learned from `examples`, starting from the general model.

    Every part learns from the earlier groups and scores the later ones; those scores choose the penalties, the parts'
    weights and the calibration. Then every part learns again, from everything.

    Raises:
        InsufficientHistoryError: Fewer than 10 won or 10 lost leads, or no two leads that can be compared.
    """
    won, lost = refuse_short_history(examples)
    make_pairs(examples, config.pairs, seed=config.seed)  # refuses a history in which nothing can be compared
    inputs = _read(examples, reader, general, progress=progress)
    fixed = _fixed_parts(general, config)
    fitters, held_out, stack = _hold_out(examples, inputs, fixed, config)
    outcomes = describe_outcomes(examples, config.pairs, seed=config.seed)
    learned = [
        pick(fitter(inputs, outcomes), held_out.strengths[name])
        for name, fitter in fitters.items()
        if name in held_out.strengths
    ]
    utilities = held_out.scores @ np.array([stack.weights.get(name, 0.0) for name in held_out.names])
    calibration, measured = _measure(examples, held_out, utilities)
    general_alone = held_out.of(GENERAL)
    trial = (
        try_refinement(examples, held_out.rows, utilities, config.pairs, reader, seed=config.seed)
        if config.refine
        else None
    )
    card = ModelCard(
        backbone=backbone,
        reader_version=reader.version,
        general_version=None if general is None else general.version,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        examples=len(examples),
        leads=len({example.group for example in examples}),
        won=won,
        lost=lost,
        pairs=outcomes.pairs.counts(),
        text_share=float((inputs.texts > 0).mean()),
        weights=dict(stack.weights),
        **measured,
        ahead_of_general=None if general_alone is None else _compare(examples, held_out, utilities, general_alone),
        refinement=None if trial is None else describe_trial(trial),
        config=json.loads(json.dumps(asdict(config))),
        data_hash=_hash_of(examples),
        losses={name: list(losses) for name, losses in held_out.losses.items()},
    )
    return RankingModel(
        card, [*learned, *fixed], stack, calibration, general, None if trial is None else trial.refinement
    )


def later_utilities(
    examples: Sequence[Example],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    config: TrainingConfig = TrainingConfig(),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the examples after the first cut, and their utilities by parts that did not learn from them.

    The parts' penalties and weights were chosen on these examples, as they always are: two rankers can be compared by
    them, one alone looks a little too good.
    """
    inputs = _read(examples, reader, general, progress=progress)
    _, held_out, stack = _hold_out(examples, inputs, _fixed_parts(general, config), config)
    return held_out.rows, held_out.scores @ np.array([stack.weights.get(name, 0.0) for name in held_out.names])


def general_ranker(reader: CachedReader, general: GeneralModel) -> RankingModel:
    """Return a ranker that knows the general model only: the first day's order."""
    part = GeneralPart()
    stack = Stack(starting_weights(part.names, 0))
    card = ModelCard(
        backbone="general",
        reader_version=reader.version,
        general_version=general.version,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        examples=0,
        leads=0,
        won=0,
        lost=0,
        pairs={},
        text_share=1.0,
        weights=dict(stack.weights),
        validation_leads=0,
        validation_pairs=0,
        validation_pair_accuracy=None,
        validation_low=None,
        validation_high=None,
        validation_ece=None,
    )
    return RankingModel(card, [part], stack, Calibration(), general)


def _read(
    examples: Sequence[Example],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    progress: Callable[[int, int], None] | None,
) -> Inputs:
    candidates = [example.candidate for example in examples]
    return build_inputs(candidates, read_texts(candidates, reader, general, progress=progress))


def _fixed_parts(general: GeneralModel | None, config: TrainingConfig) -> list[Part]:
    return [GeneralPart()] if general is not None and "general" not in config.without else []


def _hold_out(
    examples: Sequence[Example], inputs: Inputs, fixed: Sequence[Part], config: TrainingConfig
) -> tuple[Mapping[str, Fitter], HeldOut, Stack]:
    """Return what can be learned, its scores on later examples, and how loudly each speaks."""
    fitters = config.fitters()
    if not (inputs.texts > 0).any():
        # Nothing was written: words would be learned from silence. What is read of the fields is still there.
        fitters = {name: fitter for name, fitter in fitters.items() if name not in ("words", "together")}
    held_out = score_held_out(examples, inputs, fitters, fixed, config.pairs, seed=config.seed, cuts=config.cuts)
    if config.without:
        held_out = held_out.without(*config.without)
    return fitters, held_out, fit_stack(examples, held_out, config.pairs, seed=config.seed)


def _compare(
    examples: Sequence[Example], held_out: HeldOut, ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> Interval | None:
    """Return by how many of the later leads' pairs ours are ahead, or None without any pair."""
    late = [examples[row] for row in held_out.rows.tolist()]
    levels, stages = np.array([example.level for example in late]), [example.candidate.stage for example in late]
    if not count_pairs(levels, stages):
        return None
    return bootstrap_difference(ours, theirs, levels, stages, groups=[example.group for example in late])


def _hash_of(examples: Sequence[Example]) -> str:
    """Return the SHA-256 of all that is learned from."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(asdict(example), sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _measure(
    examples: Sequence[Example], held_out: HeldOut, utilities: NDArray[np.float64]
) -> tuple[Calibration, dict[str, Any]]:
    """Return the calibration, and what the later leads say about the order and the chances."""
    late = [examples[row] for row in held_out.rows.tolist()]
    stages = [example.candidate.stage for example in late]
    won = np.array([np.nan if example.won is None else float(example.won) for example in late])
    level = np.array([example.level for example in late])
    calibration = fit_calibration(utilities, won, weights_of(late), stages)
    pairs = count_pairs(level, stages)
    groups = [example.group for example in late]
    accuracy = bootstrap_pair_accuracy(utilities, level, stages, groups=groups) if pairs else None
    known = ~np.isnan(won)
    return calibration, {
        "validation_leads": len(set(groups)),
        "validation_pairs": pairs,
        "validation_pair_accuracy": None if accuracy is None else accuracy.value,
        "validation_low": None if accuracy is None else accuracy.low,
        "validation_high": None if accuracy is None else accuracy.high,
        "validation_ece": calibration_error(calibration.chances(utilities, stages)[known], won[known])
        if known.any()
        else None,
    }
