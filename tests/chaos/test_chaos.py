"""A short trial: every part of an installation is killed while reps work. The long one is `make chaos`."""

from pathlib import Path

import pytest

from tests.chaos.bars import list_misses
from tests.chaos.trial import learn_once, run_trial
from tests.postgres import postgres_server

pytestmark = pytest.mark.chaos

_FAULTS = {
    "kill pull": 1,
    "kill rank": 1,
    "kill writeback": 2,
    "kill web": 1,
    "kill beat": 1,
    "kill broker": 2,
    "stop writeback": 1,
    "reset connections": 1,
}
# CI's machines have something else to do at times, and what was killed imports torch when it starts again.
_SETTLES_WITHIN_SECONDS = 45.0


def test_nothing_is_lost_and_no_lead_is_wrong_whatever_is_killed(tmp_path: Path) -> None:
    learning = tmp_path / "history"
    learning.mkdir()
    history = learn_once(learning)
    try:
        with postgres_server() as server:
            trial = run_trial("postgresql", 1, history, tmp_path / "trial", postgres=server, faults=_FAULTS)
    except pytest.skip.Exception:
        trial = run_trial("sqlite", 1, history, tmp_path / "trial", faults=_FAULTS)

    assert trial.events > 0
    assert trial.faults == _FAULTS
    misses = list_misses([trial], settles_within=_SETTLES_WITHIN_SECONDS)
    assert misses == []
