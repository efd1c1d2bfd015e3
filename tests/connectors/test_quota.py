"""Calls keep within a CRM's rates, in this process and in several that share a Redis."""

import subprocess
import sys

from connectors.quota import Quota, Rate


class _WouldWait(Exception):
    """A call had to wait."""


def _raise(_: float) -> None:
    raise _WouldWait


def calls_without_waiting(quota: Quota) -> int:
    """Return how many calls go through before one has to wait."""
    taken = 0
    while True:
        try:
            quota.wait("all")
        except _WouldWait:
            return taken
        taken += 1


def test_background_work_leaves_room_for_urgent_calls(redis_url: str) -> None:
    rates = [Rate("all", 20, 60, reserved=5)]
    background = Quota("a", rates, storage_url=redis_url, sleep=_raise)
    urgent = Quota("a", rates, storage_url=redis_url, urgent=True, sleep=_raise)

    assert calls_without_waiting(background) == 15
    assert calls_without_waiting(urgent) == 5


def test_accounts_do_not_share_a_quota() -> None:
    rates = [Rate("all", 3, 60)]

    assert calls_without_waiting(Quota("a", rates, sleep=_raise)) == 3
    assert calls_without_waiting(Quota("b", rates, sleep=_raise)) == 3


def test_a_rate_that_nobody_set_never_waits() -> None:
    quota = Quota("a", sleep=_raise)
    for _ in range(1_000):
        quota.wait("all", "search")


_WORK = """
import sys, time
from connectors.quota import Quota, Rate
asked_at = 0.0
def sleep(seconds):
    global asked_at
    time.sleep(seconds)
    asked_at = time.time()
quota = Quota("a", [Rate("all", 10, 1)], storage_url=sys.argv[1], sleep=sleep)
for _ in range(15):
    asked_at = time.time()
    quota.wait("all")
    print(asked_at, time.time())
"""


def test_four_processes_together_keep_within_any_window(redis_url: str) -> None:
    command = [sys.executable, "-c", _WORK, redis_url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    lines = [line.split() for process in running for line in process.communicate()[0].splitlines()]
    calls = [(float(asked_at), float(taken_at)) for asked_at, taken_at in lines]

    assert len(calls) == 60
    # A place is taken somewhere between asking and having it, for a process may be put aside in between: whoever both
    # asked and had it inside a window was in that window.
    busiest = max(sum(start <= asked and taken < start + 1.0 for asked, taken in calls) for start, _ in calls)
    assert 1 < busiest <= 10
    # Ten a second: the sixtieth comes five seconds after the first.
    assert max(taken for _, taken in calls) - min(asked for asked, _ in calls) >= 5.0
