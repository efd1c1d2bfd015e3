"""The compose files are valid, name processes that exist, and leave no door open."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.app import app

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())
GPU = yaml.safe_load((ROOT / "docker/compose.gpu.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("callfirst")]
WORKERS = [name for name in OURS if "worker" in SERVICES[name]["command"]]
CELERY = [name for name in OURS if SERVICES[name]["command"][0] == "celery"]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/deployment.md").read_text(), re.DOTALL)


def breaks_of_the_specification(file: Path) -> str:
    """Return what the Compose specification's schema says against a file."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(check, capture_output=True, text=True)
    return done.stdout if done.returncode else ""


def queues_read_by(service: str) -> set[str]:
    command = SERVICES[service]["command"]
    return set(command[command.index("-Q") + 1].split(","))


def queues_of_tasks() -> set[str]:
    """Return the queues that a task of ours may wait in."""
    app.loader.import_default_modules()
    named = {queue.name for queue in app.conf.task_queues or ()}
    routed = {route["queue"] for route in (app.conf.task_routes or {}).values()}
    own = {getattr(task, "queue", None) for name, task in app.tasks.items() if name.startswith("callfirst.")}
    return {name for name in named | routed | own if name}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_a_compose_file_follows_the_specification(name: str) -> None:
    assert breaks_of_the_specification(ROOT / "docker" / name) == ""


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_documentation_follows_the_specification(example: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(example)

    assert breaks_of_the_specification(tmp_path / "compose.yaml") == ""


def test_the_web_application_is_where_uvicorn_looks_for_it() -> None:
    module, _, factory = SERVICES["web"]["command"][2].partition(":")

    assert callable(getattr(import_module(module), factory))


@pytest.mark.parametrize("service", CELERY)
def test_celery_finds_its_application(service: str) -> None:
    command = SERVICES[service]["command"]

    assert import_module(command[command.index("-A") + 1]).app is app


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_reads_queues_that_exist(service: str) -> None:
    assert queues_read_by(service) <= queues_of_tasks()


def test_every_queue_is_read_by_a_worker() -> None:
    assert queues_of_tasks() <= set().union(*map(queues_read_by, WORKERS))


def test_there_is_one_beat() -> None:
    assert [name for name in CELERY if "beat" in SERVICES[name]["command"]] == ["beat"]


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_has_time_to_put_its_work_back(service: str) -> None:
    grace = int(SERVICES[service]["stop_grace_period"].removesuffix("s"))

    assert grace >= (app.conf.worker_soft_shutdown_timeout or 0) + 15


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_that_is_told_to_end_puts_its_work_back(service: str) -> None:
    assert SERVICES[service]["environment"]["REMAP_SIGTERM"] == "SIGQUIT"


@pytest.mark.parametrize("service", SERVICES)
def test_no_root_file_system_can_be_written(service: str) -> None:
    assert SERVICES[service]["read_only"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_has_a_privilege(service: str) -> None:
    rights = (SERVICES[service]["cap_drop"], SERVICES[service]["security_opt"])

    assert rights == (["ALL"], ["no-new-privileges:true"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_says_how_it_is(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_has_a_version(service: str) -> None:
    assert SERVICES[service]["image"].partition(":")[2] not in ("", "latest")


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_can_be_called_from_other_machines(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", ()))


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker/compose.yaml").read_text()

    assert all(used.startswith(":?") for used in re.findall(r"\$\{\w+PASSWORD([^}]*)\}", text))


@pytest.mark.parametrize("service", SERVICES)
def test_every_password_comes_from_the_environment(service: str) -> None:
    environment = SERVICES[service]["environment"].items()

    assert all(value.startswith("${") for name, value in environment if name.endswith(("PASSWORD", "_AUTH")))


def test_the_broker_refuses_when_it_is_full() -> None:
    command = SERVICES["valkey"]["command"]

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_the_broker_keeps_its_messages() -> None:
    command = SERVICES["valkey"]["command"]

    assert [command[command.index(name) + 1] for name in ("--appendonly", "--appendfsync")] == ["yes", "everysec"]


def test_every_volume_is_declared_and_used() -> None:
    named = [volume.partition(":")[0] for one in SERVICES.values() for volume in one["volumes"] if type(volume) is str]

    assert set(named) == set(COMPOSE["volumes"])


def test_the_gpu_changes_only_services_that_there_are() -> None:
    assert set(GPU["services"]) <= set(SERVICES)


def test_an_image_with_cuda_has_another_name() -> None:
    assert GPU["services"]["rank"]["image"] != SERVICES["rank"]["image"]
