"""Which model is in use: what replaces it, what does not, and the way back."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from connectors.lead import Interaction, InteractionKind, Lead, Outcome, StageChange
from connectors.memory import InMemoryConnector
from ranking.candidate import Example
from ranking.checkpoint import Unfinished
from ranking.errors import InsufficientHistoryError, LeakError
from ranking.general.model import GeneralModel
from ranking.metrics import Interval
from ranking.reader import CachedReader
from ranking.training import TrainingConfig, general_ranker
from tests.worker.test_jobs import BANDS, NOW, crm
from worker.learn import Learned, _gate, learn, load_model
from worker.pull import pull
from worker.rank import rank
from worker.regimes import Reading, Teacher
from worker.store import Store

Train = Callable[[datetime], Learned]


@pytest.fixture
def train(store: Store, reader: CachedReader, tmp_path: Path) -> Train:
    def run(now: datetime) -> Learned:
        return learn(store, "memory", reader, backbone="words", models_dir=tmp_path / "models", now=now)

    return run


def finish_more(connector: InMemoryConnector, leads: range) -> None:
    """Add leads that finished after NOW; their notes say the truth."""
    for n in leads:
        outcome = Outcome.WON if n % 2 else Outcome.LOST
        start = NOW + timedelta(days=1)
        connector.leads[str(n)] = Lead(
            str(n), f"Lead {n}", outcome.value, outcome, None, start, start, {"source": "fair"}
        )
        text = f"budget {'approved' if n % 2 else 'frozen'}, visit {n}"
        connector.interactions.append(Interaction(f"n{n}", str(n), InteractionKind.NOTE, start, start, start, text))
        connector.stage_changes.append(StageChange(str(n), "demo", start))
        connector.stage_changes.append(StageChange(str(n), outcome.value, start + timedelta(days=9)))


def test_the_first_model_is_put_into_use(store: Store, train: Train) -> None:
    pull(store, crm())

    learned = train(NOW)

    assert learned.promoted
    assert store.find_model("memory") == learned.model


@dataclass
class Knowing:
    """A teacher that brings a general model, of which there is none for a reader that counts words."""

    general: GeneralModel

    def teach(self, examples: Sequence[Example], head: Reading, folder: Path, unfinished: Unfinished) -> Reading:
        return replace(head, general=self.general)


@pytest.mark.parametrize("knows", [True, False])
def test_the_first_model_is_compared_with_the_general_one(
    knows: bool, store: Store, reader: CachedReader, tmp_path: Path
) -> None:
    pull(store, crm())
    read = reader.read(["approved,", "frozen,"])
    general = GeneralModel((read["approved,"] - read["frozen,"]) * 2 * knows, 0.0, reader.version)

    learned = learn(
        store, "memory", reader, backbone="words", models_dir=tmp_path, teacher=cast(Teacher, Knowing(general)), now=NOW
    )

    assert learned.promoted
    assert "not worse than the general model alone" in learned.reason
    assert learned.ahead is not None
    assert (learned.ahead.low > 0.3) is not knows


def test_a_first_model_that_is_worse_than_the_general_one_is_not_put_into_use(
    store: Store, reader: CachedReader, tmp_path: Path
) -> None:
    pull(store, crm())
    model = general_ranker(reader, GeneralModel(np.zeros(reader.width, dtype=np.float32), 0.0, reader.version))
    model.card = replace(model.card, ahead_of_general=Interval(-0.2, -0.3, -0.1))

    head = Reading(reader, None, TrainingConfig(), "head")
    promoted, reason, _ = _gate(store, "memory", reader, head, [], model, None)

    assert not promoted
    assert reason == "it is worse than the general model alone: -0.200 (-0.300 to -0.100) of pairs of later leads"


def test_a_worse_model_is_kept_but_not_put_into_use(store: Store, train: Train, tmp_path: Path) -> None:
    connector = crm()
    pull(store, connector)
    first = train(NOW)
    # Somebody swaps the won and lost settings: the old leads' outcomes turn round, new leads tell the truth.
    turned = {"won": "lost", "lost": "won"}
    for id_, lead in connector.leads.items():
        if lead.outcome is not Outcome.OPEN:
            outcome = Outcome(turned[lead.outcome.value])
            connector.leads[id_] = replace(lead, stage=outcome.value, outcome=outcome)
    connector.stage_changes = [
        replace(change, stage=turned.get(change.stage, change.stage)) for change in connector.stage_changes
    ]
    finish_more(connector, range(100, 140))
    store_again(tmp_path, store, connector)

    second = train(NOW + timedelta(days=30))

    assert not second.promoted
    assert second.ahead is not None
    assert second.ahead.high < 0
    assert "worse" in second.reason
    assert store.find_model("memory") == first.model
    assert len(store.list_models("memory")) == 2


def test_rolling_back_brings_the_previous_order_back_exactly(store: Store, train: Train, reader: CachedReader) -> None:
    connector = crm()
    pull(store, connector)
    train(NOW)

    def order() -> list[tuple[str, float, int]]:
        rank(store, "memory", load_model(store, "memory", reader)[0], reader, BANDS, now=NOW)
        due = store.list_due_writes("memory")
        return [(d.priority.lead_id, d.priority.score, d.priority.call_order) for d in due]

    before = order()
    finish_more(connector, range(100, 120))
    pull(store, connector)
    second = train(NOW + timedelta(days=30))
    assert second.promoted
    assert order() != before

    store.set_promoted("memory", second.model.version, None)

    assert order() == before


def test_too_little_history_leaves_the_model_in_use(store: Store, train: Train, tmp_path: Path) -> None:
    connector = crm()
    pull(store, connector)
    first = train(NOW)
    connector.stage_changes = []
    store_again(tmp_path, store, connector)

    with pytest.raises(InsufficientHistoryError):
        train(NOW + timedelta(days=1))

    assert store.find_model("memory") == first.model


def test_a_field_that_knows_the_outcome_stops_the_training(store: Store, train: Train) -> None:
    connector = crm()
    for id_, lead in connector.leads.items():
        connector.leads[id_] = replace(lead, fields={"verdict": "bought" if lead.outcome is Outcome.WON else "gone"})
    pull(store, connector)

    with pytest.raises(LeakError, match="verdict"):
        train(NOW)

    assert store.find_model("memory") is None


def test_a_model_that_does_not_exist_is_not_promoted(store: Store) -> None:
    assert not store.set_promoted("memory", "nobody", datetime.now(UTC))


def store_again(folder: Path, store: Store, connector: InMemoryConnector) -> None:
    """Replace the stage history that the store knows by what the CRM says now: a CRM's history only ever grows."""
    with sqlite3.connect(folder / "callfirst.db") as database:
        database.execute("DELETE FROM stage_change")
    pull(store, connector, full=True)
