"""The Dockerfile is sound, and can be built from what is sent to the builder."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker/Dockerfile"
_LINES = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text())).splitlines()
INSTRUCTIONS = [line.split() for line in _LINES if line.strip()]
COPIED = [
    source
    for name, *words in INSTRUCTIONS
    if name == "COPY" and not words[0].startswith("--from")
    for source in words[:-1]
]
IGNORE_LINES = (ROOT / ".dockerignore").read_text().splitlines()


def is_ignored(path: str) -> bool:
    """Say whether .dockerignore keeps a path from the builder: the last line that matches it or a parent decides."""
    parents = [str(parent) for parent in (PurePosixPath(path), *PurePosixPath(path).parents)][:-1]
    ignored = False
    for line in IGNORE_LINES:
        pattern = line.removeprefix("!").removeprefix("**/")
        names = [PurePosixPath(parent).name for parent in parents] if "**/" in line else parents
        if line and not line.startswith("#") and any(fnmatch(name, pattern) for name in names):
            ignored = not line.startswith("!")
    return ignored


def test_a_linter_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_exists(source: str) -> None:
    assert (ROOT / source).exists()


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_sent_to_the_builder(source: str) -> None:
    assert not is_ignored(source)


@pytest.mark.parametrize(
    "path",
    [".env", "docker/.env", "worker/.env", ".git", "callfirst.db", "callfirst.toml", "callfirst-models", "tests"],
)
def test_what_is_private_is_not_sent_to_the_builder(path: str) -> None:
    assert is_ignored(path)


def test_no_file_is_fetched_without_its_hash() -> None:
    assert not any(name == "ADD" for name, *_ in INSTRUCTIONS)


def test_every_stage_has_a_name() -> None:
    assert all("AS" in words for name, *words in INSTRUCTIONS if name == "FROM")


def test_the_process_runs_as_a_user_with_a_fixed_number() -> None:
    users = [words[0] for name, *words in INSTRUCTIONS if name == "USER"]

    assert [re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) is not None for user in users] == [True]


def test_no_secret_is_part_of_an_image() -> None:
    declared = " ".join(" ".join(words) for name, *words in INSTRUCTIONS if name in ("ENV", "ARG"))

    assert re.search(r"SECRET|PASSWORD|TOKEN|KEY", declared.upper()) is None


def test_torch_is_the_release_that_the_project_asks_for() -> None:
    pin = re.compile(r"\btorch==([\d.]+)")

    assert set(pin.findall(DOCKERFILE.read_text())) == set(pin.findall((ROOT / "pyproject.toml").read_text()))


def test_a_change_of_code_installs_no_dependency_anew() -> None:
    code = next(place for place, words in enumerate(INSTRUCTIONS) if words[:2] == ["COPY", "connectors"])
    installed = next(place for place, words in enumerate(INSTRUCTIONS) if "constraints.txt" in words and "RUN" in words)

    assert installed < code


def test_only_interpreters_and_what_they_need_are_in_the_last_stage() -> None:
    last = INSTRUCTIONS[max(place for place, words in enumerate(INSTRUCTIONS) if words[0] == "FROM") :]

    assert not any("pip" in words or "apt-get" in words for words in last)
