"""How often a portal lets itself be asked."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

_REMEMBERED_ARRIVALS = 200_000
BURST_SECONDS = 10.0


class Arrival(NamedTuple):
    """One request: when it came (on the monotonic clock), and what it asked for."""

    at: float
    method: str
    path: str


class Rates:
    """The log of all arrivals, and the windows that limits are counted in. A refused request counts for no limit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.log: deque[Arrival] = deque(maxlen=_REMEMBERED_ARRIVALS)
        self.admitted = 0
        self._clock = clock
        self._burst: deque[float] = deque()
        self._searches: deque[float] = deque()

    def arrive(self, method: str, path: str) -> None:
        """Log one request."""
        self.log.append(Arrival(self._clock(), method, path))

    def admit(self, limit: int) -> bool:
        """Count one request against the limit of ten seconds, unless that is used up."""
        return self._count(self._burst, BURST_SECONDS, limit)

    def admit_search(self, limit: int) -> bool:
        """Count one search against the limit of one second, unless that is used up."""
        return self._count(self._searches, 1.0, limit)

    def remaining(self, limit: int, seconds: float = BURST_SECONDS) -> int:
        """Return how many more requests the last `seconds` leave room for."""
        since = self._clock() - seconds
        used = 0
        for at in reversed(self._burst):
            if at <= since:
                break
            used += 1
        return max(limit - used, 0)

    def busiest(self, seconds: float, *, searches: bool = False) -> int:
        """Return the most requests (or searches) that any window of `seconds` saw, for a test to hold a client to."""
        window: deque[float] = deque()
        most = 0
        for arrival in self.log:
            if searches and not arrival.path.endswith("/search"):
                continue
            window.append(arrival.at)
            while window[0] <= arrival.at - seconds:
                window.popleft()
            most = max(most, len(window))
        return most

    def _count(self, window: deque[float], seconds: float, limit: int) -> bool:
        now = self._clock()
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= limit:
            return False
        window.append(now)
        self.admitted += 1
        return True
