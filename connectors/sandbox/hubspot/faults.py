"""What goes wrong in a sandbox HubSpot portal, on purpose."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields

from connectors.sandbox.faults import Faults
from connectors.sandbox.hubspot.rates import Rates


@dataclass
class HubSpotFaults(Faults):
    """The misbehaviour of one portal. A test may change it while the server runs.

    `flaky_share`, `locked_share`, `html_errors` and `resets` are parts of the requests. `missing` names scopes that
    the token lacks. `rate_limited` enforces the portal's limits and says all about them; `rate_limited_bare` enforces
    them and says only that one is reached. `daily` is the day's last request gone by. `short_pages` hold fewer rows
    than asked for, none at times, though more follow; `duplicate_rows` repeats a page's last row on the next page.
    """

    rate_limited: bool = False
    rate_limited_bare: bool = False
    daily: bool = False
    burst_limit: int = 100
    search_limit: int = 5
    retry_after_seconds: int | None = None
    index_lag_seconds: float = 0.0
    late_association_seconds: float = 0.0
    short_pages: bool = False
    duplicate_rows: bool = False
    locked_share: float = 0.0
    html_errors: float = 0.0
    resets: float = 0.0
    moving: bool = False
    slow_seconds: float = 0.0
    token_lifetime_seconds: int = 1800
    rates: Rates = field(default_factory=Rates)

    def next_fault(self, *, writes: bool = False) -> str | None:
        """Count one request and say how it is to fail, if it is.

        `outage` and `throttled` as in every sandbox; `reset`, `html` and `moving`; `locked` for writes only.
        """
        fault = super().next_fault()
        if fault is not None:
            return fault
        for share, name in ((self.resets, "reset"), (self.html_errors, "html")):
            if share and self.random.random() < share:
                return name
        if self.moving:
            return "moving"
        if writes and self.locked_share and self.random.random() < self.locked_share:
            return "locked"
        return None

    def shown_rows(self, count: int) -> int:
        """Return how many of a page's rows are to be shown."""
        return self.random.randint(0, count) if self.short_pages else count

    def become(self, other: "HubSpotFaults") -> None:
        """Misbehave as another does from now on; what was counted and logged stays."""
        for item in fields(self):
            if item.name not in ("requests", "random", "rates"):
                setattr(self, item.name, getattr(other, item.name))


def for_portal(faults: Faults) -> HubSpotFaults:
    """Return the faults that a portal understands: those given, or their copy if they are of the common kind."""
    if isinstance(faults, HubSpotFaults):
        return faults
    return HubSpotFaults(**{item.name: getattr(faults, item.name) for item in fields(faults)})


PROFILES: dict[str, Callable[[], HubSpotFaults]] = {
    "none": HubSpotFaults,
    "flaky": lambda: HubSpotFaults(flaky_share=0.05),
    "outage": lambda: HubSpotFaults(fail_after=40),
    "missing-scope": lambda: HubSpotFaults(missing=frozenset({"crm.objects.contacts.write"})),
    "rate-limits": lambda: HubSpotFaults(rate_limited=True),
    "bare-429": lambda: HubSpotFaults(rate_limited_bare=True),
    "daily-limit": lambda: HubSpotFaults(daily=True),
    "index-lag": lambda: HubSpotFaults(index_lag_seconds=10.0),
    "late-associations": lambda: HubSpotFaults(late_association_seconds=3.0),
    "short-pages": lambda: HubSpotFaults(short_pages=True),
    "duplicate-rows": lambda: HubSpotFaults(duplicate_rows=True),
    "locked": lambda: HubSpotFaults(locked_share=0.2),
    "moving": lambda: HubSpotFaults(moving=True),
    "html-errors": lambda: HubSpotFaults(html_errors=0.1),
    "resets": lambda: HubSpotFaults(resets=0.1),
    "slow": lambda: HubSpotFaults(slow_seconds=2.0),
    "everything": lambda: HubSpotFaults(
        flaky_share=0.02,
        rate_limited=True,
        index_lag_seconds=2.0,
        late_association_seconds=3.0,
        short_pages=True,
        duplicate_rows=True,
        locked_share=0.03,
        html_errors=0.02,
        resets=0.02,
        slow_seconds=0.02,
    ),
}
