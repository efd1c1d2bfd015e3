"""How Salesforce spells a value in a REST reply."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.schema import SObject


def render_value(value: Any) -> Any:
    """Return a value as JSON holds it; recorded: times end in `.000+0000`."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return value.isoformat() if isinstance(value, date) else value


def render_row(definition: SObject, row: Row, names: Iterable[str], data: str) -> dict[str, Any]:
    """Return a record with some of its fields; the content of a file is given as a path."""
    path = f"{data}/sobjects/{definition.name}/{row['Id']}"
    body: dict[str, Any] = {"attributes": {"type": definition.name, "url": path}}
    for name in names:
        stored = definition.fields[name].type == "base64"
        body[name] = f"{path}/{name}" if stored else render_value(row.get(name))
    return body
