"""Faults put into recorded series from one sample on, each with the alerts that it must set off. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Key = tuple[tuple[str, str], ...]
"""A series: its labels with `__name__`, sorted."""
Series = Mapping[Key, list[float | None]]
"""One value a scrape; None: the series was not there."""

SLOW_FROM_MS: Final = 30_000
FAILURES: Final = 20
MANY_BYTES: Final = 1_000
MUCH_MEMORY: Final = 600e6
AT_ONCE: Final = 20
IN_QUEUE: Final = 150

Change = Callable[[Series, int], Series]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a target goes wrong."""

    change: Change
    """Gets the series and the sample from which on they change."""
    alerts: frozenset[str]
    """Names that must fire, in each of their severities."""


def _slow(series: Series, at: int) -> Series:
    """Every export takes longer than every bound of an alert: its bucket counts stand still."""
    return {
        key: _held(values, at)
        if _name(key) == "export_latency_ms_bucket" and float(dict(key)["le"]) <= SLOW_FROM_MS
        else values
        for key, values in series.items()
    }


def _failing(series: Series, at: int) -> Series:
    """No export succeeds any more: some fail in each scrape interval."""
    made = {}
    for key, values in series.items():
        labels = dict(key)
        if _name(key) == "export_requests_total" and labels["status"] == "succeeded":
            made[key] = _held(values, at)
        elif _name(key) == "export_fail_total" or (
            _name(key) == "export_requests_total" and labels["status"] == "failed"
        ):
            made[key] = _growing(values, at, FAILURES)
        else:
            made[key] = values
    return made


def _gauge(name: str, value: float) -> Change:
    def change(series: Series, at: int) -> Series:
        return {
            key: [value if place >= at else old for place, old in enumerate(values)] if _name(key) == name else values
            for key, values in series.items()
        }

    return change


def _huge(series: Series, at: int) -> Series:
    """Files are a thousand times as large as before."""
    return {
        key: _growing(values, at, MANY_BYTES * 1e6) if _name(key) == "export_bytes_total" else values
        for key, values in series.items()
    }


def _stalled(series: Series, at: int) -> Series:
    """Some wait, and nothing ends."""
    waiting = _gauge("export_queue_depth", 3)(series, at)
    return {
        key: _held(values, at) if _name(key) == "export_requests_total" else values for key, values in waiting.items()
    }


def _gone(series: Series, at: int) -> Series:
    """No page is served any more."""
    return {
        key: [(0.0 if _name(key) == "up" else None) if place >= at else value for place, value in enumerate(values)]
        for key, values in series.items()
    }


def _renamed(series: Series, at: int) -> Series:
    """The histogram bears another name, as the first implementation's did."""
    return {
        key: [None if place >= at else value for place, value in enumerate(values)]
        if _name(key).startswith("export_latency_ms_")
        else values
        for key, values in series.items()
    }


FAULTS: Final[Mapping[str, Fault]] = {
    "slow": Fault(change=_slow, alerts=frozenset({"ExportLatencyP95High"})),
    "failing": Fault(
        change=_failing,
        alerts=frozenset(
            {
                "ExportFailSpike",
                "ExportSuccessRateLow",
                "ExportSuccessRateCritical",
                "ExportErrorBudgetBurnFast",
                "ExportErrorBudgetBurnSlow",
            }
        ),
    ),
    "huge bytes": Fault(change=_huge, alerts=frozenset({"ExportBytesAnomaly"})),
    "over the limit": Fault(
        change=_gauge("export_concurrent_running", AT_ONCE),
        alerts=frozenset({"ExportConcurrentHigh", "ExportOverConcurrencyLimit"}),
    ),
    "queue over its bound": Fault(
        change=_gauge("export_queue_depth", IN_QUEUE),
        alerts=frozenset({"ExportQueueOverBound", "ExportQueueNearlyFull"}),
    ),
    "stalled": Fault(change=_stalled, alerts=frozenset({"ExportQueueStalled"})),
    "much memory": Fault(change=_gauge("export_memory_bytes", MUCH_MEMORY), alerts=frozenset({"ExportMemoryHigh"})),
    "silent": Fault(change=_gone, alerts=frozenset({"ExportTargetDown", "ExportMetricsMissing"})),
    "histogram renamed": Fault(change=_renamed, alerts=frozenset({"ExportMetricsMissing"})),
}
"""By name."""


def _name(key: Key) -> str:
    return dict(key)["__name__"]


def _held(values: list[float | None], at: int) -> list[float | None]:
    return [values[at] if place >= at and value is not None else value for place, value in enumerate(values)]


def _growing(values: list[float | None], at: int, step: float) -> list[float | None]:
    return [
        value + (place - at + 1) * step if place >= at and value is not None else value
        for place, value in enumerate(values)
    ]
