"""Brings the store up to date with a CRM, and goes on where a broken run stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.base import Connector, Page, Rereader
from connectors.lead import InteractionKind
from worker.store import Cursor, Store


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull read: records by stream, how many said something new, how many are gone, and the API calls."""

    records: dict[str, int]
    changed: int
    removed: int
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
    what changes meanwhile is read again rather than missed. A listing of everything also finds what is gone.

    Raises:
        ConnectorError: The CRM failed. What was read so far is kept; the next pull goes on from there.
    """
    tenant = connector.name
    calls = connector.calls
    store.save_stages(tenant, connector.list_stages())
    records: dict[str, int] = {}
    changed = removed = 0
    for stream in connector.streams:
        cursor = store.cursor(tenant, stream)
        if cursor.started_at is None or (full and cursor.value is not None):
            cursor = Cursor(None if full else cursor.value, None, now())
        records[stream] = 0
        for page in connector.read(stream, since=cursor.value, position=cursor.position):
            for found in _reread_mislinked(store, connector, page):  # before the cursor moves past them
                saved = store.save_page(tenant, found, read_at=now())
                changed += saved.changed
                removed += saved.removed
            ended = page.position is None
            after = Cursor(cursor.started_at) if ended else Cursor(cursor.value, page.position, cursor.started_at)
            saved = store.save_page(
                tenant,
                page,
                read_at=now(),
                began_at=cursor.started_at if cursor.value is None else None,
                cursor=(stream, after),
            )
            records[stream] += saved.records
            changed += saved.changed
            removed += saved.removed
            progress(stream, records[stream])
    return PullReport(records, changed, removed, connector.calls - calls)


def _reread_mislinked(store: Store, connector: Connector, page: Page) -> list[Page]:
    """Read again what a page says belongs together otherwise than the store holds."""
    if not page.lead_links and not page.interaction_links:
        return []
    assert isinstance(connector, Rereader)  # only such a connector tells links
    leads = store.list_mislinked_leads(connector.name, page.lead_links)
    kinds: dict[InteractionKind, list[str]] = {}
    for kind, id_ in store.list_mislinked_interactions(connector.name, page.interaction_links):
        kinds.setdefault(kind, []).append(id_)
    pages = [connector.read_leads(leads)] if leads else []
    return pages + [connector.read_interactions(kind, ids) for kind, ids in kinds.items()]
