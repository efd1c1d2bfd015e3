"""Queries over REST, page by page.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply
from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.soql import Result, run_query

_PAGE_ROWS = 2_000
_LONG_TEXT_PAGE_ROWS = 1_000  # recorded: a long text in the select list halves the page
_FEWEST_ROWS = 200
_OPEN_LOCATORS = 10  # per user: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


@dataclass
class _Locator:
    """A result that is being paged through, as it was when it was asked for."""

    result: Result
    page_rows: int
    ends_at: datetime
    pages: int = 0


class QueryCalls:
    """The handlers of queries."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._open: OrderedDict[str, _Locator] = OrderedDict()
        self._made = 0

    def query(self, call: Call) -> Reply:
        return self._run(call, all_rows=False)

    def query_all(self, call: Call) -> Reply:
        return self._run(call, all_rows=True)

    def query_more(self, call: Call) -> Reply:
        id_, _, start = call.params["locator"].rpartition("-")
        locator = self._open.get(id_)
        lost = locator is not None and (
            self._org.clock() >= locator.ends_at
            or (self._org.faults.locator_pages is not None and locator.pages >= self._org.faults.locator_pages)
        )
        if locator is None or lost or not start.isdigit() or int(start) >= len(locator.result.rows):
            self._open.pop(id_, None)
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        self._open.move_to_end(id_)
        return Reply(self._page(call, id_, locator, int(start)))

    def _run(self, call: Call, *, all_rows: bool) -> Reply:
        soql = call.query.get("q")
        if soql is None:
            raise Refusal("MALFORMED_QUERY", "SOQL query parameter 'q' is missing")
        result = run_query(soql, self._org, all_rows=all_rows, now=self._org.clock())
        if result.count_only:
            return Reply({"totalSize": result.total, "done": True, "records": []})
        self._made += 1
        id_ = make_id("0r8", self._made)
        lifetime = timedelta(seconds=self._org.faults.locator_seconds)
        locator = _Locator(result, _page_rows(call, result), self._org.clock() + lifetime)
        return Reply(self._page(call, id_, locator, 0))

    def _page(self, call: Call, id_: str, locator: _Locator, start: int) -> dict[str, Any]:
        result = locator.result
        left = len(result.rows) - start
        end = start + (self._org.faults.shown_rows(min(locator.page_rows, left)) if left else 0)
        locator.pages += 1
        body: dict[str, Any] = {
            "totalSize": result.total,
            "done": end >= len(result.rows),
            "records": [result.render(row, call.data) for row in result.rows[start:end]],
        }
        if body["done"]:
            self._open.pop(id_, None)
            return body
        self._open[id_] = locator
        while len(self._open) > _OPEN_LOCATORS:
            self._open.popitem(last=False)
        body["nextRecordsUrl"] = f"{call.data}/query/{id_}-{end}"
        return body


def _page_rows(call: Call, result: Result) -> int:
    """Return the size of a result's pages; the client's wish is a hint."""
    most = _LONG_TEXT_PAGE_ROWS if result.long_text else _PAGE_ROWS
    wish = _BATCH_SIZE.search(call.headers.get("Sforce-Query-Options", ""))
    return max(_FEWEST_ROWS, min(most, int(wish.group(1)))) if wish else most
