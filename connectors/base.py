"""What every CRM connector can do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.lead import Interaction, Lead, Stage, StageChange
from connectors.priority import Priority


@dataclass(frozen=True, slots=True)
class Page:
    """What one read returned. Reading goes on from `position` after it; None marks the last page."""

    leads: tuple[Lead, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    stage_changes: tuple[StageChange, ...] = ()
    position: str | None = None


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing that `setup` finds in place (`exists`) or has created."""

    what: str
    exists: bool


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of one priority. A refusal that may pass later is `retryable`; `detail` is the CRM's own code."""

    lead_id: str
    written: bool
    detail: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class ListedLead:
    """One row of a CRM list that is sorted by our rank, as the CRM returned it."""

    lead_id: str
    name: str
    stage: str
    band: str
    score: float
    rank: int
    call_order: int
    reason: str


class Connector(Protocol):
    """One authenticated session with one CRM account.

    Every method may raise any `ConnectorError`.
    """

    @property
    def name(self) -> str:
        """Which CRM this is: `hubspot`, `salesforce` or `memory`."""
        ...

    @property
    def streams(self) -> tuple[str, ...]:
        """What is read, in reading order. Each stream has a cursor of its own."""
        ...

    @property
    def calls(self) -> int:
        """How many API calls this session has made."""
        ...

    def list_stages(self) -> list[Stage]:
        """Return the funnel, first stage first."""
        ...

    def read(self, stream: str, *, since: datetime | None = None, position: str | None = None) -> Iterator[Page]:
        """Yield everything in `stream` that changed since then, all of it when no start is given.

        A read that broke off goes on from the `position` of the last page that was kept. Rows may come twice;
        none is left out.
        """
        ...

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        """Create our fields in the CRM; with `check_only` only say which are missing."""
        ...

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Store each priority on its lead; say for every one, in the given order, whether it was stored."""
        ...

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Return a stage's open leads in the order in which the CRM itself sorts them by our rank."""
        ...
