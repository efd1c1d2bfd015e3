"""How loudly each part speaks: chosen on examples that it did not learn from, later than those that it did.

The history is cut in time. Each part learns from what came before a cut and scores what came after; those scores
choose the part's penalty and then the weights of all parts together. Weights are never negative, and the fewer
examples there are, the closer they stay to where they begin: with the general model alone where there is one and no
history, and with every learned score the more history there is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ranking.candidate import Example
from ranking.inputs import Inputs
from ranking.parts import Fitter, Outcomes, Part
from ranking.preferences import PairConfig, make_pairs

# The shares of the groups, oldest first, up to which parts learn before they score the next ones.
CUTS = (0.4, 0.55, 0.7, 0.85, 1.0)
# The shares of the leads, oldest first, that teach a language model own leads, and that say when to stop: of what is
# later it has seen nothing (`adaptation`).
TAUGHT, SEEN = 0.45, 0.55
# The pull of the starting weights, in examples: a history of this length counts as much as they do.
_PULL = 40.0
# The pull of a stage's level to nothing: only as much as a stage of one outcome needs to have a level at all.
_LEVEL_PULL = 0.1
_MIN_WON = _MIN_LOST = 5
# Where weights begin after a long history; before any, the general model's is 1 and all others 0.
_START_LEARNED, _START_GENERAL = 0.25, 0.1
# How many finished leads to choose by, those after the first cut, it takes to get half of the way there.
_HALF_WAY = 100.0
GENERAL = "general, all texts"  # the general model's own order
# How loud the general model may have to be, each as likely as the next before anything is known.
_LOUDNESS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Stack:
    """The weight of each score, by name. The utility is their weighted sum, in log-odds."""

    weights: Mapping[str, float]

    def utilities(self, parts: Sequence[Part], inputs: Inputs) -> NDArray[np.float64]:
        """Return one utility a row; only differences inside a stage mean anything."""
        total = np.zeros(len(inputs))
        for part in parts:
            weights = np.array([self.weights.get(name, 0.0) for name in part.names])
            if weights.any():
                total += part.scores(inputs) @ weights
        return total


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of examples by parts that did not learn from them.

    `rows` are the examples' indices, `scores` [rows, names]; `strengths` is the chosen place on each
    fitter's path, for each of its scores, and `losses` each score's loss at every place, by the score's name.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    names: tuple[str, ...]
    strengths: Mapping[str, tuple[int, ...]]
    losses: Mapping[str, tuple[float, ...]]

    def of(self, name: str) -> NDArray[np.float64] | None:
        """Return one score by its name, [rows], or None if there is none."""
        return self.scores[:, self.names.index(name)] if name in self.names else None

    def without(self, *prefixes: str) -> "HeldOut":
        """Return this without the scores whose names begin so."""
        kept = [column for column, name in enumerate(self.names) if not name.startswith(prefixes)]
        names = tuple(self.names[column] for column in kept)
        return HeldOut(self.rows, self.scores[:, kept], names, self.strengths, self.losses)


def describe_outcomes(examples: Sequence[Example], config: PairConfig, *, seed: int) -> Outcomes:
    """Return what parts learn from: a lead with many snapshots counts once."""
    taken, ended = times_of(examples)
    return Outcomes(
        won=np.array([np.nan if example.won is None else float(example.won) for example in examples]),
        weights=weights_of(examples),
        taken=taken,
        ended=ended,
        pairs=make_pairs(examples, config, seed=seed),
    )


def cuts_after(seen: float = SEEN) -> tuple[float, ...]:
    """Return the cuts of a ranker whose language model has seen that share of the leads: its tests begin after it."""
    return tuple(np.linspace(min(seen, 1.0), 1.0, 4).tolist())


def split_in_time(
    examples: Sequence[Example], cuts: Sequence[float] = CUTS
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return (earlier, later) example indices for each cut."""
    share = places_in_time(examples)
    return [
        (np.flatnonzero(share < start), np.flatnonzero((share >= start) & (share < end)))
        for start, end in pairwise(cuts)
    ]


def places_in_time(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return where each example's group stands in time, from 0 to below 1: where its last example does."""
    _, ended = times_of(examples)
    ends = {example.group: end for example, end in zip(examples, ended.tolist(), strict=True)}
    place = {group: rank for rank, group in enumerate(sorted(ends, key=lambda group: (ends[group], group)))}
    return np.array([place[example.group] / len(ends) for example in examples])


def times_of(examples: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each example stands in time, and where the last one of its group does.

    Places, not seconds. Of examples of the same moment one comes first by chance, the same each time: a file in which
    all are of one day would have no history at all otherwise. Those of one group never come before each other.
    """
    ends: dict[str, float] = {}
    for example in examples:
        ends[example.group] = max(example.order, ends.get(example.group, -np.inf))
    names = sorted(ends)
    chance = dict(zip(names, (np.random.default_rng(0).permutation(len(names)) / len(names)).tolist(), strict=True))
    moments = np.array([[example.order, ends[example.group]] for example in examples], dtype=np.float64).reshape(-1, 2)
    places = np.unique(moments, return_inverse=True)[1].reshape(moments.shape)
    taken, ended = (places + np.array([[chance[example.group]] for example in examples]).reshape(-1, 1)).T
    return taken, ended


def weights_of(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return how much each example counts: a lead with many snapshots counts once."""
    counts = Counter(example.candidate.id for example in examples)
    return np.array([1 / counts[example.candidate.id] for example in examples])


def score_held_out(
    examples: Sequence[Example],
    inputs: Inputs,
    fitters: Mapping[str, Fitter],
    fixed: Sequence[Part],
    config: PairConfig,
    *,
    seed: int,
    cuts: Sequence[float] = CUTS,
    progress: Callable[[int, int], None] | None = None,
) -> HeldOut:
    """Return the scores of every example after the first cut that had enough before it to learn from."""
    rows: list[NDArray[np.int64]] = []
    paths: dict[str, list[list[NDArray[np.float64]]]] = {name: [] for name in fitters}
    names: dict[str, tuple[str, ...]] = {}
    splits = split_in_time(examples, cuts)
    for done, (early, late) in enumerate(splits):
        if progress is not None:
            progress(done, len(splits))
        past = [examples[row] for row in early.tolist()]
        if not len(late) or not _has_both(past):
            continue
        outcomes = describe_outcomes(past, _lenient(config), seed=seed)
        later = inputs.take(late)
        rows.append(late)
        for name, fitter in fitters.items():
            path = fitter(inputs.take(early), outcomes)
            names[name] = path[0].names
            paths[name].append([part.scores(later) for part in path])
    chosen = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    seen = describe_outcomes([examples[row] for row in chosen.tolist()], _lenient(config), seed=seed)
    columns: list[NDArray[np.float64]] = []
    column_names: list[str] = []
    strengths: dict[str, tuple[int, ...]] = {}
    all_losses: dict[str, tuple[float, ...]] = {}
    for name in names:
        by_strength = [np.concatenate(blocks) for blocks in zip(*paths[name], strict=True)]
        losses = np.array(
            [
                [_loss(scores[:, column], kind, seen) for column, kind in enumerate(names[name])]
                for scores in by_strength
            ]
        )
        strengths[name] = tuple(losses.argmin(0).tolist())
        all_losses |= {score: tuple(losses[:, column].tolist()) for column, score in enumerate(names[name])}
        columns += [by_strength[strength][:, [column]] for column, strength in enumerate(strengths[name])]
        column_names += names[name]
    for part in fixed:
        columns.append(part.scores(inputs.take(chosen)))
        column_names += part.names
    table = np.concatenate(columns, axis=1) if columns else np.zeros((len(chosen), 0))
    return HeldOut(chosen, table, tuple(column_names), strengths, all_losses)


def starting_weights(names: Sequence[str], leads: float, *, trust: float = 1.0) -> dict[str, float]:
    """Return the weights to begin from, by how many finished leads there are to choose better ones.

    Without a general model, or any trust in it, there is nothing else to begin from than what was learned.
    """
    share = 1.0 - trust * (1.0 - leads / (leads + _HALF_WAY)) if GENERAL in names else 1.0
    weights: dict[str, float] = {}
    for name in names:
        if name == GENERAL:
            weights[name] = trust * (1.0 - (1.0 - _START_GENERAL) * leads / (leads + _HALF_WAY))
        elif name.startswith("general"):
            weights[name] = 0.0
        else:
            weights[name] = _START_LEARNED * share
    return weights


def fit_stack(examples: Sequence[Example], held_out: HeldOut, config: PairConfig, *, seed: int) -> Stack:
    """Return the weights that order the held-out examples best, pulled towards the starting ones.

    The loss is that of the heads: pairs of one stage, where a score was taught by pairs, and outcomes with a level for
    each stage.
    """
    late = [examples[row] for row in held_out.rows.tolist()]
    finished = len({example.group for example in late if example.won is not None})
    if not finished:
        return Stack(starting_weights(held_out.names, 0))
    inside = PairConfig(config.max_per_example, 0.0, config.window, ())
    outcomes = describe_outcomes(late, inside, seed=seed)
    stages = np.unique([example.candidate.stage for example in late], return_inverse=True)[1]
    levels = np.eye(stages.max() + 1)[stages]
    known = ~np.isnan(outcomes.won)
    target = np.where(known, outcomes.won, 0.0)
    weight = outcomes.weights * known
    general = held_out.of(GENERAL)
    trust = 1.0 if general is None else _trust_in(general, levels, target, weight)
    start = starting_weights(held_out.names, finished, trust=trust)
    if not _has_both(late):
        return Stack(start)
    first = np.array([start[name] for name in held_out.names])
    winners, losers = outcomes.pairs.winners, outcomes.pairs.losers
    difference = held_out.scores[winners] - held_out.scores[losers]
    pair_weight = outcomes.weights[winners] * outcomes.weights[losers]
    # As many examples' worth of pairs as there are examples: pairs are many, but they are not independent.
    pair_weight = pair_weight / max(pair_weight.sum(), 1e-12) * weight.sum()
    pair_weight = pair_weight * any(name.endswith(", pairs") for name in held_out.names)
    count = len(first)

    def objective(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = held_out.scores @ w[:count] + levels @ w[count:]
        gap = difference @ w[:count]
        pull = w[:count] - first
        loss, slope = _loss_of_outcomes(z, w[count:], target, weight)
        value = loss + (pair_weight * np.logaddexp(0.0, -gap)).sum() + _PULL * (pull @ pull)
        on_weights = held_out.scores.T @ slope - difference.T @ (pair_weight * expit(-gap)) + 2 * _PULL * pull
        return float(value), np.append(on_weights, levels.T @ slope + 2 * _LEVEL_PULL * w[count:])

    bounds = [(0.0, None)] * count + [(None, None)] * levels.shape[1]
    found = minimize(
        objective, np.append(first, np.zeros(levels.shape[1])), jac=True, method="L-BFGS-B", bounds=bounds
    ).x
    return Stack({name: float(value) for name, value in zip(held_out.names, found[:count], strict=True)})


def _trust_in(
    general: NDArray[np.float64], levels: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Return from 0 to 1 how far the general model's log-odds are borne out by the outcomes of held-out examples.

    It knows sales notes. Where texts are of another kind it is as loud, and says nothing; a pull towards it would drown
    what a short history has taught. The posterior mean of its loudness, beside a level for each stage, tells.
    """

    def objective(level: NDArray[np.float64], said: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, slope = _loss_of_outcomes(said + levels @ level, level, target, weight)
        return loss, levels.T @ slope + 2 * _LEVEL_PULL * level

    start = np.zeros(levels.shape[1])
    losses = [
        minimize(objective, start, args=(loudness * general,), jac=True, method="L-BFGS-B").fun
        for loudness in _LOUDNESS
    ]
    likelihood = np.exp(min(losses) - np.array(losses))
    return float(min(1.0, likelihood @ _LOUDNESS / likelihood.sum() / np.mean(_LOUDNESS)))


def _loss_of_outcomes(
    z: NDArray[np.float64], level: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the loss of log-odds `z` [rows] with the pull on the stages' levels, and its slope on `z`."""
    loss = (weight * (np.logaddexp(0.0, z) - target * z)).sum() + _LEVEL_PULL * (level**2).sum()
    return float(loss), weight * (expit(z) - target)


def _has_both(examples: Sequence[Example]) -> bool:
    won = {example.group for example in examples if example.won is True}
    lost = {example.group for example in examples if example.won is False}
    return len(won) >= _MIN_WON and len(lost) >= _MIN_LOST


def _lenient(config: PairConfig) -> PairConfig:
    """Return the configuration for a part of the history, in which a tier may be absent."""
    return PairConfig(config.max_per_example, config.cross_stage_share, config.window, ())


def _loss(scores: NDArray[np.float64], name: str, seen: Outcomes) -> float:
    """Return a score's own loss on what it did not learn from: of pairs for a pair head, of outcomes for any other."""
    if name.endswith("pairs"):
        gap = scores[seen.pairs.winners] - scores[seen.pairs.losers] - seen.pairs.margins
        return float(np.logaddexp(0.0, -gap).mean()) if len(gap) else 0.0
    known = ~np.isnan(seen.won)
    losses = np.logaddexp(0.0, scores[known]) - seen.won[known] * scores[known]
    return float(losses.mean()) if known.any() else 0.0
