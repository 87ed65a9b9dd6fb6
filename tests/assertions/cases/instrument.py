"""Generators that were not fit, or not right about a known server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from assertions.record.types import Calibration, GeneratorClock
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, table
from tests.assertions.healthy.records import changed, each, with_scenario

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


def clock(drift_s: float | None) -> GeneratorClock:
    """That of a generator elsewhere, known to 1 ms, whose own time is another by hours."""
    return GeneratorClock(worker=1, host="far.example", offset_s=7200.0, error_s=0.001, drift_s=drift_s)


def generated(**fields: Any) -> Change:
    """A change of what the generator says of itself."""
    return lambda record: with_scenario(record, generator=msgspec.structs.replace(record.scenario.generator, **fields))


def phase(name: str, **fields: Any) -> Change:
    """A change of one phase's run."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        phases = each(record.scenario.phases, lambda one: fields if one.name == name else None)
        return with_scenario(record, phases=phases)

    return change


BLIND: tuple[Case, ...] = (
    *table(
        "calibration",
        "load",
        (
            "not measured",
            lambda r: changed(r, calibration=()),
            "generator 0 has 0 answers of the known server, and 59 are needed",
        ),
        ("no generator", generated(workers=0, end_marks=0), "no generator measured the known server"),
        (
            "too few",
            lambda r: changed(r, calibration=r.calibration[:58]),
            "generator 0 has 58 answers of the known server, and 59 are needed",
        ),
        (
            "one of two generators",
            generated(workers=2, end_marks=2),
            "generator 1 has 0 answers of the known server, and 59 are needed",
        ),
        ("answers lost", unanswered(2), "generator 0 lost 2 of 100 answers of the known server"),
        (
            "two clocks",
            measured(lambda one: {"server_end": one.end + 0.001} if one.index == 7 else None),
            "the clocks of generator 0 and the known server disagree, first at request 7",
        ),
        (
            "held back",
            late(60.0),
            "P95 of the generator's error over 100 requests to a known server: 61 ms (limit <= 50 ms): its",
        ),
    ),
    *table(
        "generator",
        "load",
        (
            "late open arrivals",
            generated(start_delay_p99_ms=120.0, scheduling_delay_p99_ms=101.0),
            "P99 of the load generator's scheduling delay: 101 ms (limit <= 100 ms): its times include its",
        ),
        (
            "open arrivals without their own lateness",
            generated(start_delay_p99_ms=1.0),
            "P99 of the load generator's scheduling delay could not be read from scenario.json: its times",
        ),
    ),
    *table(
        "generator",
        "load",
        ("ended with 1", generated(exit_code=1), "the load generator ended with exit code 1, not 0"),
        ("killed", generated(exit_code=None), "the load generator ended with exit code None, not 0"),
        ("a worker gone", generated(workers=2), "1 of 2 load workers confirmed that they recorded everything"),
        (
            "cut short",
            phase("measure", completed=False, note="interrupted"),
            "the phase measure was cut short: interrupted",
        ),
        (
            "fewer recorded than planned",
            phase("measure", planned=101),
            "the phase measure planned 101 requests and recorded 100",
        ),
        ("a hit lost", lambda r: changed(r, hits=r.hits[1:]), "the phase warmup planned 2 requests and recorded 1"),
        (
            "a busy core",
            generated(cpu_ratio=0.91),
            "share of a core that the load generator used: 91 % (limit <= 90 %): its times include its own",
        ),
        (
            "a late loop",
            generated(event_loop_lag_p99_ms=251.0),
            "P99 of the load generator's event-loop lag: 251 ms (limit <= 250 ms): its times include its",
        ),
        (
            "nothing said",
            generated(cpu_ratio=None),
            "share of a core that the load generator used could not be read from scenario.json: its times",
        ),
        (
            "no number",
            generated(event_loop_lag_p99_ms=float("nan")),
            "P99 of the load generator's event-loop lag: nan ms (limit <= 250 ms): its times include its",
        ),
        (
            "a clock that ran off",
            generated(clocks=(clock(0.0), clock(-0.0095))),
            "the clock of generator 1 on far.example was wrong by up to 0.0105 s: its record is not",
        ),
        (
            "a clock read once",
            generated(clocks=(clock(None),)),
            "the clock of generator 1 on far.example was not read again",
        ),
        (
            "a clock that tells no time",
            generated(clocks=(clock(float("nan")),)),
            "the clock of generator 1 on far.example was wrong by up to nan s: its record is not comparable",
        ),
    ),
)
