"""`/health` answers in time while exports run."""

from __future__ import annotations

from collections.abc import Sequence

from assertions.checks.conduct.status_readings import BAD_SHARE, CLOCK_CALLS, PROBES_LEAST
from assertions.limits import Limits
from assertions.record.phases import JudgedFor
from assertions.record.times import CLOCK_TICKS_S, MINUTES_S, clock_is_frozen
from assertions.record.types import HealthProbe
from assertions.record.view import ScenarioRecord, as_object
from assertions.stats import percentile
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data

ASLEEP_MOST = 0.1
"""Share of the time under load in which /health may be slower than its limit."""


def health(record: ScenarioRecord, limits: Limits) -> Judgement:
    """/health answers while exports run, and quickly."""
    limit = limits["health_p95_ms"]
    probes = _calls(record, "/health", loaded=True)
    bad = [probe for probe in probes if not _well(probe)]
    if len(bad) > max(1, BAD_SHARE * len(probes)):
        what = bad[0].status if bad[0].status is not None else bad[0].error
        return failed(
            f"{len(bad)} of {len(probes)} calls of /health under load failed, the first with {what}: "
            f"{(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    wrong = health_by_answers(record, limits)
    if wrong is not None:
        return wrong
    if len(probes) < PROBES_LEAST:
        return no_data(f"/health was asked {len(probes)} times while exports ran", limit=limit)
    reading = Reading(
        name="health P95",
        value=percentile([(probe.end - probe.start) * 1000 for probe in probes], 0.95),
        unit="ms",
        source="health.jsonl",
        count=len(probes),
    )
    judged = judge_reading(limit, reading, f"P95 of {len(probes)} calls of /health under load")
    slow = [probe for probe in probes if (probe.end - probe.start) * 1000 > limit.target]
    asleep = sum(probe.end - probe.start for probe in slow)
    loaded_phases = record.names_for(JudgedFor.HEALTH)
    loaded = sum(phase.end - phase.start for phase in record.scenario.phases if phase.name in loaded_phases)
    # few calls fit into a long sleep, so a percentile of calls alone would not see it
    if judged.status == "PASS" and len(slow) >= 2 and asleep > ASLEEP_MOST * loaded:
        return failed(
            f"/health waited longer than {limit.target:,.0f} ms for {asleep:.1f} s of {loaded:.1f} s under load",
            limit=limit,
        )
    return judged


def _frozen(told: Sequence[object], seconds: float) -> bool:
    """Whether times, as numbers or ISO 8601, are all the same over so long a time, and must not be."""
    first = told[0]
    if isinstance(first, str):
        return clock_is_frozen([str(one) for one in told], seconds)
    if not isinstance(first, int | float) or isinstance(first, bool) or any(one != first for one in told):
        return False
    return seconds > (MINUTES_S if first % 60 == 0 else CLOCK_TICKS_S)


def health_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """What /health answered wrongly, however long its answers took; None: nothing."""
    limit = limits["health_p95_ms"]
    probes = _calls(record, "/health", loaded=True)
    bad = [probe for probe in probes if probe.status is not None and not _well(probe)]
    if len(bad) > max(1, BAD_SHARE * len(probes)):
        return failed(
            f"{len(bad)} of {len(probes)} calls of /health under load failed, the first with {bad[0].status}: "
            f"{(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    crowd = [probe for probe in _calls(record, "/health", loaded=False) if probe.status is not None]
    bad = [probe for probe in crowd if not _well(probe)]
    if len(bad) > 1:
        return failed(
            f"{len(bad)} calls of /health beside the steady load were answered wrongly, the first in "
            f"{bad[0].phase or 'a rest'} with {bad[0].status}: {(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    calls = [probe for probe in record.health if probe.path.endswith("/health") and probe.status == 200]
    clock = [(as_object(probe.answer) or {}).get("ts") for probe in calls]
    if len(clock) >= CLOCK_CALLS and _frozen(clock, calls[-1].start - calls[0].start):
        return failed(
            f"/health bears ts {clock[0]} in all of {len(clock)} calls: a clock that stands still", limit=limit
        )
    without = [probe for probe in probes if probe.status == 200 and (as_object(probe.answer) or {}).get("ts") is None]
    if len(without) > 0.5 * len(probes):
        return failed(f"/health bears no `ts`: {(without[0].answer or '')[:80]!r}", limit=limit)
    return None


def _calls(record: ScenarioRecord, path: str, *, loaded: bool) -> list[HealthProbe]:
    phases = record.names_for(JudgedFor.HEALTH)
    return [probe for probe in record.health if probe.path.endswith(path) and (probe.phase in phases) is loaded]


def _well(probe: HealthProbe) -> bool:
    return probe.status == 200 and (as_object(probe.answer) or {}).get("ok") is True
