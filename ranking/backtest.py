"""What the ranker would have been worth: learn from earlier leads, order later ones, and compare with plain orders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ranking.baselines import BASELINES, NEEDS_TEXT, Scorer
from ranking.candidate import Candidate, Example
from ranking.errors import InsufficientHistoryError, OracleError
from ranking.general.model import GeneralModel
from ranking.model import RankingModel
from ranking.preferences import PairConfig
from ranking.reader import CachedReader
from ranking.report import Report, compare_orders
from ranking.stacking import places_in_time
from ranking.training import TrainingConfig, general_ranker, train
from ranking.zero_shot import TWO_BY_TWO

OURS = "Callfirst"
# How many of the groups, those that ended last, are judged: with one window, and with several.
_LATER_SHARE, _LATER_SHARE_OF_SEVERAL = 0.3, 0.6
# Whatever is compared, and whatever levels there are.
_ANY_PAIRS = PairConfig(required_tiers=())
_PAIR_HEADS = ("fields, pairs", "words, pairs", "reading, pairs", "words and reading, pairs")
_TEXT = ("words", "reading", "general")


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """The test rows' scores (log-odds to be won, higher is better), in the given order, and the model that gave them.

    They compare leads of different stages too; inside a stage their order is that of the utilities.
    """

    scores: tuple[float, ...]
    model: RankingModel


@dataclass(frozen=True, slots=True)
class Orders:
    """Scores of the same candidates by the name of what gave them, [candidates] each, higher is better.

    Those of `by_stage` are compared inside a stage, those of `one_list` across stages: an order that compares no leads
    of different stages is not among them. Those of `calibrated` in it are log-odds of a win. `failed` says why an order
    of a language model that was asked is missing.
    """

    by_stage: Mapping[str, NDArray[np.float64]]
    one_list: Mapping[str, NDArray[np.float64]]
    calibrated: frozenset[str]
    failed: Mapping[str, str]


def score_rows(
    examples: Sequence[Example],
    candidates: Sequence[Candidate],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    backbone: str,
    pairs: PairConfig = _ANY_PAIRS,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Return the scores of `candidates` by a model that learned from `examples` only.

    Examples that are too few to learn from leave the general model alone; its card then counts no example.

    Raises:
        InsufficientHistoryError: The examples are too few to learn from, and there is no general model.
    """
    config = TrainingConfig(pairs=pairs)
    try:
        model = train(examples, reader, general, backbone=backbone, config=config, progress=progress)
    except InsufficientHistoryError:
        if general is None:
            raise
        model = general_ranker(reader, general)
    return BacktestResult(tuple(_log_odds(model, candidates, reader).tolist()), model)


def evaluate(
    examples: Sequence[Example],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    backbone: str,
    windows: int = 1,
    ablations: bool = True,
    others: Mapping[str, Scorer] = MappingProxyType({}),
    pairs: PairConfig = _ANY_PAIRS,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Return how well our order and others do on the latest 30 % of the finished groups, all learned from the rest.

    With several `windows` the latest 60 % are cut into so many parts, and each is ordered by what was learned from all
    before it (a rolling origin): twice the leads are judged, and leads of different windows are never compared in a
    list or a pair. `others` are compared beside the baselines. `pairs` says which leads we learn by comparing.

    Raises:
        InsufficientHistoryError: The earliest part is too small to learn from, or a later part has one outcome only.
    """
    finished = [example for example in examples if example.won is not None]
    parts: list[tuple[Sequence[Example], Orders]] = []
    for early, late in split_by_time(finished, windows):
        if len({example.won for example in late}) < 2:
            raise InsufficientHistoryError(
                f"{len(late):,} later snapshots of finished leads have one outcome only: nothing to measure"
            )
        candidates = [example.candidate for example in late]
        orders = make_orders(
            early,
            candidates,
            reader,
            general,
            backbone=backbone,
            ablations=ablations,
            others=others,
            pairs=pairs,
            say=say,
        )
        parts.append((late, orders))
    failed = {name: reason for _, orders in parts for name, reason in orders.failed.items()}
    judged = [example for late, _ in parts for example in late]
    return compare_orders(
        _pooled([orders.by_stage for _, orders in parts], failed),
        np.array([float(bool(example.won)) for example in judged]),
        [f"{window} {example.candidate.stage}" for window, (late, _) in enumerate(parts) for example in late],
        [example.group for example in judged],
        ours=OURS,
        one_list=_pooled([orders.one_list for _, orders in parts], failed),
        calibrated=parts[0][1].calibrated,
        failed=failed,
    )


def make_orders(
    examples: Sequence[Example],
    candidates: Sequence[Candidate],
    reader: CachedReader,
    general: GeneralModel | None,
    *,
    backbone: str,
    ablations: bool = True,
    others: Mapping[str, Scorer] = MappingProxyType({}),
    pairs: PairConfig = _ANY_PAIRS,
    say: Callable[[str], None] = lambda _: None,
) -> Orders:
    """Return the candidates' scores by our order, each baseline, each of `others` and each ablation.

    All of them learn from the same examples, if they learn at all.

    Raises:
        InsufficientHistoryError: The examples are too few to learn from.
    """
    has_text = any(candidate.passages for candidate in candidates)
    orders: dict[str, NDArray[np.float64]] = {}
    one_list: dict[str, NDArray[np.float64]] = {}
    calibrated: set[str] = set()
    failed: dict[str, str] = {}

    def ours(name: str, learn_from: Sequence[Example], order: Sequence[Candidate], *without: str) -> None:
        say(name)
        config = TrainingConfig(pairs=pairs, without=without)
        model = train(learn_from, reader, general, backbone=backbone, config=config)
        orders[name] = model.utilities(order, reader)
        one_list[name] = _log_odds(model, order, reader)
        calibrated.add(name)

    ours(OURS, examples, candidates)
    for name, scorer in {**BASELINES, **others}.items():
        if has_text or name not in NEEDS_TEXT:
            say(name)
            try:
                orders[name] = scorer(examples, candidates)
            except OracleError as error:
                failed[name] = str(error)  # an address that does not answer costs its own rows and no others
                continue
            if not name.endswith(TWO_BY_TWO):
                one_list[name] = orders[name]
    if ablations:
        ours("ours, pointwise only (no pairs)", examples, candidates, *_PAIR_HEADS)
        ours("ours, flat (no stages)", [_without_funnel(example) for example in examples], _flat(candidates))
        if has_text:
            ours("ours, text shuffled", examples, _shuffled(candidates))
            ours("ours, fields only", examples, candidates, *_TEXT)
            ours("ours, text only", examples, candidates, "fields")
            if general is not None:
                ours("ours, without the general model", examples, candidates, "general")
    return Orders(orders, one_list, frozenset(calibrated), failed)


def split_by_time(examples: Sequence[Example], windows: int = 1) -> list[tuple[list[Example], list[Example]]]:
    """Return for each window the examples of the groups that ended before it, and those of the groups in it."""
    share = places_in_time(examples)
    later = _LATER_SHARE if windows == 1 else _LATER_SHARE_OF_SEVERAL
    cuts = np.linspace(1 - later, 1.0, windows + 1)
    return [
        (
            [example for example, place in zip(examples, share, strict=True) if place < start],
            [example for example, place in zip(examples, share, strict=True) if start <= place < end],
        )
        for start, end in pairwise(cuts.tolist())
    ]


def _pooled(
    parts: Sequence[Mapping[str, NDArray[np.float64]]], failed: Mapping[str, str]
) -> dict[str, NDArray[np.float64]]:
    """Return each order's scores in all windows; what failed in one of them is left out."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in failed}


def _log_odds(model: RankingModel, candidates: Sequence[Candidate], reader: CachedReader) -> NDArray[np.float64]:
    stages = [candidate.stage for candidate in candidates]
    return model.calibration.log_odds(model.utilities(candidates, reader), stages)


def _without_funnel(example: Example) -> Example:
    """Return an example that knows no stage, and of what happened next only whether it was won in the end."""
    level = example.level if example.won is None else float(example.won)
    return replace(example, candidate=replace(example.candidate, stage=""), level=level)


def _flat(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [replace(candidate, stage="") for candidate in candidates]


def _shuffled(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with each other's texts, inside their stage: what remains is what texts do not say."""
    random = np.random.default_rng(0)
    by_stage: Mapping[str, list[int]] = {}
    by_stage = {stage: [] for stage in dict.fromkeys(candidate.stage for candidate in candidates)}
    for row, candidate in enumerate(candidates):
        by_stage[candidate.stage].append(row)
    shuffled = list(candidates)
    for rows in by_stage.values():
        for row, other in zip(rows, random.permutation(rows).tolist(), strict=True):
            shuffled[row] = replace(candidates[row], passages=candidates[other].passages)
    return shuffled
