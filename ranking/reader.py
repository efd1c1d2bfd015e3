"""What the language model has read, as vectors of texts, kept by content."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_KEEP_EVERY = 256


class Reader(Protocol):
    """A language model that turns texts into vectors; `version` changes whenever its vectors do."""

    version: str
    width: int

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 vectors of shape [texts, width]."""
        ...


class CachedReader:
    """Reads each text once: vectors are kept in a SQLite file under a hash of model and text.

    `passes` counts the texts that the model really read. The file holds hashes and vectors, no text, and may be
    deleted at any time.
    """

    def __init__(self, reader: Reader, file: Path) -> None:
        self._reader = reader
        self.version = reader.version
        self.width = reader.width
        self.passes = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        self._cache = sqlite3.connect(file, timeout=30.0)
        self._cache.execute("PRAGMA journal_mode=WAL")
        self._cache.execute("CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def read(
        self, texts: Iterable[str], *, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the vector of each text. `progress` is told (read so far, to be read)."""
        wanted = {text: self._key(text) for text in texts}
        found = {text: vector for text, key in wanted.items() if (vector := self._find(key)) is not None}
        missing = [text for text in wanted if text not in found]
        # Similar lengths together, so that the kept chunks need little padding; chunks survive an interruption.
        missing.sort(key=len)
        done = 0
        for start in range(0, len(missing), _KEEP_EVERY):
            chunk = missing[start : start + _KEEP_EVERY]
            vectors = self._reader.read(chunk)
            with self._cache:
                self._cache.executemany(
                    "INSERT OR IGNORE INTO vector VALUES (?, ?)",
                    [
                        (wanted[text], vector.astype(np.float32).tobytes())
                        for text, vector in zip(chunk, vectors, strict=True)
                    ],
                )
            found.update(zip(chunk, vectors, strict=True))
            done += len(chunk)
            self.passes += len(chunk)
            if progress is not None:
                progress(done, len(missing))
        return found

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.version}\0{text}".encode()).digest()

    def _find(self, key: bytes) -> NDArray[np.float32] | None:
        row = self._cache.execute("SELECT value FROM vector WHERE key = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32)
