"""What goes wrong in a sandbox Salesforce org, on purpose."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from connectors.sandbox.faults import Faults

_REMEMBERED_ARRIVALS = 200_000
_KEPT = ("requests", "random", "log", "used")


class Arrival(NamedTuple):
    """One request: when it came (on the monotonic clock), what it asked for, and the status and size of its reply.

    A connection that was closed without a reply has status 0.
    """

    at: float
    method: str
    path: str
    status: int
    bytes: int


@dataclass
class SalesforceFaults(Faults):
    """The misbehaviour of one org. A test may change it while the server runs.

    `flaky_share`, `html_errors`, `resets`, `concurrent_share` are parts of the requests, `locked_share` of the rows
    that are written. `missing` names fields that the integration user may not see (`Lead.OwnerId`). A session ends
    after `session_seconds` and after `session_requests` requests. Pages hold at most `page_rows` rows, with
    `short_pages` any number fewer; a locator is lost after `locator_pages` pages. What people write is stamped at once
    and seen `late_commit_seconds` later. A Bulk job is looked at `bulk_polls` times before it is done, a deployment
    `deploy_polls` times; one that fails says its `deploy_problem`. With `validation` the org has a validation rule on
    Lead; without `all_files` the user sees only its own files.
    """

    html_errors: float = 0.0
    resets: float = 0.0
    slow_seconds: float = 0.0
    session_seconds: int = 7200
    session_requests: int | None = None
    endless_401: bool = False
    locked_share: float = 0.0
    page_rows: int | None = None
    short_pages: bool = False
    locator_pages: int | None = None
    locator_seconds: int = 2 * 24 * 3600
    late_commit_seconds: float = 0.0
    daily_limit: int = 15_000
    concurrent_share: float = 0.0
    bulk_polls: int = 1
    bulk_fails: bool = False
    bulk_aborts: bool = False
    deploy_polls: int = 1
    deploy_fails: bool = False
    deploy_problem: str = "UNKNOWN_EXCEPTION: An unexpected error occurred."
    validation: bool = False
    all_files: bool = True
    used: int = 0
    log: deque[Arrival] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_ARRIVALS))

    def next_fault(self) -> str | None:
        """Count one request and say how it is to fail, if it is: `outage`, `throttled`, `reset` or `html`."""
        fault = super().next_fault()
        if fault is not None:
            return fault
        for share, name in ((self.resets, "reset"), (self.html_errors, "html")):
            if self._happens(share):
                return name
        return None

    def is_concurrent(self) -> bool:
        """Say whether a request meets too many others."""
        return self._happens(self.concurrent_share)

    def is_locked(self) -> bool:
        """Say whether somebody else holds the row that is to be written."""
        return self._happens(self.locked_share)

    def shown_rows(self, count: int) -> int:
        """Return how many of a page's rows are to be shown: some at least."""
        most = min(count, self.page_rows or count)
        return self.random.randint(1, most) if self.short_pages and most > 1 else most

    def note(self, method: str, path: str, status: int, size: int) -> None:
        """Log one request and its reply."""
        self.log.append(Arrival(time.monotonic(), method, path, status, size))

    def become(self, other: "SalesforceFaults") -> None:
        """Misbehave as another does from now on; what was counted and logged stays."""
        for item in fields(self):
            if item.name not in _KEPT:
                setattr(self, item.name, getattr(other, item.name))

    def _happens(self, share: float) -> bool:
        return bool(share) and self.random.random() < share


def for_org(faults: Faults) -> SalesforceFaults:
    """Return the faults that an org understands: those given, or their copy if they are of the common kind."""
    if isinstance(faults, SalesforceFaults):
        return faults
    return SalesforceFaults(**{item.name: getattr(faults, item.name) for item in fields(faults)})


PROFILES: dict[str, Callable[[], SalesforceFaults]] = {
    "none": SalesforceFaults,
    "flaky": lambda: SalesforceFaults(flaky_share=0.05),
    "outage": lambda: SalesforceFaults(fail_after=40),
    "missing-scope": lambda: SalesforceFaults(missing=frozenset({"Lead.OwnerId"})),
    "html-errors": lambda: SalesforceFaults(html_errors=0.1),
    "resets": lambda: SalesforceFaults(resets=0.1),
    "slow": lambda: SalesforceFaults(slow_seconds=2.0),
    "session-expiry": lambda: SalesforceFaults(session_requests=7),
    "endless-401": lambda: SalesforceFaults(endless_401=True),
    "locks": lambda: SalesforceFaults(locked_share=0.1),
    "short-pages": lambda: SalesforceFaults(page_rows=250, short_pages=True),
    "lost-locators": lambda: SalesforceFaults(page_rows=250, locator_pages=2),
    "late-commits": lambda: SalesforceFaults(late_commit_seconds=180.0),
    "daily-limit": lambda: SalesforceFaults(daily_limit=0),
    "concurrent-limit": lambda: SalesforceFaults(concurrent_share=0.1),
    "bulk-fails": lambda: SalesforceFaults(bulk_fails=True),
    "bulk-aborts": lambda: SalesforceFaults(bulk_aborts=True),
    "bulk-slow": lambda: SalesforceFaults(bulk_polls=20),
    "deploy-fails": lambda: SalesforceFaults(deploy_fails=True),
    "validation": lambda: SalesforceFaults(validation=True),
    "own-files-only": lambda: SalesforceFaults(all_files=False),
    "everything": lambda: SalesforceFaults(
        flaky_share=0.02,
        html_errors=0.02,
        resets=0.02,
        slow_seconds=0.02,
        session_requests=25,
        locked_share=0.03,
        page_rows=250,
        short_pages=True,
        locator_pages=5,
        late_commit_seconds=2.0,
        concurrent_share=0.02,
        bulk_polls=3,
        deploy_polls=3,
        validation=True,
    ),
}
