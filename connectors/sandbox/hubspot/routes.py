"""Finding the handler of a path, under every version of the API that serves it."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from connectors.sandbox.hubspot.calls import Call, Reply

Handler: TypeAlias = Callable[[Call], Reply]

# Where each family of calls lives: under its numbered version, and under HubSpot's dated ones.
_NUMBERED = re.compile(r"^/crm/(v3|v4)/(objects|associations|properties|pipelines|owners|lists)(/.*)?$")
_DATED = re.compile(r"^/crm/(objects|associations|properties|pipelines|owners|lists)/(2026-03|2026-09)(/.*)?$")
_ACCOUNT = re.compile(r"^/account-info/(v3|2026-03|2026-09)(/details)$")
_TOKEN = re.compile(r"^/oauth/(v1|2026-03|2026-09)(/token)$")
_ONLY_V4 = re.compile(r"^/objects/[^/]+/[^/]+/associations/|^/associations/")


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    `access` says which scope it needs: `read` or `write` on the records of the types in its path, `schema.read` or
    `schema.write` on their properties, a scope's whole name, or nothing.
    """

    method: str
    pattern: str
    access: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """A route that a path leads to, with the parts that the pattern names."""

    route: Route
    version: str
    params: dict[str, str]


class Routes:
    """A table of routes. Words of a pattern win over its names: `/objects/contacts/search` is no record's path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[Sequence[str], Route]]] = {}
        for route in routes:
            parts = route.pattern.strip("/").split("/")
            self._routes.setdefault((route.method, len(parts)), []).append((parts, route))
        for found in self._routes.values():
            found.sort(key=lambda item: [part.startswith("{") for part in item[0]])

    def find(self, method: str, path: str) -> Match | None:
        """Return the route of a raw path, if it has one."""
        version, place = _split(path)
        parts = place.strip("/").split("/")
        for pattern, route in self._routes.get((method, len(parts)), ()):
            params = {}
            for name, part in zip(pattern, parts, strict=True):
                if name.startswith("{"):
                    params[name[1:-1]] = unquote(part)
                elif name != part:
                    break
            else:
                return Match(route, version, params)
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path can be called with."""
        return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if self.find(method, path)]


def _split(path: str) -> tuple[str, str]:
    """Return a path's version, and the path as the routes spell it."""
    numbered = _NUMBERED.match(path)
    if numbered:
        version, family, rest = numbered.groups()
        place = f"/{family}{rest or ''}"
        return (version, place) if (version == "v4") == bool(_ONLY_V4.match(place)) else ("", path)
    dated = _DATED.match(path)
    if dated:
        family, version, rest = dated.groups()
        return version, f"/{family}{rest or ''}"
    for pattern, family in ((_ACCOUNT, "account-info"), (_TOKEN, "oauth")):
        found = pattern.match(path)
        if found:
            return found.group(1), f"/{family}{found.group(2)}"
    return "", path
