"""Teaches a language model's layers: low-rank additions to their weights (`lora`, peft), or the weights (`full`)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file

from ranking.backbone import (
    FULL_WEIGHTS,
    encode,
    layers_of,
    load_body,
    load_tokenizer,
    mean_over_tokens,
    merge_taught,
    peft_unheard,
)
from ranking.precision import quicker_precision

Regime = Literal["lora", "full"]


class TaughtLayers:
    """A language model, cut where `Backbone` cuts it, that is being taught; and the texts that it reads meanwhile.

    Args:
        location: A Hugging Face directory.
        texts: Everything that will be read while teaching.
        regime: `lora` or `full`.
        rank: The rank of LoRA's additions, where they begin anew.
        first_layer: The layers below stay as they are.
        start: What was taught before, a directory that `save` wrote after `lora`: teaching goes on from there, and what
            is saved holds both.
    """

    def __init__(
        self,
        location: str,
        texts: Sequence[str],
        *,
        regime: Regime = "lora",
        rank: int = 24,
        first_layer: int = 0,
        start: Path | None = None,
        device: str = "cpu",
    ) -> None:
        torch.set_flush_denormal(True)  # the first, tiny gradients cost a processor ten times the others
        self._device = torch.device(device)
        self._tokenizer = load_tokenizer(location)
        self._encoded = encode(self._tokenizer, texts)
        self._precision = quicker_precision(self._device)
        model = load_body(location, self._precision).to(self._device)
        if self._device.type == "cpu":
            # The fused attention's way back takes a third of a step on a CPU; the plain one is quick for short texts.
            model.set_attn_implementation("eager")
        taught = range(first_layer, len(layers_of(model)))
        self.hidden_size = int(model.config.hidden_size)
        self.regime: Regime = regime
        if regime == "lora":
            self.model = _with_lora(model, taught, rank) if start is None else _resume_lora(model, start)
        else:
            self.model = model if start is None else merge_taught(model, start)
        self.parameters = self._choose_parameters(taught)
        self.model.train()

    def length(self, text: int) -> int:
        """Return a text's number of tokens."""
        return len(self._encoded[text])

    def vectors(self, texts: Sequence[int]) -> torch.Tensor:
        """Return the mean hidden state after the last layer, float32 [texts, size], with gradients."""
        batch = self._tokenizer.pad({"input_ids": [self._encoded[text] for text in texts]}, return_tensors="pt")
        batch = batch.to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == torch.bfloat16):
            hidden = self.model(**batch).last_hidden_state
        return mean_over_tokens(hidden, batch["attention_mask"])

    def save(self, folder: Path) -> None:
        """Write what was taught, in float16: an adapter as peft writes it, or the taught layers' weights."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.regime == "lora":
            for parameter in self.parameters:
                parameter.data = parameter.data.half()
            self.model.save_pretrained(folder)
            for parameter in self.parameters:
                parameter.data = parameter.data.float()
            (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
            config = folder / "adapter_config.json"
            # The directory of this machine is nobody else's business.
            config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": None}, indent=2))
            return
        taught = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        weights = {name: value.half().contiguous() for name, value in self.model.state_dict().items() if name in taught}
        save_file(weights, folder / FULL_WEIGHTS)

    def _choose_parameters(self, taught: range) -> list[torch.nn.Parameter]:
        body = self.model.base_model.model if self.regime == "lora" else self.model
        inside = {parameter for layer in taught for parameter in layers_of(body)[layer].parameters()}
        for parameter in body.parameters():
            parameter.requires_grad_(parameter in inside and (self.regime == "full" or parameter.requires_grad))
        chosen = [parameter for parameter in body.parameters() if parameter.requires_grad]
        for parameter in chosen:
            parameter.data = parameter.data.float()  # small steps vanish in bfloat16
        return chosen


def copies_of(parameters: Iterable[torch.nn.Parameter]) -> list[torch.Tensor]:
    """Return a copy of each parameter."""
    return [parameter.detach().clone() for parameter in parameters]


@torch.no_grad()
def go_back(parameters: Iterable[torch.nn.Parameter], copies: Sequence[torch.Tensor]) -> None:
    """Give each parameter the value of its copy."""
    for parameter, value in zip(parameters, copies, strict=True):
        parameter.copy_(value)


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
    with peft_unheard():
        return get_peft_model(model, config)


def _resume_lora(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    with peft_unheard():
        return PeftModel.from_pretrained(model, adapter, is_trainable=True)
