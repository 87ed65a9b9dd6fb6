"""Under which conditions a phase of a run was measured: CPU time of the target, speed of the machine, other work on it.

Latencies of one service differ from run to run mostly because its machine is quicker or slower at the moment; the CPU
time that an export took shows how much of a difference that can be. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from assertions.record.phases import JudgedFor
from assertions.record.types import PhaseRun, Probe, Record
from assertions.record.view import ScenarioRecord
from evidence.collect.machine import MachineSample
from evidence.comparison.statistics import statistic_of

SAMPLES_LEAST = 5
"""Samples of the machine in a phase below which its speed is not known."""


JUDGED = {JudgedFor.LATENCY, JudgedFor.HEALTH}


class Place(NamedTuple):
    """A phase of a scenario."""

    scenario: str
    phase: str


class Conditions(Record, frozen=True, kw_only=True):
    """How one phase was measured. None: not recorded, or the target's processes are not seen from here."""

    cpu_ms: float | None = None
    """CPU time of the target's process tree in the phase by the exports that ended in it."""
    cpu_bound: float | None = None
    """Share of the time of an export in which the target computes, from 0 to 1: a slower machine makes that longer."""
    reference_ms: float | None = None
    """CPU time of the reference work, median over the phase: the machine's own speed."""
    others: float | None = None
    """Share of the machine's CPU time that other processes than the target's took, the load generator's included."""
    used: float | None = None
    """Share that all processes took."""


Machine = Mapping[str, Sequence[MachineSample]]
"""Samples of the machine by scenario."""


def conditions_of(records: Mapping[str, ScenarioRecord], machine: Machine, cpus: int) -> dict[Place, Conditions]:
    """Return the conditions of each phase judged for latency or `/health`. cpus: processors of the machine."""
    found: dict[Place, Conditions] = {}
    for record in records.values():
        judged = {phase.name for phase in record.plan.phases if JUDGED & set(phase.judged_for)}
        for phase in record.scenario.phases:
            if phase.name in judged and phase.end > phase.start:
                place = Place(record.name, phase.name)
                found[place] = _conditions(record, phase, machine.get(record.name, ()), cpus)
    return found


def _conditions(record: ScenarioRecord, phase: PhaseRun, samples: Sequence[MachineSample], cpus: int) -> Conditions:
    wall_s = phase.end - phase.start
    done = [hit for hit in record.of_phase(phase.name) if hit.status == 200]
    cpu_s = _grown(tree_cpu(record.probes), phase)
    if cpu_s is None or not done:
        return Conditions()
    # it could have used a processor for each export under way
    usable_s = min(sum(hit.end - hit.start for hit in done), wall_s * cpus)
    inside = [sample.work_ms for sample in samples if phase.start <= sample.at <= phase.end]
    busy_s = _grown([(sample.at, sample.busy_s) for sample in samples], phase)
    if len(inside) < SAMPLES_LEAST or busy_s is None:
        return Conditions(cpu_ms=cpu_s * 1000 / len(done), cpu_bound=min(1.0, cpu_s / usable_s))
    return Conditions(
        cpu_ms=cpu_s * 1000 / len(done),
        cpu_bound=min(1.0, cpu_s / usable_s),
        reference_ms=statistic_of(inside, "median"),
        others=max(0.0, busy_s - cpu_s) / (wall_s * cpus),
        used=busy_s / (wall_s * cpus),
    )


def tree_cpu(probes: Iterable[Probe]) -> list[tuple[float, float]]:
    """Return moments and CPU seconds of all processes seen so far; those that ended keep their last."""
    used: dict[int, float] = {}
    found = []
    for probe in probes:
        used.update({process.pid: process.cpu_s for process in probe.processes})
        if probe.processes:
            found.append((probe.at, sum(used.values())))
    return found


def cpu_between(series: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Return by how much a counter grew between two moments; None where it was not read around them."""
    if len(series) < 2 or series[0][0] > start or series[-1][0] < end:
        return None
    return _at(series, end) - _at(series, start)


def _grown(series: Sequence[tuple[float, float]], phase: PhaseRun) -> float | None:
    return cpu_between(series, phase.start, phase.end)


def _at(series: Sequence[tuple[float, float]], moment: float) -> float:
    """Return a counter's value at a moment between two readings."""
    place = max(1, bisect_left(series, (moment,)))
    (before, low), (after, high) = series[place - 1], series[place]
    share = (moment - before) / (after - before) if after > before else 1.0
    return low + (high - low) * min(1.0, max(0.0, share))


def expected_ratio(baseline: Conditions, newer: Conditions) -> float | None:
    """Return by what factor latencies grow when only the CPU time of an export changes; None: it is not known."""
    if not baseline.cpu_ms or newer.cpu_ms is None or baseline.cpu_bound is None:
        return None
    return 1 + baseline.cpu_bound * (newer.cpu_ms / baseline.cpu_ms - 1)


def reference_ratio(baseline: Conditions, newer: Conditions) -> float | None:
    """Return by what factor the machine itself was slower in the newer run; None: it is not known."""
    if not baseline.reference_ms or newer.reference_ms is None:
        return None
    return newer.reference_ms / baseline.reference_ms
