"""The processes of an installation, and a supervisor that starts again what ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_START_SECONDS = 120.0
_ALONE = ("--without-mingle", "--without-gossip")
_CELERY = (sys.executable, "-m", "celery", "-A", "worker.app")


class Process:
    """A process of ours with its children; it says `ready` in its log once it is."""

    def __init__(self, name: str, command: tuple[str, ...], ready: str, folder: Path, settings: Mapping[str, str]):
        self.name = name
        self.deaths = 0  # by itself, without our doing
        self._command = command
        self._ready = ready.encode()
        self._folder = folder
        self._settings = dict(settings)
        self._log = folder / f"{name}.log"
        self._started_from = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and do not wait for it."""
        with self._log.open("ab") as log:
            self._started_from = log.tell()
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._settings, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        """Wait until it can work; start it again if it has ended by itself."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            self.keep()
            assert time.monotonic() < deadline, f"{self.name} does not start; see {self._log}"
            time.sleep(0.05)

    def keep(self) -> None:
        """Start it again if it has ended by itself."""
        if self._running.poll() is not None:
            self.deaths += 1
            self.start()

    def kill(self) -> None:
        """Kill it and its children."""
        os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()

    def kill_child(self) -> bool:
        """Kill the child that works, as the kernel does when memory runs out; say whether there was one."""
        children = [pid for pid in _children_of(self._running.pid) if b"semaphore_tracker" not in _command_of(pid)]
        for pid in children[:1]:
            os.kill(pid, signal.SIGKILL)
        return bool(children)

    def stop(self) -> None:
        """Have it and its children stand still."""
        os.killpg(self._running.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on as if nothing had happened."""
        os.killpg(self._running.pid, signal.SIGCONT)

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was never started"
        return self._process

    def _is_ready(self) -> bool:
        with self._log.open("rb") as log:
            log.seek(self._started_from)
            return self._ready in log.read()


def everything_in_one(folder: Path, settings: Mapping[str, str], port: int) -> list[Process]:
    """Return `callfirst up`."""
    command = (sys.executable, "-m", "worker", "up", "--port", str(port))
    return [Process("up", command, " is up on ", folder, settings)]


def one_for_each(folder: Path, settings: Mapping[str, str], port: int) -> list[Process]:
    """Return the processes of an installation as they are deployed; two that write, so that one can take over."""

    def worker(name: str, *options: str) -> Process:
        command = (*_CELERY, "worker", "-l", "INFO", "-n", f"{name.replace(' ', '-')}@chaos", *_ALONE, "-Q", *options)
        return Process(name, command, " ready.", folder, settings)

    web = (sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port))
    beat = (*_CELERY, "beat", "-l", "INFO", "--schedule", str(folder / "schedule"))
    return [
        Process("web", web, "startup complete", folder, settings),
        Process("beat", beat, "beat: Starting", folder, settings),
        worker("pull", "pull", "-c", "2"),
        worker("rank", "gpu,gpu_nightly", "-c", "1"),
        worker("writeback", "writeback", "-c", "1"),
        worker("second writeback", "writeback", "-c", "1"),
    ]


def _children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""
