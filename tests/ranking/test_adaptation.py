"""Teaching the language model own leads: what it learns, what it may not see, and that it can be kept."""

import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ranking.adaptation import AdaptationConfig, adapt
from ranking.backbone import Backbone
from ranking.backbone_files import find_backbone
from ranking.candidate import Candidate, Example, Passage
from ranking.errors import TeachingError
from ranking.general.corpus import CorpusText
from ranking.general.model import GeneralModel, find_adapter, find_general_model
from ranking.general.train import TeachingConfig, teach_and_save
from ranking.rendering import render_passage
from ranking.stacking import SEEN
from ranking.tuning import Regime
from tests.tiny_models import WORDS, save_tiny_model

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lead(number: int, won: bool, *, telling: tuple[str, str] = ("plan", "mail")) -> Example:
    """A lead with two notes, one of which holds the word that decides for this team; "good" and "bad" are not said."""
    rng = random.Random(number)
    others = [word for word in WORDS[2:] if word not in telling]
    notes = [[telling[0] if won else telling[1], *rng.sample(others, 3)], rng.sample(others, 4)]
    rng.shuffle(notes)
    passages = tuple(Passage(f"{number}-{place}", "note", NOW, " ".join(note)) for place, note in enumerate(notes))
    return Example(Candidate(str(number), "offer", NOW, {}, passages), float(won), won, str(number), float(number))


def history(count: int = 300) -> list[Example]:
    return [lead(number, number % 3 == 0) for number in range(count)]


def config(regime: Regime) -> AdaptationConfig:
    return AdaptationConfig(regime=regime, epochs=8, learning_rate=5e-3, head_learning_rate=2e-2, rank=8)


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.parametrize("regime", ["lora", "full"])
def test_own_leads_teach_what_no_general_model_knows(kind: str, regime: Regime, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", kind))

    adapted = adapt(history(), tiny, tmp_path, tmp_path / "own", start=None, general=None, config=config(regime))

    assert min(adapted.losses) < adapted.losses[0] - 0.1
    version = find_backbone(tiny, tmp_path).version
    reader = Backbone(tiny, cache=tmp_path, adapter=find_adapter(version, tmp_path / "own"))
    general = find_general_model(reader.version, tmp_path / "own")
    assert general is not None
    judged = [judge(general, reader, lead(number, won)) for number in range(1000, 1040) for won in (True, False)]
    assert np.mean(np.array(judged[::2]) > np.array(judged[1::2])) > 0.95


def test_it_goes_on_from_the_general_model(tmp_path: Path) -> None:
    """What the corpus taught is still known after leads that say nothing of it."""
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    rng = random.Random(0)
    corpus = []
    for number in range(240):
        word = rng.choice(["good", "bad"])
        text = " ".join(rng.sample([word, *rng.sample(WORDS[2:], 4)], 5))
        corpus.append(
            CorpusText(str(number), "snippet", "cars", "offer", "en", (), 2.0 if word == "good" else -2.0, text)
        )
    teaching = TeachingConfig(epochs=20, learning_rate=5e-3, rank=8)
    general = teach_and_save(tiny, corpus, tmp_path, tmp_path / "general", teaching)
    start = find_adapter(find_backbone(tiny, tmp_path).version, tmp_path / "general")
    assert start is not None

    gentle = AdaptationConfig(epochs=8, learning_rate=1e-4, head_learning_rate=1e-3)
    adapted = adapt(history(), tiny, tmp_path, tmp_path / "own", start=start, general=general, config=gentle)

    reader = Backbone(tiny, cache=tmp_path, adapter=adapted.folder)
    before = Backbone(tiny, cache=tmp_path, adapter=start)
    good_before, bad_before = general.judge(before.read(["good call", "bad call"]))
    good, bad, plan, mail = adapted.general.judge(reader.read(["good call", "bad call", "plan call", "mail call"]))
    assert good_before - bad_before > 2
    assert good - bad > 0.5 * (good_before - bad_before)
    assert plan > mail


def test_later_leads_are_not_seen(tmp_path: Path) -> None:
    """Whatever happened to the leads that the ranker is tested on, what is taught is the same to the bit."""
    tiny = str(save_tiny_model(tmp_path / "tiny", "llama"))
    leads = history(200)
    first_unseen = round(SEEN * len(leads))
    turned = [
        e if place < first_unseen else lead(place, not e.won, telling=("note", "rep")) for place, e in enumerate(leads)
    ]
    quick = AdaptationConfig(epochs=2, learning_rate=5e-3, head_learning_rate=2e-2, rank=8)

    first, again = (
        adapt(part, tiny, tmp_path, tmp_path / name, start=None, general=None, config=quick)
        for part, name in ((leads, "first"), (turned, "again"))
    )

    assert first.losses == again.losses
    assert first.general.version == again.general.version


def test_leads_that_say_nothing_teach_nothing(tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    same = (Passage("note", "note", NOW, "monday call"),)
    silent = [
        Example(Candidate(str(n), "offer", NOW, {}, same), float(n % 2), bool(n % 2), str(n), float(n))
        for n in range(120)
    ]
    few = history(8)

    with pytest.raises(TeachingError, match="nothing that holds for the next ones"):
        adapt(silent, tiny, tmp_path, tmp_path / "own", start=None, general=None, config=config("lora"))
    with pytest.raises(TeachingError, match="no two can be compared"):
        adapt(few[:2], tiny, tmp_path, tmp_path / "own", start=None, general=None, config=config("lora"))
    assert not (tmp_path / "own").exists()


def judge(general: GeneralModel, reader: Backbone, example: Example) -> float:
    texts = [render_passage(passage) for passage in example.candidate.passages]
    return float(general.judge(reader.read(texts)).sum())
