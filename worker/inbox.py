"""Looks at what CRMs have told us: reads exactly the records that events name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.base import Page, Rereader
from connectors.events import Change
from connectors.lead import InteractionKind
from worker.store import Store, Told

_EVENTS_AT_ONCE = 500
_LEADS_AT_ONCE = 50  # each may have hundreds of interactions, which are kept in one transaction
# A note can be told before it is tied to its lead: look again, and then leave it to the next pull.
_LOOK_AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=120))
# HubSpot delivers an event for up to a day.
_REMEMBERED = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class InboxReport:
    """What one look at the inbox did. `waiting` are interactions that belong to no lead yet."""

    events: int = 0
    changed: int = 0
    removed: int = 0
    erased: int = 0
    waiting: int = 0


def drain(store: Store, connector: Rereader, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> InboxReport:
    """Look at everything that is due. What fails stays in the inbox.

    Raises:
        ConnectorError: The CRM failed; what was read before is kept.
    """
    report = InboxReport()
    while True:
        erased = store.erase_told(connector.name, now())  # the CRM is not asked: it may be slower than the law
        told = store.list_due_events(connector.name, now(), _EVENTS_AT_ONCE)
        report = replace(report, events=report.events + len(told), erased=report.erased + erased)
        if not told:
            break
        left = [item for item in told if item.event.change is not Change.ERASED]
        leads = [item for item in left if item.event.subject == "lead"]
        if leads:
            ids = _ids(leads)
            for start in range(0, len(ids), _LEADS_AT_ONCE):
                page = connector.read_leads(ids[start : start + _LEADS_AT_ONCE])
                report = _keep(report, store, connector.name, page, now())
            store.settle_events(connector.name, [item.event.key for item in leads], now())
        for kind in InteractionKind:
            items = [item for item in left if item.event.subject == kind]
            if items:
                page = connector.read_interactions(kind, _ids(items))
                report = _keep(report, store, connector.name, page, now())
                waiting = _settle_or_wait(store, connector.name, items, page, now())
                report = replace(report, waiting=report.waiting + waiting)
    if report.events:
        store.forget_events(connector.name, now() - _REMEMBERED)
    return report


def _ids(told: Sequence[Told]) -> list[str]:
    return sorted({item.event.id for item in told})


def _keep(report: InboxReport, store: Store, tenant: str, page: Page, now: datetime) -> InboxReport:
    saved = store.save_page(tenant, page, read_at=now)
    return replace(report, changed=report.changed + saved.changed, removed=report.removed + saved.removed)


def _settle_or_wait(store: Store, tenant: str, told: Sequence[Told], page: Page, now: datetime) -> int:
    """Settle what was found with its lead; return how many interactions are to be looked for again."""
    linked = {item.id for item in page.interactions}
    late = [item for item in told if item.event.id not in linked and item.attempts < len(_LOOK_AGAIN)]
    for item in late:
        store.postpone_events(tenant, [item.event.key], now + _LOOK_AGAIN[item.attempts])
    waiting = {item.event.key for item in late}
    store.settle_events(tenant, [item.event.key for item in told if item.event.key not in waiting], now)
    return len({item.event.id for item in late})
