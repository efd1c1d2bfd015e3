"""A lead as the ranker sees it: its stage, its fields and its texts at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

FieldValue: TypeAlias = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of a lead. `source` is the record that it comes from, `voice` who wrote what, as `customer email`."""

    source: str
    voice: str
    occurred_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A snapshot of a lead. `passages` are newest first and hold nothing from after `as_of`."""

    id: str
    stage: str
    as_of: datetime
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A candidate of which it is known what happened next.

    `level` is how far it got within the horizon, from 0 (lost) to 1 (won); `won` is how it ended, or None while it has
    not. A `complete` horizon has passed: only such a candidate may lose a comparison. Examples of one `group` (a lead,
    a person) stay on one side of a split, and `order` places them in time.
    """

    candidate: Candidate
    level: float
    won: bool | None
    group: str
    order: float
    complete: bool = True
