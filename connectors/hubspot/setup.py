"""Creates what we need in a portal: a property group, our properties, and the list "Call first today"."""

from typing import Any

from hubspot.crm.lists import ListCreateRequest
from hubspot.crm.properties import BatchInputPropertyCreate, PropertyGroupCreate, PropertyUpdate

from connectors.base import SetupStep
from connectors.errors import InvalidRequestError, SchemaError
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.schema import GROUP, LEAD_OBJECTS, property_name
from connectors.hubspot.transport import Transport
from connectors.priority import PRIORITY_FIELDS, Band, PriorityField

LIST_NAME = "Call first today"
_TYPES = {
    "choice": ("enumeration", "select"),
    "number": ("number", "number"),
    "text": ("string", "textarea"),
    "time": ("datetime", "date"),
}


class Setup:
    """What `callfirst setup` does in one portal. A second run finds everything in place."""

    def __init__(self, transport: Transport, config: HubSpotConfig) -> None:
        self._transport = transport
        self._lead = LEAD_OBJECTS[config.object]

    def run(self, *, check_only: bool) -> list[SetupStep]:
        """Create what is missing, or only say what is.

        Raises:
            SchemaError: The portal has a property of ours with another type; only a person can delete it.
        """
        return [self._group(check_only), *self._properties(check_only), self._list(check_only)]

    def _group(self, check_only: bool) -> SetupStep:
        type_, api = self._lead.type, self._transport.client.crm.properties.groups_api
        found = self._transport.call(f"GET properties/{type_}/groups", api.get_all, type_)
        exists = GROUP in {group.name for group in found.results}
        if not exists and not check_only:
            group = PropertyGroupCreate(name=GROUP, label="Callfirst", display_order=-1)
            self._transport.call(f"POST properties/{type_}/groups", api.create, type_, group)
        return SetupStep(f"property group {GROUP}", exists)

    def _properties(self, check_only: bool) -> list[SetupStep]:
        type_, properties = self._lead.type, self._transport.client.crm.properties
        found = self._transport.call(f"GET properties/{type_}", properties.core_api.get_all, type_)
        present = {definition.name: definition for definition in found.results}
        steps, missing = [], []
        for field in PRIORITY_FIELDS:
            name = property_name(field)
            definition = present.get(name)
            options = [] if definition is None else _lacking_options(field, definition)
            steps.append(SetupStep(f"property {name}", definition is not None and not options))
            if definition is None:
                missing.append(field)
            elif options and not check_only:
                self._add_options(name, definition, options)
        if missing and not check_only:
            batch = BatchInputPropertyCreate(inputs=[_definition(field) for field in missing])
            what = f"POST properties/{type_}/batch/create"
            reply = self._transport.call(what, properties.batch_api.create, type_, batch)
            categories = {str(error.category) for error in getattr(reply, "errors", None) or ()}
            refused = categories - {"OBJECT_ALREADY_EXISTS"}  # another setup was faster
            if refused:
                raise SchemaError(f"HubSpot: {what}: {', '.join(sorted(refused))}: a property could not be created")
        return steps

    def _add_options(self, name: str, definition: Any, lacking: list[str]) -> None:
        """Add options beside those that the portal has: a person's own are kept."""
        kept = [
            {
                "label": option.label,
                "value": option.value,
                "displayOrder": option.display_order,
                "hidden": option.hidden,
            }
            for option in definition.options
        ]
        options = [*kept, *_options(lacking, first=len(kept))]
        api = self._transport.client.crm.properties.core_api
        what = f"PATCH properties/{self._lead.type}/{name}"
        self._transport.call(what, api.update, self._lead.type, name, PropertyUpdate(options=options))

    def _list(self, check_only: bool) -> SetupStep:
        api = self._transport.client.crm.lists.lists_api
        try:
            self._transport.call("GET lists/name", api.get_by_name, LIST_NAME, self._lead.type_id)
            exists = True
        except InvalidRequestError:  # 404: there is no list of this name
            exists = False
        if not exists and not check_only:
            request = ListCreateRequest(
                name=LIST_NAME,
                object_type_id=self._lead.type_id,
                processing_type="DYNAMIC",
                filter_branch=_filter_branch(Band.A),
            )
            self._transport.call("POST lists", api.create, request)
        return SetupStep(f"list {LIST_NAME!r}", exists)


def _lacking_options(field: PriorityField, definition: Any) -> list[str]:
    if definition.type != _TYPES[field.kind][0]:
        raise SchemaError(
            f"HubSpot: property {definition.name} is of type {definition.type}, not {_TYPES[field.kind][0]}:"
            " delete it in HubSpot's settings and run `callfirst setup` again"
        )
    present = {option.value for option in definition.options or ()}
    return [choice for choice in field.choices if choice not in present]


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
    return definition | ({"options": _options(field.choices)} if field.kind == "choice" else {})


def _options(choices: tuple[str, ...] | list[str], first: int = 0) -> list[dict[str, Any]]:
    return [
        {"label": choice, "value": choice, "displayOrder": order, "hidden": False}
        for order, choice in enumerate(choices, start=first)
    ]


def _filter_branch(band: Band) -> dict[str, Any]:
    """Return the condition of an active list; HubSpot wants an OR of ANDs even for one.

    https://developers.hubspot.com/docs/api-reference/crm-lists-v3/list-filters
    """
    is_band = {
        "filterType": "PROPERTY",
        "property": property_name(PRIORITY_FIELDS[0]),
        "operation": {
            "operationType": "ENUMERATION",
            "operator": "IS_ANY_OF",
            "values": [band.value],
            "includeObjectsWithNoValueSet": False,
        },
    }
    branch = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [is_band]}
    return {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [branch], "filters": []}
