"""Brings the store up to date with a CRM, and goes on where a broken run stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.base import Connector
from worker.store import Cursor, Store


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull read: records by stream, how many of them said something new, and the API calls it took."""

    records: dict[str, int]
    changed: int
    calls: int


def pull(
    store: Store,
    connector: Connector,
    *,
    full: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str, int], None] = lambda stream, records: None,
) -> PullReport:
    """Read everything that changed since the last pull; all of it the first time, or when `full`.

    Each page is kept together with the cursor after it. The next cursor is the time at which reading began, so that
    what changes meanwhile is read again rather than missed.

    Raises:
        ConnectorError: The CRM failed. What was read so far is kept; the next pull goes on from there.
    """
    tenant = connector.name
    calls = connector.calls
    store.save_stages(tenant, connector.list_stages())
    records: dict[str, int] = {}
    changed = 0
    for stream in connector.streams:
        cursor = store.cursor(tenant, stream)
        if cursor.started_at is None or (full and cursor.value is not None):
            cursor = Cursor(None if full else cursor.value, None, now())
        records[stream] = 0
        for page in connector.read(stream, since=cursor.value, position=cursor.position):
            ended = page.position is None
            after = Cursor(cursor.started_at) if ended else Cursor(cursor.value, page.position, cursor.started_at)
            saved = store.save_page(tenant, stream, page, after)
            records[stream] += saved.records
            changed += saved.changed
            progress(stream, records[stream])
    return PullReport(records, changed, connector.calls - calls)
