"""Seconds of trouble inside one CRM call: which failures are worth repeating, and after how long."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from connectors.errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is tried, and the longest pause that is still waited out here.

    A CRM that asks for a longer pause (a daily quota) is obeyed by giving up: the next run goes on from its cursor.
    """

    max_attempts: int = 5
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 15.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, once: Callable[[], T]) -> T:
        """Return what `once` returns; repeat it on a `TransientError`, and raise the last one."""
        backoff = wait_exponential_jitter(multiplier=self.first_pause_seconds, max=self.longest_pause_seconds)

        def pause(state: RetryCallState) -> float:
            asked_for = _asked_for_seconds(state.outcome.exception() if state.outcome else None)
            return backoff(state) if asked_for is None else asked_for

        def is_worth_repeating(error: BaseException) -> bool:
            asked_for = _asked_for_seconds(error)
            return isinstance(error, TransientError) and (asked_for or 0.0) <= self.longest_pause_seconds

        return Retrying(
            retry=retry_if_exception(is_worth_repeating),
            stop=stop_after_attempt(self.max_attempts),
            wait=pause,
            sleep=self.sleep,
            reraise=True,
        )(once)


def _asked_for_seconds(error: BaseException | None) -> float | None:
    return error.retry_after_seconds if isinstance(error, TransientError) else None
