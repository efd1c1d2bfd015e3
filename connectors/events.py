"""What a CRM tells us has happened, before we have looked."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from connectors.lead import InteractionKind

Subject: TypeAlias = Literal["lead"] | InteractionKind


class Change(StrEnum):
    """`changed`: read it again, it may be gone. `erased`: by a person's right; our copy goes without asking."""

    CHANGED = "changed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Event:
    """A hint that a lead or an interaction has changed. `key` is the same for every delivery of the same event."""

    key: str
    subject: Subject
    id: str
    change: Change
    occurred_at: datetime
