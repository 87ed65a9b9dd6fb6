"""Equal exports do not get slower over time."""

from __future__ import annotations

from itertools import pairwise

from assertions.limits import Limits
from assertions.record.phases import LEAK, JudgedFor
from assertions.record.types import PhasePlan, Plan
from assertions.record.view import ScenarioRecord
from assertions.stats import median
from assertions.verdicts import Judgement, Reading, judge_reading, no_data

DRIFT_LEAST = 16
"""Exports of one case, four a quarter, below which a drift can't be told."""


DRIFT_ALLOWED_MS = 25
"""A few ms more or less are the machine's."""


DRIFT_STILL = 1.1
"""Equal exports of which the last quarter takes no more times as long as the first do not get slower."""


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
            # a busy neighbour slows one part; what grows with each export slows every later part more
            rising = all(later > earlier for earlier, later in pairwise(quarters))
            first, since = quarters[0], "first"
            early = _early_ms(record, case) if rising and quarters[3] > DRIFT_STILL * quarters[0] else None
            if early is not None and early < first:
                first, since = early, "the scenario's first ones"
            ratio = max(quarters[3] - DRIFT_ALLOWED_MS, 0.0) / first if rising else 1.0
            if worst is None or worst.value is None or ratio > worst.value:
                worst = Reading(
                    name=f"drift of {case} in {phase}, last quarter over {since}",
                    value=ratio,
                    unit="ratio",
                    source="hits.jsonl",
                    count=len(values),
                )
    if worst is None:
        return no_data(f"no case was exported {DRIFT_LEAST} times in one phase", limit=limit)
    return judge_reading(limit, worst, f"the {worst.name} ({DRIFT_ALLOWED_MS} ms allowed)")


def _early_ms(record: ScenarioRecord, case: str) -> float | None:
    """How long an export of a case took that was made alone before all load; None: too few were.

    What grows a little with each export has grown for long when the equal exports begin, and hardly doubles in them.
    """
    alone = {phase.name for phase in record.plan.phases if phase.mode == "sequence" and phase.name != LEAK}
    took = [(hit.end - hit.start) * 1000 for hit in record.done if hit.case == case and hit.phase in alone]
    return median(took) if len(took) >= DRIFT_EARLY_LEAST else None


def drifts(plan: Plan) -> bool:
    """Whether a plan has a phase in which a drift would be the service's own doing."""
    return bool(_even(plan, one_by_one=any(phase.name == LEAK for phase in plan.phases)))


def _even(plan: Plan, *, one_by_one: bool) -> tuple[str, ...]:
    """Phases in which equal exports are equally hard throughout. one_by_one: some were made so, in `leak`.

    One by one only the service itself can slow down; under load its neighbours on the machine do too, unless arrivals
    keep one rate: these do not slow down with the service, and few of them are under way at once.
    """
    under_load = [
        phase.name
        for phase in plan.phases
        if JudgedFor.DRIFT in phase.judged_for and (_is_steady(phase) or (phase.mode == "closed" and not one_by_one))
    ]
    return (*((LEAK,) if one_by_one else ()), *under_load)


def _is_steady(phase: PhasePlan) -> bool:
    """Whether a phase asks at one rate throughout: nearly as many arrivals in each quarter of its time."""
    moments = [request.intended_s for request in phase.requests if request.intended_s]
    last, quarters = max(moments, default=0.0), [0, 0, 0, 0]
    for moment in moments:
        quarters[min(int(4 * moment / last), 3)] += 1
    return max(quarters) <= STEADY_RATIO * min(quarters) and min(quarters) > 0
