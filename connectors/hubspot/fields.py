"""Which properties of a lead are read as its fields, and what they are called."""

from functools import cached_property
from typing import Any

from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.schema import LEAD_OBJECTS, MERGED_PROPERTY, OWNER_PROPERTY, PREFIX
from connectors.hubspot.transport import Transport

# Long texts are written until the end of a sale, and are taken as they are now: they would tell of a past what came
# later. A file is no value.
_NOT_DESCRIBING = {"textarea", "html", "file"}


class LeadFields:
    """The properties of the object that is ranked. HubSpot's definitions are read once a session."""

    def __init__(self, transport: Transport, config: HubSpotConfig) -> None:
        self._transport = transport
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]

    @cached_property
    def definitions(self) -> dict[str, Any]:
        """Return HubSpot's definitions by name."""
        api = self._transport.client.crm.properties.core_api
        reply = self._transport.call(f"GET properties/{self._lead.type}", api.get_all, self._lead.type)
        return {definition.name: definition for definition in reply.results}

    @cached_property
    def names(self) -> dict[str, str]:
        """Return the properties that describe a lead, with our names; custom ones keep their own."""
        stage = self._lead.stage or self._config.stage_property
        excluded = set(self._config.excluded_fields)
        found: dict[str, str] = {}
        for name, definition in self.definitions.items():
            ours = self._lead.fields.get(name)
            custom = not definition.hubspot_defined and not name.startswith(PREFIX)
            custom = custom and definition.field_type not in _NOT_DESCRIBING
            if name != stage and (ours is not None or custom) and not {name, ours} & excluded:
                found[name] = ours or name
        return found

    def properties(self) -> list[str]:
        """Return every property that reading a lead asks for, without its stage and dates."""
        known = self.definitions
        own = [*self._lead.name_properties, OWNER_PROPERTY, MERGED_PROPERTY]
        # HubSpot leaves a name that it does not know out of its reply without a word.
        return list(dict.fromkeys([*(name for name in own if name in known), *self.names]))

    def type_of(self, name: str) -> str:
        """Return HubSpot's type of a property."""
        return str(self.definitions[name].type)

    def name_of(self, row: Any) -> str:
        """Return what a rep calls the lead."""
        properties = row.properties
        if self._lead.type == "contacts":
            person = " ".join(filter(None, (properties.get("firstname"), properties.get("lastname"))))
            return person or properties.get("company") or f"contact {row.id}"
        return properties.get(self._lead.name_properties[0]) or f"{self._lead.singular} {row.id}"
