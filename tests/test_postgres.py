"""The PostgreSQL server of the tests is a real one, and its databases know nothing of each other."""

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.postgres import create_database
from worker.store import Store
from worker.store.tables import Table

pytestmark = pytest.mark.integration


def test_it_is_postgresql(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT version()"))
    engine.dispose()

    assert str(version).startswith("PostgreSQL")


def test_what_is_made_in_one_database_is_not_in_the_next(postgres_url: str) -> None:
    first, second = create_engine(create_database(postgres_url)), create_engine(create_database(postgres_url))
    with first.begin() as connection:
        connection.execute(text("CREATE TABLE lead (id text)"))

    assert (inspect(first).get_table_names(), inspect(second).get_table_names()) == (["lead"], [])
    first.dispose()
    second.dispose()


def test_a_new_database_takes_our_tables(postgres_url: str) -> None:
    url = create_database(postgres_url)
    store = Store(url)
    store.upgrade()
    store.close()
    engine = create_engine(url)

    assert set(inspect(engine).get_table_names()) == {*Table.metadata.tables, "alembic_version"}
    engine.dispose()
