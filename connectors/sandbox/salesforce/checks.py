"""What Salesforce refuses to write, and the values that it makes of JSON.

Messages follow recorded replies where there are any.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, TypeAlias

from connectors.sandbox.salesforce.calls import Refusal
from connectors.sandbox.salesforce.ids import find_id
from connectors.sandbox.salesforce.schema import Field, SObject

Access: TypeAlias = Callable[[Field], str]

_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")
_NUMBERS = ("double", "currency", "percent", "int", "long")
_TEXTS = ("string", "textarea", "phone", "url", "combobox", "encryptedstring", "anyType", "picklist", "email")
_PICKLIST_LENGTH = 255
_DATE_LENGTH = len("2026-11-02")
_UNREADABLE = "JSON_PARSER_ERROR"
_NO_PERMISSION = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is"
    " read/write for your profile or permission set."
)


def read_values(definition: SObject, values: Mapping[str, Any], access: Access, *, creating: bool) -> dict[str, Any]:
    """Return a record's values as the org holds them.

    Raises:
        Refusal: A field does not exist, may not be written, or does not take its value.
    """
    names = {name.lower(): name for name in definition.fields}
    read: dict[str, Any] = {}
    forbidden = []
    for given, value in values.items():
        if given == "attributes":
            continue
        name = names.get(given.lower())
        if name is None:
            raise Refusal("INVALID_FIELD", f"No such column '{given}' on sobject of type {definition.name}")
        field = definition.fields[name]
        if not (field.createable if creating else field.updateable) or access(field) != "edit":
            forbidden.append(name)
        else:
            read[name] = _read_value(field, value)
    if forbidden:
        raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", _NO_PERMISSION.format(", ".join(forbidden)), forbidden)
    missing = [
        name
        for name, field in definition.fields.items()
        if field.required and (name in read or creating) and read.get(name) is None and field.default is None
    ]
    if missing:
        raise Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    return read


def is_readable(field: Field, cell: str) -> bool:
    """Say whether a text is a value of a field's type at all, whatever else may be wrong with it."""
    try:
        _read_value(field, cell)
    except Refusal as refusal:
        return refusal.code != _UNREADABLE
    return True


def _read_value(field: Field, value: Any) -> Any:
    if value is None or value == "":
        if field.type == "boolean":
            message = f"{field.label or field.name}: value not of required type: {value or ''}"
            raise Refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", message, (field.name,))
        return None
    if field.type == "boolean":
        return _read_boolean(value)
    if field.type in _NUMBERS:
        return _read_number(field, value)
    if field.type in ("date", "datetime"):
        return _read_time(field.type, value)
    if field.type in ("reference", "id"):
        id_ = find_id(value)
        if id_ is None:
            message = f"{field.label or field.name}: id value of incorrect type: {value}"
            raise Refusal("MALFORMED_ID", message, (field.name,))
        return id_
    return _read_text(field, value)


def _read_text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable("string", value)
    label = field.label or field.name
    if field.type == "email" and not _EMAIL.match(value):
        raise Refusal("INVALID_EMAIL_ADDRESS", f"{label}: invalid email address: {value}", (field.name,))
    if field.restricted and field.choices and value not in field.choices:
        message = f"{label}: bad value for restricted picklist field: {value}"
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))
    most = field.length or (_PICKLIST_LENGTH if field.type == "picklist" else 0)
    if most and len(value) > most and field.type in _TEXTS:
        message = f"{label}: data value too large: {value[:most]} (max length={most})"
        raise Refusal("STRING_TOO_LONG", message, (field.name,))
    return value


def _read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _unreadable("boolean", value)


def _read_number(field: Field, value: Any) -> int | float:
    kind = "int" if field.type == "int" else "double"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unreadable(kind, value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _unreadable(kind, value) from None
    if not number.is_finite() or (kind == "int" and number != int(number)):
        raise _unreadable(kind, value)
    if field.precision and abs(number) >= 10 ** (field.precision - field.scale):
        message = f"{field.label or field.name}: value outside of valid range on numeric field: {value}"
        raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,))
    if kind == "int":
        return int(number)
    if field.precision:
        number = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    return float(number)


def _read_time(kind: str, value: Any) -> date | datetime:
    if not isinstance(value, str):
        raise _unreadable(kind, value)
    try:
        if kind == "date":
            return date.fromisoformat(value) if len(value) == _DATE_LENGTH else datetime.fromisoformat(value).date()
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _unreadable(kind, value) from None
    # A time without a zone is taken for UTC.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _unreadable(kind: str, value: Any) -> Refusal:
    if isinstance(value, bool):
        token = f"VALUE_{str(value).upper()}"
    elif isinstance(value, str):
        token = f"VALUE_STRING value {value}"
    elif isinstance(value, int):
        token = f"VALUE_NUMBER_INT value {value}"
    elif isinstance(value, float):
        token = f"VALUE_NUMBER_FLOAT value {value}"
    else:
        token = "START_ARRAY" if isinstance(value, list) else "START_OBJECT"
    return Refusal(
        _UNREADABLE,
        f"Cannot deserialize instance of {kind} from {token} or request may be missing a required field at"
        " [line:1, column:1]",
    )
