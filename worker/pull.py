"""Brings the store up to date with a CRM, and goes on where a broken run stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

from connectors.base import Connector, Rereader
from worker.inbox import InboxReport, drain
from worker.store import Cursor, Store

_FULL_EVERY = timedelta(days=7)
# The cursor of a stream's last listing of everything has a name of its own.
_LISTED = ", listed"


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull read: records by stream, how many said something new, how many are gone, and the API calls.

    What was read because an event or a link named it is counted in `inbox`, and in the totals.
    """

    records: dict[str, int]
    changed: int
    removed: int
    inbox: InboxReport
    calls: int


def pull(
    store: Store,
    connector: Connector,
    *,
    full: bool = False,
    streams: Sequence[str] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str, int], None] = lambda stream, records: None,
) -> PullReport:
    """Read everything that changed since the last pull; all of it the first time, when `full`, and once a week.

    With `streams`, read no others; it is not for the first time.

    Each page is kept together with the cursor after it. The next cursor is the time at which reading began, so that
    what changes meanwhile is read again rather than missed. A listing of everything also finds what is gone, and what
    a CRM tells no one: that a note of last year was put on another lead. Last, the inbox is looked at.

    Raises:
        ConnectorError: The CRM failed. What was read so far is kept; the next pull goes on from there.
    """
    tenant = connector.name
    calls = connector.calls
    erased = store.erase_told(tenant, now())  # first: it must not wait for a CRM that is down
    store.save_stages(tenant, connector.list_stages())
    store.start_over_unless(tenant, connector.reads)
    records: dict[str, int] = {}
    changed = removed = 0
    told = InboxReport()
    for stream in connector.streams if streams is None else streams:
        cursor = store.cursor(tenant, stream)
        listed_at = store.cursor(tenant, stream + _LISTED).value
        whole = full or listed_at is None or now() - listed_at >= _FULL_EVERY
        began_at = cursor.started_at or now()
        if cursor.started_at is None or (whole and cursor.value is not None):
            began_at = now()
            cursor = Cursor(None if whole else cursor.value, None, began_at)
        records[stream] = 0
        for page in connector.read(stream, since=cursor.value, position=cursor.position):
            saved = store.save_page(
                tenant,
                page,
                read_at=max(now(), began_at),  # a clock may step back while we list
                began_at=began_at if cursor.value is None else None,
                cursors=_cursors_after(stream, cursor, page.position),
            )
            records[stream] += saved.records
            changed += saved.changed
            removed += saved.removed
            progress(stream, records[stream])
            # What a rep has just written need not wait for the rest of a long listing.
            if store.has_told(tenant, now()):
                told = _add(told, _drain(store, connector, now))
    # A mail may go on naming a lead that was deleted. One whose lead is not to be seen yet is read again with it.
    removed += store.remove_orphans(tenant)
    told = _add(told, _drain(store, connector, now))
    told = replace(told, erased=told.erased + erased)
    if streams is None:
        store.has_pulled(tenant)
    return PullReport(records, changed + told.changed, removed + told.removed, told, connector.calls - calls)


def _drain(store: Store, connector: Connector, now: Callable[[], datetime]) -> InboxReport:
    return drain(store, connector, now=now) if isinstance(connector, Rereader) else InboxReport()


def _add(one: InboxReport, other: InboxReport) -> InboxReport:
    return InboxReport(*(getattr(one, field.name) + getattr(other, field.name) for field in fields(InboxReport)))


def _cursors_after(stream: str, cursor: Cursor, position: str | None) -> dict[str, Cursor]:
    """Return where reading stands after a page: further on, or at its end, a listing of everything remembered."""
    if position is not None:
        return {stream: Cursor(cursor.value, position, cursor.started_at)}
    ended = {stream: Cursor(cursor.started_at)}
    return ended if cursor.value is not None else ended | {stream + _LISTED: Cursor(cursor.started_at)}
