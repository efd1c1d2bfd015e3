"""Tells a CRM what it does not show yet."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from connectors.base import Connector, WriteOutcome
from connectors.errors import InvalidRequestError, SchemaError
from worker.store import DueWrite, Store


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What one write-back did; `refused` says for each record that the CRM did not take why."""

    written: int
    refused: tuple[WriteOutcome, ...]
    calls: int


def write_back(
    store: Store,
    connector: Connector,
    *,
    due: Sequence[DueWrite] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> WriteReport:
    """Send the priorities that differ from what the CRM was last told, all or those that are `due`.

    A row is marked sent with the sequence number that was sent, so a value that changed meanwhile stays due, and a
    crash never loses a write. What was on its way in a crash is looked for in the CRM before it is sent again.
    """
    tenant = connector.name
    calls = connector.calls
    rows = store.list_due_writes(tenant) if due is None else due
    written = 0
    refused: list[WriteOutcome] = []
    # Recorded call by call: of what a broken run has sent, no more than that is sent again.
    at_once = connector.priorities_at_once
    for start in range(0, len(rows), at_once):
        sent = store.begin_writes(tenant, rows[start : start + at_once])
        try:
            outcomes = _send(connector, sent)
        except Exception:  # whatever broke it off, it may have arrived
            store.note_broken_writes(tenant, sent)
            raise
        store.record_writes(tenant, sent, outcomes)
        written += sum(outcome.written for outcome in outcomes)
        refused += [outcome for outcome in outcomes if not outcome.written]
        progress(min(start + at_once, len(rows)), len(rows))
    return WriteReport(written, tuple(refused), connector.calls - calls)


def _send(connector: Connector, due: Sequence[DueWrite]) -> list[WriteOutcome]:
    """Send what the CRM does not show; say for every value, in the given order, whether it is there."""
    in_doubt = [item.priority for item in due if item.may_be_shown]
    shown: set[str] = set()
    if in_doubt:
        with suppress(InvalidRequestError, SchemaError):  # what is wrong the write itself is told, lead by lead
            shown = connector.list_shown(in_doubt)
    unsent = [item.priority for item in due if item.priority.lead_id not in shown]
    answers = {outcome.lead_id: outcome for outcome in connector.write_priorities(unsent)} if unsent else {}
    ids = (item.priority.lead_id for item in due)
    return [WriteOutcome(id_, written=True) if id_ in shown else answers[id_] for id_ in ids]
