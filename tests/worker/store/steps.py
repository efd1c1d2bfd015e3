"""What happens to a store in tests: pages are kept, leads scored and put in order, values sent."""

from collections.abc import Sequence

from connectors.base import Page, WriteOutcome
from connectors.events import Change, Event
from connectors.lead import Lead
from connectors.priority import Priority
from tests.worker.store.rows import STAGES, claimed, found, note, score
from worker.store import Job, Store


def keep(store: Store, *leads: Lead, notes: Sequence[str] = ()) -> None:
    """Keep a page of leads and notes, which hold the text `worth 1` unless the text follows the lead after a colon."""
    store.save_stages("a", STAGES)
    said = [note(lead_id, text or "worth 1") for lead_id, _, text in (item.partition(":") for item in notes)]
    store.save_page("a", Page(leads=leads, interactions=tuple(said)), read_at=store._now())


def settled(store: Store, *stages: str) -> None:
    """Have all that is marked in these stages scored, each lead with a chance of one half."""
    store.has_pulled("a")
    for _ in stages or ("new",):
        held = claimed(store, Job.RANK)
        dirty = store.list_dirty_leads("a", held.stage)
        store.save_pass(held, found(*[score(item.lead_id, held.stage) for item in dirty], settled=dirty))


def priorities_due(store: Store) -> list[str]:
    return [item.priority.lead_id for item in store.list_due_writes("a", store._now())]


def deleted(store: Store) -> None:
    store.save_page("a", Page(gone_leads=("1",)), read_at=store._now())


def erased(store: Store) -> None:
    store.receive("a", [Event("e", "lead", "1", Change.ERASED, store._now())], store._now())
    store.erase_told("a", store._now())


def ranked(store: Store, *priorities: Priority) -> None:
    """Have leads show this, and no others anything."""
    store.save_ranking("a", [], priorities)


def sent(store: Store, *outcomes: WriteOutcome) -> None:
    """Send all that is due; the outcomes are those of the first, and the others are stored."""
    due = store.list_due_writes("a", store._now())
    store.begin_writes("a", due)
    by_id = {outcome.lead_id: outcome for outcome in outcomes}
    stored = [by_id.get(item.priority.lead_id, WriteOutcome(item.priority.lead_id, written=True)) for item in due]
    store.record_writes("a", due, stored)
