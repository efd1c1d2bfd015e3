"""The general model: an order on the first day, and a starting point afterwards."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import ranking.general
from ranking.errors import RankingError
from ranking.general.causal import MANNERS, ROUNDS, STAGES, draw, load_facts
from ranking.general.corpus import load_corpus
from ranking.general.model import GeneralModel
from ranking.model import FORMAT, RankingModel
from ranking.reader import CachedReader
from ranking.training import general_ranker, train
from tests.ranking.test_training import candidate, history


@pytest.fixture
def general(reader: CachedReader) -> GeneralModel:
    """A judge that knows one good and one bad word."""
    good, bad = reader.read(["approved", "declined"]).values()
    return GeneralModel((2 * good - 2 * bad).astype(np.float32), 0.0, reader.version)


def test_the_first_day_has_an_order(reader: CachedReader, general: GeneralModel) -> None:
    model = general_ranker(reader, general)

    good, silent, poor = model.score(
        [candidate("a", "budget approved", "hello"), candidate("b"), candidate("c", "declined")], reader
    )

    assert good.utility > poor.utility
    assert good.probability > 0.5 > poor.probability
    assert good.effects[0] > good.effects[1]
    assert silent.insufficient


def test_many_texts_count_for_more_than_one_and_for_less_than_their_sum(
    reader: CachedReader, general: GeneralModel
) -> None:
    model = general_ranker(reader, general)
    idle = float(general.judge(reader.read(["hello there"])["hello there"][None])[0])
    note = float(general.judge(reader.read(["budget approved"])["budget approved"][None])[0])

    once, twice = model.score(
        [candidate("a", "budget approved"), candidate("b", "budget approved", "hello there", "budget approved")], reader
    )

    assert once.utility == pytest.approx(note)
    assert twice.utility == pytest.approx((2 * note + idle) / 3**0.5)
    assert twice.utility > once.utility
    assert twice.effects == pytest.approx([note / 3**0.5, idle / 3**0.5, note / 3**0.5])


def test_a_short_history_leans_on_the_general_model(reader: CachedReader, general: GeneralModel) -> None:
    """Twelve leads of each kind whose texts say nothing: what is known from elsewhere still counts."""
    examples = history(24)
    silent = [
        type(e)(candidate(e.group, f"visit {n % 5}"), e.level, e.won, e.group, e.order) for n, e in enumerate(examples)
    ]

    model = train(silent, reader, general, backbone="words")
    good, poor = model.score([candidate("a", "approved"), candidate("b", "declined")], reader)

    assert model.card.weights["general, all texts"] > 0.1
    assert good.utility > poor.utility


def test_a_history_that_contradicts_the_general_model_overrules_it(reader: CachedReader, general: GeneralModel) -> None:
    turned = [type(e)(e.candidate, 1 - e.level, not e.won, e.group, e.order) for e in history(300)]

    model = train(turned, reader, general, backbone="words")
    good, poor = model.score([candidate("a", "budget approved"), candidate("b", "budget declined")], reader)

    assert poor.utility > good.utility


def test_a_model_is_not_loaded_beside_another_general_model(
    reader: CachedReader, general: GeneralModel, tmp_path: Path
) -> None:
    model = train(history(), reader, general, backbone="words")
    model.save(tmp_path / "model")
    assert model.card.ahead_of_general is not None
    assert RankingModel.load(tmp_path / "model", general).card == model.card
    leads = [candidate("a", "budget approved", "call back"), candidate("b")]

    assert RankingModel.load(tmp_path / "model", general).score(leads, reader) == model.score(leads, reader)
    with pytest.raises(RankingError, match="another general model"):
        RankingModel.load(tmp_path / "model", None)

    card = tmp_path / "model" / "model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"format": FORMAT - 1}))
    with pytest.raises(RankingError, match="another version of Callfirst"):
        RankingModel.load(tmp_path / "model", general)


def test_the_corpus_is_what_was_drawn() -> None:
    corpus = load_corpus()
    table = load_facts()
    drawn = {
        a.id: a for seed, notes, snippets in ROUNDS for a in draw(table, seed=seed, notes=notes, snippets=snippets)
    }

    assert Counter(text.kind for text in corpus) == {"note": 6_000, "snippet": 17_640}
    assert [text.id for text in corpus] == list(drawn)
    assert len({text.trade for text in corpus}) == 12
    assert len({text.language for text in corpus}) == 7
    assert len({text.text.lower() for text in corpus}) == len(corpus)
    for text in corpus:
        assignment = drawn[text.id]
        assert text.utility == pytest.approx(assignment.utility, abs=1e-3)
        assert text.facts == tuple(fact.id for fact in assignment.facts)


def test_the_same_seed_draws_the_same_and_a_hedge_weighs_less() -> None:
    table = load_facts()
    first, again = (list(draw(table, seed=3, notes=5, snippets=5)) for _ in range(2))

    assert first == again
    by_manner = {
        manner: abs(fact.effect(STAGES[2]) / fact.weight)
        for a in draw(table, seed=3, notes=40, snippets=0)
        for fact in a.facts
        for manner in [fact.manner]
        if fact.group == "fit"
    }
    assert by_manner["with a maybe"] < by_manner["plainly"] < by_manner["strongly"]
    assert set(by_manner) <= set(MANNERS)


def test_the_model_card_names_the_weights_that_are_shipped() -> None:
    folder = Path(ranking.general.__file__).parent
    card = (folder / "README.md").read_text()
    shipped = sorted(folder.glob("*/*.safetensors"))

    assert len(shipped) == 2
    for file in shipped:
        assert f"`{file.name}` {hashlib.sha256(file.read_bytes()).hexdigest()}" in card
    assert sum(file.stat().st_size for file in shipped) < 10_000_000
