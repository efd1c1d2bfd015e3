"""Finding the handler of a path, under every version of the API that is served."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from connectors.sandbox.salesforce.calls import Call, Reply

Handler: TypeAlias = Callable[[Call], Reply]

VERSIONS = range(50, 67)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_DATA = re.compile(r"^/services/data/v(\d+)\.0(/.*)?$")
_SEASONS = ("Winter", "Spring", "Summer")


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API, by its path below `/services/data/vXX.0`."""

    method: str
    pattern: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """A route that a path leads to, with the parts that the pattern names."""

    route: Route
    version: str
    params: dict[str, str]


class Routes:
    """A table of routes. Words of a pattern win over its names, and case does not matter in a word."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[Sequence[str], Route]]] = {}
        for route in routes:
            parts = route.pattern.strip("/").split("/")
            self._routes.setdefault((route.method, len(parts)), []).append((parts, route))
        for found in self._routes.values():
            found.sort(key=lambda item: [part.startswith("{") for part in item[0]])

    def find(self, method: str, path: str) -> Match | None:
        """Return the route of a raw path, if it has one."""
        data = _DATA.match(path)
        if data is None or int(data.group(1)) not in VERSIONS:
            return None
        parts = (data.group(2) or "").strip("/").split("/")
        for pattern, route in self._routes.get((method, len(parts)), ()):
            params = {}
            for name, part in zip(pattern, parts, strict=True):
                if name.startswith("{"):
                    params[name[1:-1]] = unquote(part)
                elif name.lower() != part.lower():
                    break
            else:
                return Match(route, f"{data.group(1)}.0", params)
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path can be called with."""
        return [method for method in METHODS if self.find(method, path)]


def list_versions() -> list[dict[str, str]]:
    """Return the versions as `GET /services/data` lists them; recorded: v66.0 is Spring '26."""
    listed = []
    for version in VERSIONS:
        number = version - 66 + 26 * 3 + 1
        season, year = _SEASONS[number % 3], number // 3
        listed.append(
            {"label": f"{season} '{year:02d}", "url": f"/services/data/v{version}.0", "version": f"{version}.0"}
        )
    return listed
