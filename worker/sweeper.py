"""Rings for what is due and nobody rang for, and begins what the schedule asks for.

A message may be lost; what is to be done stands in the database. The sweeper needs no broker to know it, may be killed
at any time, and two of them do no harm: a night is begun once, and a bell that rings twice wakes somebody who finds
nothing to do.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.bell import Bell
from worker.settings import WorkerConfig
from worker.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one look found: jobs that were begun, and how much overdue work was rung for."""

    begun: int
    rung: int


def sweep(
    store: Store, bell: Bell, tenants: Sequence[str], config: WorkerConfig, *, now: datetime | None = None
) -> Sweep:
    """Begin the nights and polls whose time has come, and ring for what has been due for a while."""
    moment = now or datetime.now(UTC)
    begun = sum(
        store.start_run(tenant, job, day)
        for tenant in tenants
        for job, day in _scheduled(config, moment)
        if not store.has_run(tenant, job, day)
    )
    overdue = store.list_due_work(overdue_by=timedelta(seconds=config.sweep_seconds))
    for tenant, job, stale in overdue:
        bell.ring(job, stale=stale)
        if not store.is_at_work(job):  # else it may just be waiting for its turn
            store.count(tenant, "sweeper_rings")
            logger.info("rang for %s of %s, which was overdue", job, tenant)
    return Sweep(begun, len(overdue))


def _scheduled(config: WorkerConfig, now: datetime) -> list[tuple[str, str]]:
    """Return the jobs that should have begun by now, by their last due time: one that was missed is made up."""
    local = now.astimezone(config.time_zone)
    day = local.date() if local.time() >= config.nightly_at else local.date() - timedelta(days=1)
    scheduled = [("nightly", day.isoformat())]
    if config.poll_minutes:
        slot = int(now.timestamp() // (60 * config.poll_minutes)) * 60 * config.poll_minutes
        scheduled.append(("poll", datetime.fromtimestamp(slot, tz=UTC).isoformat(timespec="minutes")))
    return scheduled
