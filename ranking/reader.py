"""What the language model has read, as vectors of texts, kept by content."""

import hashlib
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ranking.errors import BackboneError

_KEEP_EVERY = 256
T = TypeVar("T", bound=Hashable)


class Reader(Protocol):
    """A language model that turns texts into vectors; `version` changes whenever its vectors do."""

    version: str
    width: int
    tokens: int  # read so far

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 vectors of shape [texts, width]."""
        ...


@runtime_checkable
class PairReader(Reader, Protocol):
    """A reader that can also read two texts together."""

    pair_width: int

    def read_pairs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return float32 vectors of shape [pairs, pair_width]; the order of the two texts matters."""
        ...


class CachedReader:
    """Reads each text, and each pair of texts, once: vectors are kept in a SQLite file under a hash of model and text.

    `passes` counts the texts that the model really read, `pair_passes` the pairs. The file holds hashes and vectors, no
    text, and may be deleted at any time.
    """

    def __init__(self, reader: Reader, file: Path) -> None:
        self._reader = reader
        self.version = reader.version
        self.width = reader.width
        self.passes = 0
        self.pair_passes = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        # Used by one thread at a time, not always by the same.
        self._cache = sqlite3.connect(file, timeout=30.0, check_same_thread=False)
        self._cache.execute("PRAGMA journal_mode=WAL")
        self._cache.execute("CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    @property
    def tokens(self) -> int:
        """How many tokens the model has really read."""
        return self._reader.tokens

    @property
    def can_read_pairs(self) -> bool:
        """Whether the language model can read two texts together."""
        return isinstance(self._reader, PairReader)

    def read(
        self, texts: Iterable[str], *, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the vector of each text. `progress` is told (read so far, to be read).

        Raises:
            BackboneError: The language model makes of a text what is no number; what was read before is kept.
        """
        found, passes = self._find_or_read(
            {text: self._key(text) for text in texts}, self._reader.read, length=len, progress=progress
        )
        self.passes += passes
        return found

    def read_pairs(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NDArray[np.float32]]:
        """Return the vector of each pair of texts, read together in this order.

        Raises:
            TypeError: The language model cannot; see `can_read_pairs`.
        """
        if not isinstance(self._reader, PairReader):
            raise TypeError(f"{self.version} cannot read two texts together")
        found, passes = self._find_or_read(
            {pair: self._key("\0".join(("pair", *pair))) for pair in pairs},
            self._reader.read_pairs,
            length=lambda pair: len(pair[0]) + len(pair[1]),
        )
        self.pair_passes += passes
        return found

    def _find_or_read(
        self,
        wanted: Mapping[T, bytes],
        read: Callable[[Sequence[T]], NDArray[np.float32]],
        *,
        length: Callable[[T], int],
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[T, NDArray[np.float32]], int]:
        """Return the vectors by what was to be read, and how much of it was read now."""
        found = {item: vector for item, key in wanted.items() if (vector := self._find(key)) is not None}
        missing = [item for item in wanted if item not in found]
        # Similar lengths together, so that the kept chunks need little padding; chunks survive an interruption.
        missing.sort(key=length)
        for start in range(0, len(missing), _KEEP_EVERY):
            chunk = missing[start : start + _KEEP_EVERY]
            vectors = read(chunk)
            if not np.isfinite(vectors).all():
                raise BackboneError(
                    f"{self.version}: vectors of {len(chunk)} texts hold what is no number, and none was kept. "
                    "The weights may be damaged: delete the folder `backbones` beside the vectors, and run this again"
                )
            with self._cache:
                self._cache.executemany(
                    "INSERT OR IGNORE INTO vector VALUES (?, ?)",
                    [
                        (wanted[item], vector.astype(np.float32).tobytes())
                        for item, vector in zip(chunk, vectors, strict=True)
                    ],
                )
            found.update(zip(chunk, vectors, strict=True))
            if progress is not None:
                progress(start + len(chunk), len(missing))
        return found, len(missing)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.version}\0{text}".encode()).digest()

    def _find(self, key: bytes) -> NDArray[np.float32] | None:
        row = self._cache.execute("SELECT value FROM vector WHERE key = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32)
