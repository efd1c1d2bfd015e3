"""The Node packages that judge the sandbox org: jsforce, and a grammar of SOQL."""

import hashlib
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import pytest

_NODE = Path(__file__).parent / "node"


@cache
def install() -> Path:
    """Return a folder with the packages of the lock file, made the first time that it is asked for.

    A test that asks skips where there is no Node, or no registry to install from.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("jsforce and the grammar of SOQL need node and npm, which are not installed here")
    lock = (_NODE / "package-lock.json").read_bytes()
    folder = platformdirs.user_cache_path("callfirst") / "node" / hashlib.sha256(lock).hexdigest()[:16]
    done = folder / "installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_NODE / name, folder / name)
        ping = subprocess.run([npm, "ping", "--fetch-retries=0"], capture_output=True, text=True, timeout=120)
        if ping.returncode:
            pytest.skip("jsforce and the grammar of SOQL come from the npm registry, which cannot be reached from here")
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, check=True, capture_output=True, timeout=300)
        done.touch()
    return folder


def run(program: str, *arguments: str, given: Any = None) -> Any:
    """Return what a program of `node/` prints as JSON; it is given JSON too."""
    folder = install()
    # Node looks for packages beside the program, so the program goes to the packages.
    script = shutil.copyfile(_NODE / program, folder / program)
    command = ["node", str(script), *arguments]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
