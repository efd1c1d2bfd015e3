"""Nothing is lost, whatever the portal does and however often a pull is killed. The full size is a benchmark."""

from pathlib import Path

import pytest

from tests.connectors.hubspot.lost_records import PULLED_THROUGH, run_trial, run_write_trial

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("profile", ["none", "index-lag", "short-pages", "everything"])
def test_the_store_equals_the_portal_after_kills_and_faults(profile: str, tmp_path: Path) -> None:
    assert profile in PULLED_THROUGH

    trial = run_trial(profile, tmp_path, contacts=400, engagements=1_200, kills=4)

    assert trial.lost == []
    assert trial.lost_after_full == []
    assert trial.kills > 0
    assert sum(trial.changes.values()) == 1_600


@pytest.mark.parametrize("profile", ["locked", "everything"])
def test_the_portal_shows_the_plan_after_kills_and_faults(profile: str, tmp_path: Path) -> None:
    trial = run_write_trial(profile, tmp_path, contacts=3_000, kills=3)

    assert trial.wrong == []
    assert trial.touched == []
