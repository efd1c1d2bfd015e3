"""Nothing is lost, whatever the org does and however often a pull is killed. The full size is a benchmark."""

from pathlib import Path

import pytest

from tests.connectors.salesforce.lost_records import PULLED_THROUGH, run_trial, run_write_trial

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("profile", ["none", "late-commits", "everything"])
def test_the_store_equals_the_org_after_kills_and_faults(profile: str, tmp_path: Path) -> None:
    assert profile in PULLED_THROUGH

    trial = run_trial(profile, tmp_path, leads=400, activities=1_200, notes=100, kills=4, late_commit_seconds=5)

    assert trial.lost == []
    assert trial.lost_after_full == []
    assert trial.kills > 0
    assert sum(trial.changes.values()) == 1_700


@pytest.mark.parametrize("profile", ["locks", "everything"])
def test_the_org_shows_the_plan_after_kills_and_faults(profile: str, tmp_path: Path) -> None:
    trial = run_write_trial(profile, tmp_path, leads=3_000, kills=3)

    assert trial.wrong == []
    assert trial.touched == []
