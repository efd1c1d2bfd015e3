"""Teaches the upper layers of a language model: the lower half stays as it was made and is computed once.

What the lower half makes of each text is kept in memory, in bfloat16, and only the layers from half to four fifths of
the depth are run in each step, forwards and backwards. `lora` teaches low-rank additions to their weights (peft),
`full` the weights themselves, for small encoders.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file

from ranking.backbone import (
    batches_of_similar_length,
    encode,
    layers_of,
    load_body,
    load_tokenizer,
    lower_depth,
    mean_over_tokens,
)

Regime = Literal["lora", "full"]
FULL_WEIGHTS = "upper_layers.safetensors"


class UpperLayers:
    """The layers that are being taught, on texts whose lower hidden states are known.

    Args:
        location: A Hugging Face directory.
        texts: Everything that will be read while teaching.
        regime: `lora` or `full`.
        rank: The rank of LoRA's additions.
    """

    def __init__(
        self, location: str, texts: Sequence[str], *, regime: Regime = "lora", rank: int = 16, device: str = "cpu"
    ) -> None:
        torch.set_flush_denormal(True)  # the first, tiny gradients cost a processor ten times the others
        self._device = torch.device(device)
        tokenizer = load_tokenizer(location)
        self._encoded = encode(tokenizer, texts)
        model = load_body(location).to(self._device)
        self._depth = len(layers_of(model))
        self._start = lower_depth(self._depth)
        self._hidden = self._read_lower(model, tokenizer)
        # The fused attention's way back takes a third of a step on a CPU; the plain one is quick for short texts.
        model.set_attn_implementation("eager")
        self.model = _with_lora(model, range(self._start, self._depth), rank) if regime == "lora" else model
        self.regime: Regime = regime
        self.parameters = self._choose_parameters()

    @property
    def hidden_size(self) -> int:
        return int(self._body().config.hidden_size)

    def length(self, text: int) -> int:
        """Return a text's number of tokens."""
        return len(self._encoded[text])

    def vectors(self, texts: Sequence[int]) -> torch.Tensor:
        """Return the mean hidden state after the last taught layer, float32 [texts, size], with gradients."""
        longest = max(self.length(text) for text in texts)
        body = self._body()
        hidden = torch.zeros(len(texts), longest, body.config.hidden_size, dtype=torch.bfloat16)
        mask = torch.zeros(len(texts), longest, dtype=torch.long)
        for row, text in enumerate(texts):
            hidden[row, : self.length(text)] = self._hidden[text]
            mask[row, : self.length(text)] = 1
        hidden, mask = hidden.to(self._device), mask.to(self._device)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            top = _run_layers(body, self._start, self._depth, hidden, mask)
        return mean_over_tokens(top, mask)

    @torch.no_grad()
    def all_vectors(self) -> torch.Tensor:
        """Return the vectors of all texts, without gradients, [texts, size]."""
        found = torch.zeros(len(self._encoded), self.hidden_size)
        self.model.eval()
        for batch in batches_of_similar_length([len(ids) for ids in self._encoded]):
            found[batch] = self.vectors(batch).cpu()
        self.model.train()
        return found

    def lower_vectors(self) -> torch.Tensor:
        """Return the mean of what the lower half makes of each text, float32 [texts, size]."""
        return torch.stack([hidden.float().mean(0) for hidden in self._hidden])

    def save(self, folder: Path) -> None:
        """Write what was taught: an adapter as peft writes it, or the upper layers' weights."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.regime == "lora":
            self.model.save_pretrained(folder)
            (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
            config = folder / "adapter_config.json"
            # The directory of this machine is nobody else's business.
            config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": None}, indent=2))
            return
        taught = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        weights = {name: value.contiguous() for name, value in self.model.state_dict().items() if name in taught}
        save_file(weights, folder / FULL_WEIGHTS)

    def _body(self) -> Any:
        return self.model.base_model.model if self.regime == "lora" else self.model

    def _choose_parameters(self) -> list[torch.nn.Parameter]:
        body = self._body()
        taught = set(layers_of(body)[self._start :].parameters())
        for parameter in body.parameters():
            parameter.requires_grad_(parameter in taught and (self.regime == "full" or parameter.requires_grad))
        chosen = [parameter for parameter in body.parameters() if parameter.requires_grad]
        for parameter in chosen:
            parameter.data = parameter.data.float()  # small steps vanish in bfloat16
        return chosen

    @torch.no_grad()
    def _read_lower(self, model: Any, tokenizer: Any) -> list[torch.Tensor]:
        kept: list[torch.Tensor] = [torch.empty(0)] * len(self._encoded)
        seen: list[torch.Tensor] = []
        hook = layers_of(model)[self._start - 1].register_forward_hook(
            lambda _module, _inputs, output: seen.append(output[0] if isinstance(output, tuple) else output)
        )
        model.eval()
        for batch in batches_of_similar_length([len(ids) for ids in self._encoded]):
            padded = tokenizer.pad({"input_ids": [self._encoded[text] for text in batch]}, return_tensors="pt")
            seen.clear()
            _run_whole(model, self._start, padded.to(self._device))
            hidden = seen.pop().cpu()
            for row, text in enumerate(batch):
                kept[text] = hidden[row, : self.length(text)].clone()
        hook.remove()
        return kept


def shuffled_batches(lengths: Sequence[int], *, rows: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Yield batches of about equal length in random order, a little different each time."""
    noise = torch.rand(len(lengths), generator=generator) * 6
    order = sorted(range(len(lengths)), key=lambda text: lengths[text] + float(noise[text]))
    batches = [order[start : start + rows] for start in range(0, len(order), rows)]
    for index in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[index]


def _with_lora(model: Any, layers: range, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=sorted(
            {
                name.rsplit(".", 1)[-1]
                for name, module in layers_of(model)[0].named_modules()
                if isinstance(module, torch.nn.Linear)
            }
        ),
        layers_to_transform=list(layers),
        layers_pattern="layers" if hasattr(model, "layers") else "layer",
    )
    return get_peft_model(model, config)


def _run_whole(model: Any, start: int, padded: Any) -> None:
    """Run a model up to `start` layers; the layers above are put aside meanwhile."""
    layers = layers_of(model)
    upper = list(layers[start:])
    del layers[start:]
    try:
        if hasattr(model, "layers"):
            model(**padded, use_cache=False)
        else:
            model(**padded)
    finally:
        layers.extend(upper)


def _run_layers(model: Any, start: int, end: int, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Run layers `start` to `end` on hidden states [texts, tokens, size]."""
    layers = layers_of(model)
    if hasattr(model, "layers"):
        all_layers = model.layers
        model.layers = all_layers[start:end]
        try:
            out: torch.Tensor = model(inputs_embeds=hidden, attention_mask=mask, use_cache=False).last_hidden_state
        finally:
            model.layers = all_layers
        return out
    # An encoder adds positions to what it is given, so its layers are run one by one.
    shut_out = torch.finfo(hidden.dtype).min
    shade = torch.zeros(mask.shape, dtype=hidden.dtype, device=hidden.device).masked_fill(mask == 0, shut_out)
    for layer in layers[start:end]:
        result = layer(hidden, shade[:, None, None, :])
        hidden = result[0] if isinstance(result, tuple) else result
    return hidden
