"""Teaching the layers of a language model: what moves, what stays, and that it can be kept."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ranking.backbone import Backbone
from ranking.errors import TeachingError
from ranking.general.corpus import CorpusText
from ranking.general.evaluate import evaluate_by_trade, folds_of
from ranking.general.model import GeneralModel, find_adapter, find_general_model
from ranking.general.own_leads import evaluate_own_leads
from ranking.general.train import TeachingConfig, teach_and_save
from ranking.tuning import TaughtLayers
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

    model = teach_and_save(str(tiny), texts[:200], tmp_path / "cache", tmp_path / "general", config)
    reader = Backbone(str(tiny), cache=tmp_path / "cache", adapter=find_adapter(_version(tiny), tmp_path / "general"))
    found = find_general_model(reader.version, tmp_path / "general")
    assert isinstance(found, GeneralModel)
    assert found.version == model.version
    loaded = found.judge(reader.read([text.text for text in texts[200:]]))
    assert np.corrcoef(loaded, [text.utility for text in texts[200:]])[0, 1] > 0.9


def test_a_teaching_that_taught_nothing_is_refused(tmp_path: Path) -> None:
    silent = [replace(text, text="monday call") for text in corpus(200)]
    config = TeachingConfig(epochs=10, rank=2)

    with pytest.raises(TeachingError, match="tells no two texts apart"):
        teach_and_save(str(save_tiny_model(tmp_path / "tiny", "bert")), silent, tmp_path, tmp_path / "general", config)
    assert not (tmp_path / "general").exists()


def test_another_backbone_has_no_general_model(tmp_path: Path) -> None:
    assert find_general_model("something else", tmp_path) is None
    assert find_adapter("something else", tmp_path) is None


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.parametrize("regime", ["lora", "full"])
def test_layers_below_the_first_one_to_teach_stay_as_they_are(kind: str, regime: str, tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", kind)
    upper = TaughtLayers(
        str(tiny),
        ["good call", "bad price note"],
        regime=regime,  # type: ignore[arg-type]
        rank=2,
        first_layer=2,
    )
    upper.model.eval()  # no dropout: what moves is what was taught
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
    upper = TaughtLayers(str(tiny), texts, rank=2)
    reader = Backbone(str(tiny), cache=tmp_path / "cache")

    read = reader.read(texts)[:, reader.hidden_size :]
    upper.model.eval()
    assert np.allclose(upper.vectors([0, 1, 2]).detach().numpy(), read, atol=0.02)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_text_reads_the_same_in_any_company(kind: str, precision: torch.dtype, tmp_path: Path) -> None:
    reader = Backbone(str(save_tiny_model(tmp_path / "tiny", kind)), cache=tmp_path / "cache", precision=precision)
    alone = reader.read(["good call"])
    among = reader.read(["bad price note monday rep lead plan", "good call", "mail"])[1]

    assert np.allclose(alone[0], among, atol=0.02)


@pytest.mark.parametrize(("kind", "side"), [("llama", "right"), ("llama", "left"), ("bert", "right")])
def test_but_for_rounding_neither_company_nor_padding_changes_a_judgement(kind: str, side: str, tmp_path: Path) -> None:
    # bfloat16 rounds otherwise in other company: see the test above.
    tiny = str(save_tiny_model(tmp_path / "tiny", kind))
    reader = Backbone(tiny, cache=tmp_path / "cache", precision=torch.float32)
    weight = np.random.default_rng(0).normal(scale=20.0, size=reader.width).astype(np.float32)
    general = GeneralModel(weight, 0.0, reader.version)
    texts = ["good call", "bad price note monday rep lead plan", "mail", "note " * 60]

    alone = [float(general.judge(reader.read([text]))[0]) for text in texts]
    reader.tokenizer.padding_side = side
    among = general.judge(reader.read(texts))

    assert np.ptp(among) > 1.0
    assert np.abs(among - alone).max() < 1e-3


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
    folds = folds_of(texts, tmp_path / "folds", folds=2, config=config)

    results = list(evaluate_by_trade(texts, str(tiny), tmp_path / "cache", folds))

    assert [result.trade for result in results] == ["cars", "travel", "these trades together"]
    assert all(result.notes.value > 0.8 and result.taught == 320 for result in results)

    own = list(evaluate_own_leads(texts, str(tiny), tmp_path / "cache", folds, counts=(0, 50, 1_000)))
    assert [(result.trade, result.count) for result in own] == [
        ("cars", 0), ("cars", 50), ("travel", 0), ("travel", 50)
    ]  # fmt: skip
    assert all(result.with_general.value > 0.7 for result in own)
    assert all(result.without.value == 0.5 for result in own if result.count == 0)


def test_an_evaluation_that_was_broken_off_teaches_no_fold_twice(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny", "llama")
    texts = [
        replace(text, trade=trade, kind=kind)
        for trade in ("cars", "travel")
        for kind in ("note", "snippet")
        for text in corpus(30)
    ]
    config = TeachingConfig(epochs=1, rank=2)
    folds = folds_of(texts, tmp_path / "folds", folds=2, size=40, config=config)

    def once() -> tuple[list[str], list[object]]:
        said: list[str] = []
        found = evaluate_by_trade(texts, str(tiny), tmp_path / "cache", folds, say=said.append)
        return said, list(found)

    first, results = once()
    again, same_results = once()
    assert first == ["teaching 40 texts without cars", "teaching 40 texts without travel"]
    assert again == []
    assert same_results == results
    # Whatever else would be taught has another name.
    assert folds_of(texts, tmp_path / "folds", folds=2, size=40)[0].folder != folds[0].folder
    assert folds_of(texts[1:], tmp_path / "folds", folds=2, size=40, config=config)[0].folder != folds[0].folder
