"""Trains a CRM's ranker from its own history, keeps it, and decides whether it replaces the one in use."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ranking.candidate import Example
from ranking.checkpoint import Unfinished
from ranking.errors import RankingError
from ranking.general.model import find_general_model
from ranking.leaks import refuse_leaks
from ranking.metrics import Interval, bootstrap_difference, count_pairs
from ranking.model import RankingModel
from ranking.preferences import PairConfig
from ranking.reader import CachedReader
from ranking.stacking import SEEN, cuts_after, places_in_time
from ranking.training import TrainingConfig, general_ranker, refuse_short_history, train
from worker.errors import NoModelError
from worker.history import list_examples
from worker.regimes import TAUGHT_FOLDER, Reading, Teacher
from worker.store import ModelVersion, Store

# Snapshots further apart than this are not compared: the market was another one.
WINDOW = timedelta(days=365)
# Fewer pairs of new leads than this cannot tell two models apart.
_MIN_GATE_PAIRS = 50


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model, and whether it is in use now.

    `ahead` is its pair accuracy less that of what was in use: the model before, or the general model alone.
    """

    model: ModelVersion
    promoted: bool
    reason: str
    ahead: Interval | None


def learn(
    store: Store,
    tenant: str,
    reader: CachedReader,
    *,
    backbone: str,
    models_dir: Path,
    refine: bool = False,
    teacher: Teacher | None = None,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Learned:
    """Train on every lead's history and save the model; put it into use unless it is worse than the one in use.

    `reader` is the language model as the general model taught it; a `teacher` may go on teaching it.

    Raises:
        InsufficientHistoryError: There are too few finished leads; the model in use stays.
        LeakError: A field knows the outcome; the model in use stays.
        TeachingError: A regime was asked for by name and taught nothing; the model in use stays.
    """
    moment = now or datetime.now(UTC)
    examples = list_examples(store, tenant, now=moment)
    refuse_leaks(examples)
    refuse_short_history(examples)  # before anything is taught in vain
    config = TrainingConfig(pairs=PairConfig(window=WINDOW.total_seconds()), refine=refine)
    reading = Reading(reader, find_general_model(reader.version), config, "head")
    unfinished = Unfinished(models_dir / tenant / "unfinished.pt")
    (models_dir / tenant).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=models_dir / tenant, prefix="teaching-", ignore_cleanup_errors=True
    ) as scratch:
        if teacher is not None:
            reading = teacher.teach(examples, reading, Path(scratch), unfinished)
        model = train(
            examples, reading.reader, reading.general, backbone=backbone, config=reading.config, progress=progress
        )
        model.card = replace(model.card, regime=reading.described)
        promoted, reason, ahead = _gate(store, tenant, reader, reading, examples, model, teacher)
        folder = models_dir / tenant / model.version
        model.save(folder)
        if reading.regime != "head":
            shutil.copytree(scratch, folder / TAUGHT_FOLDER, dirs_exist_ok=True)
    version = ModelVersion(model.version, folder, backbone, moment, asdict(model.card), moment if promoted else None)
    store.save_model(tenant, version)
    unfinished.forget()  # only now that what was taught is kept, and known
    return Learned(version, promoted, reason, ahead)


def load_model(
    store: Store, tenant: str, reader: CachedReader, teacher: Teacher | None = None
) -> tuple[RankingModel, CachedReader]:
    """Return the model in use and the language model that reads for it; before any training, the general model alone.

    Raises:
        NoModelError: Nothing has been trained, and there is no general model for this backbone.
        RankingError: The model in use has a language model of its own, and there is no `teacher` to open it.
    """
    found = store.find_model(tenant)
    if found is not None:
        taught = found.path / TAUGHT_FOLDER
        if taught.exists():
            if teacher is None:
                raise RankingError(f"{found.path}: its language model was taught own leads; nothing here can open it")
            reader = teacher.open(taught)
            return RankingModel.load(found.path, find_general_model(reader.version, taught)), reader
        return RankingModel.load(found.path, find_general_model(reader.version)), reader
    general = find_general_model(reader.version)
    if general is None:
        raise NoModelError(
            f"{tenant}: there is no trained model yet, and none comes with this language model; run `callfirst pull`,"
            " then `callfirst train`"
        )
    return general_ranker(reader, general), reader


def _gate(
    store: Store,
    tenant: str,
    reader: CachedReader,
    reading: Reading,
    examples: list[Example],
    model: RankingModel,
    teacher: Teacher | None,
) -> tuple[bool, str, Interval | None]:
    """Return whether a new model may replace the one in use, why, and by how much the new method is ahead.

    Both are judged on leads that have finished since the model in use was trained, so that it has not seen their
    outcomes; the new one is judged by a twin that learned from the other leads only. The general model, which is in use
    before anything else, has seen none: the first model's own later leads are enough. As they also chose how loudly its
    parts speak, it is only refused where even so it is worse.
    """
    found = store.find_model(tenant)
    if found is None:
        # A language model that was taught own leads brings a judgement that was taught them, too: not what is in use.
        ahead = model.card.ahead_of_general if reading.regime == "head" else None
        if ahead is None:
            return True, "there was none before", None
        figures = f"{ahead.value:+.3f} ({ahead.low:+.3f} to {ahead.high:+.3f}) of pairs of later leads"
        if ahead.high < 0:
            return False, f"it is worse than the general model alone: {figures}", ahead
        return True, f"it is not worse than the general model alone: {figures}", ahead
    try:
        current, its_reader = load_model(store, tenant, reader, teacher)
    except RankingError as error:
        return True, f"the one in use cannot be used any more ({error})", None
    if current.card.reader_version != its_reader.version:
        return True, "the one in use does not fit this language model any more", None
    since = found.trained_at.timestamp()
    fresh_groups = {e.group for e in examples if e.won is not None and e.order > since}
    config = reading.config
    if reading.regime != "head":
        # The new language model has seen the early leads; its twin is to be tested after them, too.
        seen = {e.group for e, place in zip(examples, places_in_time(examples), strict=True) if place < SEEN}
        fresh_groups -= seen
        rest_groups = {e.group for e in examples} - fresh_groups
        config = replace(config, cuts=cuts_after(len(seen) / max(len(rest_groups), 1)))
    fresh = [e for e in examples if e.group in fresh_groups and e.won is not None]
    rest = [e for e in examples if e.group not in fresh_groups]
    levels = np.array([e.level for e in fresh])
    stages = [e.candidate.stage for e in fresh]
    if not fresh or count_pairs(levels, stages) < _MIN_GATE_PAIRS:
        return True, "too few leads have finished since the last training to tell the two apart", None
    candidates = [e.candidate for e in fresh]
    twin = train(rest, reading.reader, reading.general, backbone=model.card.backbone, config=config)
    ahead = bootstrap_difference(
        twin.utilities(candidates, reading.reader),
        current.utilities(candidates, its_reader),
        levels,
        stages,
        groups=[e.group for e in fresh],
    )
    figures = f"{ahead.value:+.3f} ({ahead.low:+.3f} to {ahead.high:+.3f}) of pairs on {len(fresh_groups)} new leads"
    if ahead.high < 0:
        return False, f"it is worse than the one in use: {figures}", ahead
    return True, f"it is not worse than the one in use: {figures}", ahead
