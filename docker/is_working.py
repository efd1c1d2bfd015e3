"""Says whether the work of this container gets done: exit code 0, or 1 with the reason. `is_working.py rank`

The health check of what has no address to ask. `celery inspect ping` costs seconds of a core each time, and is answered
by a worker's parent process also when its child hangs. A note of each worker that it is alive would be missing while it
has nothing to do, or one long piece of work. What matters stands in the database: work that has been due for long and
that nobody does or, for `beat`, which begins what the schedule asks for, that nothing has begun.
"""

import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, func, select

from worker.settings import Settings
from worker.store import Store
from worker.store.tables import RunRow, WorkRow

_PATIENCE = timedelta(minutes=5)
_LONGEST_NIGHT = timedelta(hours=26)  # from one night to the next, where the clock is put back


def find_fault(process: str, settings: Settings) -> str | None:
    """Return what is wrong with `beat`, or with who does a job: `read`, `rank` or `write`."""
    engine = create_engine(settings.database_url, hide_parameters=True)
    now = datetime.now(UTC)
    if process == "beat":
        between = timedelta(minutes=settings.worker.poll_minutes) or _LONGEST_NIGHT
        with engine.connect() as connection:
            begun_at = connection.scalar(select(func.max(RunRow.started_at)))
        late = begun_at is None or now - begun_at > between + _PATIENCE
        return f"nothing was begun since {begun_at}" if late else None
    with engine.connect() as connection:
        held = select(func.count()).where(WorkRow.job == process, WorkRow.lease_until > now)
        if connection.scalar(held):
            return None
    overdue = Store(settings.database_url).list_due_work(overdue_by=_PATIENCE)
    tenants = sorted({tenant for tenant, job, _ in overdue if job == process})
    return f"nobody does what is long due: {process} of {', '.join(tenants)}" if tenants else None


if __name__ == "__main__":
    sys.exit(find_fault(sys.argv[1], Settings()))
