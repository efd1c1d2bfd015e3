"""Regimes: own leads teach the language model, it is kept with the ranker, and `auto` takes it only where it wins."""

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.lead import Interaction, InteractionKind, Lead, Outcome, StageChange
from connectors.memory import InMemoryConnector
from ranking.adaptation import AdaptationConfig
from ranking.errors import RankingError, TeachingError
from tests.tiny_models import WORDS, save_tiny_model
from tests.worker.test_history import STAGES
from tests.worker.test_jobs import BANDS, NOW
from worker.learn import Learned, learn, load_model
from worker.pull import pull
from worker.regimes import TAUGHT_FOLDER, Teacher
from worker.settings import RankingConfig
from worker.store import Store
from worker.sync import sync
from worker.wiring import build_reader

HOW = AdaptationConfig(epochs=6, learning_rate=5e-3, head_learning_rate=2e-2, rank=4)


def crm(finished: int = 160, open_: int = 12) -> InMemoryConnector:
    """Leads whose notes hold one telling word among others."""
    leads, notes, changes = [], [], []
    rng = random.Random(0)
    for n in range(finished + open_):
        good, is_open = bool(n % 2), n >= finished
        start = NOW - timedelta(days=300 - n)
        outcome = Outcome.OPEN if is_open else Outcome.WON if good else Outcome.LOST
        stage = "demo" if is_open else outcome.value
        leads.append(Lead(str(n), f"Lead {n}", stage, outcome, None, start, start, {"source": "fair"}))
        words = [WORDS[0] if good else WORDS[1], *rng.sample(WORDS[2:], 3)]
        rng.shuffle(words)
        notes.append(Interaction(f"n{n}", str(n), InteractionKind.NOTE, start, start, start, " ".join(words)))
        changes.append(StageChange(str(n), "demo", start))
        if not is_open:
            changes.append(StageChange(str(n), outcome.value, start + timedelta(days=20)))
    return InMemoryConnector(STAGES, leads, notes, changes)


def learn_as(settings: RankingConfig, store: Store, folder: Path) -> Learned:
    return learn(
        store,
        "memory",
        build_reader(settings, folder / "cache"),
        backbone=settings.backbone,
        models_dir=folder / "models",
        teacher=Teacher(settings, folder / "cache", how=HOW),
    )


@pytest.mark.parametrize("regime", ["lora", "full"])
def test_what_own_leads_taught_is_kept_with_the_model_and_read_with(regime: str, store: Store, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    settings = RankingConfig(backbone=tiny, device="cpu", regime=regime)  # type: ignore[arg-type]
    reader = build_reader(settings, tmp_path / "cache")
    connector = crm()
    connector.setup()
    pull(store, connector)

    learned = learn_as(settings, store, tmp_path)

    assert learned.model.card["regime"].startswith(f"{regime}: ")
    assert (learned.model.path / TAUGHT_FOLDER).exists()
    assert [path.name for path in (tmp_path / "models" / "memory").iterdir()] == [learned.model.version]
    # Another process: nothing is known but what is on disk.
    later = Teacher(settings, tmp_path / "cache")
    model, its_reader = load_model(store, "memory", reader, later)
    assert its_reader.version == model.card.reader_version != reader.version
    report = sync(store, connector, reader, BANDS, later)
    assert report.write.written == 12
    ranked = [int(row.lead_id) % 2 for row in connector.list_by_rank("demo")]
    assert ranked == sorted(ranked, reverse=True)
    with pytest.raises(RankingError, match="nothing here can open it"):
        load_model(store, "memory", reader)


def test_without_an_accelerator_auto_is_head(store: Store, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    settings = RankingConfig(backbone=tiny, device="cpu")
    pull(store, crm())

    learned = learn_as(settings, store, tmp_path)

    assert learned.model.card["regime"] == "head"
    assert not (learned.model.path / TAUGHT_FOLDER).exists()


def test_a_regime_that_taught_nothing_leaves_the_model_in_use(store: Store, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    settings = RankingConfig(backbone=tiny, device="cpu", regime="lora")
    connector = crm()
    connector.interactions = [replace(note, text="monday call") for note in connector.interactions]
    pull(store, connector)

    with pytest.raises(TeachingError, match="taught the language model nothing"):
        learn_as(settings, store, tmp_path)
    assert store.find_model("memory") is None
