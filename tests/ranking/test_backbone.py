"""Reading two texts together: the order matters, the company in a batch does not."""

from pathlib import Path

import numpy as np
import pytest

from ranking.backbone import Backbone
from tests.tiny_models import save_tiny_model


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_two_texts_are_read_together_in_their_order(kind: str, tmp_path: Path) -> None:
    backbone = Backbone(str(save_tiny_model(tmp_path / "tiny", kind)), cache=tmp_path / "cache")
    short, long = ("good", "bad call"), ("price note " * 90, "monday rep lead plan")

    together = backbone.read_pairs([short, long, (short[1], short[0])])
    alone = backbone.read_pairs([short])

    assert together.shape == (3, backbone.pair_width)
    assert np.allclose(together[0], alone[0], atol=0.05)  # bfloat16
    assert not np.allclose(together[0], together[2], atol=0.05)
    assert np.isfinite(together).all()


@pytest.mark.parametrize("text", ["", "unheard of", "bad " * 100_000])
def test_odd_texts_can_be_read_together(text: str, tmp_path: Path) -> None:
    backbone = Backbone(str(save_tiny_model(tmp_path / "tiny", "llama")), cache=tmp_path / "cache")

    assert np.isfinite(backbone.read_pairs([(text, "good"), ("good", text)])).all()
