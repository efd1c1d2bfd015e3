"""Teaches the language model a team's own leads, from where the general model left it: the regimes `lora` and `full`.

The general model goes on learning: its adapter, and its line on the vectors, which judges a text. A lead's utility is
the sum of its texts' judgements over the root of their number, as it is for the general model. There are two heads, as
in the ranker: that line learns from pairs (a margin-aware loss; HPRO, arXiv 2606.04387, equation 2) and is kept, and
beside it one learns from outcomes (cross-entropy), so that how often leads are won at all need not bend the order. The
earliest leads teach, the next ones say when to stop, and the later ones are not looked at: the ranker's parts, their
weights and the choice between regimes are still to be made on them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from ranking.backbone import hash_of_adapter
from ranking.backbone_files import find_backbone
from ranking.candidate import Example
from ranking.checkpoint import Checkpoint, Unfinished
from ranking.errors import TeachingError
from ranking.general.model import GeneralModel
from ranking.general.train import Taught, save_taught
from ranking.inputs import passages_of
from ranking.preferences import PairConfig, Pairs, make_pairs
from ranking.stacking import SEEN, TAUGHT, places_in_time
from ranking.tuning import Regime, TaughtLayers, copies_of, go_back

# Newest texts of a lead that teach: memory grows with the texts of a step.
_MOST_TEXTS = 8
_MOST_LATER_PAIRS = 4_000
# A pass that lowers the loss by less than this was the last one, and is not kept.
_LEAST_GAIN = 0.002


@dataclass(frozen=True, slots=True)
class AdaptationConfig:
    """How a team's own leads are taught. `leads_per_step` are compared with each other, all pairs at once.

    `rank` counts where no general model is gone on from: its additions have a rank already. `pair_weight` and
    `outcome_weight` are those of the two losses, each a mean; `centring` pulls the two utilities of a pair to a sum of
    0, which their difference leaves open (Eisenstein et al., arXiv 2312.09244; .01 as TRL's reward trainer advises).
    """

    regime: Regime = "lora"
    epochs: int = 4
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    rank: int = 24
    leads_per_step: int = 16
    pair_weight: float = 1.0
    outcome_weight: float = 1.0
    centring: float = 0.01
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Adapted:
    """What was taught: its judgement, the directory of both, and how well it did.

    `losses` is the pair loss on the leads that said when to stop: before the first pass and after each.
    """

    general: GeneralModel
    folder: Path
    losses: tuple[float, ...]


def adapt(
    examples: Sequence[Example],
    name: str,
    cache: Path,
    folder: Path,
    *,
    start: Path | None,
    general: GeneralModel | None,
    config: AdaptationConfig = AdaptationConfig(),
    pairs: PairConfig = PairConfig(),
    device: str = "cpu",
    unfinished: Unfinished | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Adapted:
    """Teach a backbone the earliest leads and write it into `folder`, in the form of a general model.

    Args:
        examples: The whole history.
        name: The backbone, as in the settings.
        cache: Where unpacked backbones are.
        folder: A directory for what is taught.
        start: The general model's adapter, or None to begin from the backbone as it is.
        general: The general model's judgement, or None.
        config: How it is taught.
        pairs: Which leads may be compared.
        device: Where it is taught, as torch names it.
        unfinished: Where it is kept how far it has got: broken off and called again with the same leads on the same
            machine, it goes on there, and ends with the same weights. It stays there until the caller, who has put
            what was taught away, forgets it.
        progress: Told (steps done, steps planned).

    Raises:
        TeachingError: Too few early leads can be compared, or nothing was learned that holds for the next ones.
    """
    torch.manual_seed(config.seed)
    random = np.random.default_rng(config.seed)
    share = places_in_time(examples)
    early = [example for example, place in zip(examples, share, strict=True) if place < TAUGHT]
    later = [example for example, place in zip(examples, share, strict=True) if TAUGHT <= place < SEEN]
    lenient = PairConfig(pairs.max_per_example, 0.0, pairs.window, ())
    later_pairs = make_pairs(later, lenient, seed=config.seed)
    if not len(make_pairs(early, lenient, seed=config.seed)) or not len(later_pairs):
        raise TeachingError(
            f"of the {len(early):,} earliest snapshots, or of the {len(later):,} next ones, no two can be compared:"
            " wait for more finished leads, or set RANKING__REGIME=head"
        )
    files = find_backbone(name, cache)
    lesson = _Lesson(files.location, early, later, general, config, start, device)
    plan = [_batches(early, config.leads_per_step, random) for _ in range(config.epochs)]
    told = [
        (e.candidate.stage, e.level, e.won, e.group, e.order, e.complete, passages_of(e.candidate))
        for e in (*early, *later)
    ]
    begun_from = (general and general.version, start and hash_of_adapter(start))
    checkpoint = Checkpoint(
        unfinished, (files.version, *begun_from, config, lenient, len(early), *told), torch.device(device)
    )
    losses, best = _go_through(plan, lesson, early, lenient, later_pairs, checkpoint, progress, seed=config.seed)
    if best is None:
        if unfinished is not None:
            unfinished.forget()
        raise TeachingError(
            f"own leads taught the language model nothing that holds for the next ones (pair loss {losses[0]:.3f}"
            f" before, {losses[1]:.3f} after); set RANKING__REGIME=head"
        )
    go_back(lesson.parameters, best)
    target = folder / files.version
    return Adapted(save_taught(lesson.taught(), name, cache, target), target, tuple(losses))


def _go_through(
    plan: Sequence[list[list[int]]],
    lesson: "_Lesson",
    early: Sequence[Example],
    pairs: PairConfig,
    later_pairs: Pairs,
    checkpoint: Checkpoint,
    progress: Callable[[int, int], None] | None,
    *,
    seed: int,
) -> tuple[list[float], list[torch.Tensor] | None]:
    """Teach pass by pass until one does not help; return the later leads' losses and what the last good pass left.

    None where no pass helped.
    """
    before = checkpoint.load()
    losses: list[float] = [lesson.later_loss(later_pairs)] if before is None else before["losses"]
    best: list[torch.Tensor] | None = None if before is None else before["best"]
    done = 0 if before is None else before["steps"]
    if before is not None:
        go_back(lesson.parameters, before["taught"])
        lesson.optimiser.load_state_dict(before["optimiser"])
    steps = sum(map(len, plan))
    first = len(losses) - 1

    def state() -> dict[str, Any]:
        return {
            "steps": done,
            "taught": [parameter.detach() for parameter in lesson.parameters],
            "optimiser": lesson.optimiser.state_dict(),
            "best": best,
            "losses": losses,
        }

    for number, batches in enumerate(plan[first:], first):
        for batch in batches[done - sum(map(len, plan[:number])) :]:
            found = make_pairs([early[row] for row in batch], pairs, seed=seed)
            if len(found):
                lesson.step(batch, found, share_done=done / steps)
            done += 1
            checkpoint.save_if_due(state)
            if progress is not None:
                progress(done, steps)
        losses.append(lesson.later_loss(later_pairs))
        if losses[-1] > min(losses[:-1]) - _LEAST_GAIN:
            break
        best = copies_of(lesson.parameters)
    return losses, best


class _Lesson:
    """The language model and its two heads, and the leads' texts by place."""

    def __init__(
        self,
        location: str,
        early: Sequence[Example],
        later: Sequence[Example],
        general: GeneralModel | None,
        config: AdaptationConfig,
        start: Path | None,
        device: str,
    ) -> None:
        texts: dict[str, int] = {}
        self._early, self._later = ([self._place(example, texts) for example in part] for part in (early, later))
        self._won = torch.tensor([float(bool(example.won)) for example in early], device=device)
        self._known = torch.tensor([example.won is not None for example in early], device=device)
        # Whatever is told in no text has the empty one, so that a lesson has something to read.
        self.layers = TaughtLayers(
            location, list(texts) or [""], regime=config.regime, rank=config.rank, start=start, device=device
        )
        self._config = config
        self._heads = torch.nn.Linear(self.layers.hidden_size, 2).to(device)  # of pairs, and of outcomes
        torch.nn.init.zeros_(self._heads.weight)
        torch.nn.init.zeros_(self._heads.bias)
        if general is not None:
            self._heads.weight.data[:] = torch.from_numpy(general.weight[-self.layers.hidden_size :]).to(device)
            self._heads.bias.data[:] = general.bias
        # How often a lead is won at all: no text says it.
        self._level = torch.nn.Parameter(torch.zeros((), device=device))
        self.parameters = [*self.layers.parameters, *self._heads.parameters(), self._level]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": self.layers.parameters, "lr": config.learning_rate, "weight_decay": 0.01},
                {"params": [*self._heads.parameters(), self._level], "lr": config.head_learning_rate},
            ]
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]

    def step(self, batch: Sequence[int], pairs: Pairs, *, share_done: float) -> None:
        """Learn from one batch of early leads and the pairs among them."""
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * max(0.05, 1 - share_done)
        utility, chance = self._score([self._early[row] for row in batch])
        rows = torch.tensor(list(batch), device=utility.device)
        known = self._known[rows]
        loss = self._config.pair_weight * _pair_loss(utility, pairs) + self._config.centring * _off_centre(
            utility, pairs
        )
        if known.any():
            outcomes = binary_cross_entropy_with_logits((chance + self._level)[known], self._won[rows][known])
            loss = loss + self._config.outcome_weight * outcomes
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships no annotation for it
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()

    @torch.no_grad()
    def later_loss(self, pairs: Pairs) -> float:
        """Return the pair loss on the leads that say when to stop."""
        self.layers.model.eval()
        parts = [self._score(self._later[row : row + 16])[0] for row in range(0, len(self._later), 16)]
        self.layers.model.train()
        return float(_pair_loss(torch.cat(parts), pairs, most=_MOST_LATER_PAIRS))

    def taught(self) -> Taught:
        """Return the language model with the head that learned from pairs."""
        return Taught(self.layers, self._heads.weight.detach()[0].cpu(), float(self._heads.bias.detach()[0]))

    def _score(self, leads: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each head's judgements of each lead's texts, summed over their number's root, [leads] each.

        0 without any text.
        """
        texts = sorted({text for lead in leads for text in lead})
        if not texts:
            nothing = self._level * 0 + torch.zeros(len(leads), device=self._level.device)
            return nothing, nothing
        judged = self._heads(self.layers.vectors(texts))
        place = {text: row for row, text in enumerate(texts)}
        member = torch.zeros(len(leads), len(texts), device=judged.device)
        for row, lead in enumerate(leads):
            for text in lead:
                member[row, place[text]] += len(lead) ** -0.5
        utilities, chances = (member @ judged).unbind(1)
        return utilities, chances

    @staticmethod
    def _place(example: Example, texts: dict[str, int]) -> list[int]:
        newest = passages_of(example.candidate)[:_MOST_TEXTS]
        return [texts.setdefault(text, len(texts)) for text in newest]


def _pair_loss(utility: torch.Tensor, pairs: Pairs, *, most: int | None = None) -> torch.Tensor:
    winners, losers, margins = (
        torch.from_numpy(values[:most]).to(utility.device) for values in (pairs.winners, pairs.losers, pairs.margins)
    )
    loss: torch.Tensor = softplus(utility[losers] + margins.float() - utility[winners]).mean()
    return loss


def _off_centre(utility: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    winners, losers = (torch.from_numpy(rows).to(utility.device) for rows in (pairs.winners, pairs.losers))
    off: torch.Tensor = ((utility[winners] + utility[losers]) ** 2).mean()
    return off


def _batches(examples: Sequence[Example], size: int, random: np.random.Generator) -> list[list[int]]:
    """Return the examples' places in batches, mostly of one stage: those can be compared."""
    mixed = random.permutation(len(examples)).tolist()
    mixed.sort(key=lambda row: examples[row].candidate.stage)
    batches = [mixed[start : start + size] for start in range(0, len(mixed), size)]
    return [batches[place] for place in random.permutation(len(batches)).tolist()]
