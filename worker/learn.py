"""Trains a CRM's ranker from its own history and keeps it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ranking.features import CachedReader
from ranking.model import RankingModel
from ranking.training import train
from worker.errors import NoModelError
from worker.history import list_examples
from worker.store import ModelVersion, Store


def learn(
    store: Store,
    tenant: str,
    reader: CachedReader,
    *,
    backbone: str,
    models_dir: Path,
    progress: Callable[[int, int], None] | None = None,
) -> ModelVersion:
    """Train on every finished lead, save the model and make it the one in use.

    Raises:
        InsufficientHistoryError: There are too few finished leads; the model in use stays.
    """
    model = train(list_examples(store, tenant), reader, backbone=backbone, progress=progress)
    folder = models_dir / tenant / model.version
    model.save(folder)
    version = ModelVersion(model.version, folder, backbone, datetime.now(UTC), asdict(model.card))
    store.save_model(tenant, version)
    return version


def load_model(store: Store, tenant: str) -> RankingModel:
    """Return the model in use.

    Raises:
        NoModelError: None has been trained yet.
    """
    found = store.find_model(tenant)
    if found is None:
        raise NoModelError(f"{tenant}: there is no trained model yet; run `callfirst pull`, then `callfirst train`")
    return RankingModel.load(found.path)
