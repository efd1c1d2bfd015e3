"""What the web process says of itself, and that it says so at once."""

import asyncio
import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from connectors.sandbox.server import SandboxServer
from tests.worker.test_web import BODY, HOOK, sign
from worker.health import Probe
from worker.store import Store
from worker.web import build_app

pytestmark = pytest.mark.integration

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def unreachable(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/no such folder/callfirst.db")


@pytest.fixture
def mute() -> Iterator[str]:
    """Return the address of a broker that takes calls and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


def get(store: Store, path: str, broker_url: str = "memory://") -> httpx.Response:
    with SandboxServer(build_app(store, HOOK, broker_url=broker_url)) as server:
        return httpx.get(server.url + path)


def test_it_is_alive_without_a_database(unreachable: Store) -> None:
    assert get(unreachable, "/healthz").status_code == 200


def test_it_is_ready(store: Store) -> None:
    answer = get(store, "/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "none", "tables": "current"}


def test_without_a_database_it_is_not_ready(unreachable: Store) -> None:
    answer = get(unreachable, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "down"


def test_with_older_tables_it_is_not_ready(store: Store) -> None:
    store.database.downgrade("0004")
    answer = get(store, "/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "broker": "none", "tables": "old"}


def test_without_tables_it_is_not_ready(tmp_path: Path) -> None:
    answer = get(Store(f"sqlite:///{tmp_path}/empty.db"), "/readyz")

    assert answer.status_code == 503
    assert answer.json()["tables"] == "old"


def test_it_stays_ready_while_somebody_writes(store: Store) -> None:
    with store.database.writing() as session:
        session.execute(text("DELETE FROM inbox"))
        answer = get(store, "/readyz")

    assert answer.status_code == 200


def test_a_broker_that_answers_is_seen(store: Store, redis_url: str) -> None:
    redis.Redis.from_url(redis_url, retry=Retry(ConstantBackoff(0.05), 100)).ping()  # it may be starting
    with SandboxServer(build_app(store, broker_url=redis_url)) as server:
        answer = httpx.get(server.url + "/readyz")

    assert answer.json()["broker"] == "ok"


def test_without_a_broker_it_is_ready(store: Store) -> None:
    answer = get(store, "/readyz", NOBODY)

    assert answer.status_code == 200
    assert answer.json()["broker"] == "down"


def test_a_broker_that_hangs_costs_a_second(store: Store, mute: str) -> None:
    started = time.monotonic()
    answer = get(store, "/readyz", mute)

    assert answer.json()["broker"] == "down"
    assert time.monotonic() - started < 3


def test_a_broker_that_hangs_holds_up_no_delivery(store: Store, mute: str) -> None:
    with SandboxServer(build_app(store, HOOK, broker_url=mute)) as server, socket.socket() as asking:
        asking.connect(("127.0.0.1", httpx.URL(server.url).port or 80))
        asking.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        answer = httpx.post(server.url + "/webhooks/hubspot", content=BODY, headers=sign(BODY))
        took = time.monotonic() - started

    assert answer.status_code == 204
    assert took < 0.9


def find(probe: Probe[int], times: int) -> list[int | None]:
    async def find_often() -> list[int | None]:
        return [await probe.find() for _ in range(times)]

    return asyncio.run(find_often())


@pytest.mark.parametrize(("fresh_seconds", "expected"), [(60.0, [0, 0, 0]), (0.0, [0, 1, 2])])
def test_an_answer_is_given_again_while_it_is_fresh(fresh_seconds: float, expected: list[int]) -> None:
    asked = itertools.count()
    probe = Probe(lambda: next(asked), patience_seconds=10, fresh_seconds=fresh_seconds)

    assert find(probe, 3) == expected


def test_what_hangs_is_asked_once() -> None:
    asked = itertools.count(1)
    latest, answers = [0], Event()

    def hang() -> int:
        latest.append(next(asked))
        answers.wait(10)
        return latest[-1]

    assert find(Probe(hang, patience_seconds=0.01), 3) == [None] * 3
    assert latest[-1] == 1
    answers.set()


def test_a_store_that_fails_says_when_to_come_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(store, "receive", fail)
    with SandboxServer(build_app(store, HOOK)) as server:
        answer = httpx.post(server.url + "/webhooks/hubspot", content=BODY, headers=sign(BODY))

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_metrics_are_served_as_prometheus_asks(store: Store) -> None:
    answer = get(store, "/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE callfirst_oldest_dirty_age_seconds gauge" in answer.text


def test_without_a_database_there_are_no_metrics(unreachable: Store) -> None:
    assert get(unreachable, "/metrics").status_code == 503
