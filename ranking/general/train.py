"""Builds the general model from the corpus, and measures what it knows of trades that it has not seen.

Each step compares all texts of a batch, which are of one trade and kind: the loss is the cross-entropy of every pair
against the causal model's own graded preference, sigma(utility difference), and of every text against its own graded
chance. Graded truth instead of drawn outcomes: a coin flip would only add noise to what is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ranking.backbone import Backbone
from ranking.backbone_files import find_backbone
from ranking.general.corpus import CorpusText
from ranking.general.model import GeneralModel
from ranking.tuning import UpperLayers, shuffled_batches

# Texts compared in one step: notes are five times as long as snippets.
_ROWS = {"note": 16, "snippet": 40}
_HEAD_LEARNING_RATE = 2e-3
_WARM_UP_STEPS = 30


@dataclass(frozen=True, slots=True)
class TeachingConfig:
    """How the language model is taught; chosen on trades that were left out."""

    epochs: int = 3
    learning_rate: float = 4e-4
    rank: int = 16
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """A language model that was taught, and the line on its vectors that judges a text."""

    upper: UpperLayers
    weight: torch.Tensor
    bias: float

    def judge(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Return the judgement of every text that the layers know, [texts]."""
        vectors = self.upper.all_vectors()
        judged: np.ndarray[tuple[int], np.dtype[np.float64]] = (vectors @ self.weight + self.bias).double().numpy()
        return judged


def teach(
    corpus: Sequence[CorpusText],
    chosen: Sequence[int],
    location: str,
    config: TeachingConfig = TeachingConfig(),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Taught:
    """Teach a language model the chosen texts of the corpus; the others are only made ready to be read."""
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    upper = UpperLayers(location, [text.text for text in corpus], rank=config.rank)
    utility = torch.tensor([text.utility for text in corpus])
    centre, spread = _scale(upper, chosen)
    head = torch.nn.Linear(upper.hidden_size, 1)
    torch.nn.init.zeros_(head.weight)
    groups: dict[tuple[str, str], list[int]] = {}
    for index in chosen:
        groups.setdefault((corpus[index].trade, corpus[index].kind), []).append(index)
    optimiser = torch.optim.AdamW(
        [
            {"params": upper.parameters, "lr": config.learning_rate, "weight_decay": 0.01},
            {"params": head.parameters(), "lr": _HEAD_LEARNING_RATE},
        ]
    )
    plan = [_batches(groups, upper, generator) for _ in range(config.epochs)]
    steps = sum(map(len, plan))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / _WARM_UP_STEPS) * max(0.02, 1 - step / max(steps, 1))
    )
    for step, batch in enumerate(batch for epoch in plan for batch in epoch):
        score = head((upper.vectors(batch) - centre) / spread).squeeze(1)
        truth = utility[batch]
        pair = binary_cross_entropy_with_logits(
            score[:, None] - score[None, :], torch.sigmoid(truth[:, None] - truth[None, :])
        )
        point = binary_cross_entropy_with_logits(score, torch.sigmoid(truth))
        (pair + point).backward()  # type: ignore[no-untyped-call]  # torch ships no annotation for it
        torch.nn.utils.clip_grad_norm_(upper.parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if progress is not None:
            progress(step + 1, steps)
    weight = head.weight.detach()[0] / spread
    return Taught(upper, weight, float(head.bias.detach()[0] - centre @ weight))


def build(
    name: str,
    corpus: Sequence[CorpusText],
    cache: Path,
    folder: Path,
    config: TeachingConfig = TeachingConfig(),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> GeneralModel:
    """Teach the backbone the whole corpus, and write adapter and judgement into `folder`."""
    files = find_backbone(name, cache)
    taught = teach(corpus, range(len(corpus)), files.location, config, progress=progress)
    target = folder / files.version
    taught.upper.save(target)
    reader = Backbone(name, cache=cache, adapter=target)
    weight = np.zeros(reader.width, dtype=np.float32)
    weight[reader.hidden_size :] = taught.weight.numpy()  # the lower half's vector says nothing to it
    model = GeneralModel(weight, taught.bias, reader.version)
    model.save(target / "judgement.safetensors")
    return model


def _batches(
    groups: dict[tuple[str, str], list[int]], upper: UpperLayers, generator: torch.Generator
) -> list[list[int]]:
    batches = [
        [members[place] for place in batch]
        for (_, kind), members in sorted(groups.items())
        for batch in shuffled_batches([upper.length(index) for index in members], rows=_ROWS[kind], generator=generator)
        if len(batch) > 1
    ]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


@torch.no_grad()
def _scale(upper: UpperLayers, chosen: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return centre and spread of the vectors before teaching, from the first few hundred texts."""
    sample = list(chosen)[:: max(1, len(chosen) // 512)]
    vectors = torch.cat([upper.vectors(sample[start : start + 32]) for start in range(0, len(sample), 32)])
    return vectors.mean(0), vectors.std(0) + 1e-2
