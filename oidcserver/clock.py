"""The one clock: whole seconds since the epoch, as every JWT and every row has them."""

import time

#: Seconds added to the machine's clock. Tests move time by it; nothing else writes it.
offset: float = 0.0


def now() -> int:
    """Return the current time in seconds since the epoch (RFC 7519 NumericDate, whole seconds)."""
    return int(time.time() + offset)
