"""Teaching the upper layers of a language model: what moves, what stays, and that it can be kept."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ranking.backbone import Backbone
from ranking.general.corpus import CorpusText
from ranking.general.evaluate import evaluate_by_trade
from ranking.general.model import GeneralModel, find_adapter, find_general_model
from ranking.general.train import TeachingConfig, build, teach
from ranking.tuning import UpperLayers
from tests.tiny_models import WORDS, save_tiny_model


def corpus(texts: int = 240) -> list[CorpusText]:
    """Texts in which one word decides, among others that do not."""
    rng = random.Random(0)
    made = []
    for number in range(texts):
        telling = rng.choice(["good", "bad"])
        words = [telling, *rng.sample(WORDS[2:], 4)]
        rng.shuffle(words)
        utility = 2.0 if telling == "good" else -2.0
        made.append(CorpusText(str(number), "snippet", "cars", "offer", "en", (), utility, " ".join(words)))
    return made


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_taught_model_tells_new_texts_apart_and_is_the_same_when_loaded(kind: str, tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", kind)
    texts = corpus()
    config = TeachingConfig(epochs=20, learning_rate=5e-3, rank=8)

    taught = teach(texts, range(200), str(tiny), config)
    judged = taught.judge()[200:]
    truth = np.array([text.utility for text in texts[200:]])
    assert np.corrcoef(judged, truth)[0, 1] > 0.9

    model = build(str(tiny), texts, tmp_path / "cache", tmp_path / "general", config)
    reader = Backbone(str(tiny), cache=tmp_path / "cache", adapter=find_adapter(_version(tiny), tmp_path / "general"))
    found = find_general_model(reader.version, tmp_path / "general")
    assert isinstance(found, GeneralModel)
    assert found.version == model.version
    loaded = found.judge(reader.read([text.text for text in texts]))
    assert np.corrcoef(loaded, [text.utility for text in texts])[0, 1] > 0.9


def test_another_backbone_has_no_general_model(tmp_path: Path) -> None:
    assert find_general_model("something else", tmp_path) is None
    assert find_adapter("something else", tmp_path) is None


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.parametrize("regime", ["lora", "full"])
def test_only_the_upper_layers_are_taught(kind: str, regime: str, tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", kind)
    upper = UpperLayers(str(tiny), ["good call", "bad price note"], regime=regime, rank=2)  # type: ignore[arg-type]
    before = upper.vectors([0, 1]).detach().clone()
    optimiser = torch.optim.Adam(upper.parameters, lr=0.05)
    for _ in range(5):
        vectors = upper.vectors([0, 1])
        (vectors[0, 0] - vectors[1, 0]).backward()  # type: ignore[no-untyped-call]  # not annotated there
        optimiser.step()
        optimiser.zero_grad()

    taught = {name for name, parameter in upper.model.named_parameters() if parameter.requires_grad}
    assert taught
    assert not any(f"layers.{low}." in name or f"layer.{low}." in name for name in taught for low in (0, 1))
    assert (upper.vectors([0, 1]) - before).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_what_is_taught_on_is_what_is_read_later(kind: str, tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", kind)
    texts = ["good call monday", "bad", "price note rep lead plan mail"]
    upper = UpperLayers(str(tiny), texts, rank=2)
    reader = Backbone(str(tiny), cache=tmp_path / "cache")

    read = reader.read(texts)[:, reader.hidden_size :]
    assert np.allclose(upper.all_vectors().numpy(), read, atol=0.02)


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_text_reads_the_same_in_any_company(kind: str, tmp_path: Path) -> None:
    reader = Backbone(str(save_tiny_model(tmp_path / "tiny", kind)), cache=tmp_path / "cache")
    alone = reader.read(["good call"])
    among = reader.read(["bad price note monday rep lead plan", "good call", "mail"])[1]

    assert np.allclose(alone[0], among, atol=0.02)


def _version(folder: Path) -> str:
    from ranking.backbone_files import find_backbone

    return find_backbone(str(folder), folder).version


def test_trades_that_were_left_out_are_judged_with_and_without_own_leads(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", "llama")
    texts = [
        replace(text, id=f"{trade}-{text.id}", trade=trade, kind=kind, text=f"{text.text} {WORDS[place % 10]}")
        for trade in ("cars", "travel")
        for place, text in enumerate(corpus(320))
        for kind in ["note" if place % 2 else "snippet"]
    ]
    config = TeachingConfig(epochs=6, learning_rate=5e-3, rank=8)

    results = list(evaluate_by_trade(texts, str(tiny), tmp_path / "scratch", config=config))

    assert [result.trade for result in results] == ["cars", "travel"]
    for result in results:
        assert result.notes.value > 0.8
        assert [own.count for own in result.own_leads] == [50, 100]
        assert all(own.with_general.value > 0.7 for own in result.own_leads)
