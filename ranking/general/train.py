"""Teaches the general model the corpus, or a part of it.

Each step compares all texts of a batch, which are of one trade and kind: the loss is the cross-entropy of every pair
against the causal model's own graded preference, sigma(utility difference), and of every text against its own graded
chance. Graded truth instead of drawn outcomes: a coin flip would only add noise to what is known.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ranking.backbone import Backbone
from ranking.backbone_files import BackboneFiles, find_backbone
from ranking.checkpoint import Checkpoint, Unfinished
from ranking.errors import TeachingError
from ranking.general.corpus import CorpusText
from ranking.general.model import JUDGEMENT, GeneralModel
from ranking.tuning import TaughtLayers, go_back, shuffled_batches

# Texts compared in one step: notes are five times as long as snippets.
_ROWS = {"note": 32, "snippet": 96}
_HEAD_LEARNING_RATE = 2e-3
_WARM_UP_STEPS = 60
# Whether anything was learned is judged by the last steps' pairs: by how much their loss is below a constant's.
_STEPS_JUDGED = 20
_LEAST_GAIN = 0.005


@dataclass(frozen=True, slots=True)
class TeachingConfig:
    """How the language model is taught; chosen on trades that were left out.

    A higher learning rate teaches more in the same time and is a gamble: at 8e-4 two of four teachings ended with a
    model that says the same of every text, which `TeachingError` reports.
    """

    epochs: int = 5
    learning_rate: float = 4e-4
    rank: int = 24
    first_layer: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """A language model that was taught, and the line on its vectors that judges a text."""

    layers: TaughtLayers
    weight: torch.Tensor
    bias: float


def teach(
    corpus: Sequence[CorpusText],
    files: BackboneFiles,
    config: TeachingConfig = TeachingConfig(),
    *,
    device: str = "cpu",
    unfinished: Unfinished | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Taught:
    """Teach a language model the texts of a corpus.

    Args:
        corpus: What is taught.
        files: The language model.
        config: How it is taught.
        device: Where it is taught, as torch names it.
        unfinished: Where it is kept how far it has got: broken off and called again on the same machine, it goes on
            there, and ends with the same weights.
        progress: Told (steps done, steps planned).

    Raises:
        TeachingError: It has learned nothing: the last pairs are ordered no better than by a constant.
    """
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    layers = TaughtLayers(
        files.location,
        [text.text for text in corpus],
        rank=config.rank,
        first_layer=config.first_layer,
        device=device,
    )
    utility = torch.tensor([text.utility for text in corpus], device=device)
    centre, spread = _scale(layers, len(corpus))
    head = torch.nn.Linear(layers.hidden_size, 1).to(device)
    torch.nn.init.zeros_(head.weight)
    groups: dict[tuple[str, str], list[int]] = {}
    for index, text in enumerate(corpus):
        groups.setdefault((text.trade, text.kind), []).append(index)
    optimiser = torch.optim.AdamW(
        [
            {"params": layers.parameters, "lr": config.learning_rate, "weight_decay": 0.01},
            {"params": head.parameters(), "lr": _HEAD_LEARNING_RATE},
        ]
    )
    plan = [_batches(groups, layers, generator) for _ in range(config.epochs)]
    steps = sum(map(len, plan))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / _WARM_UP_STEPS) * max(0.02, 1 - step / max(steps, 1))
    )
    gains: deque[float] = deque(maxlen=_STEPS_JUDGED)
    checkpoint = Checkpoint(unfinished, (files.version, config, *corpus), torch.device(device))
    before = checkpoint.load()
    if before is not None:
        go_back(layers.parameters, before["layers"])
        head.load_state_dict(before["head"])
        optimiser.load_state_dict(before["optimiser"])
        schedule.load_state_dict(before["schedule"])
        gains.extend(before["gains"])
    done = 0 if before is None else before["steps"]

    def state() -> dict[str, Any]:
        return {
            "steps": done,
            "layers": [parameter.detach() for parameter in layers.parameters],
            "head": head.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "gains": list(gains),
        }

    for batch in [batch for epoch in plan for batch in epoch][done:]:
        score = head((layers.vectors(batch) - centre) / spread).squeeze(1)
        truth = utility[batch]
        pair = binary_cross_entropy_with_logits(
            score[:, None] - score[None, :], torch.sigmoid(truth[:, None] - truth[None, :])
        )
        point = binary_cross_entropy_with_logits(score, torch.sigmoid(truth))
        (pair + point).backward()  # type: ignore[no-untyped-call]  # torch ships no annotation for it
        torch.nn.utils.clip_grad_norm_(layers.parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        gains.append(math.log(2) - float(pair.detach()))  # a constant's loss is log 2, whatever the truth
        done += 1
        checkpoint.save_if_due(state)
        if progress is not None:
            progress(done, steps)
    if steps >= _STEPS_JUDGED and not sum(gains) / len(gains) > _LEAST_GAIN:
        raise TeachingError(
            f"after {steps} steps the language model tells no two texts apart; teach it with another seed or a lower"
            f" learning rate than {config.learning_rate:g}"
        )
    weight = head.weight.detach()[0] / spread
    return Taught(layers, weight.cpu(), float(head.bias.detach()[0] - centre @ weight))


def teach_and_save(
    name: str,
    corpus: Sequence[CorpusText],
    cache: Path,
    folder: Path,
    config: TeachingConfig = TeachingConfig(),
    *,
    device: str = "cpu",
    keep_every_s: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> GeneralModel:
    """Teach a backbone a corpus, and write adapter and judgement into `folder`; what was broken off is gone on with.

    How far it has got is kept there, too, every so many seconds.
    """
    files = find_backbone(name, cache)
    unfinished = Unfinished(folder / f"{files.version}.unfinished.pt", keep_every_s)
    try:
        taught = teach(corpus, files, config, device=device, unfinished=unfinished, progress=progress)
    except TeachingError:
        unfinished.forget()
        with suppress(OSError):  # where something else is in it, it stays
            folder.rmdir()
        raise
    model = save_taught(taught, name, cache, folder / files.version)
    unfinished.forget()
    return model


def save_taught(taught: Taught, name: str, cache: Path, folder: Path) -> GeneralModel:
    """Write what a backbone was taught into `folder`, and the judgement that goes with it."""
    taught.layers.save(folder)
    reader = Backbone(name, cache=cache, adapter=folder, device="cpu")
    weight = np.zeros(reader.width, dtype=np.float32)
    weight[reader.hidden_size :] = taught.weight.numpy()  # what is read at half depth says nothing to it
    model = GeneralModel(weight, taught.bias, reader.version)
    model.save(folder / JUDGEMENT)
    return model


def _batches(
    groups: dict[tuple[str, str], list[int]], layers: TaughtLayers, generator: torch.Generator
) -> list[list[int]]:
    batches = [
        [members[place] for place in batch]
        for (_, kind), members in sorted(groups.items())
        for batch in shuffled_batches(
            [layers.length(index) for index in members], rows=_ROWS[kind], generator=generator
        )
        if len(batch) > 1
    ]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


@torch.no_grad()
def _scale(layers: TaughtLayers, texts: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return centre and spread of the vectors before teaching, from the first few hundred texts."""
    sample = range(0, texts, max(1, texts // 512))
    layers.model.eval()
    vectors = torch.cat([layers.vectors(sample[start : start + 32]) for start in range(0, len(sample), 32)])
    layers.model.train()
    return vectors.mean(0), vectors.std(0) + 1e-2
