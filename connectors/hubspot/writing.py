"""Creates our contact properties, writes priorities to them, and lists contacts by them."""

from collections.abc import Iterator, Sequence
from typing import Any

from hubspot.crm.objects import BatchInputSimplePublicObjectBatchInput, PublicObjectSearchRequest
from hubspot.crm.properties import BatchInputPropertyCreate, PropertyGroupCreate

from connectors.base import ListedLead, SetupStep, WriteOutcome
from connectors.errors import InvalidRequestError, SchemaError
from connectors.hubspot.schema import GROUP, property_name
from connectors.hubspot.transport import HubSpotConfig, Transport
from connectors.priority import PRIORITY_FIELDS, Priority, PriorityField
from connectors.times import render_time

_BATCH_ROWS = 100  # HubSpot's limit for batch updates
_TYPES = {
    "choice": ("enumeration", "select"),
    "number": ("number", "number"),
    "text": ("string", "textarea"),
    "time": ("datetime", "date"),
}
_NAMES = {field.name: property_name(field) for field in PRIORITY_FIELDS}


class Writer:
    """Writes our properties and nothing else: the names come from `PRIORITY_FIELDS`, never from a caller."""

    def __init__(self, transport: Transport, config: HubSpotConfig) -> None:
        self._transport = transport
        self._config = config

    def setup(self, *, check_only: bool) -> list[SetupStep]:
        """Create the property group and the properties that are missing."""
        properties = self._transport.client.crm.properties
        groups = self._transport.call("GET properties/contacts/groups", properties.groups_api.get_all, "contacts")
        present = self._transport.call("GET properties/contacts", properties.core_api.get_all, "contacts")
        names = {definition.name for definition in present.results}
        has_group = GROUP in {group.name for group in groups.results}
        missing = [field for field in PRIORITY_FIELDS if property_name(field) not in names]
        if not check_only and not has_group:
            group = PropertyGroupCreate(name=GROUP, label="Callfirst", display_order=-1)
            self._transport.call("POST properties/contacts/groups", properties.groups_api.create, "contacts", group)
        if not check_only and missing:
            batch = BatchInputPropertyCreate(inputs=[_definition(field) for field in missing])
            self._transport.call(
                "POST properties/contacts/batch/create", properties.batch_api.create, "contacts", batch
            )
        return [
            SetupStep(f"property group {GROUP}", has_group),
            *(SetupStep(f"property {property_name(f)}", f not in missing) for f in PRIORITY_FIELDS),
        ]

    def write(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        """Write in batches; see `Connector.write_priorities`."""
        outcomes: dict[str, WriteOutcome] = {}
        for start in range(0, len(priorities), _BATCH_ROWS):
            for outcome in self._write_batch(priorities[start : start + _BATCH_ROWS]):
                outcomes[outcome.lead_id] = outcome
        return [outcomes[priority.lead_id] for priority in priorities]

    def _write_batch(self, priorities: Sequence[Priority]) -> Iterator[WriteOutcome]:
        """Write one batch. HubSpot refuses a batch whole for one bad row: it is halved until that row stands alone."""
        inputs = [{"id": priority.lead_id, "properties": render_properties(priority)} for priority in priorities]
        api = self._transport.client.crm.objects.batch_api
        request = BatchInputSimplePublicObjectBatchInput(inputs=inputs)
        try:
            reply = self._transport.call("POST contacts/batch/update", api.update, "contacts", request)
        except (InvalidRequestError, SchemaError) as error:
            if isinstance(error, SchemaError) or len(priorities) == 1:
                yield from (WriteOutcome(p.lead_id, written=False, detail=str(error)) for p in priorities)
                return
            middle = len(priorities) // 2
            yield from self._write_batch(priorities[:middle])
            yield from self._write_batch(priorities[middle:])
            return
        written = {row.id for row in reply.results}
        reasons = {
            id_: str(error.category)
            for error in getattr(reply, "errors", None) or ()
            for id_ in (error.context or {}).get("ids", ())
        }
        for priority in priorities:
            if priority.lead_id in written:
                yield WriteOutcome(priority.lead_id, written=True)
            else:
                yield WriteOutcome(
                    priority.lead_id, written=False, detail=reasons.get(priority.lead_id, "not answered")
                )

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        """Ask HubSpot for a stage's contacts, sorted by our rank."""
        api = self._transport.client.crm.objects.search_api
        names = ("firstname", "lastname", "company")
        found: list[Any] = []
        after: str | None = None
        while True:
            request = PublicObjectSearchRequest(
                filter_groups=[
                    {
                        "filters": [
                            {"propertyName": self._config.stage_property, "operator": "EQ", "value": stage},
                            {"propertyName": _NAMES["rank"], "operator": "HAS_PROPERTY"},
                        ]
                    }
                ],
                sorts=[{"propertyName": _NAMES["rank"], "direction": "ASCENDING"}],
                properties=[*names, *_NAMES.values()],
                limit=200,
                after=after,
            )
            reply = self._transport.call("POST contacts/search", api.do_search, "contacts", request)
            found.extend(reply.results)
            if reply.paging is None or reply.paging.next is None:
                return [_listed(row, stage) for row in found]
            after = reply.paging.next.after


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


def _definition(field: PriorityField) -> dict[str, Any]:
    type_, field_type = _TYPES[field.kind]
    definition = {
        "name": property_name(field),
        "label": field.label,
        "description": field.description,
        "groupName": GROUP,
        "type": type_,
        "fieldType": field_type,
        "formField": False,
        "hasUniqueValue": False,
    }
    if field.kind == "choice":
        definition["options"] = [
            {"label": choice, "value": choice, "displayOrder": order, "hidden": False}
            for order, choice in enumerate(field.choices)
        ]
    return definition


def _listed(row: Any, stage: str) -> ListedLead:
    properties = row.properties
    person = " ".join(filter(None, (properties.get("firstname"), properties.get("lastname"))))
    return ListedLead(
        lead_id=row.id,
        name=", ".join(filter(None, (person, properties.get("company")))),
        stage=stage,
        band=properties.get(_NAMES["band"]) or "",
        score=float(properties.get(_NAMES["score"]) or 0),
        rank=int(float(properties[_NAMES["rank"]])),
        call_order=int(float(properties.get(_NAMES["call_order"]) or 0)),
        reason=properties.get(_NAMES["reason"]) or "",
    )
