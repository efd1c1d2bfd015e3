"""Teaching the language model own leads: what it learns, what it may not see, and that it can be kept."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from ranking.adaptation import AdaptationConfig, Adapted, _Lesson, adapt
from ranking.backbone import Backbone
from ranking.backbone_files import find_backbone
from ranking.candidate import Candidate, Example, Passage
from ranking.checkpoint import Unfinished
from ranking.errors import TeachingError
from ranking.general.corpus import CorpusText
from ranking.general.model import GeneralModel, find_adapter, find_general_model
from ranking.general.train import TeachingConfig, teach_and_save
from ranking.preferences import PairConfig, make_pairs
from ranking.rendering import render_passage
from ranking.stacking import SEEN
from ranking.tuning import Regime, copies_of
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


def snippets(seed: int = 0) -> list[CorpusText]:
    """A corpus in which one word is good news and one is bad news."""
    rng = random.Random(seed)
    corpus = []
    for number in range(240):
        word = rng.choice(["good", "bad"])
        text = " ".join(rng.sample([word, *rng.sample(WORDS[2:], 4)], 5))
        corpus.append(
            CorpusText(str(number), "snippet", "cars", "offer", "en", (), 2.0 if word == "good" else -2.0, text)
        )
    return corpus


TEACHING = TeachingConfig(epochs=20, learning_rate=5e-3, rank=8)


def break_off(after: int) -> Callable[[int, int], None]:
    """Return a progress bar that ends the program after so many steps."""

    def stop(done: int, steps: int) -> None:
        assert steps > after
        if done == after:
            raise KeyboardInterrupt

    return stop


def test_a_corpus_broken_off_is_gone_on_with_to_the_same_bits(tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    at_once = teach_and_save(tiny, snippets(), tmp_path, tmp_path / "at once", TEACHING)
    taken: list[int] = []

    def lesson(progress: Callable[[int, int], None]) -> GeneralModel:
        folder = tmp_path / "broken"
        return teach_and_save(tiny, snippets(), tmp_path, folder, TEACHING, keep_every_s=0, progress=progress)

    for after in (30, 55):
        with pytest.raises(KeyboardInterrupt):
            lesson(break_off(after))
    gone_on = lesson(lambda done, _: taken.append(done))

    assert taken[0] == 56
    assert gone_on.version == at_once.version
    assert not list(tmp_path.rglob("*unfinished*"))


@pytest.mark.parametrize("left", ["other texts", "another model", "no lesson at all"])
def test_only_the_same_lesson_is_gone_on_with(left: str, tmp_path: Path) -> None:
    tiny, other = (str(save_tiny_model(tmp_path / name, "bert", seed=seed)) for seed, name in enumerate("ab"))
    version = find_backbone(tiny, tmp_path).version
    at_once = teach_and_save(tiny, snippets(), tmp_path, tmp_path / "at once", TEACHING)
    kept = tmp_path / "left" / f"{version}.unfinished.pt"
    kept.parent.mkdir()
    if left == "no lesson at all":
        kept.write_bytes(b"no lesson")
    else:
        model, texts = (other, snippets()) if left == "another model" else (tiny, snippets(1))
        with pytest.raises(KeyboardInterrupt):
            teach_and_save(model, texts, tmp_path, tmp_path / "left", TEACHING, keep_every_s=0, progress=break_off(30))
        next((tmp_path / "left").glob("*.unfinished.pt")).rename(kept)

    assert teach_and_save(tiny, snippets(), tmp_path, tmp_path / "left", TEACHING).version == at_once.version


def test_a_lesson_that_cannot_be_kept_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    at_once = teach_and_save(tiny, snippets(), tmp_path, tmp_path / "at once", TEACHING)
    version = find_backbone(tiny, tmp_path).version
    (tmp_path / "full" / f"{version}.unfinished.pt.part").mkdir(parents=True)  # no file can be written there

    taught = teach_and_save(tiny, snippets(), tmp_path, tmp_path / "full", TEACHING, keep_every_s=0)

    assert taught.version == at_once.version
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize("regime", ["lora", "full"])
@pytest.mark.parametrize("after", [3, 9, 30])
def test_own_leads_broken_off_are_gone_on_with_to_the_same_bits(after: int, regime: Regime, tmp_path: Path) -> None:
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    unfinished = tmp_path / "unfinished.pt"
    slow = AdaptationConfig(regime=regime, epochs=8, learning_rate=1e-3, head_learning_rate=5e-3, rank=8)
    taken: list[int] = []

    def lesson(folder: str, progress: Callable[[int, int], None] | None = None) -> Adapted:
        return adapt(
            history(),
            tiny,
            tmp_path,
            tmp_path / folder,
            start=None,
            general=None,
            config=slow,
            unfinished=None if folder == "at once" else Unfinished(unfinished, every_s=0),
            progress=progress,
        )

    at_once = lesson("at once")
    with pytest.raises(KeyboardInterrupt):
        lesson("broken", break_off(after))
    gone_on = lesson("broken", lambda done, _: taken.append(done))

    assert taken[0] == after + 1
    assert gone_on.losses == at_once.losses
    assert gone_on.general.version == at_once.general.version
    assert unfinished.exists()  # until the caller has put what was taught away


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


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.parametrize("regime", ["lora", "full"])
def test_both_heads_and_every_taught_weight_move(kind: str, regime: Regime, tmp_path: Path) -> None:
    tiny = find_backbone(str(save_tiny_model(tmp_path / "tiny", kind)), tmp_path).location
    early = history(16)
    lesson = _Lesson(tiny, early, [], None, config(regime), None, "cpu")
    before = copies_of(lesson.parameters)

    for _ in range(3):
        lesson.step(range(16), make_pairs(early, PairConfig(required_tiers=())), share_done=0.0)

    moved = [bool((now - then).abs().max() > 0) for now, then in zip(lesson.parameters, before, strict=True)]
    assert all(moved)
    pairs_head, outcomes_head = lesson._heads.weight.detach().abs().amax(1).tolist()
    assert pairs_head > 0
    assert outcomes_head > 0
    assert not torch.equal(*lesson._heads.weight.detach())


@pytest.mark.parametrize("loss", ["pair_weight", "outcome_weight"])
def test_a_head_whose_loss_counts_nothing_learns_nothing(loss: str, tmp_path: Path) -> None:
    tiny = find_backbone(str(save_tiny_model(tmp_path / "tiny", "bert")), tmp_path).location
    early = history(16)
    pairs, outcomes = (float(name != loss) for name in ("pair_weight", "outcome_weight"))
    one_loss = AdaptationConfig(pair_weight=pairs, outcome_weight=outcomes, centring=0.0)
    lesson = _Lesson(tiny, early, [], None, one_loss, None, "cpu")

    lesson.step(range(16), make_pairs(early, PairConfig(required_tiers=())), share_done=0.0)

    moved = (lesson._heads.weight.detach().abs().amax(1) > 0).tolist()
    assert moved == [bool(pairs), bool(outcomes)]


def test_it_goes_on_from_the_general_model(tmp_path: Path) -> None:
    """What the corpus taught is still known after leads that say nothing of it."""
    tiny = str(save_tiny_model(tmp_path / "tiny", "bert"))
    general = teach_and_save(tiny, snippets(), tmp_path, tmp_path / "general", TEACHING)
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
