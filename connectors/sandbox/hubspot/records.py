"""What the portal keeps of one object, and what it tells of a change."""

from dataclasses import dataclass
from datetime import datetime

PORTAL_ID = 62515
APP_ID = 54321


@dataclass(frozen=True, slots=True)
class Version:
    """One value that a property had, and who set it."""

    value: str
    at: datetime
    source: str = "CRM_UI"


@dataclass(slots=True)
class Record:
    """One object. Its `properties` are replaced, never changed, so that the search index can keep the old ones.

    `history` holds the versions of those properties that were changed or seeded, newest first; any other property has
    had its value since the record was created.
    """

    id: str
    properties: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
    history: dict[str, list[Version]] | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened in the portal, as a webhook would tell it.

    `kind` is creation, propertyChange, associationChange, deletion, restore, merge or privacyDeletion. An association
    is told from both sides; a merge names the lost record in `other_id`.
    """

    kind: str
    type: str
    id: str
    at: datetime
    source: str
    name: str = ""
    value: str = ""
    other: str = ""
    other_id: str = ""
    type_id: int = 0
    removed: bool = False
    moved: int = 0


def merged_ids(record: Record) -> list[str]:
    """Return the ids of the records that one swallowed."""
    return [id_ for id_ in (record.properties.get("hs_merged_object_ids") or "").split(";") if id_]
