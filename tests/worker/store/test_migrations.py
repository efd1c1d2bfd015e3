"""Tables of every older version are brought up to date, and back, with rows in them; on both databases."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    create_engine,
    func,
    insert,
    inspect,
    select,
)

from connectors.base import Page
from tests.worker.store.databases import BACKENDS, new_database
from tests.worker.store.rows import LONG_AGO, lead
from worker.store import Store
from worker.store.database import Database
from worker.store.tables import Table

OLDER = ["0001", "0002", "0003", "0004"]
EVERY = [*OLDER, "0005"]
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database(request, request.param, tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Return a way to the database that does not know the store."""
    made = create_engine(url)
    yield made
    made.dispose()


def value_for(column: Column[Any], number: int) -> Any:
    """Return some value that this column takes."""
    match column.type:
        case Boolean():
            return False
        case Integer():
            return number
        case Float():
            return 0.5
        case DateTime():
            return AT
        case JSON():
            return {"said": number}
        case _:
            return f"{column.name[:6]} {number}"  # an outcome has eight characters


def fill(engine: Engine, rows: int = 3) -> None:
    """Put rows into every table that is there."""
    there = MetaData()
    there.reflect(engine)
    with engine.begin() as connection:
        for table in there.sorted_tables:
            if table.name != "alembic_version":
                values = [{c.name: value_for(c, number) for c in table.columns} for number in range(1, rows + 1)]
                connection.execute(insert(table), values)


def count_rows(engine: Engine) -> dict[str, int]:
    there = MetaData()
    there.reflect(engine)
    with engine.begin() as connection:
        counts = {t.name: connection.scalar(select(func.count()).select_from(t)) or 0 for t in there.sorted_tables}
    del counts["alembic_version"]
    return counts


def describe(engine: Engine) -> dict[str, Any]:
    """Return which columns and indexes each table has."""
    seen = inspect(engine)
    return {
        table: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)),
            sorted((str(i["name"]), i["column_names"]) for i in seen.get_indexes(table)),
            seen.get_pk_constraint(table)["constrained_columns"],
        )
        for table in seen.get_table_names()
    }


def differences(engine: Engine) -> list[Any]:
    """Return in what the tables that are there are not those that the store expects."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Table.metadata))


def test_the_newest_version_is_what_the_store_expects(database: Database, engine: Engine) -> None:
    database.upgrade()

    assert differences(engine) == []


@pytest.mark.parametrize("revision", OLDER)
def test_an_older_version_with_rows_becomes_what_the_store_expects(
    database: Database, engine: Engine, revision: str
) -> None:
    database.upgrade(revision)
    fill(engine)
    database.upgrade()

    assert (differences(engine), database.revisions()) == ([], ("0005", "0005"))


@pytest.mark.parametrize("revision", OLDER)
def test_rows_of_an_older_version_are_kept_but_for_scores_without_a_reason(
    database: Database, engine: Engine, revision: str
) -> None:
    database.upgrade(revision)
    fill(engine)
    before = count_rows(engine)
    database.upgrade()
    after = count_rows(engine)

    assert {table: after[table] for table in before} == before | {"score": 0}


@pytest.mark.parametrize("revision", OLDER)
def test_a_downgrade_with_rows_leaves_the_older_version(
    database: Database, engine: Engine, url: str, revision: str
) -> None:
    database.upgrade(revision)
    older = describe(engine)
    database.upgrade()
    fill(engine)
    database.downgrade(revision)

    assert describe(engine) == older


@pytest.mark.parametrize("revision", OLDER)
def test_a_downgrade_keeps_the_rows_of_what_the_older_version_had(
    database: Database, engine: Engine, revision: str
) -> None:
    database.upgrade()
    fill(engine)
    database.downgrade(revision)

    assert set(count_rows(engine).values()) == {3}


@pytest.mark.parametrize("revision", OLDER)
def test_down_with_rows_and_up_again_is_what_the_store_expects(
    database: Database, engine: Engine, revision: str
) -> None:
    database.upgrade()
    fill(engine)
    database.downgrade(revision)
    database.upgrade()

    assert differences(engine) == []


def test_down_to_nothing_leaves_no_table(database: Database, engine: Engine) -> None:
    database.upgrade()
    fill(engine)
    database.downgrade("base")

    assert inspect(engine).get_table_names() == ["alembic_version"]


@pytest.mark.parametrize("revision", EVERY)
def test_migrating_again_changes_nothing(database: Database, engine: Engine, revision: str) -> None:
    database.upgrade(revision)
    fill(engine)
    before = describe(engine), count_rows(engine)
    database.upgrade(revision)

    assert (describe(engine), count_rows(engine)) == before


def test_the_store_works_on_tables_that_were_once_older(database: Database, engine: Engine, url: str) -> None:
    database.upgrade("0001")
    fill(engine)
    store = Store(url)
    store.upgrade()
    store.save_page("a", Page(leads=(lead("1"),)), read_at=AT)
    dirty = [item.lead_id for item in store.list_dirty_leads("a")]
    store.close()

    assert dirty == ["1"]


def test_a_value_that_was_to_be_written_before_is_written_after(database: Database, engine: Engine, url: str) -> None:
    database.upgrade("0004")
    there = MetaData()
    there.reflect(engine)
    value = {
        "band": "A",
        "score": 50.0,
        "rank": 1,
        "call_order": 1,
        "reason": "because",
        "status": "ranked",
        "model_version": "m",
        "ranked_at": LONG_AGO.isoformat(),
    }
    row = {"tenant": "a", "lead_id": "1", "value": value, "seq": 2, "sent_seq": 1, "sent_value": None, "tries": 0}
    with engine.begin() as connection:
        connection.execute(insert(there.tables["writeback"]).values(**row))
    store = Store(url)
    store.upgrade()
    due = [item.priority.lead_id for item in store.list_due_writes("a", AT)]
    store.close()

    assert due == ["1"]


_UPGRADE = "import sys; from worker.store import Store; Store(sys.argv[1]).upgrade()"


def together(url: str) -> list[str]:
    """Have three processes migrate at once; return what those said that failed."""
    command = [sys.executable, "-c", _UPGRADE, url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    return [text for text, process in zip(said, processes, strict=True) if process.returncode != 0]


@pytest.mark.integration
def test_processes_that_migrate_an_empty_database_at_once_all_succeed(url: str, engine: Engine) -> None:
    assert (together(url), differences(engine)) == ([], [])


@pytest.mark.integration
def test_processes_that_migrate_an_old_database_at_once_all_succeed(
    url: str, database: Database, engine: Engine
) -> None:
    database.upgrade("0001")
    fill(engine)

    assert (together(url), differences(engine)) == ([], [])
