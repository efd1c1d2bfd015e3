"""Spells values in SOQL."""

from collections.abc import Iterable
from datetime import datetime

from connectors.times import render_time


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
