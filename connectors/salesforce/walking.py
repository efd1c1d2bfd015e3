"""Walks the records of one object, oldest change first, so that none is left out and a broken walk goes on.

`SystemModstamp` is neither unique nor stamped at commit: what changed is read from ten minutes early, and a walk goes
on from a pair of stamp and id, which a lost locator or a killed process costs nothing. Many rows come by Bulk API.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import SchemaError
from connectors.salesforce.bulk import BulkError, Place, Row, find_place, read_job, start_job
from connectors.salesforce.fields import Fields
from connectors.salesforce.replies import LOST_LOCATOR, MissingFieldError, MissingObjectError, RefusedError
from connectors.salesforce.soql import chunks, ids_that_fit, list_literal, text_literal, time_literal
from connectors.salesforce.transport import Transport
from connectors.times import parse_time

logger = logging.getLogger(__name__)

# Salesforce stamps a row before its transaction ends, which may take ten minutes.
_OVERLAP = timedelta(minutes=10)
# From here on a job costs fewer calls than pages of 1,000 or 2,000 rows do.
_BULK_FROM_ROWS = 10_000
# How many rows are asked for at once after Salesforce gave up sorting all of them.
_SMALLER_ROWS = (2_000, 500, 100)
_BOOLEAN, _NUMBERS = "boolean", {"int", "double", "currency", "percent", "long"}


@dataclass(frozen=True, slots=True)
class Walk:
    """One object that is walked by (stamp, Id).

    Attributes:
        required: Fields without which a row means nothing.
        wished: Fields that are read where the integration user may see them.
        where: Holds for the rows that are wanted, whether they were deleted or not.
        children: A sub-select, which Bulk API does not take.
        overlap: How long before the start rows may have been stamped.
        bulk: Whether Bulk API takes this object.
        optional: Whether an org may have the object switched off.
    """

    sobject: str
    required: tuple[str, ...]
    wished: tuple[str, ...] = ()
    where: str = ""
    stamp: str = "SystemModstamp"
    children: str = ""
    overlap: timedelta = _OVERLAP
    bulk: bool = True
    optional: bool = False


class Walker:
    """Walks objects of one org, and remembers what it may not see of them."""

    def __init__(self, transport: Transport, fields: Fields) -> None:
        self._transport = transport
        self._fields = fields
        self._hidden: dict[str, frozenset[str]] = {}
        self._examined: set[Walk] = set()
        self._absent: set[str] = set()

    def walk(self, walk: Walk, since: datetime | None, position: str | None) -> Iterator[tuple[list[Row], str | None]]:
        """Yield the rows in parts, with where to go on after each; None after the last.

        What changed since then comes with what was deleted; a listing of everything holds what is there.
        """
        place = find_place(position)
        if place is not None or (since is None and position is None and self._is_large(walk)):
            try:
                yield from self._walk_by_bulk(walk, place)
                return
            except BulkError as error:
                logger.warning("reading %s from the start by REST: its Bulk job ended with %s", walk.sobject, error)
        yield from self._walk_by_rest(walk, since, None if place is not None else position)

    def select(self, walk: Walk, conditions: str) -> list[Row]:
        """Return the rows that fulfil some conditions, deleted ones included; for results known to be small."""
        beyond = ""
        rows: list[Row] = []
        while True:
            page = self._first_page(walk, conditions + beyond, " ORDER BY Id")
            while True:
                rows += [self._whole(row) for row in page["records"]]
                if page["done"]:
                    return rows
                if rows:
                    beyond = f" AND Id > {text_literal(rows[-1]['Id'])}"
                try:
                    page = self._transport.query_more(page["nextRecordsUrl"])
                except RefusedError as error:
                    if error.code != LOST_LOCATOR:
                        raise
                    break

    def select_by(self, walk: Walk, column: str, values: Sequence[str]) -> list[Row]:
        """Return the rows whose `column` has one of these values, deleted ones included."""
        also = f" AND {walk.where}" if walk.where else ""
        return [
            row
            for chunk in chunks(values, self.room(walk))
            for row in self.select(walk, f" WHERE {column} IN {list_literal(chunk)}{also}")
        ]

    def count(self, walk: Walk) -> int | None:
        """Return how many rows a listing would have; None where the org has not got the object."""
        try:
            return self._transport.count(f"SELECT COUNT() FROM {walk.sobject}{_where(_listing(walk))}", deleted=True)
        except MissingObjectError:
            if walk.optional:
                return None
            raise

    # By REST --------------------------------------------------------------------------------------------------------

    def _walk_by_rest(
        self, walk: Walk, since: datetime | None, position: str | None
    ) -> Iterator[tuple[list[Row], str | None]]:
        conditions = _listing(walk) if since is None else [walk.where]
        if since is not None:
            conditions.append(f"{walk.stamp} >= {time_literal(since - walk.overlap)}")
        order = f" ORDER BY {walk.stamp}, Id"
        sizes = iter(_SMALLER_ROWS)
        size: int | None = None
        while True:
            limit = "" if size is None else f" LIMIT {size}"
            try:
                page = self._first_page(walk, _where([*conditions, _beyond(walk, position)]), order + limit)
            except RefusedError as error:
                size = next(sizes, None)
                if error.code != "QUERY_TIMEOUT" or size is None:
                    raise
                continue
            ended = size is None or page["totalSize"] < size
            while True:
                rows = [self._whole(row) for row in page["records"]]
                if rows:
                    position = f"{time_literal(parse_time(rows[-1][walk.stamp]))}|{rows[-1]['Id']}"
                if page["done"]:
                    if ended:
                        yield rows, None
                        return
                    yield rows, position
                    break
                if rows:
                    yield rows, position
                try:
                    page = self._transport.query_more(page["nextRecordsUrl"])
                except RefusedError as error:
                    if error.code != LOST_LOCATOR:
                        raise
                    ended = False
                    break  # Salesforce has forgotten the result: ask for what lies beyond the last row

    def _first_page(self, walk: Walk, conditions: str, order: str) -> dict[str, Any]:
        """Return a query's first page; without the fields that may not be seen, and empty if the object is off."""
        if walk.sobject in self._absent:
            return {"records": [], "done": True, "totalSize": 0}
        try:
            return self._transport.query(f"{self._head(walk)}{conditions}{order}", deleted=True)
        except MissingObjectError:
            if not walk.optional:
                raise
            self._absent.add(walk.sobject)
            return {"records": [], "done": True, "totalSize": 0}
        except MissingFieldError:
            if walk in self._examined:
                raise
            self._hide(walk)
            return self._first_page(walk, conditions, order)

    def room(self, walk: Walk) -> int:
        """Return how many ids a query for such rows has room for.

        Raises:
            SchemaError: It has room for none, for the fields alone are too many.
        """
        room = ids_that_fit(self._head(walk))
        if room < 1:
            raise SchemaError(
                f"Salesforce: the fields of {walk.sobject} are too many for one query: leave some out (excluded_fields)"
            )
        return room

    def _head(self, walk: Walk) -> str:
        columns = [*self._columns(walk), *([walk.children] if walk.children else ())]
        return f"SELECT {', '.join(columns)} FROM {walk.sobject}"

    def _hide(self, walk: Walk) -> None:
        """Find out which of the walk's fields may not be seen, and leave them out from now on."""
        hidden = frozenset(name for name in (*walk.required, *walk.wished) if not self._is_visible(walk.sobject, name))
        lacking = sorted(hidden.intersection(walk.required))
        if lacking:
            raise SchemaError(
                f"Salesforce: {', '.join(f'{walk.sobject}.{name}' for name in lacking)} is not visible to the"
                " integration user: grant read access (field-level security)"
            )
        self._examined.add(walk)
        hidden -= self._hidden.get(walk.sobject, frozenset())
        self._hidden[walk.sobject] = self._hidden.get(walk.sobject, frozenset()) | hidden
        if hidden:
            logger.warning(
                "not visible, and left out: %s", ", ".join(f"{walk.sobject}.{name}" for name in sorted(hidden))
            )

    def _is_visible(self, sobject: str, path: str) -> bool:
        above, _, name = path.rpartition(".")
        try:
            # Each record above that we read is called as its object is.
            return name in self._fields.describe(above or sobject)
        except MissingObjectError:
            if above:
                return False
            raise

    def _columns(self, walk: Walk) -> list[str]:
        hidden = self._hidden.get(walk.sobject, frozenset())
        return [name for name in (*walk.required, *walk.wished) if name not in hidden]

    def _whole(self, row: Row) -> Row:
        """Return a row with all of its children, which come in pages of their own if there are many."""
        for value in row.values():
            if isinstance(value, dict) and "records" in value:
                while not value["done"]:
                    further = self._transport.query_more(value["nextRecordsUrl"])
                    value["records"] += further["records"]
                    value["done"], value["nextRecordsUrl"] = further["done"], further.get("nextRecordsUrl")
        return row

    # By Bulk API ----------------------------------------------------------------------------------------------------

    def _is_large(self, walk: Walk) -> bool:
        if not walk.bulk or walk.children:
            return False
        try:
            return (self.count(walk) or 0) > _BULK_FROM_ROWS
        except RefusedError as error:
            if error.code != "QUERY_TIMEOUT":
                raise
            return True  # what cannot even be counted

    def _walk_by_bulk(self, walk: Walk, place: Place | None) -> Iterator[tuple[list[Row], str | None]]:
        if place is None:
            self._hide(walk)  # a job does not say which field it lacks
            place = start_job(self._transport, f"{self._head(walk)}{_where(_listing(walk))}")
            yield [], place.render()
        types = {name: self._fields.type_of(walk.sobject, name) for name in self._columns(walk)}
        for rows, after in read_job(self._transport, place, lambda row: parse_row(row, types)):
            yield rows, None if after is None else after.render()


def parse_row(row: Mapping[str, str], types: Mapping[str, str]) -> Row:
    """Return a row of a Bulk result as REST would have sent it: with types, null for nothing, and records above it."""
    parsed: Row = {}
    for path, text in row.items():
        above, _, name = path.rpartition(".")
        holder = parsed
        if above:
            holder = parsed.setdefault(above, {})
        holder[name] = _parse_value(text, types.get(path, "string"))
    return parsed


def _parse_value(text: str, type_: str) -> str | float | bool | None:
    if text == "":
        return None
    if type_ == _BOOLEAN:
        return text == "true"
    return float(text) if type_ in _NUMBERS else text


def _listing(walk: Walk) -> list[str]:
    return [walk.where, "IsDeleted = false"]


def _beyond(walk: Walk, position: str | None) -> str:
    """Return the condition of what lies beyond a position: later, or as late with a larger id."""
    if position is None:
        return ""
    stamp, _, last_id = position.partition("|")
    return f"(({walk.stamp} = {stamp} AND Id > {text_literal(last_id)}) OR {walk.stamp} > {stamp})"


def _where(conditions: Sequence[str]) -> str:
    given = [condition for condition in conditions if condition]
    return f" WHERE {' AND '.join(given)}" if given else ""
