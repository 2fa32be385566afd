"""Times on pages."""

from datetime import UTC, datetime


def moment(seconds: int) -> str:
    """Return a time, given in seconds since the epoch, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
