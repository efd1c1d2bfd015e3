"""The call that searches."""

from datetime import timedelta
from typing import Any

from connectors.sandbox.hubspot.calls import Call, Reply
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.rendering import Rendering
from connectors.sandbox.hubspot.search import Search, Searcher, read_search

_REMEMBERED_SHORT_PAGES = 10_000


class SearchCalls:
    """Searches see the records as they were `index_lag_seconds` ago."""

    def __init__(self, objects: HubSpotObjects, faults: HubSpotFaults) -> None:
        self._objects = objects
        self._faults = faults
        self._searcher = Searcher(objects)
        # Where the page behind a short one really begins: by the search and the cursor that was given out.
        self._begins: dict[tuple[str, int], int] = {}

    def search(self, call: Call) -> Reply:
        search = read_search(call, self._objects)
        lag = self._faults.index_lag_seconds
        self._objects.index.catch_up(self._objects.clock() - timedelta(seconds=lag) if lag else None)
        start = self._begins.get((search.key, search.after), search.after)
        repeats = self._faults.duplicate_rows and start > 0 and search.limit > 1
        total, ids = self._searcher.page(search, start - repeats, search.limit)
        shown = self._faults.shown_rows(len(ids) - repeats) if len(ids) > repeats else 0
        first = 0 if shown else int(repeats)
        rendering = Rendering(self._objects, call.type, search.names, scopes=call.scopes)
        rows = self._objects.index.rows(search.type)
        body: dict[str, Any] = {
            "total": total,
            "results": [rendering.values(rows[id_]) for id_ in ids[first : shown + repeats]],
        }
        if start + shown < total:
            body["paging"] = {"next": {"after": str(self._next(search, start + shown))}}
        return Reply(body)

    def _next(self, search: Search, begin: int) -> int:
        """Return the cursor of the page that begins at a row: it moves by a whole page even past a short one."""
        after = search.after + search.limit
        if begin != after:
            if len(self._begins) > _REMEMBERED_SHORT_PAGES:
                self._begins.clear()
            self._begins[search.key, after] = begin
        return after
