"""The load generator made the load that was asked for, and lost nothing of its record."""

from __future__ import annotations

import math

from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, Reading, judge_reading, no_data, passed

CLOCKS_APART_S = 0.01
"""Generators on other machines must agree with the runner's clock to this; exports of 1k records take a few of it."""


def lost_record(record: ScenarioRecord) -> str | None:
    """Why requests may have been made of which nothing was recorded; None where all that were made are there."""
    made = record.scenario.generator
    if made.exit_code != 0:
        return f"the load generator ended with {made.exit_code}, not 0"
    if made.end_marks != made.workers:
        return f"{made.end_marks} of {made.workers} load workers said that they recorded everything"
    cut = next((phase for phase in record.scenario.phases if phase.ended == "interrupted"), None)
    return None if cut is None else f"the phase {cut.name} was cut short: {cut.note}"


def generator(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The load was what was asked, and the generator was not its own bottleneck. Never a FAIL: it blames no target."""
    made = record.scenario.generator
    lost = lost_record(record)
    if lost is not None:
        return no_data(lost)
    if not record.scenario.phases or not record.hits:
        return no_data("nothing was planned, or nothing of it was recorded")
    for phase in record.scenario.phases:
        count = sum(1 for hit in record.hits if hit.phase == phase.name)
        if not phase.completed:
            return no_data(f"the phase {phase.name} was cut short: {phase.note}")
        if phase.recorded != phase.planned or count != phase.recorded:
            return no_data(f"the phase {phase.name} planned {phase.planned} requests and recorded {count}")
    measured = [
        (made.cpu_ratio, "generator_cpu_ratio", "the generator's share of a core", "ratio"),
        (made.event_loop_lag_p99_ms, "generator_event_loop_lag_p99_ms", "the generator's event-loop lag P99", "ms"),
    ]
    if made.start_delay_p99_ms is not None:  # only open arrivals have a planned moment to be late for
        measured.append(
            (
                made.scheduling_delay_p99_ms,
                "generator_scheduling_delay_p99_ms",
                "the generator's own lateness P99",
                "ms",
            )
        )
    for value, limit_id, what, unit in measured:
        limit = limits[limit_id]
        reading = Reading(name=what, value=value, unit=unit, source="scenario.json")
        judged = judge_reading(limit, reading, what)
        if judged.status != "PASS":
            return no_data(f"{judged.reason}: the generator measured itself", reading, limit=limit)
    for clock in made.clocks:
        apart = math.inf if clock.drift_s is None else clock.error_s + abs(clock.drift_s)
        if not apart <= CLOCKS_APART_S:
            what = "was not read again" if clock.drift_s is None else f"was wrong by up to {apart * 1000:,.1f} ms"
            return no_data(
                f"the clock of generator {clock.worker} on {clock.host} {what}: what it recorded can't be held against "
                "what others saw"
            )
    return passed(f"all {len(record.hits)} planned requests were made and recorded, the generator had time to spare")
