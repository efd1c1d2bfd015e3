"""The Node packages that judge the sandbox org: jsforce, and a grammar of SOQL."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.node_packages import install as install_packages

_NODE = Path(__file__).parent / "node"


@cache
def install() -> Path:
    """Return a folder with jsforce and the grammar of SOQL; a test that asks skips where they cannot be had."""
    return install_packages(_NODE, "jsforce")


def run(program: str, *arguments: str, given: Any = None) -> Any:
    """Return what a program of `node/` prints as JSON; it is given JSON too."""
    folder = install()
    # Node looks for packages beside the program, so the program goes to the packages.
    script = shutil.copyfile(_NODE / program, folder / program)
    command = ["node", str(script), *arguments]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
