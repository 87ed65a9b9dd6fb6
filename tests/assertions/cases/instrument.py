"""Generators that were not right about a known server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assertions.record.types import Calibration
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case
from tests.assertions.cases.conduct import generated
from tests.assertions.healthy.records import changed, each

Change = Callable[[ScenarioRecord], ScenarioRecord]

FAILS: tuple[Case, ...] = ()


def measured(change: Callable[[Calibration], Mapping[str, Any] | None]) -> Change:
    """A change of fields of what the generators measured of the known server."""
    return lambda record: changed(record, calibration=each(record.calibration, change))


def late(milliseconds: float, share: float = 1.0) -> Change:
    """A change by which that share of the known server's answers was seen so much later than it was."""
    return measured(
        lambda one: {"end": one.end + milliseconds / 1000} if one.index >= round(100 * (1 - share)) else None
    )


def unanswered(count: int) -> Change:
    """A change by which so many requests to the known server had no answer."""
    fields = {"status": None, "error": "timeout", "server_start": None, "server_end": None}
    return measured(lambda one: fields if one.index < count else None)


BLIND: tuple[Case, ...] = (
    Case(
        id="calibration",
        name="not measured",
        on="load",
        change=lambda r: changed(r, calibration=()),
        reason="generator 0 has 0 answers of the known server, and 59 are needed",
    ),
    Case(
        id="calibration",
        name="no generator",
        on="load",
        change=generated(workers=0, end_marks=0),
        reason="no generator measured the known server",
    ),
    Case(
        id="calibration",
        name="too few",
        on="load",
        change=lambda r: changed(r, calibration=r.calibration[:58]),
        reason="generator 0 has 58 answers of the known server, and 59 are needed",
    ),
    Case(
        id="calibration",
        name="one of two generators",
        on="load",
        change=generated(workers=2, end_marks=2),
        reason="generator 1 has 0 answers of the known server, and 59 are needed",
    ),
    Case(
        id="calibration",
        name="answers lost",
        on="load",
        change=unanswered(2),
        reason="generator 0 lost 2 of 100 answers of the known server",
    ),
    Case(
        id="calibration",
        name="two clocks",
        on="load",
        change=measured(lambda one: {"server_end": one.end + 0.001} if one.index == 7 else None),
        reason="the clocks of generator 0 and the known server disagree, first at request 7",
    ),
    Case(
        id="calibration",
        name="held back",
        on="load",
        change=late(60.0),
        reason="P95 of the generator's error over 100 requests to a known server: 61 ms (limit <= 50 ms): its",
    ),
    Case(
        id="generator",
        name="late open arrivals",
        on="load",
        change=generated(start_delay_p99_ms=120.0, scheduling_delay_p99_ms=101.0),
        reason="P99 of the load generator's scheduling delay: 101 ms (limit <= 100 ms): its times include its",
    ),
    Case(
        id="generator",
        name="open arrivals without their own lateness",
        on="load",
        change=generated(start_delay_p99_ms=1.0),
        reason="P99 of the load generator's scheduling delay could not be read from scenario.json: its times",
    ),
)
