"""Whether an installation ended where it should: every lead scored as the CRM holds it, and shown as it is scored."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from connectors.hubspot import HubSpotConfig, HubSpotConnector
from connectors.hubspot.writing import render_properties
from connectors.priority import COMPARED_FIELDS, Priority
from connectors.quota import Quota
from connectors.sandbox.hubspot import HubSpotObjects
from connectors.sandbox.hubspot.records import Record
from tests.chaos.crm import list_open
from tests.sandboxes import NO_WAIT
from worker.history import list_candidates
from worker.order import order_steadily
from worker.pull import pull
from worker.scores import hash_input
from worker.settings import BandConfig, SteadinessConfig
from worker.store import Standing, Store
from worker.store.ranking import list_standings, parse_priority
from worker.store.tables import WritebackRow

TENANT = "hubspot"
_NUMBERS = {"callfirst_score", "callfirst_rank", "callfirst_call_order"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is not as it should be: leads whose score does not know what the CRM holds, leads that show another value
    than is wanted, leads that another look at the order would change, rows that are parked, leases that are held.
    """

    unscored: list[str]
    misshown: list[str]
    misplaced: list[str]
    parked: int
    held: int

    @property
    def wrong(self) -> list[str]:
        """Return the leads that are wrong in the CRM."""
        return sorted({*self.misshown, *self.misplaced})


def compare(store: Store, objects: HubSpotObjects, url: str, folder: Path) -> Comparison:
    """Read a portal anew, whole, into an empty store, and compare."""
    fresh = Store(f"sqlite:///{folder}/fresh.db")
    fresh.upgrade()
    connect = HubSpotConfig.model_validate({"access_token": "sandbox", "base_url": url})
    pull(fresh, HubSpotConnector(connect, NO_WAIT, Quota("sandbox")), full=True)
    wanted = {lead.id: hash_input(candidate) for lead, candidate in list_candidates(fresh, TENANT, datetime.now(UTC))}
    fresh.close()
    with store.database.reading() as session:
        standings = list_standings(session, TENANT)
        rows = list(session.scalars(select(WritebackRow).where(WritebackRow.tenant == TENANT)))
    desired = {row.lead_id: parse_priority(row.lead_id, row.value) for row in rows}
    scored = {item.score.lead_id: item.score.input_hash for item in standings}
    records = {record.id: record for record in list_open(objects)}
    figures = store.figures(datetime.now(UTC))
    return Comparison(
        unscored=_differing(wanted.keys() | scored.keys(), lambda id_: wanted.get(id_) == scored.get(id_)),
        misshown=_differing(
            wanted.keys(), lambda id_: id_ in desired and id_ in records and _shows(records[id_], desired[id_])
        ),
        misplaced=_list_misplaced(standings, desired),
        parked=sum(item.parked for item in figures.work)
        + sum(item.parked_leads + item.parked_writes for item in figures.accounts),
        held=sum(item.held for item in figures.work),
    )


def _list_misplaced(standings: list[Standing], desired: dict[str, Priority]) -> list[str]:
    """Return the leads that would show something else if the tenant were put in order once more."""
    again = order_steadily(standings, desired, BandConfig(), SteadinessConfig())
    return sorted(item.lead_id for item in again if item.lead_id in desired and _differ(item, desired[item.lead_id]))


def _differ(one: Priority, other: Priority) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in COMPARED_FIELDS)


def _differing(ids: Iterable[str], is_right: Callable[[str], bool]) -> list[str]:
    return sorted(id_ for id_ in ids if not is_right(id_))


def _shows(record: Record, priority: Priority) -> bool:
    """Say whether a record shows a priority; HubSpot spells a number in its own way, and an empty text as none."""
    shown = record.properties
    return all(
        float(shown.get(name) or "nan") == float(value) if name in _NUMBERS else (shown.get(name) or "") == value
        for name, value in render_properties(priority).items()
        if name != "callfirst_ranked_at"
    )
