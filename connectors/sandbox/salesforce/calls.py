"""One call of the API: what reaches a handler, what it answers, and how it refuses."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, QueryParams


class Refusal(Exception):
    """Salesforce does not do what was asked, with its code and the fields at fault.

    A refusal to write a record names its fields, if only by an empty list; others (None) have no such member.
    """

    def __init__(self, code: str, message: str, fields: Sequence[str] | None = None, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.fields = None if fields is None else tuple(fields)
        self.status = status

    def render(self) -> dict[str, Any]:
        """Return the refusal as an item of the array that a refused call is answered with."""
        body: dict[str, Any] = {"message": str(self), "errorCode": self.code}
        return body if self.fields is None else body | {"fields": list(self.fields)}

    def render_result(self) -> dict[str, Any]:
        """Return the refusal of one record among several; recorded: it does not say which record."""
        error = {"statusCode": self.code, "message": str(self), "fields": list(self.fields or ())}
        return {"success": False, "errors": [error]}


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's answer: a JSON body, or bytes of some type, or nothing."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the gateway. `form` are the parts of a form body, `origin` is how the client sees us."""

    version: str
    params: Mapping[str, str]
    query: QueryParams
    headers: Headers
    raw: bytes = b""
    form: Mapping[str, bytes] = field(default_factory=dict)
    user_id: str = ""
    origin: str = ""

    @property
    def data(self) -> str:
        """The path that every resource of this version lies below."""
        return f"/services/data/v{self.version}"

    @property
    def auto_assign(self) -> bool:
        """Say whether assignment rules run: they do unless the header says no.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_autoassign.htm
        """
        return self.headers.get("Sforce-Auto-Assign", "TRUE").strip().upper() != "FALSE"

    @property
    def saves_duplicates(self) -> bool:
        return "allowsave=true" in self.headers.get("Sforce-Duplicate-Rule-Header", "").lower().replace(" ", "")

    def read(self) -> Any:
        """Return the JSON body."""
        try:
            return json.loads(self.raw)
        except json.JSONDecodeError as error:
            where = f"[line:{error.lineno}, column:{error.colno}]"
            raise Refusal("JSON_PARSER_ERROR", f"Unexpected character at {where}") from None
        except UnicodeDecodeError:
            raise Refusal("JSON_PARSER_ERROR", "Invalid UTF-8 at [line:1, column:1]") from None

    def read_object(self) -> dict[str, Any]:
        """Return the JSON body, which is an object."""
        body = self.read()
        if not isinstance(body, dict):
            raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body is required to be an object")
        return body


def not_found() -> Refusal:
    """Return the refusal of a path that leads nowhere."""
    return Refusal("NOT_FOUND", "The requested resource does not exist", status=404)
