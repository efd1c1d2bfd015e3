"""How many calls a CRM account takes, shared by every process that calls it.

A CRM counts the calls of all our processes together. Each call takes its place in a moving window first: in Redis where
there is one, in this process where there is not. Background work (a nightly pull) leaves a share of the window free, so
that a note that has just arrived need not queue behind it.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from connectors.errors import UnavailableError

_ANSWER_SECONDS = 5.0
_JITTER_SECONDS = 0.05  # processes that wait for the same place do not all ask in the same instant


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `calls` in any `seconds`, of which `reserved` are kept for urgent work."""

    name: str
    calls: int
    seconds: int
    reserved: int = 0


class Quota:
    """The windows of one account. A call whose rate is not among `rates` never waits."""

    def __init__(
        self,
        account: str,
        rates: Sequence[Rate] = (),
        *,
        storage_url: str = "memory://",
        urgent: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Share the windows with everybody who names the same `account` and `storage_url`.

        Args:
            account: Whose quota it is; no secret, for it becomes a key in Redis.
            storage_url: `memory://` or `redis://…`.
            urgent: Whether this caller may use what background work leaves free.
            sleep: Waits for that many seconds.
        """
        options = {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS}
        self._limiter = MovingWindowRateLimiter(
            storage_from_string(storage_url, **(options if storage_url.startswith("redis") else {}))
        )
        self._windows = {rate.name: _windows(rate, urgent=urgent) for rate in rates}
        self._account = account
        self._sleep = sleep

    def wait(self, *rates: str) -> None:
        """Return when one more call keeps within each of these rates, and count it.

        Raises:
            UnavailableError: The Redis that counts the calls does not answer; nothing was called.
        """
        try:
            for rate in rates:
                for name, window in self._windows.get(rate, ()):
                    while not self._limiter.hit(window, self._account, name):
                        frees_at = self._limiter.get_window_stats(window, self._account, name).reset_time
                        self._sleep(max(0.0, frees_at - time.time()) + random.uniform(0.0, _JITTER_SECONDS))
        except RedisError as error:
            raise UnavailableError(
                f"the Redis that counts API calls does not answer: {type(error).__name__}"
            ) from error


def _windows(rate: Rate, *, urgent: bool) -> list[tuple[str, RateLimitItemPerSecond]]:
    """Return what a caller has to pass: background work its own, smaller window before the one of all."""
    whole = (rate.name, RateLimitItemPerSecond(rate.calls, rate.seconds))
    if urgent or not rate.reserved:
        return [whole]
    return [(f"{rate.name}-background", RateLimitItemPerSecond(rate.calls - rate.reserved, rate.seconds)), whole]
