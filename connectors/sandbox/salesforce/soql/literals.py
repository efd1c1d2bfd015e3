"""Date literals: which days `LAST_N_DAYS:7` and the like mean.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
The user's time zone is UTC, weeks begin on Sunday, and fiscal years are calendar years.
"""

import re
from datetime import date, timedelta

_UNITS = re.compile(
    r"(?P<way>LAST|THIS|NEXT)_(?P<n>N_)?(?:FISCAL_)?(?P<unit>DAY|WEEK|MONTH|QUARTER|YEAR)S?(:(?P<count>\d+))?"
)
_AGO = re.compile(r"N_(?:FISCAL_)?(?P<unit>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(?P<count>\d+)")
_DAYS = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def span_of(literal: str, today: date) -> tuple[date, date]:
    """Return the first day that a literal means, and the first day after.

    Raises:
        OverflowError: It means days that no calendar has.
    """
    if literal in _DAYS:
        return _units("DAY", today, _DAYS[literal], 1)
    if literal == "LAST_90_DAYS":
        return today - timedelta(days=90), today + timedelta(days=1)
    if literal == "NEXT_90_DAYS":
        return _units("DAY", today, 1, 90)
    ago = _AGO.fullmatch(literal)
    if ago is not None:
        return _units(ago["unit"], today, -int(ago["count"]), 1)
    match = _UNITS.fullmatch(literal)
    assert match is not None, literal
    unit, count = match["unit"], int(match["count"] or 1)
    if match["way"] == "THIS":
        return _units(unit, today, 0, 1)
    if match["way"] == "NEXT":
        return _units(unit, today, 1, count)
    start, end = _units(unit, today, -count, count)
    # The last n days go on until now, the last n weeks and longer units end with the last full one.
    return start, end + timedelta(days=1) if unit == "DAY" else end


def _units(unit: str, today: date, first: int, count: int) -> tuple[date, date]:
    """Return the days of so many units, from the one that is `first` units after today's."""
    if unit == "DAY":
        start = today + timedelta(days=first)
        return start, start + timedelta(days=count)
    if unit == "WEEK":
        sunday = today - timedelta(days=today.isoweekday() % 7)
        start = sunday + timedelta(weeks=first)
        return start, start + timedelta(weeks=count)
    months = _MONTHS[unit]
    now = today.year * 12 + (today.month - 1) // months * months
    return _month(now + first * months), _month(now + (first + count) * months)


def _month(number: int) -> date:
    year, month = divmod(number, 12)
    try:
        return date(year, month + 1, 1)
    except ValueError as error:
        raise OverflowError(f"no year {year}") from error
