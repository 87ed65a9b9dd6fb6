"""Bounds that only the alert rules use, as data: the `[[alert]]` tables of the limits file.

Most alerts take their bound from a `[[limit]]`. An alert whose bound is no pass condition of a run takes it from here,
so that one file still holds every number that a user may want to change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import msgspec

ALERT_IDS = frozenset(
    {
        "fail_spike_warning",
        "fail_spike_critical",
        "bytes_anomaly",
        "concurrent_high",
        "queue_nearly_full",
        "burn_fast",
        "burn_slow",
    }
)
"""Every bound of this kind. A limits file that leaves one out takes the default's."""

WINDOWED = frozenset({"fail_spike_warning", "fail_spike_critical", "bytes_anomaly", "burn_fast", "burn_slow"})
"""The bounds on what a counter gained in a time; only these have a `window`."""

SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 60, 86_400
"""A minute holds too few scrapes already; what takes longer than a day is no alert but a report."""

_WINDOW = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class AlertBound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bound: the alert fires above it."""

    id: str
    above: float
    unit: str
    reason: str
    """Why this bound."""
    window: str | None = None
    """The time in which a counter gains so much, as Prometheus writes durations, such as `10m`; None for a gauge."""

    @property
    def window_s(self) -> int | None:
        """The window in seconds; None without one, or where it is no duration."""
        match = _WINDOW.fullmatch(self.window or "")
        return int(match[1]) * _SECONDS[match[2]] if match else None


def read_alert_bounds(entries: object) -> tuple[dict[str, AlertBound], tuple[str, ...]]:
    """Return the usable `[[alert]]` entries of a limits file by id, and everything that is wrong with the others."""
    if not isinstance(entries, list):
        return {}, ("`alert` must be an array of tables, written [[alert]]",)
    found: dict[str, AlertBound] = {}
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        name = str(entry.get("id", "no id")) if isinstance(entry, dict) else "no table"
        try:
            bound = msgspec.convert(entry, AlertBound)
        except msgspec.ValidationError as error:
            problems.append(f"[[alert]] number {number} ({name}): {error}")
            continue
        problems += [f"[[alert]] number {number} ({name}): {problem}" for problem in _problems(bound)]
        if bound.id in found:
            problems.append(f"[[alert]] number {number}: {bound.id!r} is there twice")
        found[bound.id] = bound
    return found, tuple(problems)


def _problems(bound: AlertBound) -> Iterable[str]:
    if bound.id not in ALERT_IDS:
        yield f"unknown alert bound; known are {', '.join(sorted(ALERT_IDS))}"
        return
    if not (math.isfinite(bound.above) and bound.above >= 0):
        yield "above must be a finite number of 0 or more"
    if bound.id in WINDOWED:
        if bound.window_s is None or not SHORTEST_WINDOW_S <= bound.window_s <= LONGEST_WINDOW_S:
            yield f"window must be a duration such as 10m, from 1m to 1d, not {bound.window!r}"
    elif bound.window is not None:
        yield "a bound of a gauge has no window"
