"""Is something never given back? Resting readings over equal exports, readings under load, readings between bursts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from assertions.checks.resources.process_tree import MB, tree_memory_bytes, unobservable_reason
from assertions.leak_detection import (
    POOL_GROWTH,
    floor_grown_under_load,
    grown_by_bursts,
    grown_under_load,
    judge_leak,
    slope,
)
from assertions.limits import Limit, Limits
from assertions.record.phases import BURSTS, LEAK
from assertions.record.types import Probe
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, Reading, failed, no_data, number, passed

READINGS_NEEDED = 30
"""Resting readings below which a slope says nothing."""
LOAD_READINGS = 12
"""Readings of one phase below which its quarters say nothing."""
EXAMINED = (LEAK, BURSTS)
"""Phases judged by their own readings at rest."""

LEAK_MEMORY = "leak_memory_bytes_per_export"

Read = Callable[[Probe], float | None]


def _leak(record: ScenarioRecord, limits: Limits, limit_id: str, what: str, unit: str, read: Read) -> Judgement:
    limit = limits[limit_id]
    blind = unobservable_reason(record)
    if blind:
        return no_data(blind, limit=limit)
    points = _series((probe for probe in record.probes if probe.phase == LEAK and probe.resting), read)
    if len(points) < READINGS_NEEDED or points[-1][0] - points[0][0] < READINGS_NEEDED:
        return no_data(
            f"{len(points)} resting readings over equal exports are too few to tell a leak of {what}", limit=limit
        )
    kept = points[len(points) // 4 :]
    trend = slope([x for x, _ in kept], [y for _, y in kept])
    reading = Reading(
        name=f"{what} an export",
        value=trend.per_export,
        unit=unit,
        source="probes.jsonl (leak, at rest)",
        count=len(points),
        low=trend.low,
        high=trend.high,
    )
    said = (
        f"{what} moved by {trend.per_export:,.3g} {unit} an export over {points[-1][0] - points[0][0]:.0f} exports "
        f"(95 %: {trend.low:,.3g} to {trend.high:,.3g}; limit {limit})"
    )
    match judge_leak(points, limit.target):
        case "leak":
            return failed(said, reading, limit=limit)
        case "inconclusive":
            return no_data(f"{said}: inconclusive, needs more exports", reading, limit=limit)
        case "flat":
            once = ": it rose in one step and stayed level, as no leak does" if trend.low > limit.target else ""
            return passed(said + once, reading, limit=limit, catches=_rules_out(limit, kept, unit))


def _rules_out(limit: Limit, kept: Sequence[tuple[float, float]], unit: str) -> str:
    """What a steady rise would have had to be; a count may rise by a few in all, as a pool does."""
    least = max(limit.target, 0.0 if limit.target >= 1 else (POOL_GROWTH + 1) / (kept[-1][0] - kept[0][0]))
    return f"a steady rise of more than {number(least)} {unit} an export, without noise, would not have passed"


def _leak_of(record: ScenarioRecord, limits: Limits, limit_id: str, what: str, unit: str, read: Read) -> Judgement:
    """The same of what is counted, which large exports or exports that had to wait may leave behind, too."""
    judged = _leak(record, limits, limit_id, what, unit, read)
    if judged.status == "FAIL" or unobservable_reason(record):
        return judged
    said = _under_load(record, what, read) or _by_bursts(record, what, read)
    return judged if said is None else failed(said, *judged.readings, limit=judged.limit)


def _under_load(record: ScenarioRecord, what: str, read: Read) -> str | None:
    """What is wrong with the counts in a phase of load, such as one of large exports; None: nothing is seen."""
    for phase, series, behind in _loads(record, read):
        growth = grown_under_load(series, min(behind))
        # where more was given back later than has stayed, it is kept for a while and not lost
        if growth is not None and behind[0] - min(behind) <= growth.rose:
            return f"{what} rose by {growth.rose:,.0f} over {growth.exports:,.0f} exports of {phase}, and stayed"
    return None


def _loads(record: ScenarioRecord, read: Read) -> Iterator[tuple[str, list[tuple[float, float]], list[float]]]:
    """Of each phase of load its name, what was read in it, and what was read at rest from its end on."""
    for phase in record.scenario.phases:
        series = _series((p for p in record.probes if p.phase == phase.name and not p.resting), read)
        behind = [value for _, value in _series((p for p in record.probes if p.resting and p.at >= phase.end), read)]
        if phase.name not in EXAMINED and behind and len(series) >= LOAD_READINGS:
            yield phase.name, series, behind


def _by_bursts(record: ScenarioRecord, what: str, read: Read) -> str | None:
    """What is wrong with the counts after bursts in which most had to wait; None: nothing is seen."""
    plan = next((phase for phase in record.plan.phases if phase.name == BURSTS), None)
    rests = [probe for probe in record.probes if probe.phase == BURSTS and probe.resting]
    growth = grown_by_bursts(_series(rests, read), plan.clients) if plan is not None else None
    if growth is None:
        return None
    return (
        f"{what} rose by {growth.rose:,.0f} over {growth.exports:,.0f} exports in bursts, in which most had to wait, "
        "and stayed"
    )


def _series(probes: Iterable[Probe], read: Read) -> list[tuple[float, float]]:
    return [
        (float(probe.exports_done), value) for probe in probes if probe.processes and (value := read(probe)) is not None
    ]


def leak_memory(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Resting memory of the process tree over equal exports, and what large exports keep."""
    judged = _leak(record, limits, LEAK_MEMORY, "memory", "bytes", _held)
    if judged.status == "FAIL" or unobservable_reason(record):
        return judged
    said = _kept_by_load(record, limits[LEAK_MEMORY].target)
    return judged if said is None else failed(said, *judged.readings, limit=judged.limit)


def _held(probe: Probe) -> float:
    return float(tree_memory_bytes(probe))


def _kept_by_load(record: ScenarioRecord, per_export: float) -> str | None:
    """What is wrong with the memory of a phase of load; None: nothing is seen."""
    for phase, series, behind in _loads(record, _held):
        growth = floor_grown_under_load(series, min(behind), per_export)
        if growth is not None:
            return (
                f"memory rose by {growth.rose / MB:,.1f} MB over {growth.exports:,.0f} exports of {phase} "
                f"({growth.rose / growth.exports:,.0f} bytes an export), and stayed"
            )
    return None


def leak_fds(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Open descriptors of the process tree over equal exports."""

    def read(probe: Probe) -> float | None:
        counts = [one.fds for one in probe.processes]
        return None if None in counts else float(sum(count for count in counts if count is not None))

    return _leak_of(record, limits, "leak_fds_per_export", "open descriptors", "descriptors", read)


def leak_threads(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Threads of the process tree over equal exports."""
    return _leak_of(
        record,
        limits,
        "leak_threads_per_export",
        "threads",
        "threads",
        lambda probe: float(sum(one.threads for one in probe.processes)),
    )


def leak_children(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Processes of the tree over equal exports."""
    return _leak_of(
        record, limits, "leak_children_per_export", "processes", "processes", lambda probe: float(len(probe.processes))
    )
