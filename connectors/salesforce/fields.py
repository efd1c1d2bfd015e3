"""Which fields the integration user may see, and which of the lead's describe it."""

from typing import Any

from connectors.errors import SchemaError
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.replies import MissingObjectError, RefusedError
from connectors.salesforce.schema import LEAD_OBJECTS, PREFIX
from connectors.salesforce.transport import Transport

# Long texts are written until the end of a sale and have no history here; the others are no values.
_NOT_DESCRIBING = {"textarea", "base64", "address", "location", "anyType", "encryptedstring"}


class Fields:
    """Salesforce's descriptions of its objects, each read once a session, without what may not be seen."""

    def __init__(self, transport: Transport, config: SalesforceConfig) -> None:
        self._transport = transport
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]
        self._described: dict[str, dict[str, dict[str, Any]]] = {}

    def describe(self, sobject: str, *, fresh: bool = False) -> dict[str, dict[str, Any]]:
        """Return the fields of an object by name.

        Raises:
            MissingObjectError: There is no such object, or it is not for the integration user.
        """
        if fresh or sobject not in self._described:
            try:
                reply = self._transport.rest("GET", f"sobjects/{sobject}/describe")
            except RefusedError as error:
                if error.code != "NOT_FOUND":
                    raise
                raise MissingObjectError(
                    f"Salesforce: there is no object {sobject} for the integration user"
                ) from error
            self._described[sobject] = {field["name"]: field for field in reply["fields"]}
        return self._described[sobject]

    def type_of(self, sobject: str, path: str) -> str:
        """Return Salesforce's type of a field; of one of a record above it, `string`, for all that we read are text."""
        field = self.describe(sobject).get(path)
        return "string" if field is None else str(field["type"])

    def lead_fields(self) -> dict[str, str]:
        """Return the fields that describe a lead, with our names; custom ones keep their own, without `__c`.

        Raises:
            SchemaError: A field without which a lead means nothing may not be seen.
        """
        described = self.describe(self._lead.name)
        hidden = [f"{self._lead.name}.{name}" for name in self._lead.required if name not in described]
        if hidden:
            raise SchemaError(
                f"Salesforce: {', '.join(hidden)} is not visible to the integration user:"
                " grant read access (field-level security)"
            )
        names = {name: ours for name, ours in self._lead.fields.items() if name in described}
        names |= self._lead.parents if "AccountId" in described else {}
        names |= {
            name: name.removesuffix("__c")
            for name, field in described.items()
            if field["custom"] and not name.startswith(PREFIX) and field["type"] not in _NOT_DESCRIBING
        }
        return {name: ours for name, ours in names.items() if not {name, ours} & set(self._config.excluded_fields)}
