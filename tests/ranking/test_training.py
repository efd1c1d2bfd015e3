"""Learning an order: what it learns, what it refuses, and that it can be kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ranking.candidate import Candidate, Example, Passage
from ranking.errors import InsufficientHistoryError, RankingError
from ranking.explanation import explain
from ranking.heads import fit_heads, fit_path
from ranking.model import RankingModel, ScoredCandidate
from ranking.preferences import make_pairs
from ranking.reader import CachedReader
from ranking.training import train

NOW = datetime(2026, 5, 1, tzinfo=UTC)
# "Hello" in fifty languages.
GREETINGS = (
    "hello hallo bonjour hola ciao olá hej hei moi tere sveiki labas cześć ahoj dobrý szia salut здраво здравейте"
    " привіт привет γεια merhaba salam سلام مرحبا שלום नमस्ते হ্যালো ਸਤਿ નમસ્તે வணக்கம் నమస్కారం ನಮಸ್ಕಾರ നമസ്കാരം ආයුබෝවන් สวัสดี"
    " ສະບາຍດີ မင်္ဂလာပါ សួស្តី xin halo kamusta 你好 こんにちは 안녕하세요 сайн გამარჯობა բարեւ habari"
)


def candidate(id_: str, *texts: str, stage: str = "Demo", **fields: str | float | bool | None) -> Candidate:
    passages = tuple(Passage(f"note:{id_}-{n}", "note", NOW - timedelta(days=n), text) for n, text in enumerate(texts))
    return Candidate(id_, stage, NOW, fields, passages)


def history(leads: int = 80) -> list[Example]:
    """Half of the leads are won; their notes say so."""
    return [
        Example(
            candidate(str(n), "budget approved" if n % 2 else "budget declined", f"met in room {n}", industry="food"),
            level=float(n % 2),
            won=bool(n % 2),
            group=str(n),
            order=float(n),
        )
        for n in range(leads)
    ]


def test_a_ranker_puts_first_what_won_before(reader: CachedReader) -> None:
    model = train(history(), reader, None, backbone="words")

    good, poor = model.score([candidate("a", "budget approved"), candidate("b", "budget declined")], reader)

    assert good.utility > poor.utility
    assert good.probability > 0.5 > poor.probability
    assert model.card.validation_pair_accuracy == 1.0


def test_a_saved_model_scores_the_same_to_the_bit(reader: CachedReader, tmp_path: Path) -> None:
    model = train(history(), reader, None, backbone="words")
    model.save(tmp_path / "model")
    again = RankingModel.load(tmp_path / "model", None)
    leads = [candidate("a", "budget approved", "call back"), candidate("b")]

    assert again.score(leads, reader) == model.score(leads, reader)
    assert again.version == model.version


def test_a_text_is_read_once(reader: CachedReader) -> None:
    train(history(), reader, None, backbone="words")
    before = reader.passes
    train(history(), reader, None, backbone="words")

    assert reader.passes == before


def test_both_heads_move() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 5))
    won = (features[:, 0] > 0).astype(np.float64)
    examples = [Example(candidate(str(n)), won[n], bool(won[n]), str(n), float(n)) for n in range(40)]

    heads = fit_heads(features, won, np.ones(40), make_pairs(examples), ridge=0.01)

    assert heads.weight[0, 0] > 0.1
    assert heads.weight[1, 0] > 0.1


def test_heads_are_the_same_on_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 200)) / 14
    won = (features[:, 0] > 0).astype(np.float64)
    examples = [Example(candidate(str(n)), won[n], bool(won[n]), str(n), float(n)) for n in range(60)]
    pairs = make_pairs(examples)

    short = fit_path(features, won, np.ones(60), pairs, (0.1, 0.01))
    monkeypatch.setattr("ranking.heads.MOST_ROWS_FOR_A_FACTOR", 0)
    long = fit_path(features, won, np.ones(60), pairs, (0.1, 0.01))

    for one, other in zip(short, long, strict=True):
        assert np.allclose(one.apply(features), other.apply(features), atol=1e-3)
        assert np.allclose(one.weight, other.weight, atol=1e-3)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([], "0 won and 0 lost"),
        ([e for e in history() if e.won], "40 won and 0 lost"),
        (history(12), "6 won and 6 lost"),
    ],
)
def test_too_little_history_is_refused_with_the_counts(
    reader: CachedReader, examples: list[Example], message: str
) -> None:
    with pytest.raises(InsufficientHistoryError, match=message):
        train(examples, reader, None, backbone="words")


def test_a_history_without_any_text_is_ranked_by_fields(reader: CachedReader) -> None:
    examples = [
        Example(candidate(str(n), source="referral" if n % 2 else "list"), float(n % 2), bool(n % 2), str(n), float(n))
        for n in range(80)
    ]
    model = train(examples, reader, None, backbone="words")

    good, poor = model.score([candidate("a", source="referral"), candidate("b", source="list")], reader)

    assert good.utility > poor.utility
    assert not good.insufficient


def test_a_lead_without_text_is_insufficient_where_history_is_told_in_texts(reader: CachedReader) -> None:
    model = train(history(), reader, None, backbone="words")

    assert model.score([candidate("a")], reader)[0].insufficient


def test_odd_leads_are_scored(reader: CachedReader) -> None:
    model = train(history(), reader, None, backbone="words")
    odd = [
        candidate("long", "word " * 20_000),
        candidate("many", *[f"note {n}" for n in range(300)]),
        candidate("new field", "budget approved", unheard_of=float("nan")),
        *(candidate(f"greeting {place}", greeting) for place, greeting in enumerate(GREETINGS.split())),
    ]
    assert len(odd) == 53

    assert all(np.isfinite(item.utility) for item in model.score(odd, reader))


def test_a_stage_with_one_lead_and_a_stage_never_seen_are_scored(reader: CachedReader) -> None:
    model = train(
        [*history(), Example(candidate("x", "budget approved", stage="Rare"), 1.0, True, "x", 90.0)],
        reader,
        None,
        backbone="words",
    )

    rare, new = model.score(
        [candidate("a", "budget approved", stage="Rare"), candidate("b", "budget approved", stage="Unknown")], reader
    )

    assert 0 < rare.probability < 1
    assert 0 < new.probability < 1


def test_a_field_that_is_not_a_number_counts_as_missing(reader: CachedReader) -> None:
    examples = [
        Example(
            candidate(str(n), size=float("nan") if n % 4 < 2 else 1.0 + n % 2), float(n % 2), bool(n % 2), str(n), n
        )
        for n in range(80)
    ]
    model = train(examples, reader, None, backbone="words")
    nan, missing = model.score([candidate("a", size=float("nan")), candidate("b", size=None)], reader)

    assert np.isfinite(nan.utility)
    assert nan.utility == pytest.approx(missing.utility)


def test_a_model_is_not_used_with_another_reader(reader: CachedReader) -> None:
    model = train(history(), reader, None, backbone="words")
    reader.version = "other"

    with pytest.raises(RankingError, match="callfirst train"):
        model.score([candidate("a", "x")], reader)


def test_a_reason_quotes_the_lead(reader: CachedReader) -> None:
    model = train(history(), reader, None, backbone="words")
    scored = model.score([candidate("a", "budget approved", "met in room 3")], reader)[0]

    reason = explain(scored, {})

    assert reason.startswith('For: "budget approved" (note, 2026-05-01)')
    assert len(reason) <= 255


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("two  spaces\tand a tab", "two  spaces\tand a tab"),
        ("\n first line \nsecond line", "first line"),
        ("word  " * 40, "word  " * 13 + "word…"),
        ("x" * 200, "x" * 88 + "…"),
    ],
)
def test_a_quote_is_an_exact_part_of_the_text(text: str, quote: str) -> None:
    scored = ScoredCandidate(candidate("a", text), 0.0, 0.5, (1.0,), False)

    assert explain(scored, {}) == f'For: "{quote}" (note, 2026-05-01)'
    assert quote.removesuffix("…") in text
