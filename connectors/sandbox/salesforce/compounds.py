"""Compound fields: names and addresses that are shown as one and stored in parts.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/compound_fields.htm
"""

from connectors.sandbox.salesforce.schema import Field, SObject

_NAME_PARTS = ("LastName", "FirstName", "Salutation")
_ADDRESS_PARTS = (
    *("Street", "City", "State", "PostalCode", "Country"),
    *("Latitude", "Longitude", "GeocodeAccuracy"),
)


def compound_of(definition: SObject, field: Field) -> str | None:
    """Return the compound field that a field is a part of, or None."""
    if definition.name == "Account" and field.name == "Name":
        return "Name"  # recorded: an account may be a person, whose name would have parts
    if field.name in _NAME_PARTS and "Name" in definition.fields:
        return "Name"
    for name, known in definition.fields.items():
        if known.type == "address" and field.name in [name.removesuffix("Address") + part for part in _ADDRESS_PARTS]:
            return name
    return None
