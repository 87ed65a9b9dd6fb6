"""The record of a scenario's phases, from what the coordinator saw and what the workers recorded (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assertions.record.types import PhaseEnd, PhaseRun, Plan
from loadtests.plan.limits import PhaseLimits
from loadtests.runner.coordinator import PhaseResult
from loadtests.runner.merge import MergedRecord


def busiest(results: Iterable[PhaseResult]) -> float | None:
    """Return the load's largest share of a core in a phase; short phases count where there are no others."""
    known = [(result.end - result.start, result.cpu_ratio) for result in results if result.cpu_ratio is not None]
    long_enough = [ratio for seconds, ratio in known if seconds >= 1]
    return max(long_enough or [ratio for _, ratio in known], default=None)


def driven(results: Iterable[PhaseResult], limits: Sequence[PhaseLimits], merged: MergedRecord) -> list[PhaseRun]:
    """Return the phases that Locust drove, each with what is missing in it."""
    runs = []
    for result, phase_limits in zip(results, limits, strict=False):
        recorded = merged.hits[result.name]
        notes = [*result.reasons, *merged.broken.values()]
        planned = result.taken
        if notes:
            planned = max(phase_limits.least, result.taken, merged.last_index.get(result.name, -1) + 1)
        if recorded != planned:
            notes.append(f"{recorded} of {planned} requests recorded")
        ended: PhaseEnd = result.ended if result.ended != "complete" or not notes else "incomplete record"
        runs.append(
            PhaseRun(
                name=result.name,
                start=result.start,
                end=result.end,
                planned=planned,
                recorded=recorded,
                completed=ended == "complete",
                ended=ended,
                note="; ".join(notes) or None,
            )
        )
    return runs


def never_began(plan: Plan, runs: Iterable[PhaseRun], now: float, ended: PhaseEnd, note: str) -> list[PhaseRun]:
    """Return the planned phases that no run is of."""
    ran = {run.name for run in runs}
    return [
        PhaseRun(
            name=phase.name,
            start=now,
            end=now,
            planned=len(phase.requests),
            recorded=0,
            completed=False,
            ended=ended,
            note=note,
        )
        for phase in plan.phases
        if phase.name not in ran
    ]
