"""The nightly task over a real broker: a Valkey server and a Celery worker as a person starts it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sandboxes import sandbox
from tests.worker.test_chain import environment_of, run
from worker.settings import Settings

pytestmark = pytest.mark.integration


def test_the_nightly_task_writes_priorities(redis_url: str, tmp_path: Path) -> None:
    with sandbox("hubspot") as running:
        environment = {**environment_of(running), "BROKER_URL": redis_url}
        for command in ("setup", "pull", "train"):
            run(tmp_path, environment, command)
        settings = {"CACHE_DIR": str(Settings().cache_dir), "RANKING__BACKBONE": "minilm"}
        full = {**os.environ, **settings, **environment, "PYTHONPATH": str(Path(__file__).parents[2])}
        celery = [sys.executable, "-m", "celery", "-A", "worker.app"]
        worker = subprocess.Popen(
            [*celery, "worker", "-Q", "gpu", "-c", "1", "--loglevel", "WARNING"], cwd=tmp_path, env=full
        )
        try:
            subprocess.run([*celery, "call", "callfirst.sync_all"], cwd=tmp_path, env=full, check=True, timeout=60)
            deadline = time.monotonic() + 120
            stages = [stage.id for stage in running.connector.list_stages() if stage.outcome == "open"]
            while not any(running.connector.list_by_rank(stage) for stage in stages):
                assert time.monotonic() < deadline, "the worker wrote nothing within two minutes"
                time.sleep(1)
        finally:
            worker.terminate()
            worker.wait(60)
