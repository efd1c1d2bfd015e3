"""Where the recorded replies of real CRMs lie, beside a checkout: they do not travel with the repository."""

from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[2] / "shared" / "data" / "recorded"


def recorded_file(name: str) -> Path:
    """Return a recorded file, or skip the test where there is none."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"recorded replies of real orgs do not travel with the repository: {name} is not beside it")
    return path
