"""Functions of one value: what they make of a date, and which type that is.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_date_functions.htm
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

Function = Callable[[Any], Any]

DATES = ("date", "datetime")
DATE_FUNCTIONS: dict[str, Function] = {
    "CALENDAR_MONTH": lambda day: day.month,
    "CALENDAR_QUARTER": lambda day: (day.month + 2) // 3,
    "CALENDAR_YEAR": lambda day: day.year,
    "DAY_IN_MONTH": lambda day: day.day,
    "DAY_IN_WEEK": lambda day: day.isoweekday() % 7 + 1,  # Sunday is 1
    "DAY_IN_YEAR": lambda day: day.timetuple().tm_yday,
    "DAY_ONLY": lambda day: day.date(),
    "FISCAL_MONTH": lambda day: day.month,
    "FISCAL_QUARTER": lambda day: (day.month + 2) // 3,
    "FISCAL_YEAR": lambda day: day.year,
    "HOUR_IN_DAY": lambda day: day.hour,
    "WEEK_IN_MONTH": lambda day: (day.day + 6) // 7,
    "WEEK_IN_YEAR": lambda day: (day.timetuple().tm_yday + 6) // 7,
}
ONLY_DATETIME = {"DAY_ONLY", "HOUR_IN_DAY"}
# What a select list may ask for without grouping; the user's language and currency change nothing here.
SHOWN = {"TOLABEL", "FORMAT", "CONVERTCURRENCY"}
AGGREGATES = {"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"}
NUMBERS = ("int", "double", "currency", "percent")


def aggregate(function: str, values: list[Any]) -> Any:
    """Return what an aggregate function makes of the values of a group; nulls do not count."""
    known = [value for value in values if value is not None]
    match function:
        case "COUNT":
            return len(known)
        case "COUNT_DISTINCT":
            return len({value.lower() if isinstance(value, str) else value for value in known})
        case "SUM":
            return float(sum(known)) if known else None
        case "AVG":
            return sum(known) / len(known) if known else None
        case "MIN":
            return min(known, default=None, key=_sortable)
        case _:
            return max(known, default=None, key=_sortable)


def _sortable(value: str | float | date | datetime) -> Any:
    return value.lower() if isinstance(value, str) else value
