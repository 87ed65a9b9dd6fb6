"""Check: equal exports do not get slower over time."""

from __future__ import annotations

from itertools import pairwise

from assertions.limits import Limits
from assertions.record.phases import LEAK, JudgedFor
from assertions.record.types import PhasePlan, Plan
from assertions.record.view import ScenarioRecord
from assertions.stats import median
from assertions.verdicts import Judgement, Reading, judge_reading, no_data

DRIFT_LEAST = 16
"""Exports of one case, four in each quarter, below which a drift can't be seen."""


DRIFT_ALLOWED_MS = 25
"""Milliseconds by which the machine itself may slow an export down."""


DRIFT_STILL = 1.1
"""Where the last quarter takes at most this many times as long as the first, equal exports do not get slower."""


DRIFT_EARLY_LEAST = 3
"""Exports of a case made one by one before the load, from which on their median is one to compare with."""


STEADY_RATIO = 1.5
"""Arrivals of the fullest quarter over those of the emptiest: random arrivals at one rate stay below this."""


def drift(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Equal exports do not get slower: medians of quarters that rise throughout, the last over the first."""
    limit = limits["drift_ratio"]
    worst: Reading | None = None
    for phase in _even(record.plan, one_by_one=bool(record.of_phase(LEAK))):
        for case in sorted({hit.case for hit in record.of_phase(phase)}):
            hits = [hit for hit in record.of_phase(phase) if hit.case == case and hit.status == 200]
            if len(hits) < DRIFT_LEAST:
                continue
            values = [(hit.end - hit.start) * 1000 for hit in hits]
            size = len(values) // 4
            quarters = [median(values[at * size : (at + 1) * size]) for at in range(4)]
            # another process slows one part; what grows with each export slows every later part more
            rising = all(later > earlier for earlier, later in pairwise(quarters))
            first, since = quarters[0], "the first quarter"
            early = _early_ms(record, case) if rising and quarters[3] > DRIFT_STILL * quarters[0] else None
            if early is not None and early < first:
                first, since = early, "the scenario's first exports"
            ratio = max(quarters[3] - DRIFT_ALLOWED_MS, 0.0) / first if rising else 1.0
            if worst is None or worst.value is None or ratio > worst.value:
                worst = Reading(
                    name=f"drift of {case} in {phase}, last quarter as a multiple of {since}",
                    value=ratio,
                    unit="times",
                    source="hits.jsonl",
                    count=len(values),
                )
    if worst is None:
        return no_data(f"no case was exported {DRIFT_LEAST} times in one phase", limit=limit)
    return judge_reading(limit, worst, f"{worst.name}, {DRIFT_ALLOWED_MS} ms aside")


def _early_ms(record: ScenarioRecord, case: str) -> float | None:
    """Return how long an export of a case took that was made by itself before all load, in ms; None: too few were.

    What grows a little with each export has grown for long when the equal exports begin, and hardly doubles in them.
    """
    by_itself = {phase.name for phase in record.plan.phases if phase.mode == "sequence" and phase.name != LEAK}
    took = [(hit.end - hit.start) * 1000 for hit in record.done if hit.case == case and hit.phase in by_itself]
    return median(took) if len(took) >= DRIFT_EARLY_LEAST else None


def drifts(plan: Plan) -> bool:
    """Return whether a plan has a phase in which only the service itself can cause a drift."""
    return bool(_even(plan, one_by_one=any(phase.name == LEAK for phase in plan.phases)))


def _even(plan: Plan, *, one_by_one: bool) -> tuple[str, ...]:
    """Return the phases in which equal exports are equally hard throughout. one_by_one: `leak` is one of them.

    One by one only the service itself can slow down. Under load other processes of the machine can slow it down too,
    unless arrivals keep one rate: arrivals do not slow down with the service, and few exports are under way at once.
    """
    under_load = [
        phase.name
        for phase in plan.phases
        if JudgedFor.DRIFT in phase.judged_for and (_is_steady(phase) or (phase.mode == "closed" and not one_by_one))
    ]
    return (*((LEAK,) if one_by_one else ()), *under_load)


def _is_steady(phase: PhasePlan) -> bool:
    """Return whether a phase keeps one rate: nearly as many arrivals in each quarter of its time."""
    moments = [request.intended_s for request in phase.requests if request.intended_s]
    last, quarters = max(moments, default=0.0), [0, 0, 0, 0]
    for moment in moments:
        quarters[min(int(4 * moment / last), 3)] += 1
    return max(quarters) <= STEADY_RATIO * min(quarters) and min(quarters) > 0
