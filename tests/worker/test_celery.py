"""The worker as users of Celery start it, over a real broker: workers, beat, and their control commands."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.sandboxes import Sandbox, sandbox
from tests.worker.test_chain import environment_of, run
from worker.settings import Settings

pytestmark = pytest.mark.integration

_CELERY = [sys.executable, "-m", "celery", "-A", "worker.app"]
_QUEUES = "pull,gpu,gpu_nightly,writeback"


def environment(folder: Path, **settings: str) -> dict[str, str]:
    ours = {"CACHE_DIR": str(Settings().cache_dir), "RANKING__BACKBONE": "minilm", "WORKER__SWEEP_SECONDS": "0.5"}
    return {**os.environ, **ours, **settings, "PYTHONPATH": str(Path(__file__).parents[2])}


@contextmanager
def running(folder: Path, settings: dict[str, str], *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([*_CELERY, *command], cwd=folder, env=settings) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(90)


def has_loaded_torch(worker: int) -> bool:
    """Say whether a child of this process has."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    return any("libtorch" in Path(f"/proc/{child}/maps").read_text() for child in children)


def has_priorities(crm: Sandbox) -> bool:
    stages = [stage.id for stage in crm.connector.list_stages() if stage.outcome == "open"]
    return any(crm.connector.list_by_rank(stage) for stage in stages)


def test_workers_and_beat_do_the_first_night_by_themselves(redis_url: str, tmp_path: Path) -> None:
    with sandbox("hubspot") as crm, ExitStack() as processes:
        settings = environment(tmp_path, **environment_of(crm), BROKER_URL=redis_url)
        for command in ("setup", "pull", "train"):
            run(tmp_path, {**environment_of(crm), "BROKER_URL": redis_url}, command)
        processes.enter_context(running(tmp_path, settings, "worker", "-Q", _QUEUES, "-c", "1", "-n", "one@test"))
        processes.enter_context(running(tmp_path, settings, "beat"))
        deadline = time.monotonic() + 240
        while not has_priorities(crm):
            assert time.monotonic() < deadline, "nothing was written within four minutes"
            time.sleep(1)
        pong = subprocess.run(
            [*_CELERY, "inspect", "ping"], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=60
        )

    assert "one@test" in pong.stdout
    assert "pong" in pong.stdout


def test_only_what_ranks_loads_torch_and_it_does_so_before_there_is_work(redis_url: str, tmp_path: Path) -> None:
    settings = environment(tmp_path, HUBSPOT__ACCESS_TOKEN="sandbox", BROKER_URL=redis_url)
    with ExitStack() as processes:
        pulls, ranks, does_all = (
            processes.enter_context(running(tmp_path, settings, "worker", "-c", "1", "-n", f"{name}@test", *queues))
            for name, queues in (("pulls", ["-Q", "pull"]), ("ranks", ["-Q", "gpu,gpu_nightly"]), ("all", []))
        )
        deadline = time.monotonic() + 120
        while not (has_loaded_torch(ranks.pid) and has_loaded_torch(does_all.pid)):
            assert time.monotonic() < deadline, "nothing was imported within two minutes"
            time.sleep(0.2)

        assert not has_loaded_torch(pulls.pid)


def test_what_reads_and_writes_imports_nothing_that_ranks(tmp_path: Path) -> None:
    heavy = "torch, transformers, sklearn, scipy, xgboost"
    code = f"import sys, worker.tasks, worker.web; print(set('{heavy}'.split(', ')) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_without_redis_one_line_says_what_to_do(command: str, tmp_path: Path) -> None:
    settings = environment(tmp_path, HUBSPOT__ACCESS_TOKEN="sandbox", BROKER_URL="memory://")

    ended = subprocess.run(
        [*_CELERY, command], cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=60, check=False
    )

    said = [line for line in (ended.stdout + ended.stderr).splitlines() if "callfirst up" in line]
    assert ended.returncode != 0
    assert len(said) == 1
    assert "Traceback" not in ended.stderr
