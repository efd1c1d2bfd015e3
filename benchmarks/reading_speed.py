"""How fast texts are read: tokens a second, beside a plain loop over the same texts and beside what the machine can do.

    .venv/bin/python -m benchmarks.reading_speed [--backbone mpnet] [--texts 400] [--rounds 3]

Ours is read in the precision that is the quicker one here, and in the other for comparison. The plain loop is what one
would write first: the whole model in float32, texts as they come in batches of 32, padded to the longest. What the
machine can do is its rate of multiplying matrices of the shapes that the model has, in the precision that it is quicker
in, without anything between. All of it in turns, in one run; prints one JSON document of medians.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path
from transformers import AutoModel

from ranking.backbone import MAX_TOKENS, Backbone, encode, layers_of, load_tokenizer, mean_over_tokens
from ranking.backbone_files import find_backbone
from ranking.general.corpus import load_corpus
from ranking.general.model import find_adapter

_BATCH_TEXTS = 32
_MATRIX_ROWS = 1_536  # as many tokens as a batch of ours has
_MATRIX_SECONDS = 2.0


def main() -> None:
    """Read, multiply, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mpnet")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cache = user_cache_path("callfirst") / "backbones"
    files = find_backbone(arguments.backbone, cache)
    backbone = Backbone(arguments.backbone, cache=cache, adapter=find_adapter(files.version))
    [other] = {torch.bfloat16, torch.float32} - {backbone.precision}
    slower = Backbone(arguments.backbone, cache=cache, adapter=find_adapter(files.version), precision=other)
    whole = AutoModel.from_pretrained(files.location, dtype=torch.float32).to(backbone.device).eval()
    notes = [text.text for text in load_corpus() if text.kind == "note"]
    texts = [notes[place] for place in np.random.default_rng(0).choice(len(notes), arguments.texts, replace=False)]
    tokens = sum(map(len, encode(backbone.tokenizer, texts)))
    tokenizer = load_tokenizer(files.location)

    rates: dict[str, list[float]] = {"ours": [], "ours, other precision": [], "plain loop": []}
    multiplied: dict[str, list[float]] = {"bfloat16": [], "float32": []}
    for model in (backbone, slower):
        model.read(texts[:50])  # what is done once only is done before
    for _ in range(arguments.rounds):
        rates["ours"].append(tokens / _seconds(lambda: backbone.read(texts)))
        rates["ours, other precision"].append(tokens / _seconds(lambda: slower.read(texts)))
        rates["plain loop"].append(tokens / _seconds(lambda: _read_plainly(whole, tokenizer, texts)))
        for name, values in multiplied.items():
            values.append(_flops_of_multiplying(whole.config, getattr(torch, name), backbone.device))

    layers = backbone_depth(backbone)
    needed = _flops_a_token(whole, layers)
    ours, plain = (statistics.median(rates[name]) for name in ("ours", "plain loop"))
    at_best = max(map(statistics.median, multiplied.values())) / needed
    figures = {
        "device": str(backbone.device),
        "threads": torch.get_num_threads(),
        "precision": str(backbone.precision),
        "texts": len(texts),
        "tokens": tokens,
        "layers_read": f"{layers} of {len(layers_of(whole))}",
        "tokens_a_second": round(ours),
        f"tokens_a_second_in_{str(other).removeprefix('torch.')}": round(
            statistics.median(rates["ours, other precision"])
        ),
        "plain_loop_tokens_a_second": round(plain),
        "times_the_plain_loop": round(ours / plain, 2),
        "gflops_bfloat16": round(statistics.median(multiplied["bfloat16"]) / 1e9, 1),
        "gflops_float32": round(statistics.median(multiplied["float32"]) / 1e9, 1),
        "tokens_a_second_if_it_only_multiplied": round(at_best),
        "share_of_that": round(ours / at_best, 3),
        "rounds": {name: [round(value) for value in values] for name, values in rates.items()},
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def backbone_depth(backbone: Backbone) -> int:
    """Return how many layers are run."""
    return len(layers_of(backbone._model))


@torch.inference_mode()
def _read_plainly(model: Any, tokenizer: Any, texts: list[str]) -> None:
    for start in range(0, len(texts), _BATCH_TEXTS):
        batch = texts[start : start + _BATCH_TEXTS]
        padded = tokenizer(batch, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        padded = padded.to(model.device)
        mean_over_tokens(model(**padded).last_hidden_state, padded["attention_mask"]).cpu()


def _flops_a_token(model: Any, layers: int) -> float:
    """Return the operations of the layers' matrices: one multiplication and one addition for each weight."""
    weights = sum(int(weight.numel()) for weight in layers_of(model)[0].parameters() if weight.dim() == 2)
    return 2.0 * weights * layers


@torch.inference_mode()
def _flops_of_multiplying(config: Any, dtype: torch.dtype, device: torch.device) -> float:
    """Return operations a second over the two shapes that a layer is mostly made of."""
    size, inner = config.hidden_size, config.intermediate_size
    tokens = torch.randn(_MATRIX_ROWS, size, device=device, dtype=dtype)
    weights = [torch.randn(size, width, device=device, dtype=dtype) for width in (size, inner)]
    done, started = 0.0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < _MATRIX_SECONDS:
        for weight in weights:
            tokens @ weight
            done += 2.0 * _MATRIX_ROWS * weight.numel()
        if device.type == "cuda":
            torch.cuda.synchronize()
    return done / seconds


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
