"""Which types the fields have that only a data file knows."""

from collections.abc import Sequence

from connectors.sandbox.org import OrgLead


def custom_types(leads: Sequence[OrgLead]) -> dict[str, str]:
    """Return the type of each custom field: number or bool where every value is one, else string."""
    values: dict[str, set[type]] = {}
    for lead in leads:
        for name, value in lead.custom_fields.items():
            values.setdefault(name, set()).update({type(value)} if value is not None else set())
    return {
        name: "bool" if found == {bool} else "number" if found and found <= {int, float} else "string"
        for name, found in values.items()
    }
