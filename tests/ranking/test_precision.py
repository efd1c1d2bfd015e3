"""A language model is run in the precision in which this machine multiplies quicker."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ranking import precision
from ranking.backbone import Backbone
from tests.tiny_models import save_tiny_model


@pytest.fixture(autouse=True)
def _nothing_measured_before() -> Iterator[None]:
    precision.quicker_precision.cache_clear()
    yield
    precision.quicker_precision.cache_clear()


@pytest.mark.parametrize(
    ("bfloat16_seconds", "chosen"), [(0.3, torch.bfloat16), (1.1, torch.bfloat16), (2.0, torch.float32)]
)
def test_float32_is_taken_where_it_is_clearly_quicker(
    bfloat16_seconds: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {torch.bfloat16: bfloat16_seconds, torch.float32: 1.0}
    monkeypatch.setattr(precision, "_seconds_to_multiply", seconds.__getitem__)

    assert precision.quicker_precision(torch.device("cpu")) == chosen
    assert precision.quicker_precision(torch.device("cuda")) == torch.bfloat16


def test_a_model_is_run_in_what_was_measured_here(tmp_path: Path) -> None:
    reader = Backbone(str(save_tiny_model(tmp_path / "tiny", "bert")), cache=tmp_path, device="cpu")

    assert reader.precision == precision.quicker_precision(torch.device("cpu"))
    assert {weight.dtype for weight in reader._model.parameters()} == {reader.precision}


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_precision_changes_what_is_read_by_rounding_only(kind: str, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", kind))
    texts = ["good call monday", "bad", "price note rep lead plan mail"]
    exact, rounded = (Backbone(tiny, cache=tmp_path, precision=chosen) for chosen in (torch.float32, torch.bfloat16))

    assert exact.version == rounded.version
    error = np.linalg.norm(exact.read(texts) - rounded.read(texts)) / np.linalg.norm(exact.read(texts))
    assert 0 < error < 0.02  # of mpnet's vectors it is .007
