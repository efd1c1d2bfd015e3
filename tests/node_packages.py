"""Packages of Node's that tests run, installed once from a lock file."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest


def install(source: Path, what: str) -> Path:
    """Return a folder with the packages of the lock file in `source`; `what` names them to a person.

    A test that asks skips where there is no Node, or no registry to install from.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(f"{what} needs node and npm, which are not installed here")
    lock = (source / "package-lock.json").read_bytes()
    folder = platformdirs.user_cache_path("callfirst") / "node" / hashlib.sha256(lock).hexdigest()[:16]
    done = folder / "installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(source / name, folder / name)
        ping = subprocess.run([npm, "ping", "--fetch-retries=0"], capture_output=True, text=True, timeout=120)
        if ping.returncode:
            pytest.skip(f"{what} comes from the npm registry, which cannot be reached from here")
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, check=True, capture_output=True, timeout=300)
        done.touch()
    return folder
