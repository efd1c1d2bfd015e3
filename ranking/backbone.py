"""A language model that reads texts into vectors.

The vector of a text is the mean over its tokens of two hidden states, one after the other: at half of the model's
depth and at four fifths. Middle layers carry more of what a sentence says than the last ones, which are busy with the
task that the model was made for; the layers above are never run.
"""

import hashlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from ranking.backbone_files import find_backbone
from ranking.precision import quicker_precision
from ranking.rendering import RENDERING_VERSION

LOWER, UPPER = 1 / 2, 4 / 5
FULL_WEIGHTS = "taught_layers.safetensors"
MAX_TOKENS = 256
_BETWEEN_TEXTS = "\n\nThe other lead: "
# Tokens of one batch, padding included. A processor is quickest with what stays in its cache, a GPU with more.
_CPU_BATCH_TOKENS = 1_536
_GPU_BATCH_TOKENS = 4_096
_MAX_CHARACTERS = 6 * MAX_TOKENS  # no tokenizer makes fewer tokens than one for six characters of prose


class Backbone:
    """One language model, cut off at four fifths of its depth. `version` names weights, adapter, depth and rendering.

    `adapter` is a directory of what was taught (`tuning`); it is merged, so that reading costs no more than without.
    `precision` is float32 or bfloat16, and the quicker of them on this machine where none is given.
    """

    def __init__(
        self,
        name: str,
        *,
        cache: Path,
        device: str = "auto",
        adapter: Path | None = None,
        precision: torch.dtype | None = None,
    ) -> None:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # not annotated there
        logging.getLogger("transformers").setLevel(logging.ERROR)
        files = find_backbone(name, cache)
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self.files_version = files.version
        self.tokenizer = load_tokenizer(files.location)
        self.precision = precision or quicker_precision(self.device)
        model = load_body(files.location, self.precision)
        if adapter is not None:
            model = merge_taught(model, adapter)
        self._model = model.to(self.device).eval()
        layers = layers_of(self._model)
        self._half: list[torch.Tensor] = []
        layers[lower_depth(len(layers)) - 1].register_forward_hook(
            lambda _module, _inputs, output: self._half.append(output[0] if isinstance(output, tuple) else output)
        )
        self.hidden_size: int = model.config.hidden_size
        self.width = 2 * self.hidden_size
        self.pair_width = 3 * self.hidden_size
        taught = "plain" if adapter is None else hash_of_adapter(adapter)
        self.tokens = 0  # that the model has read so far
        self.version = f"{files.version}-{taught}-layer{len(layers)}-tokens{MAX_TOKENS}-rendering{RENDERING_VERSION}"

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each text, float32 of shape [texts, width]."""
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        encoded = encode(self.tokenizer, texts)
        for batch in batches_of_similar_length([len(ids) for ids in encoded], self.device):
            vectors[batch] = self._read_batch([encoded[index] for index in batch])
        return vectors

    def read_pairs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return one vector for each two texts read one after the other, float32 [pairs, pair_width].

        The mean over the first text's tokens, the mean over the second's, and the last token, after the highest layer.
        """
        vectors = np.zeros((len(pairs), self.pair_width), dtype=np.float32)
        between = self.tokenizer(_BETWEEN_TEXTS, add_special_tokens=False)["input_ids"]
        firsts, seconds = (
            [ids[: (MAX_TOKENS - len(between)) // 2] for ids in encode(self.tokenizer, [pair[side] for pair in pairs])]
            for side in (0, 1)
        )
        encoded = [[*first, *between, *second] for first, second in zip(firsts, seconds, strict=True)]
        for batch in batches_of_similar_length([len(ids) for ids in encoded], self.device):
            hidden, _ = self._run([encoded[index] for index in batch])
            for row, index in enumerate(batch):
                tokens = hidden[row, : len(encoded[index])].float()
                start = len(encoded[index]) - len(seconds[index])
                parts = (tokens[: len(firsts[index])].mean(0), tokens[start:].mean(0), tokens[-1])
                vectors[index] = torch.cat(parts).cpu().numpy()
        return vectors

    @torch.inference_mode()
    def _run(self, encoded: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the hidden state after the highest layer, [texts, tokens, size], and which tokens are no padding."""
        self.tokens += sum(len(ids) for ids in encoded)
        padded = self.tokenizer.pad({"input_ids": list(encoded)}, return_tensors="pt").to(self.device)
        self._half.clear()
        return self._model(**padded).last_hidden_state, padded["attention_mask"]

    @torch.inference_mode()
    def _read_batch(self, encoded: Sequence[list[int]]) -> NDArray[np.float32]:
        upper, mask = self._run(encoded)
        means = [mean_over_tokens(hidden, mask) for hidden in (self._half.pop(), upper)]
        vectors: NDArray[np.float32] = torch.cat(means, dim=1).cpu().numpy()
        return vectors


def load_tokenizer(location: str) -> Any:
    """Return the tokenizer of a Hugging Face directory, padding on the right."""
    tokenizer: Any = AutoTokenizer.from_pretrained(location)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_body(location: str, precision: torch.dtype) -> Any:
    """Return the model up to four fifths of its depth."""
    model: Any = AutoModel.from_pretrained(location, dtype=precision)
    layers = layers_of(model)
    depth = max(round(len(layers) * UPPER), lower_depth(len(layers)) + 1)
    del layers[depth:]
    if hasattr(model, "norm"):
        model.norm = torch.nn.Identity()
    if hasattr(model, "pooler"):
        model.pooler = None
    # What is left says how deep it is, and where its half was before the cut.
    model.config.num_hidden_layers = depth
    return model


def merge_taught(model: Any, adapter: Path) -> Any:
    """Return a model with what was taught: low-rank additions merged, or whole layers put in place of the old ones."""
    whole = adapter / FULL_WEIGHTS
    if whole.exists():
        dtype = next(model.parameters()).dtype
        model.load_state_dict({name: value.to(dtype) for name, value in load_file(whole).items()}, strict=False)
        return model
    from peft import PeftModel

    with peft_unheard():
        return PeftModel.from_pretrained(model, adapter).merge_and_unload()


@contextmanager
def peft_unheard() -> Iterator[None]:
    """Keep from whoever runs a command that peft asks transformers something by an old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


def layers_of(model: Any) -> Any:
    """Return the list of a model's layers: of a decoder or of an encoder."""
    return model.layers if hasattr(model, "layers") else model.encoder.layer


def lower_depth(depth_after_cut: int) -> int:
    """Return after how many layers the lower hidden state is taken."""
    return round(depth_after_cut * LOWER / UPPER)


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, at most 256; at least one, since a mean needs something."""
    return [
        tokenizer(text[:_MAX_CHARACTERS], truncation=True, max_length=MAX_TOKENS)["input_ids"]
        or [tokenizer.pad_token_id]
        for text in texts
    ]


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the float32 mean of [texts, tokens, size] over the tokens that are no padding, [texts, size]."""
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(1) / weights.sum(1)


def batches_of_similar_length(lengths: Sequence[int], device: torch.device) -> Iterator[list[int]]:
    """Yield indices in batches of similar length, longest first: little is padding. The device decides how many."""
    tokens = _CPU_BATCH_TOKENS if device.type == "cpu" else _GPU_BATCH_TOKENS
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        rows = max(1, tokens // lengths[order[start]])
        yield order[start : start + rows]
        start += rows


def hash_of_adapter(folder: Path) -> str:
    """Return a short hash of the weights that were taught."""
    whole = folder / FULL_WEIGHTS
    file = whole if whole.exists() else folder / "adapter_model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
