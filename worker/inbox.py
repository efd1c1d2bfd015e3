"""Looks at what CRMs have told us: reads exactly the records that events name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.base import Connector, Page, Rereader
from connectors.events import Change
from connectors.lead import InteractionKind
from worker.store import Store, Told

_EVENTS_AT_ONCE = 500
# A note can be told before it is tied to its lead: look again, and then leave it to the next pull.
_LOOK_AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=120))
# HubSpot delivers an event for up to a day.
_REMEMBERED = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class InboxReport:
    """What one look at the inbox did. `waiting` are interactions that belong to no lead yet."""

    events: int
    changed: int
    erased: int
    waiting: int


def drain(
    store: Store, connector: Connector, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> InboxReport:
    """Look at everything that is due. What fails stays in the inbox.

    Raises:
        ConnectorError: The CRM failed; what was read before is kept.
    """
    tenant = connector.name
    done = changed = erased = waiting = 0
    while told := store.list_due_events(tenant, now(), _EVENTS_AT_ONCE):
        erased += _erase(store, tenant, told, now())
        left = [item for item in told if item.event.change is not Change.ERASED]
        changed += _reread_leads(store, connector, left, now())
        for kind in InteractionKind:
            named = [item for item in left if item.event.subject == kind]
            new, unlinked = _reread_interactions(store, connector, kind, named, now())
            changed += new
            waiting += unlinked
        done += len(told)
    store.forget_events(tenant, now() - _REMEMBERED)
    return InboxReport(done, changed, erased, waiting)


def _erase(store: Store, tenant: str, told: Sequence[Told], now: datetime) -> int:
    """Erase persons who asked for it. The CRM is not asked: it may be slower than the law."""
    events = [item.event for item in told if item.event.change is Change.ERASED]
    leads = sorted({event.id for event in events if event.subject == "lead"})
    store.remove_leads(tenant, leads)
    store.settle_events(tenant, [event.key for event in events], now)
    return len(leads)


def _reread_leads(store: Store, connector: Connector, told: Sequence[Told], now: datetime) -> int:
    events = [item.event for item in told if item.event.subject == "lead"]
    ids = sorted({event.id for event in events})
    if not ids:
        return 0
    assert isinstance(connector, Rereader)  # only such a connector has events
    changed = store.save_page(connector.name, connector.read_leads(ids), read_at=now).changed
    store.settle_events(connector.name, [event.key for event in events], now)
    return changed


def _reread_interactions(
    store: Store, connector: Connector, kind: InteractionKind, told: Sequence[Told], now: datetime
) -> tuple[int, int]:
    """Return how much was new, and how many interactions have to be looked at again."""
    ids = sorted({item.event.id for item in told})
    if not ids:
        return 0, 0
    assert isinstance(connector, Rereader)
    page = connector.read_interactions(kind, ids)
    changed = store.save_page(connector.name, page, read_at=now).changed
    unlinked = _without_lead(page, ids)
    late = [item for item in told if item.event.id in unlinked and item.attempts < len(_LOOK_AGAIN)]
    for item in late:
        store.postpone_events(connector.name, [item.event.key], now + _LOOK_AGAIN[item.attempts])
    waiting = {item.event.key for item in late}
    store.settle_events(connector.name, [i.event.key for i in told if i.event.key not in waiting], now)
    return changed, len({item.event.id for item in late})


def _without_lead(page: Page, ids: Sequence[str]) -> set[str]:
    return set(ids) - {item.id for item in page.interactions}
