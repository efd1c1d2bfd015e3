"""A model that takes a note at its word: `worth 2.5` is a utility of 2.5. It is real, and needs no training."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.calibration import Calibration
from ranking.heads import Heads
from ranking.model import ModelCard, RankingModel
from ranking.parts import ReadingPart
from ranking.stacking import Stack


class WorthReader:
    """Reads what a note says it is worth, and cannot read one that holds `unreadable`."""

    version = "worth-1"
    width = 1
    tokens = 0

    def __init__(self) -> None:
        self.is_broken = False
        self.reads_all = False
        self.has_read: list[str] = []

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.is_broken:
            raise ValueError("nothing can be read")
        for text in texts:
            if "unreadable" in text and not self.reads_all:
                raise ValueError(f"cannot read {text}")
        self.has_read += texts
        found = [re.search(r"worth (-?[\d.]+)", text) for text in texts]
        return np.array([[float(match[1]) if match else 0.0] for match in found], dtype=np.float32)


def worth_model(slope: float = 1.0) -> RankingModel:
    """Return the model; one of another slope is another model, with the same order."""
    card = ModelCard(
        backbone="worth",
        reader_version=WorthReader.version,
        general_version=None,
        trained_at="2026-01-01T00:00:00+00:00",
        examples=100,
        leads=100,
        won=50,
        lost=50,
        pairs={},
        text_share=1.0,
        weights={"reading, pairs": 1.0},
        validation_leads=0,
        validation_pairs=0,
        validation_pair_accuracy=None,
        validation_low=None,
        validation_high=None,
        validation_ece=None,
    )
    said_and_named = np.array([[1.0, 0.0], [1.0, 0.0]])
    part = ReadingPart(np.zeros((2, 1)), np.ones((2, 1)), Heads(said_and_named, np.zeros(2)))
    return RankingModel(card, [part], Stack(card.weights), Calibration(slope=slope), None)
