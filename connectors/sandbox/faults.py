"""What goes wrong in a sandbox CRM, on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random


@dataclass
class Faults:
    """The misbehaviour of one sandbox. A test may change it while the server runs.

    `fail_after` lets that many API requests pass and answers every later one with an outage, as a CRM that goes down
    half-way does. `flaky_share` of requests get a 429 or a 503. `missing` names a scope (HubSpot) or a field that the
    integration user may not see (Salesforce). The next `lost_answers` requests are carried out, and not answered.
    """

    fail_after: int | None = None
    flaky_share: float = 0.0
    missing: frozenset[str] = frozenset()
    lost_answers: int = 0
    requests: int = 0
    random: Random = field(default_factory=lambda: Random(0))

    def next_fault(self) -> str | None:
        """Count one request and say how it is to fail: `outage`, `throttled`, or not at all."""
        self.requests += 1
        if self.fail_after is not None and self.requests > self.fail_after:
            return "outage"
        if self.random.random() < self.flaky_share:
            return self.random.choice(["outage", "throttled"])
        return None

    def loses_answer(self) -> bool:
        """Say whether the answer to a request that was carried out is lost."""
        lost = self.lost_answers > 0
        self.lost_answers -= lost
        return lost


def fault_profiles(crm: str) -> tuple[str, ...]:
    """Return the names of the ways in which a sandbox CRM can misbehave."""
    return tuple(_profiles(crm))


def build_faults(profile: str, crm: str) -> Faults:
    """Return the faults of a named profile of a CRM.

    Raises:
        KeyError: There is no such profile.
    """
    return _profiles(crm)[profile]()


def _profiles(crm: str) -> Mapping[str, Callable[[], Faults]]:
    # Both build on this module.
    from connectors.sandbox.hubspot.faults import PROFILES as HUBSPOT
    from connectors.sandbox.salesforce.faults import PROFILES as SALESFORCE

    return SALESFORCE if crm == "salesforce" else HUBSPOT
