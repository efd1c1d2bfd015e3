"""What is written to a CRM, and what of it is written again after a death."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import WriteOutcome
from connectors.errors import InvalidRequestError
from connectors.memory import InMemoryConnector
from connectors.priority import Priority
from tests.worker.store.rows import LONG_AGO, STAGES, lead, priority
from worker.store import Store
from worker.writeback import write_back


class DyingConnector(InMemoryConnector):
    """A CRM to which the first write takes its writer down: once that is stored as far as `arrives`, or before."""

    def __init__(self, arrives: int) -> None:
        super().__init__(STAGES, [lead("1"), lead("2"), lead("3")])
        self.arrives: int | None = arrives
        self.sent: list[str] = []
        self.setup()

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        self.sent += [item.lead_id for item in priorities]
        if self.arrives is None:
            return super().write_priorities(priorities)
        arrives, self.arrives = self.arrives, None
        super().write_priorities(priorities[:arrives])
        raise KeyboardInterrupt


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(f"sqlite:///{tmp_path}/callfirst.db")
    store.upgrade()
    return store


def dead(store: Store, connector: DyingConnector) -> None:
    """Have whoever writes die while he does, and forget what was sent so far."""
    with pytest.raises(KeyboardInterrupt):
        write_back(store, connector)
    connector.sent = []


@pytest.mark.parametrize(("arrived", "missing"), [(0, ["1", "2", "3"]), (2, ["3"]), (3, [])])
def test_after_a_death_only_what_the_crm_does_not_show_is_sent(store: Store, arrived: int, missing: list[str]) -> None:
    connector = DyingConnector(arrived)
    store.save_ranking("memory", [], [priority("1", 1), priority("2", 2), priority("3", 3)])
    dead(store, connector)
    write_back(store, connector)

    assert connector.sent == missing
    assert sorted(connector.priorities) == ["1", "2", "3"]
    assert store.list_due_writes("memory") == []


def test_after_a_death_a_value_that_has_changed_meanwhile_is_sent(store: Store) -> None:
    connector = DyingConnector(3)
    store.save_ranking("memory", [], [priority("1", 1), priority("2", 2), priority("3", 3)])
    dead(store, connector)
    store.save_ranking("memory", [], [priority("1", 2), priority("2", 1), priority("3", 3)])
    write_back(store, connector)

    assert connector.sent == ["2", "1"]
    assert {id_: item.rank for id_, item in connector.priorities.items()} == {"1": 2, "2": 1, "3": 3}


def test_a_value_that_only_was_ranked_later_is_not_sent_after_a_death(store: Store) -> None:
    connector = DyingConnector(1)
    store.save_ranking("memory", [], [priority("1")])
    dead(store, connector)
    store.save_ranking("memory", [], [replace(priority("1"), ranked_at=LONG_AGO + timedelta(days=1))])
    write_back(store, connector)

    assert connector.sent == []


def test_nobody_is_asked_what_it_shows_before_anything_was_lost(store: Store) -> None:
    connector = DyingConnector(0)
    connector.arrives = None
    store.save_ranking("memory", [], [priority("1", 1), priority("2", 2)])

    assert write_back(store, connector).calls == 1


def test_where_nobody_can_be_asked_all_is_sent_again(store: Store) -> None:
    class Silent(DyingConnector):
        def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
            raise InvalidRequestError("no such field")

    connector = Silent(3)
    store.save_ranking("memory", [], [priority("1", 1), priority("2", 2), priority("3", 3)])
    dead(store, connector)
    write_back(store, connector)

    assert connector.sent == ["1", "2", "3"]
    assert store.list_due_writes("memory") == []
