"""What was read is kept, and only what is numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.errors import BackboneError
from ranking.reader import CachedReader
from tests.conftest import WordCountReader


class _DamagedReader(WordCountReader):
    """Makes no number of the longest of the texts."""

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = super().read(texts)
        vectors[int(np.argmax([len(text) for text in texts])), 0] = np.nan
        return vectors


def test_vectors_that_are_no_numbers_are_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="vectors of 2 texts") as raised:
        CachedReader(_DamagedReader(), tmp_path / "vectors.sqlite").read(["secret budget", "hello"])

    assert "secret" not in str(raised.value)
    later = CachedReader(WordCountReader(), tmp_path / "vectors.sqlite")
    assert all(np.isfinite(vector).all() for vector in later.read(["secret budget", "hello"]).values())
    assert later.passes == 2
