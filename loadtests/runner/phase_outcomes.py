"""What became of a scenario's phases, from what the conductor saw and what the workers recorded (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assertions.record.types import PhaseRun, Plan
from loadtests.plan.limits import PhaseLimits
from loadtests.runner.coordinator import PhaseResult
from loadtests.runner.merge import MergedRecord


def busiest(led: Iterable[PhaseResult]) -> float | None:
    """The generator's largest share of a core in a phase; short ones count where there are no others. None: unknown."""
    known = [(one.end - one.start, one.cpu_ratio) for one in led if one.cpu_ratio is not None]
    long_enough = [ratio for seconds, ratio in known if seconds >= 1]
    return max(long_enough or [ratio for _, ratio in known], default=None)


def driven(led: Iterable[PhaseResult], drives: Sequence[PhaseLimits], merged: MergedRecord) -> list[PhaseRun]:
    """The phases that Locust drove, each with what is missing in it."""
    runs = []
    for one, limits in zip(led, drives, strict=False):
        recorded = merged.hits[one.name]
        notes = [*one.cut, *merged.broken.values()]
        planned = one.taken
        if notes:
            planned = max(limits.least, one.taken, merged.last_index.get(one.name, -1) + 1)
        if recorded != planned:
            notes.append(f"{recorded} of {planned} requests recorded")
        note = "; ".join(notes) or None
        runs.append(
            PhaseRun(
                name=one.name,
                start=one.start,
                end=one.end,
                planned=planned,
                recorded=recorded,
                completed=note is None,
                note=note,
            )
        )
    return runs


def never_began(plan: Plan, runs: Iterable[PhaseRun], now: float, note: str) -> list[PhaseRun]:
    """The planned phases of which there is no run."""
    ran = {run.name for run in runs}
    return [
        PhaseRun(
            name=phase.name, start=now, end=now, planned=len(phase.requests), recorded=0, completed=False, note=note
        )
        for phase in plan.phases
        if phase.name not in ran
    ]
