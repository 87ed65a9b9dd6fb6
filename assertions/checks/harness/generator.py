"""Check: the load generator made the planned load, in time, and recorded all of it."""

from __future__ import annotations

import math

from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.units import show
from assertions.verdicts import Judgement, Reading, judge_reading, no_data, passed

CLOCKS_APART_S = 0.01
"""Generators on other machines must agree with the runner's clock to this; an export of 1k records takes longer."""


def lost_record(record: ScenarioRecord) -> str | None:
    """Return why requests may have been made that were not recorded; None where all were recorded."""
    made = record.scenario.generator
    if made.exit_code != 0:
        return f"the load generator ended with exit code {made.exit_code}, not 0"
    if made.end_marks != made.workers:
        return f"{made.end_marks} of {made.workers} load workers confirmed that they recorded everything"
    cut = next((phase for phase in record.scenario.phases if phase.ended == "interrupted"), None)
    return None if cut is None else f"the phase {cut.name} was cut short: {cut.note}"


def generator(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The load was the planned one, and the generator kept up with it. Never a FAIL: no target is to blame."""
    made = record.scenario.generator
    lost = lost_record(record)
    if lost is not None:
        return no_data(lost)
    if not record.scenario.phases or not record.hits:
        return no_data("no request was planned, or none was recorded")
    for phase in record.scenario.phases:
        count = sum(1 for hit in record.hits if hit.phase == phase.name)
        if not phase.completed:
            return no_data(f"the phase {phase.name} was cut short: {phase.note}")
        if phase.recorded != phase.planned or count != phase.recorded:
            return no_data(f"the phase {phase.name} planned {phase.planned} requests and recorded {count}")
    measured = [
        (made.cpu_ratio, "generator_cpu_ratio", "share of a core that the load generator used", "ratio"),
        (
            made.event_loop_lag_p99_ms,
            "generator_event_loop_lag_p99_ms",
            "P99 of the load generator's event-loop lag",
            "ms",
        ),
    ]
    if made.start_delay_p99_ms is not None:  # only open arrivals have a planned moment to be late for
        measured.append(
            (
                made.scheduling_delay_p99_ms,
                "generator_scheduling_delay_p99_ms",
                "P99 of the load generator's scheduling delay",
                "ms",
            )
        )
    kept = []
    for value, limit_id, what, unit in measured:
        limit = limits[limit_id]
        kept.append(f"a {what} above {show(limit.target, unit)}")
        reading = Reading(name=what, value=value, unit=unit, source="scenario.json")
        judged = judge_reading(limit, reading, what)
        if judged.status != "PASS":
            return no_data(f"{judged.reason}: its times include its own delays", reading, limit=limit)
    for clock in made.clocks:
        apart = math.inf if clock.drift_s is None else clock.error_s + abs(clock.drift_s)
        if not apart <= CLOCKS_APART_S:
            what = "was not read again" if clock.drift_s is None else f"was wrong by up to {show(apart, 's')}"
            return no_data(
                f"the clock of generator {clock.worker} on {clock.host} {what}: its record is not comparable"
            )
    return passed(
        f"all {len(record.hits)} planned requests were made and recorded, and the generator kept up with them",
        catches=f"one request too few, or {', '.join(kept)} would not have passed",
    )
