"""Reads leads and their interactions: by list the first time, by search for what changed since.

A search is walked by `hs_object_id`, not by its own paging: HubSpot ends every search after 10,000 rows, and many rows
may share one modification date. Every walk can go on from the id where it broke off.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubspot.crm.objects import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest

from connectors.base import InteractionKey, Page
from connectors.hubspot.associations import read_associated
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.fields import LeadFields
from connectors.hubspot.parsing import parse_changes, parse_interaction, parse_merged, parse_value
from connectors.hubspot.replies import list_missing
from connectors.hubspot.schema import (
    INTERACTION_CREATED,
    INTERACTION_MODIFIED,
    LEAD_OBJECTS,
    MERGED_PROPERTY,
    OBJECT_TYPES,
    OWNER_PROPERTY,
    interaction_properties,
)
from connectors.hubspot.stages import StageReader
from connectors.hubspot.transport import Transport
from connectors.lead import Interaction, InteractionKind, Lead

# HubSpot's limits: 100 rows a list page or batch, 50 with history, 200 a search page.
_ROWS = 100
_HISTORY_ROWS = 50
_SEARCH_ROWS = 200
# HubSpot's search index lags behind writes; rows near the edge are read twice rather than missed.
_OVERLAP = timedelta(minutes=10)
# How long an engagement may wait for its association without any other sign of it.
_LATE_ASSOCIATION = timedelta(days=30)
# A list is asked for in the address, which HubSpot refuses beyond about 15,000 characters.
_MAX_PROPERTY_CHARACTERS = 10_000

KINDS = {f"{kind}s": kind for kind in InteractionKind}
ARCHIVED, LATE_ASSOCIATIONS = "archived", "late associations"


class Reader:
    """Turns HubSpot's objects into leads, interactions and stage changes."""

    def __init__(self, transport: Transport, config: HubSpotConfig, stages: StageReader, fields: LeadFields) -> None:
        self._transport = transport
        self._lead = LEAD_OBJECTS[config.object]
        self._stages = stages
        self._fields = fields

    def read(self, stream: str, since: datetime | None, position: str | None) -> Iterator[Page]:
        """Yield the pages of one stream; see `Connector.read`."""
        kind = KINDS.get(stream)
        if stream in (ARCHIVED, LATE_ASSOCIATIONS):
            if since is None:
                return iter([Page()])  # a listing of everything has told it all
            return self._archived(position) if stream == ARCHIVED else self._late_associations(since, position)
        if kind is not None:
            return self._interactions(kind, since, position)
        return self._list_leads(position) if since is None else self._changed_leads(since, position)

    def read_leads(self, ids: Sequence[str]) -> Page:
        """See `Connector.read_leads`. The id of a lead that was merged into another brings the other."""
        rows, missing = self._batch_read_leads(ids)
        found = [row.id for row in rows]
        interactions: list[Interaction] = []
        for kind, keys in self._linked(found).items():
            leads: dict[str, list[str]] = {}
            for lead, linked in keys.items():
                for id_ in linked:
                    leads.setdefault(id_, []).append(lead)
            items, _ = self._batch_read(OBJECT_TYPES[kind], list(leads), interaction_properties(kind))
            for row in items:
                interactions += [parse_interaction(kind, row, lead) for lead in leads.get(row.id, ())]
        page = self._lead_page(rows)
        gone = {*page.gone_leads, *missing}
        return Page(
            leads=page.leads,
            stage_changes=page.stage_changes,
            interactions=tuple(interactions),
            gone_leads=tuple(sorted(gone)),
            told_leads=tuple(found),
        )

    def read_interactions(self, kind: InteractionKind, ids: Sequence[str]) -> Page:
        """See `Connector.read_interactions`."""
        rows, missing = self._batch_read(OBJECT_TYPES[kind], ids, interaction_properties(kind))
        told = [*(row.id for row in rows), *missing]
        return self._interaction_page(kind, rows, self._leads_of(kind, rows), told=told)

    # Interactions ---------------------------------------------------------------------------------------------------

    def _interactions(self, kind: InteractionKind, since: datetime | None, position: str | None) -> Iterator[Page]:
        type_, properties = OBJECT_TYPES[kind], interaction_properties(kind)
        if since is None:
            for rows, after in self._list(type_, position, properties, associations=[self._lead.type]):
                listed = (kind,) if after is None else ()
                yield self._interaction_page(kind, rows, self._leads_of(kind, rows), position=after, listed=listed)
            return
        changed = _at_least(INTERACTION_MODIFIED, since - _OVERLAP)
        for rows, last_id in self._search(type_, position, changed, properties):
            yield self._interaction_page(kind, rows, self._leads_of(kind, rows), position=last_id)

    def _interaction_page(
        self,
        kind: InteractionKind,
        rows: Sequence[Any],
        leads: Mapping[str, Sequence[str]],
        *,
        told: Sequence[str] | None = None,
        position: str | None = None,
        listed: tuple[InteractionKind, ...] = (),
    ) -> Page:
        ids = [row.id for row in rows] if told is None else told
        return Page(
            interactions=tuple(parse_interaction(kind, row, lead) for row in rows for lead in leads.get(row.id, ())),
            told_interactions=tuple((kind, id_) for id_ in ids),
            position=position,
            listed=listed,
        )

    def _leads_of(self, kind: InteractionKind, rows: Sequence[Any]) -> dict[str, list[str]]:
        """Return the leads of each engagement: from the row where it carries them all, else by batch."""
        leads: dict[str, list[str]] = {}
        for row in rows:
            carried = getattr(row, "associations", None)  # only rows of a list carry any
            inline = (carried or {}).get(self._lead.type)
            if inline is not None and inline.paging is None:
                leads[row.id] = list(dict.fromkeys(item.id for item in inline.results))
            elif not carried and hasattr(row, "associations"):
                leads[row.id] = []
        unknown = [row.id for row in rows if row.id not in leads]
        return leads | read_associated(self._transport, OBJECT_TYPES[kind], unknown, self._lead.type)

    def _late_associations(self, since: datetime, position: str | None) -> Iterator[Page]:
        """Yield the leads of every engagement of the last weeks; `position` is `kind:last id`."""
        kinds = list(InteractionKind)
        name, _, last_id = (position or f"{kinds[0]}:").partition(":")
        for kind in kinds[kinds.index(InteractionKind(name)) :]:
            young = _at_least(INTERACTION_CREATED, since - _LATE_ASSOCIATION)
            for rows, after in self._search(OBJECT_TYPES[kind], last_id or None, young, [INTERACTION_CREATED]):
                links = self._leads_of(kind, rows)
                yield Page(
                    interaction_links={(kind, id_): frozenset(leads) for id_, leads in links.items()},
                    position=_next_position(kinds, kind, after),
                )
            last_id = ""

    # Leads ----------------------------------------------------------------------------------------------------------

    def _list_leads(self, position: str | None) -> Iterator[Page]:
        properties = self._lead_properties()
        if sum(map(len, properties)) > _MAX_PROPERTY_CHARACTERS:
            pages = self._list(self._lead.type, position, ["hs_object_id"])
            read: Callable[[Sequence[Any]], Sequence[Any]] = self._reread_leads
        else:
            pages = self._list(self._lead.type, position, properties, history=[self._stages.property])
            read = list
        for rows, after in pages:
            yield self._lead_page(read(rows), position=after, listed=after is None)

    def _changed_leads(self, since: datetime, position: str | None) -> Iterator[Page]:
        changed = _at_least(self._lead.modified, since - _OVERLAP)
        # Properties are read by id: a search returns no history, and takes no body above 3,000 characters.
        for rows, last_id in self._search(self._lead.type, position, changed, ["hs_object_id"]):
            leads = self._reread_leads(rows)
            links: dict[str, set[InteractionKey]] = {row.id: set() for row in leads}
            for kind, linked in self._linked([row.id for row in leads]).items():
                for id_, ids in linked.items():
                    links[id_] |= {(kind, other) for other in ids}
            yield self._lead_page(leads, position=last_id, links={id_: frozenset(keys) for id_, keys in links.items()})

    def _linked(self, leads: Sequence[str]) -> dict[InteractionKind, dict[str, list[str]]]:
        """Return the ids of the engagements of each lead, for each kind."""
        if not leads:
            return {}
        return {
            kind: read_associated(self._transport, self._lead.type, leads, type_)
            for kind, type_ in OBJECT_TYPES.items()
        }

    def _lead_page(
        self,
        rows: Sequence[Any],
        *,
        position: str | None = None,
        links: Mapping[str, frozenset[InteractionKey]] | None = None,
        listed: bool = False,
    ) -> Page:
        return Page(
            leads=tuple(self._parse_lead(row) for row in rows),
            stage_changes=tuple(change for row in rows for change in parse_changes(row, self._stages.property)),
            gone_leads=tuple(parse_merged(rows)),
            lead_links=links or {},
            position=position,
            listed=("leads",) if listed else (),
        )

    def _parse_lead(self, row: Any) -> Lead:
        properties: Mapping[str, str | None] = row.properties
        stage = properties.get(self._stages.property) or ""
        return Lead(
            id=row.id,
            name=self._fields.name_of(row),
            stage=stage,
            outcome=self._stages.outcome_of(stage),
            owner=properties.get(OWNER_PROPERTY),
            created_at=row.created_at,
            modified_at=row.updated_at,
            fields={
                ours: parse_value(self._fields.type_of(name), properties.get(name))
                for name, ours in self._fields.names.items()
            },
        )

    def _lead_properties(self) -> list[str]:
        return [*self._fields.properties(), self._stages.property, self._lead.created, self._lead.modified]

    def _reread_leads(self, rows: Sequence[Any]) -> list[Any]:
        return self._batch_read_leads([row.id for row in rows])[0]

    def _batch_read_leads(self, ids: Sequence[str]) -> tuple[list[Any], list[str]]:
        return self._batch_read(self._lead.type, ids, self._lead_properties(), history=[self._stages.property])

    # What was deleted -----------------------------------------------------------------------------------------------

    def _archived(self, position: str | None) -> Iterator[Page]:
        """Yield everything in HubSpot's recycling bin, which holds 90 days; `position` is `type:after`."""
        types: list[str] = [self._lead.type, *OBJECT_TYPES.values()]
        kinds = {type_: kind for kind, type_ in OBJECT_TYPES.items()}
        name, _, after = (position or f"{types[0]}:").partition(":")
        for type_ in types[types.index(name) :]:
            for rows, next_after in self._list(type_, after or None, [MERGED_PROPERTY], archived=True):
                # Whoever went into a lead that was then deleted is named nowhere else.
                ids = (*(row.id for row in rows), *parse_merged(rows))
                position = _next_position(types, type_, next_after)
                if type_ == self._lead.type:
                    yield Page(gone_leads=ids, position=position)
                else:
                    yield Page(told_interactions=tuple((kinds[type_], id_) for id_ in ids), position=position)
            after = ""

    # Walking --------------------------------------------------------------------------------------------------------

    def _list(
        self,
        type_: str,
        after: str | None,
        properties: Sequence[str],
        *,
        history: Sequence[str] = (),
        associations: Sequence[str] = (),
        archived: bool = False,
    ) -> Iterator[tuple[Sequence[Any], str | None]]:
        """Yield the rows of a listing, with what to go on from; a short page is not the last one."""
        wanted: dict[str, Any] = {"limit": _HISTORY_ROWS if history else _ROWS, "archived": archived}
        if history:
            wanted["properties_with_history"] = list(history)
        if associations:
            wanted["associations"] = list(associations)
        api = self._transport.client.crm.objects.basic_api
        while True:
            reply = self._transport.call(
                f"GET {type_}", api.get_page, type_, after=after, properties=list(properties), **wanted
            )
            after = reply.paging.next.after if reply.paging and reply.paging.next else None
            yield reply.results, after
            if after is None:
                return

    def _search(
        self, type_: str, last_id: str | None, wanted: Mapping[str, str], properties: Sequence[str]
    ) -> Iterator[tuple[Sequence[Any], str | None]]:
        """Yield what a search finds in the order of the ids, with the last id of each page."""
        api = self._transport.client.crm.objects.search_api
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last_id or "0"}
            request = PublicObjectSearchRequest(
                filter_groups=[{"filters": [wanted, beyond]}],
                sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                properties=list(properties),
                limit=_SEARCH_ROWS,
            )
            reply = self._transport.call(f"POST {type_}/search", api.do_search, type_, request)
            if reply.results:
                last_id = max((row.id for row in reply.results), key=int)
            more = reply.paging is not None and reply.paging.next is not None
            yield reply.results, last_id if more else None
            if not more:
                return

    def _batch_read(
        self, type_: str, ids: Sequence[str], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> tuple[list[Any], list[str]]:
        """Return the records that there are, and the ids of those that HubSpot says are not."""
        api = self._transport.client.crm.objects.batch_api
        size = _HISTORY_ROWS if history else _ROWS
        found: dict[str, Any] = {}
        missing: list[str] = []
        for start in range(0, len(ids), size):
            request = BatchReadInputSimplePublicObjectId(
                inputs=[{"id": id_} for id_ in ids[start : start + size]],
                properties=list(properties),
                properties_with_history=list(history),
            )
            what = f"POST {type_}/batch/read"
            reply = self._transport.call(what, api.read, type_, request)
            missing += list_missing(what, reply)
            found |= {row.id: row for row in reply.results}
        return list(found.values()), missing


def _at_least(name: str, moment: datetime) -> dict[str, str]:
    return {"propertyName": name, "operator": "GTE", "value": str(int(moment.timestamp() * 1000))}


def _next_position(names: Sequence[str], name: str, after: str | None) -> str | None:
    """Return where to go on in a walk over several types: in this one, at the next one's start, or nowhere."""
    if after is not None:
        return f"{name}:{after}"
    return None if name == names[-1] else f"{names[names.index(name) + 1]}:"
