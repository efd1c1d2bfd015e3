"""Writes priorities to our own properties, and lists leads by them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hubspot.crm.objects import (
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
)

from connectors.base import ListedLead, WriteOutcome
from connectors.errors import InvalidRequestError, SchemaError, UnavailableError
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.fields import LeadFields
from connectors.hubspot.schema import LEAD_OBJECTS, property_name
from connectors.hubspot.stages import StageReader
from connectors.hubspot.transport import Transport
from connectors.priority import PRIORITY_FIELDS, Priority, shows
from connectors.times import render_time

BATCH_ROWS = 100  # HubSpot's limit for batch updates
_SEARCH_ROWS = 200
_MAX_SEARCH_ROWS = 10_000  # where HubSpot ends every search; nobody calls the ten-thousandth lead
_NAMES = {field.name: property_name(field) for field in PRIORITY_FIELDS}


class Writer:
    """Writes our properties and nothing else."""

    def __init__(self, transport: Transport, config: HubSpotConfig, stages: StageReader, fields: LeadFields) -> None:
        self._transport = transport
        self._type = LEAD_OBJECTS[config.object].type
        self._name_properties = LEAD_OBJECTS[config.object].name_properties
        self._stages = stages
        self._fields = fields

    def write(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Write in batches; see `Connector.write_priorities`. Of two values for one lead the later one is written."""
        latest = {priority.lead_id: render_properties(priority) for priority in priorities}
        outcomes = self._write_all(latest)
        return [outcomes[priority.lead_id] for priority in priorities]

    def _write_all(self, values: Mapping[str, Mapping[str, str]]) -> dict[str, WriteOutcome]:
        """Write properties by lead id. A name that is not ours is refused before anything is sent."""
        foreign = sorted({name for properties in values.values() for name in properties} - set(_NAMES.values()))
        if foreign:
            raise InvalidRequestError(
                f"HubSpot: {', '.join(foreign)} is not a property of Callfirst's; nothing was sent"
            )
        inputs = [{"id": id_, "properties": dict(properties)} for id_, properties in values.items()]
        outcomes: dict[str, WriteOutcome] = {}
        for start in range(0, len(inputs), BATCH_ROWS):
            for outcome in self._write_batch(inputs[start : start + BATCH_ROWS]):
                outcomes[outcome.lead_id] = outcome
        return outcomes

    def _write_batch(self, inputs: Sequence[dict[str, Any]]) -> Iterator[WriteOutcome]:
        """Write one batch. HubSpot refuses a batch whole for one bad row: it is halved until that row stands alone."""
        ids = [row["id"] for row in inputs]
        try:
            written, reasons = self._send(inputs)
        except SchemaError as error:  # our property is not there: no half of the batch will do better
            yield from (WriteOutcome(id_, written=False, detail=str(error)) for id_ in ids)
            return
        except InvalidRequestError as error:
            if len(inputs) == 1:
                yield WriteOutcome(ids[0], written=False, detail=str(error))
                return
            middle = len(inputs) // 2
            yield from self._write_batch(inputs[:middle])
            yield from self._write_batch(inputs[middle:])
            return
        for id_ in ids:
            if id_ in written:
                yield WriteOutcome(id_, written=True)
            elif id_ in reasons:
                yield WriteOutcome(id_, written=False, detail=f"HubSpot: {reasons[id_]}")
            else:
                yield WriteOutcome(id_, written=False, detail="HubSpot: not answered", retryable=True)

    def _send(self, inputs: Sequence[dict[str, Any]]) -> tuple[set[str], dict[str, str]]:
        """Send one batch; return the ids that are written, and for others HubSpot's reason.

        A call that was not answered may have been heard: before it is repeated, what it has done is looked for.
        """
        left = {row["id"]: row["properties"] for row in inputs}
        written: set[str] = set()
        reasons: dict[str, str] = {}
        in_doubt = False
        api = self._transport.client.crm.objects.batch_api

        def send_what_is_left() -> None:
            nonlocal in_doubt
            if in_doubt:
                with suppress(InvalidRequestError, SchemaError):  # what is wrong the write itself is told
                    written.update(self._list_shown(left, repeats=False))
                in_doubt = False
            rows = [{"id": id_, "properties": properties} for id_, properties in left.items() if id_ not in written]
            if not rows:
                return
            request = BatchInputSimplePublicObjectBatchInput(inputs=rows)
            try:
                reply = self._transport.call(
                    f"POST {self._type}/batch/update", api.update, self._type, request, repeats=False
                )
            except UnavailableError:
                in_doubt = True
                raise
            written.update(row.id for row in reply.results)
            for error in getattr(reply, "errors", None) or ():
                reasons.update(dict.fromkeys((error.context or {}).get("ids", ()), str(error.category)))

        self._transport.retry.run(send_what_is_left)
        return written, reasons

    def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
        """Read our properties of these leads; see `Connector.list_shown`."""
        wanted = {priority.lead_id: render_properties(priority) for priority in priorities}
        ids = list(wanted)
        shown: set[str] = set()
        for start in range(0, len(ids), BATCH_ROWS):
            shown |= self._list_shown({id_: wanted[id_] for id_ in ids[start : start + BATCH_ROWS]})
        return shown

    def _list_shown(self, wanted: Mapping[str, Mapping[str, str]], *, repeats: bool = True) -> set[str]:
        """Return which leads of one batch show these properties."""
        request = BatchReadInputSimplePublicObjectId(
            inputs=[{"id": id_} for id_ in wanted], properties=list(_NAMES.values()), properties_with_history=[]
        )
        api = self._transport.client.crm.objects.batch_api
        reply = self._transport.call(f"POST {self._type}/batch/read", api.read, self._type, request, repeats=repeats)
        # What is missing the write itself is told. Of a lead that was merged HubSpot returns the one that it went into.
        rows = [row for row in reply.results if row.id in wanted]
        return {row.id for row in rows if shows(row.properties, wanted[row.id], _NAMES)}

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Ask HubSpot for a stage's leads, sorted by our rank."""
        api = self._transport.client.crm.objects.search_api
        found: list[Any] = []
        after: str | None = None
        while True:
            request = PublicObjectSearchRequest(
                filter_groups=[
                    {
                        "filters": [
                            {"propertyName": self._stages.property, "operator": "EQ", "value": stage},
                            {"propertyName": _NAMES["rank"], "operator": "HAS_PROPERTY"},
                        ]
                    }
                ],
                sorts=[{"propertyName": _NAMES["rank"], "direction": "ASCENDING"}],
                properties=[*self._name_properties, *_NAMES.values()],
                limit=_SEARCH_ROWS,
                after=after,
            )
            reply = self._transport.call(f"POST {self._type}/search", api.do_search, self._type, request)
            found.extend(reply.results)
            if reply.paging is None or reply.paging.next is None or len(found) + _SEARCH_ROWS > _MAX_SEARCH_ROWS:
                return [self._listed(row, stage) for row in found]
            after = reply.paging.next.after

    def _listed(self, row: Any, stage: str) -> ListedLead:
        properties = row.properties
        name, company = self._fields.name_of(row), properties.get("company")
        return ListedLead(
            lead_id=row.id,
            name=name if company in (None, "", name) else f"{name}, {company}",
            stage=stage,
            band=properties.get(_NAMES["band"]) or "",
            score=float(properties.get(_NAMES["score"]) or 0),
            rank=int(float(properties[_NAMES["rank"]])),
            call_order=int(float(properties.get(_NAMES["call_order"]) or 0)),
            reason=properties.get(_NAMES["reason"]) or "",
        )


def render_properties(priority: Priority) -> dict[str, str]:
    """Return a priority as HubSpot's property values, all text."""
    return {
        _NAMES["band"]: priority.band.value,
        _NAMES["score"]: f"{priority.score:.1f}",
        _NAMES["rank"]: str(priority.rank),
        _NAMES["call_order"]: str(priority.call_order),
        _NAMES["reason"]: priority.reason,
        _NAMES["ranked_at"]: render_time(priority.ranked_at),
        _NAMES["status"]: priority.status.value,
        _NAMES["model_version"]: priority.model_version,
    }
