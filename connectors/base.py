"""What every CRM connector can do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from connectors.lead import Interaction, InteractionKind, Lead, Stage, StageChange
from connectors.priority import Priority

InteractionKey: TypeAlias = tuple[InteractionKind, str]
Listed: TypeAlias = Literal["leads"] | InteractionKind
# What is known of the texts of some interactions: by id and the version of the text that was read.
KnownTexts: TypeAlias = Callable[[InteractionKind, Sequence[str]], Mapping[tuple[str, str], str]]


@dataclass(frozen=True, slots=True)
class Page:
    """What one read returned. Reading goes on from `position` after it; None marks the last page.

    A page also says what is *no longer* so:

    - `gone_leads` were deleted, erased, or merged into others; all that belongs to them goes too.
    - `told_interactions`: this page holds every lead of each of them; with any other lead they have nothing to do now.
      One that is told without a row is gone.
    - `told_leads`: this page holds every interaction of each of them.

    And it may say what belongs together without the rows, for the reader to compare with what it holds:
    `lead_links` has all interactions of a lead, `interaction_links` all leads of an interaction.

    `listed`, on the last page of a listing of everything, says what was listed: rows of it that no page has named since
    reading began are gone from the CRM.
    """

    leads: tuple[Lead, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    stage_changes: tuple[StageChange, ...] = ()
    position: str | None = None
    gone_leads: tuple[str, ...] = ()
    told_interactions: tuple[InteractionKey, ...] = ()
    told_leads: tuple[str, ...] = ()
    lead_links: Mapping[str, frozenset[InteractionKey]] = field(default_factory=dict)
    interaction_links: Mapping[InteractionKey, frozenset[str]] = field(default_factory=dict)
    listed: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing that `setup` finds in place (`exists`) or has created."""

    what: str
    exists: bool


class Health(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that `doctor` looked at: what it found, and what to do about it."""

    what: str
    health: Health
    found: str
    fix: str = ""


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
        """What is read, in reading order. Each stream has a cursor of its own.

        The history of stages comes with the leads or before them: a move that it has not told by then is taken for one
        of which the CRM keeps no history.
        """
        ...

    @property
    def frequent_streams(self) -> tuple[str, ...]:
        """Those of `streams` that cost little when nothing has changed: what is read every few minutes."""
        ...

    @property
    def priorities_at_once(self) -> int:
        """How many priorities one API call takes."""
        ...

    @property
    def reads(self) -> str:
        """What is read and how it is understood, in one word: where it differs, what was read before means nothing."""
        ...

    @property
    def calls(self) -> int:
        """How many API calls this session has made."""
        ...

    @property
    def calls_left(self) -> int | None:
        """How many API calls the account has left today by the CRM's own count, if it has told us."""
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

    def check_health(self) -> list[HealthCheck]:
        """Look for what would lose data in silence: rights that are missing, settings that name nothing."""
        ...

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        """Create our fields in the CRM; with `check_only` only say which are missing."""
        ...

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Store each priority on its lead; say for every one, in the given order, whether it was stored."""
        ...

    def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
        """Return the ids of the leads that show these values already, but for when they were ranked."""
        ...

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Return a stage's open leads in the order in which the CRM itself sorts them by our rank."""
        ...


@runtime_checkable
class Rereader(Protocol):
    """A connector that can read by id what an event or a link names; see `Connector` for its name."""

    @property
    def name(self) -> str: ...

    def read_leads(self, ids: Sequence[str]) -> Page:
        """Return all that the CRM holds now of these leads, their interactions included."""
        ...

    def read_interactions(self, kind: InteractionKind, ids: Sequence[str]) -> Page:
        """Return these interactions as they are now, with every lead that they belong to."""
        ...
