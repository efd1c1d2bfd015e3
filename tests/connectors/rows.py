"""What a store holds, row by row, to be compared with what a CRM does."""

from typing import TypeAlias

from sqlalchemy import select

from worker.store import Store
from worker.store.tables import InteractionRow, LeadRow

Rows: TypeAlias = dict[tuple[str, ...], str]


def held_rows(store: Store) -> tuple[Rows, Rows]:
    """Return the content hashes of a store's leads, by id, and interactions, by lead, kind and id."""
    with store.database.reading() as session:
        leads: Rows = {(row.id,): row.content_hash for row in session.scalars(select(LeadRow))}
        items: Rows = {
            (row.lead_id, row.kind, row.id): row.content_hash for row in session.scalars(select(InteractionRow))
        }
    return leads, items
