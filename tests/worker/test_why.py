"""Why a lead stands where it stands: its own texts and fields, and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.lead import Interaction, InteractionKind
from connectors.memory import InMemoryConnector
from ranking.model import RankingModel
from ranking.reader import CachedReader
from tests.worker.test_jobs import BANDS, crm
from worker.errors import WorkerError
from worker.learn import learn, load_model
from worker.pull import pull
from worker.rank import rank
from worker.store import Store
from worker.why import why


@pytest.fixture
def ranked(store: Store, reader: CachedReader, tmp_path: Path) -> tuple[InMemoryConnector, RankingModel]:
    connector = crm()
    now = datetime.now(UTC)
    connector.interactions.append(
        Interaction("late", "63", InteractionKind.NOTE, now, now, now, "budget frozen, sorry")
    )
    pull(store, connector)
    learn(store, "memory", reader, backbone="words", models_dir=tmp_path / "models")
    model, _ = load_model(store, "memory", reader)
    rank(store, "memory", model, reader, BANDS)
    return connector, model


def test_evidence_is_quoted_word_for_word_for_and_against(
    store: Store, reader: CachedReader, ranked: tuple[InMemoryConnector, RankingModel]
) -> None:
    connector, model = ranked
    found = why(store, "memory", model, reader, ["63"]).first
    said = {item.text for item in connector.interactions if item.lead_id == "63"}
    texts = [item for item in (*found.supporting, *found.opposing) if item.voice != "field"]

    assert [item.quote for item in found.supporting if item.voice != "field"] == ["budget approved, visit 63"]
    assert [item.source for item in found.opposing if item.voice != "field"] == ["note:late"]
    assert {item.quote for item in texts} <= said


def test_of_two_leads_the_one_that_the_crm_is_told_first_comes_first(
    store: Store, reader: CachedReader, ranked: tuple[InMemoryConnector, RankingModel]
) -> None:
    _, model = ranked

    for ids in (["65", "66"], ["66", "65"]):
        found = why(store, "memory", model, reader, ids)
        assert found.second is not None
        assert (found.first.lead_id, found.second.lead_id) == ("65", "66")
        assert found.read_together is None


def test_a_lead_that_is_not_ranked_is_named(
    store: Store, reader: CachedReader, ranked: tuple[InMemoryConnector, RankingModel]
) -> None:
    _, model = ranked

    with pytest.raises(WorkerError, match="lead 1 is not ranked"):
        why(store, "memory", model, reader, ["63", "1"])
