"""One call of the API: what reaches a handler, what it answers, and how it refuses."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from starlette.datastructures import QueryParams

from connectors.sandbox.hubspot.definitions import ValueFault
from connectors.sandbox.hubspot.object_types import ObjectType, find_type

MAX_BATCH = 100
MAX_HISTORY_BATCH = 50


class Refusal(Exception):
    """HubSpot does not do what was asked. `more` are further keys of the error body."""

    def __init__(self, status: int, message: str, category: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.more = more


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's answer; a `body` of None sends nothing."""

    body: Any = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the gateway. `version` is that of the path: `v3`, `v4`, or a date."""

    version: str
    params: Mapping[str, str]
    query: QueryParams
    raw: bytes = b""
    content_type: str = ""
    scopes: frozenset[str] = frozenset()
    types: Mapping[str, ObjectType] = field(default_factory=dict)

    @property
    def type(self) -> ObjectType:
        return self.types["type"]

    @property
    def other(self) -> ObjectType:
        return self.types["other"]

    @property
    def enforces_required(self) -> bool:
        """Say whether this version of the API holds writes to the portal's rules on required properties."""
        return self.version >= "2026-09" and not self.version.startswith("v")

    def names(self, key: str) -> list[str]:
        """Return a query parameter's names: some clients repeat it, others separate by commas."""
        return [name for value in self.query.getlist(key) for name in value.split(",") if name]

    def flag(self, key: str) -> bool:
        return self.query.get(key, "false").lower() == "true"

    def number(self, key: str, default: int) -> int:
        """Return a numeric query parameter."""
        text = self.query.get(key)
        if text in (None, ""):
            return default
        try:
            return int(str(text))
        except ValueError:
            raise Refusal(400, f"Invalid value '{text}' for parameter '{key}'", "VALIDATION_ERROR") from None

    def read(self, allowed: Collection[str]) -> dict[str, Any]:
        """Return the JSON body, which may hold only the allowed keys; nulls count as left out."""
        return checked_object(self._json(), allowed)

    def read_array(self) -> list[Any]:
        """Return the JSON body, which is an array."""
        return checked_list(self._json())

    def read_inputs(self, item_keys: Collection[str], body_keys: Collection[str] = ()) -> "BatchInput":
        """Return the body of a batch call."""
        body = self.read({"inputs", *body_keys})
        inputs = checked_list(body.get("inputs", []))
        items = [checked_object(item, item_keys) for item in inputs]
        if len(items) > (MAX_HISTORY_BATCH if body.get("propertiesWithHistory") else MAX_BATCH):
            most = MAX_HISTORY_BATCH if body.get("propertiesWithHistory") else MAX_BATCH
            raise Refusal(
                400, f"The maximum number of inputs supported in a batch request is {most}", "VALIDATION_ERROR"
            )
        if not items:
            raise Refusal(400, "Invalid input JSON: inputs must not be empty", "VALIDATION_ERROR")
        return BatchInput(items, body)

    def _json(self) -> Any:
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "HTTP 415 Unsupported Media Type")
        try:
            return json.loads(self.raw)
        except json.JSONDecodeError as error:
            _refuse_json(error.msg, error.lineno, error.colno)
        except UnicodeDecodeError:
            _refuse_json("Invalid UTF-8")

    def find_type(self, name: str) -> ObjectType:
        """Return the type that a request names."""
        found = find_type(name)
        if found is None:
            raise Refusal(400, f"Unable to infer object type from: {name}")
        return found


@dataclass(frozen=True, slots=True)
class BatchInput:
    """The inputs of a batch call, and the rest of its body."""

    items: list[dict[str, Any]]
    body: Mapping[str, Any]


def checked_object(value: Any, allowed: Collection[str]) -> dict[str, Any]:
    """Return a JSON object without its nulls; refuse anything else, and keys that HubSpot does not know."""
    if not isinstance(value, dict):
        _refuse_json(f"Cannot construct an object from {type(value).__name__} value")
    for key in value:
        if key not in allowed:
            _refuse_json(f'Unrecognized field "{key}"')
    return {key: item for key, item in value.items() if item is not None}


def checked_list(value: Any) -> list[Any]:
    """Return a JSON array; refuse anything else."""
    if not isinstance(value, list):
        _refuse_json("Cannot deserialize value of type `java.util.ArrayList` from a value that is no array")
    return value


def checked_names(value: Any) -> list[str]:
    """Return a JSON array of texts."""
    return [checked_text(item) for item in checked_list(value if value is not None else [])]


def checked_text(value: Any) -> str:
    """Return a text as HubSpot reads it: it takes numbers and booleans for their spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    _refuse_json(f"Cannot deserialize value of type `java.lang.String` from {_token(value)}")


def checked_integer(value: Any, default: int) -> int:
    """Return an integer that may be spelt as a text; an empty one counts as left out."""
    if value is None or value == "":
        return default
    try:
        return int(checked_text(value))
    except ValueError:
        _refuse_json(f'Cannot deserialize value of type `int` from String "{value}": not a valid `int` value')


def checked_properties(value: Any) -> dict[str, str | None]:
    """Return the properties of a write, as texts."""
    if not isinstance(value, dict):
        _refuse_json(
            "Cannot deserialize value of type `java.util.LinkedHashMap<java.lang.String,java.lang.String>` from "
            + _token(value)
        )
    return {name: None if item is None else checked_text(item) for name, item in value.items()}


def refuse_values(faults: Sequence[ValueFault]) -> NoReturn:
    """Refuse a whole write for what is wrong with its property values."""
    listed = json.dumps([fault.render_short() for fault in faults], separators=(",", ":"))
    errors = [fault.render() for fault in faults]
    raise Refusal(400, f"Property values were not valid: {listed}", "VALIDATION_ERROR", errors=errors)


def _token(value: Any) -> str:
    if isinstance(value, list):
        return "Array value (token `JsonToken.START_ARRAY`)"
    return "Object value (token `JsonToken.START_OBJECT`)" if isinstance(value, dict) else "null"


def _refuse_json(what: str, line: int = 1, column: int = 1) -> NoReturn:
    # Recorded refusals of a body that cannot be read carry no category.
    raise Refusal(400, f"Invalid input JSON on line {line}, column {column}: {what}")
