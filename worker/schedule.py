"""Celery's beat, with the sweeper inside: one process that begins nights and rings for what is overdue."""

import logging
import time
from typing import Any

from celery.beat import Scheduler
from sqlalchemy.exc import SQLAlchemyError

from worker.bell import CeleryBell
from worker.settings import Settings
from worker.sweeper import sweep
from worker.wiring import build_store, list_tenants

logger = logging.getLogger(__name__)


class SweepingScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no annotations
    """Sends what Celery's own schedule holds, which is nothing unless you add to it, and sweeps.

    When a night has to begin stands in the database and not here: a second beat does no harm, and a tick that was
    missed is made up.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = Settings()
        self._config = settings.worker
        self._tenants = list_tenants(settings)
        self._store = build_store(settings)
        self._bell = CeleryBell(self.app)
        self._next = time.monotonic()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do what is due; return the seconds until there is more."""
        waits = super().tick(*args, **kwargs)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._config.sweep_seconds
            try:
                sweep(self._store, self._bell, self._tenants, self._config)
            except SQLAlchemyError as error:
                logger.error("could not sweep: %s", type(error).__name__)
        return float(min(waits, max(0.0, self._next - time.monotonic())))
