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
quota = Quota("a", [Rate("all", 10, 1)], storage_url=sys.argv[1])
for _ in range(15):
    quota.wait("all")
    print(time.time())
"""


def test_four_processes_share_one_quota(redis_url: str) -> None:
    command = [sys.executable, "-c", _WORK, redis_url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    times = sorted(float(line) for process in running for line in process.communicate()[0].split())

    assert len(times) == 60
    # Ten a second: the sixtieth comes five seconds after the first. A process may be put aside before it says so.
    assert times[-1] - times[0] > 4.5
