"""One database, SQLite or PostgreSQL: its transactions, and the version of its tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

# One number for all processes that migrate: the second waits for the first and finds nothing to do.
_MIGRATING = 7_203_115
_CONFLICTS = ("40001", "40P01")  # serialization failure, deadlock
_READS_ONLY = "callfirst_reads_only"


class Database:
    """Where everything is kept. A transaction that writes is alone in SQLite; one that reads disturbs nobody."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        # An error must not show texts. A connection that the server has closed is noticed before it is used.
        self._engine = create_engine(url, hide_parameters=True, pool_pre_ping=not self.is_sqlite)
        self._reads = self._engine.execution_options(**{_READS_ONLY: True})
        self._guard: Callable[[Session], None] | None = None
        if self.is_sqlite:
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    def guarded(self, guard: Callable[[Session], None]) -> "Database":
        """Return the same database, whose writing transactions begin with `guard`; what it raises ends them."""
        guarded = copy(self)
        guarded._guard = guard
        return guarded

    def unguarded(self) -> "Database":
        """Return the same database without a guard."""
        free = copy(self)
        free._guard = None
        return free

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that writes."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            if self._guard is not None:
                self._guard(session)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads, and sees the database as it is now."""
        with Session(self._reads, expire_on_commit=False) as session, session.begin():
            yield session

    def upgrade(self, revision: str = "head") -> None:
        """Create or migrate the tables; of several processes that start at once, one does."""
        with self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
            command.upgrade(_migrations(connection), revision)

    def downgrade(self, revision: str) -> None:
        """Take the tables back to an older version; what only the newer ones held is lost."""
        with self._engine.begin() as connection:
            command.downgrade(_migrations(connection), revision)

    def revisions(self) -> tuple[str | None, str | None]:
        """Return the version of the tables that are there, and the newest that there is."""
        with self._reads.connect() as connection:
            there = MigrationContext.configure(connection).get_current_revision()
            return there, ScriptDirectory.from_config(_migrations(connection)).get_current_head()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def is_conflict(error: SQLAlchemyError) -> bool:
    """Say whether a transaction was ended because it met another one, and would go through now.

    https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
    """
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONFLICTS


def _migrations(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    return config


def _configure_sqlite(connection: Any, _: Any) -> None:
    # The driver must not open transactions of its own: BEGIN IMMEDIATE does, and waits for its turn.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then wants to write is refused at once however long it would wait.
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
