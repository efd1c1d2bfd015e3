"""What Callfirst knows of a CRM: leads, what was said to them, and the stages they went through.

No vendor's words occur here. Every time carries a zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

FieldValue: TypeAlias = str | float | bool | None


class Outcome(StrEnum):
    """How a lead ended, or that it has not."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class InteractionKind(StrEnum):
    """What a rep or a customer left in the CRM."""

    NOTE = "note"
    EMAIL = "email"
    CALL = "call"
    MEETING = "meeting"
    TASK = "task"
    MESSAGE = "message"  # a text message, WhatsApp or LinkedIn


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the funnel. `position` orders the steps; `outcome` says what standing there means."""

    id: str
    label: str
    position: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class StageChange:
    """The moment a lead entered a stage.

    `previous` is the stage that it left, where the CRM's history says so: some histories have no entry for the first.
    """

    lead_id: str
    stage: str
    changed_at: datetime
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A note, email, call, meeting, task or message of one lead, as plain text.

    `occurred_at` is when it happened, `created_at` when the CRM first held it and `modified_at` its last edit:
    a snapshot of the past may only show what the CRM held then. `inbound` is true for what the customer wrote.
    `text_version` names what the text was read from, where a CRM gives that a name: it need not be read again.
    """

    id: str
    lead_id: str
    kind: InteractionKind
    occurred_at: datetime
    created_at: datetime
    modified_at: datetime
    text: str
    inbound: bool = False
    text_version: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """What is ranked: a person or company in a stage of the funnel, with the CRM's structured fields."""

    id: str
    name: str
    stage: str
    outcome: Outcome
    owner: str | None
    created_at: datetime
    modified_at: datetime
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
