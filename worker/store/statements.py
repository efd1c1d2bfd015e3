"""Statements that every part of the store needs, in the words of the database at hand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from worker.store.tables import Table

IDS_AT_ONCE = 500  # SQLite takes a limited number of values in one statement


def insert_into(session: Session, table: type[Table]) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that knows what to do about a row that is there."""
    return postgresql.insert(table) if session.get_bind().dialect.name == "postgresql" else sqlite.insert(table)


def upsert(session: Session, table: type[Table], rows: Sequence[dict[str, Any]]) -> None:
    """Insert or replace rows, which differ in their keys."""
    if not rows:
        return
    keys = [column.name for column in table.__table__.primary_key.columns]  # type: ignore[attr-defined]  # a Table here
    insert = insert_into(session, table)
    rest = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    session.connection().execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), list(rows))


def row_count(result: Any) -> int:
    """Return how many rows a statement touched."""
    return int(result.rowcount)
