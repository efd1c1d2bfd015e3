"""What Callfirst writes on a lead: its place in the order, and why.

The fields are named once, here; each connector spells them in its CRM's way and writes no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Band(StrEnum):
    """A: call today. B: call next. C: the rest. Sized by what a rep can call, not by a cut-off."""

    A = "A"
    B = "B"
    C = "C"


class PriorityStatus(StrEnum):
    """What the order rests on: this team's own history, the general model alone, or nothing that could be read."""

    RANKED = "ranked"
    BASE = "base"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Priority:
    """One lead's place: `rank` 1 is first in its stage, `call_order` 1 is first across stages.

    `score` (0 to 100, one decimal) is the calibrated chance to be won, `reason` at most 255 characters.
    """

    lead_id: str
    band: Band
    score: float
    rank: int
    call_order: int
    reason: str
    status: PriorityStatus
    model_version: str
    ranked_at: datetime


@dataclass(frozen=True, slots=True)
class PriorityField:
    """One CRM field that we own. `name` is the attribute of `Priority` that it shows."""

    name: str
    label: str
    kind: str  # "choice", "number", "text" or "time"
    description: str
    choices: tuple[str, ...] = ()
    decimals: int = 0


PRIORITY_FIELDS = (
    PriorityField("band", "Callfirst priority", "choice", "A: call today, B: next, C: the rest.", tuple(Band)),
    PriorityField("score", "Callfirst score", "number", "Chance to be won, 0 to 100.", decimals=1),
    PriorityField("rank", "Callfirst rank in stage", "number", "1 is called first inside the stage."),
    PriorityField("call_order", "Callfirst call order", "number", "1 is called first across all stages."),
    PriorityField("reason", "Callfirst reason", "text", "What moved this lead, quoted from its own record."),
    PriorityField("ranked_at", "Callfirst ranked at", "time", "When these values were computed."),
    PriorityField(
        "status", "Callfirst status", "choice", "insufficient: there was nothing to read.", tuple(PriorityStatus)
    ),
    PriorityField("model_version", "Callfirst model", "text", "The model that made the order."),
)

# `ranked_at` is written along with a change and never causes one.
COMPARED_FIELDS = tuple(field.name for field in PRIORITY_FIELDS if field.name != "ranked_at")


def shows(record: Mapping[str, Any], wanted: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """Say whether a CRM's record shows what we want it to, but for when it was ranked.

    `names` are the CRM's names of our fields. A number may come back spelt in another way, an empty text as none.
    """
    for field in PRIORITY_FIELDS:
        shown, ours = record.get(names[field.name]), wanted[names[field.name]]
        if field.name in COMPARED_FIELDS and not _is_same(field, shown, ours):
            return False
    return True


def _is_same(field: PriorityField, shown: Any, ours: Any) -> bool:
    if field.kind == "number":
        return shown not in (None, "") and float(shown) == float(ours)
    return bool((shown or "") == ours)
