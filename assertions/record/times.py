"""Times in a target's answers: ISO 8601 to Unix seconds, and whether a time is plausible."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

DAY_S = 86_400
"""Zones that a time does not name differ by less."""


CLOCKS_S = 600
"""Two machines' clocks may be so far apart; time zones are further apart."""


CLOCK_TICKS_S = 3.0
"""In so long a time every clock with seconds moves on."""


MINUTES_S = 90.0
"""And every clock with minutes."""


def unix_time(text: object) -> float | None:
    """Return the Unix seconds of an ISO 8601 time, read as UTC where the text has no zone; None for other text."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())  # RFC 3339 allows t and z
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def clock_is_frozen(reported: Iterable[str], seconds: float) -> bool:
    """Return whether ISO 8601 times reported over so many seconds are all the same, and must not be."""
    times = {unix_time(text) for text in reported}
    moment = times.pop() if len(times) == 1 else None
    return moment is not None and seconds > (MINUTES_S if moment % 60 == 0 else CLOCK_TICKS_S)


def is_plausible_time(text: object, start: float, end: float | None = None) -> bool:
    """Whether an ISO 8601 time is that of a moment between start and end (Unix seconds), as far as clocks agree.

    A time that names no zone may be local time, and is good for a day.
    """
    moment = unix_time(text)
    if moment is None:
        return False
    slack = CLOCKS_S if datetime.fromisoformat(str(text).upper()).tzinfo else DAY_S
    return start - slack <= moment <= (start if end is None else end) + slack
