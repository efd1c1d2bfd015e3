"""What goes wrong in a sandbox CRM, on purpose."""

from dataclasses import dataclass, field
from random import Random


@dataclass
class Faults:
    """The misbehaviour of one sandbox. A test may change it while the server runs.

    `fail_after` lets that many API requests pass and answers every later one with an outage, as a CRM that goes down
    half-way does. `flaky_share` of requests get a 429 or a 503. `missing` names a scope (HubSpot) or a field that the
    integration user may not see (Salesforce).
    """

    fail_after: int | None = None
    flaky_share: float = 0.0
    missing: frozenset[str] = frozenset()
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


def build_faults(profile: str, crm: str) -> Faults:
    """Return the faults of a named profile: `none`, `flaky`, `outage` or `missing-scope`.

    Raises:
        KeyError: There is no such profile.
    """
    missing = frozenset({"crm.objects.contacts.write" if crm == "hubspot" else "Lead.OwnerId"})
    profiles = {
        "none": Faults(),
        "flaky": Faults(flaky_share=0.05),
        "outage": Faults(fail_after=40),
        "missing-scope": Faults(missing=missing),
    }
    return profiles[profile]


FAULT_PROFILES = ("none", "flaky", "outage", "missing-scope")
