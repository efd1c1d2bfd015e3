"""Spells values and queries in SOQL."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote_plus

from connectors.times import render_time

# Where some objects draw the line themselves.
IDS_PER_QUERY = 200
# Salesforce takes an address with its headers of 16,384 bytes; some are for conditions and the rest of the address.
MAX_QUERY_BYTES = 14_000
_ID_BYTES = 27  # eighteen characters, with quotes and a comma as an address spells them


def text_literal(value: str) -> str:
    """Return a quoted string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def time_literal(moment: datetime) -> str:
    """Return a dateTime literal with milliseconds; the client's own formatter cuts them."""
    return render_time(moment)


def list_literal(values: Iterable[str]) -> str:
    """Return the right side of an IN."""
    return "(" + ",".join(text_literal(value) for value in values) + ")"


def chunks(ids: Iterable[str], room: int = IDS_PER_QUERY) -> Iterator[Sequence[str]]:
    """Yield distinct ids, as many as go into one query at a time."""
    distinct, size = sorted(set(ids)), max(1, min(room, IDS_PER_QUERY))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


def ids_that_fit(soql: str) -> int:
    """Return how many ids a query still has room for; below 0 it is too long by itself."""
    return (MAX_QUERY_BYTES - len(quote_plus(soql))) // _ID_BYTES


def object_of(soql: str) -> str:
    """Return the object that a query reads, for messages."""
    found = re.findall(r"\bFROM\s+(\w+)", soql)
    return found[-1] if found else "?"
