"""What `/export/status` answered while load ran: its readings, and what is wrong with one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from assertions.contract import MAX_CONCURRENT
from assertions.record.times import is_plausible_time
from assertions.record.view import ScenarioRecord, as_object

SETTLE_S: Final = 0.3
"""A gauge may fall this much later than the answer is read: both come from one event loop's turn, seldom later."""
COMPARED_LEAST: Final = 8
"""Readings with an export surely under way, below which the target's counts can't be compared with them."""
REPORTED_SHARE: Final = 0.35
"""Share of the exports surely under way that the target must report: a gauge may be set late and read early."""
BAD_SHARE: Final = 0.01
"""Share of calls of /health or /export/status that may fail."""
PROBES_LEAST: Final = 5
"""Calls of /health or /export/status below which nothing can pass."""
CLOCK_CALLS: Final = 20
"""Calls from which on a clock that never moved is one that stands still."""
EXCESS_LEAST: Final = 2
EXCESS_SHARE: Final = 0.1
"""Readings (that many, or that share of all) that may report more than was under way: the two clocks are not one."""


def too_many_above(excess: int, readings: int) -> bool:
    """Return whether so many readings reported more than was under way that the two clocks don't explain it."""
    return excess > max(EXCESS_LEAST, EXCESS_SHARE * readings)


def statuses(record: ScenarioRecord) -> Iterator[tuple[float, float, str | None, dict[str, object]]]:
    """(start, end, phase, body) of each /export/status that was answered with a JSON object."""
    for probe in record.health:
        body = as_object(probe.answer)
        if probe.path.endswith("/export/status") and probe.status == 200 and body is not None:
            yield probe.start, probe.end, probe.phase, body


def whole(value: object) -> float | None:
    """Return a JSON number as a float; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def status_problem(body: dict[str, object], now: float) -> str | None:
    """Return what is wrong with one answer of /export/status, given at `now` in Unix seconds; None: nothing."""
    for key in ("concurrentExports", "queueDepth", "maxConcurrentExports"):
        value = body.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"{key} is {value!r}, no count"
    if body["maxConcurrentExports"] != MAX_CONCURRENT:
        return f"maxConcurrentExports is {body['maxConcurrentExports']}, not {MAX_CONCURRENT}"
    if body.get("status") != "ready":
        return f"status is {body.get('status')!r}, not 'ready'"
    if not isinstance(body.get("version"), str) or not body["version"]:
        return f"version is {body.get('version')!r}"
    if not is_plausible_time(body.get("timestamp"), now):
        return f"timestamp {body.get('timestamp')!r} is no ISO 8601 of the time"
    return None
