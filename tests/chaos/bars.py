"""What trials have to show, and what is missed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.trial import Trial

# Over all trials of a whole run.
KILLS = {"worker": 100, "broker": 50, "web": 20, "sweeper": 20, "stopped": 20}
SECONDS_TO_SETTLE = 10.0
REDUNDANT_SHARE = 0.1
FAULTY_SHARE = 0.3


def list_misses(trials: Sequence[Trial], *, settles_within: float = SECONDS_TO_SETTLE) -> list[str]:
    """Return what trials miss of the promise, one line each."""
    return [f"{trial.setup}, seed {trial.seed}: {miss}" for trial in trials for miss in _misses(trial, settles_within)]


def list_too_few(trials: Sequence[Trial]) -> list[str]:
    """Return what was killed less often than a whole run has to, and whether the CRM behaved too well."""
    killed = sum((trial.kills for trial in trials), Counter[str]())
    few = [f"{killed[part]} of {least} {part} kills" for part, least in KILLS.items() if killed[part] < least]
    faulty, answers = sum(trial.faulty for trial in trials), sum(trial.answers for trial in trials)
    return [*few, *([f"{faulty} of {answers} answers faulty"] if faulty < FAULTY_SHARE * answers else [])]


def _misses(trial: Trial, settles_within: float) -> Iterator[str]:
    found = trial.found
    if trial.given_up:
        yield f"{trial.given_up} events were never accepted"
    if trial.unscored_events or found.unscored:
        yield f"{trial.unscored_events} accepted events unscored, leads {found.unscored[:5]}"
    if found.misshown:
        yield f"{len(found.misshown)} leads show something else than they should: {found.misshown[:5]}"
    if found.misplaced:
        yield f"{len(found.misplaced)} leads are not where another look at the order puts them: {found.misplaced[:5]}"
    if trial.redundant > REDUNDANT_SHARE * trial.writes:
        yield f"{trial.redundant} of {trial.writes} writes told the CRM what it showed"
    if trial.seconds_to_settle is None or trial.seconds_to_settle > settles_within:
        yield f"settled after {trial.seconds_to_settle} s, the last fault was: {trial.last_fault}"
    if found.parked or found.held:
        yield f"{found.parked} rows parked, {found.held} leases held"
