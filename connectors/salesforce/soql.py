"""Spells values and queries in SOQL."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from connectors.times import render_time

# Keeps a query's address well below Salesforce's 16,000 bytes, and is where some objects draw the line themselves.
IDS_PER_QUERY = 200


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


def chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield distinct ids, as many as go into one query at a time."""
    distinct = sorted(set(ids))
    for start in range(0, len(distinct), IDS_PER_QUERY):
        yield distinct[start : start + IDS_PER_QUERY]


def object_of(soql: str) -> str:
    """Return the object that a query reads, for messages."""
    found = re.findall(r"\bFROM\s+(\w+)", soql)
    return found[-1] if found else "?"
