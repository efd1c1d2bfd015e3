"""A language model that reads texts into vectors.

The vector of a text is the mean over its tokens of the hidden state at two thirds of the model's depth: middle layers
carry more of what a sentence says than the last one, which is busy predicting the next word. The layers above are
never run.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from ranking.backbone_files import find_backbone
from ranking.rendering import RENDERING_VERSION

_DEPTH = 2 / 3
_MAX_TOKENS = 256
# Tokens of one batch, padding included: keeps a batch in the processor's cache and memory flat.
_BATCH_TOKENS = 4_096
_MAX_CHARACTERS = 6 * _MAX_TOKENS  # no tokenizer makes fewer tokens than one for six characters of prose


class Backbone:
    """One language model, cut off at two thirds of its depth. `version` names weights, depth and rendering."""

    def __init__(self, name: str, *, cache: Path, device: str = "auto") -> None:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # not annotated there
        logging.getLogger("transformers").setLevel(logging.ERROR)
        files = find_backbone(name, cache)
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(files.location)
        self._tokenizer.padding_side = "right"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        # Half the memory traffic of float32; what is summed over tokens is summed in float32.
        model: Any = AutoModel.from_pretrained(files.location, dtype=torch.bfloat16)
        layers = model.layers if hasattr(model, "layers") else model.encoder.layer
        depth = round(len(layers) * _DEPTH)
        del layers[depth:]
        if hasattr(model, "norm"):
            model.norm = torch.nn.Identity()
        model.config.num_hidden_layers = depth
        self._model = model.to(self.device).eval()
        self.width: int = model.config.hidden_size
        self.version = f"{files.version}-layer{depth}-tokens{_MAX_TOKENS}-rendering{RENDERING_VERSION}"

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each text, float32 of shape [texts, width]."""
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        encoded: list[list[int]] = [
            self._tokenizer(text[:_MAX_CHARACTERS], truncation=True, max_length=_MAX_TOKENS)["input_ids"]
            or [self._tokenizer.pad_token_id]
            for text in texts
        ]
        for batch in _batches([len(ids) for ids in encoded]):
            vectors[batch] = self._read_batch([encoded[index] for index in batch])
        return vectors

    @torch.inference_mode()
    def _read_batch(self, encoded: Sequence[list[int]]) -> NDArray[np.float32]:
        padded = self._tokenizer.pad({"input_ids": list(encoded)}, return_tensors="pt").to(self.device)
        hidden = self._model(**padded).last_hidden_state.float()
        mask = padded["attention_mask"].unsqueeze(-1).float()
        mean: NDArray[np.float32] = ((hidden * mask).sum(1) / mask.sum(1)).cpu().numpy()
        return mean


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield indices in batches of similar length, longest first, so that little padding is computed."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        rows = max(1, _BATCH_TOKENS // lengths[order[start]])
        yield order[start : start + rows]
        start += rows
