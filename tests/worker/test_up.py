"""`callfirst up`, and what people do to a running worker, as a person starts them: one process, no Redis."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from connectors.sandbox.hubspot import WebhookSender
from tests.sandboxes import Sandbox, sandbox
from tests.worker.test_chain import add_note, environment_of, run
from worker.settings import Settings
from worker.store import Job, Store

pytestmark = pytest.mark.integration

_SECRET = "a client secret"  # of this test's own server
_PATIENCE_SECONDS = 240.0


@contextmanager
def up(folder: Path, crm: Sandbox, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    settings = {
        **os.environ,
        **environment_of(crm),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CACHE_DIR": str(Settings().cache_dir),
        "RANKING__BACKBONE": "minilm",
        "HF_HUB_OFFLINE": "1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HUBSPOT__WEBHOOK_SECRET": _SECRET,
        "WORKER__DEBOUNCE_SECONDS": "0.2",
        "WORKER__POLL_MINUTES": "0",
    }
    command = [sys.executable, "-m", "worker", "up", "--port", str(port)]
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=settings, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def written_leads(crm: Sandbox) -> list[str]:
    """Return the open leads that show a rank in the CRM."""
    stages = [stage.id for stage in crm.connector.list_stages() if stage.outcome == "open"]
    return [item.lead_id for stage in stages for item in crm.connector.list_by_rank(stage)]


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_a_note_becomes_a_priority_and_a_signal_ends_it_in_good_order(tmp_path: Path) -> None:
    port = free_port()
    with sandbox("hubspot") as crm:
        for command in ("setup", "pull", "train"):
            run(tmp_path, environment_of(crm), command)
        store = Store(f"sqlite:///{tmp_path}/callfirst.db")
        with up(tmp_path, crm, port) as process:
            wait_until(lambda: bool(written_leads(crm)), "the first night wrote nothing")
            wait_until(lambda: not store.is_busy("hubspot"), "the first night did not end")
            lead = written_leads(crm)[0]
            shown = crm.portal.records["contacts"][lead]
            before = shown.properties["callfirst_ranked_at"]
            sender = WebhookSender(crm.portal, f"http://127.0.0.1:{port}/webhooks/hubspot", _SECRET)
            with sender.running(0.1):
                add_note(crm, lead, "they signed off the budget for 400 seats, contract goes to legal on monday")
                wait_until(
                    lambda: shown.properties["callfirst_ranked_at"] != before, "the note's priority was not written"
                )
                wait_until(lambda: not store.is_busy("hubspot"), "something is left to be done")
            metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            process.send_signal(signal.SIGTERM)
            ended = process.wait(60)

    assert re.search(r'callfirst_leads_written_total\{tenant="hubspot"\} [1-9]', metrics)
    assert ended == 0
    assert not store.is_at_work(Job.READ)


def test_what_is_paused_is_left_alone_until_it_is_resumed(tmp_path: Path) -> None:
    with sandbox("hubspot") as crm:
        run(tmp_path, environment_of(crm), "pull")
        paused = run(tmp_path, environment_of(crm), "pause", "--reason", "holidays")
        refused = run(tmp_path, environment_of(crm), "pull", code=1)
        run(tmp_path, environment_of(crm), "resume")
        again = run(tmp_path, environment_of(crm), "pull")

    assert list(paused) == ["hubspot"]
    assert "callfirst resume" in refused
    assert "hubspot" in again


def test_unpark_says_how_much_is_tried_again(tmp_path: Path) -> None:
    with sandbox("hubspot") as crm:
        run(tmp_path, environment_of(crm), "pull")
        store = Store(f"sqlite:///{tmp_path}/callfirst.db")
        store.mark("hubspot", Job.WRITE)
        held = store.take("hubspot", Job.WRITE, timedelta(seconds=30))
        assert held is not None
        for _ in range(5):
            store.fail(held, "no rights", hopeless=True)

        assert run(tmp_path, environment_of(crm), "unpark") == {"hubspot": 1}
