"""CRM time stamps: both vendors' spellings to aware datetimes, and back to one."""

from datetime import UTC, datetime


def parse_time(stamp: str) -> datetime:
    """Return an aware UTC datetime for `2026-11-23T09:00:00.000Z`, `…+0000`, `2026-11-23` or epoch milliseconds.

    Raises:
        ValueError: The stamp is none of these.
    """
    if stamp.isdigit() and len(stamp) > 8:
        return datetime.fromtimestamp(int(stamp) / 1000, tz=UTC)
    parsed = datetime.fromisoformat(stamp)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def render_time(moment: datetime) -> str:
    """Return `2026-11-23T09:00:00.000Z`, which both vendors accept."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
