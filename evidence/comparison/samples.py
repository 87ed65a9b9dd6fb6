"""The samples of a run that are compared, from its raw record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assertions.checks.performance.latency import latency_ms
from assertions.checks.resources.process_tree import tree_memory_bytes
from assertions.contract import MAX_CONCURRENT
from assertions.record.phases import JudgedFor
from assertions.record.types import PhasePlan, PhaseRun
from assertions.record.view import ScenarioRecord
from evidence.comparison.conditions import cpu_between, tree_cpu
from evidence.comparison.types import MeasureName

WINDOWS = 10
"""Equal parts of a phase, of which throughput and memory have one sample each: what follows closely on each other
is no independent sample."""
CPU_PART_LEAST_S = 0.5
"""Length of a part of a phase from which on its CPU time is known well enough."""


@dataclass(frozen=True, kw_only=True, order=True)
class Key:
    """What is compared with its like."""

    scenario: str
    phase: str
    measure: MeasureName
    case: str = ""


Samples = Mapping[Key, tuple[float, ...]]
"""Values in the measure's unit, in order of time; of success 1 and 0, an export each."""


def samples_of(records: Mapping[str, ScenarioRecord]) -> Samples:
    """Return all that can be compared of a run's scenarios, by key."""
    return {key: values for record in records.values() for key, values in _scenario(record)}


def _scenario(record: ScenarioRecord) -> Iterable[tuple[Key, tuple[float, ...]]]:
    plans = {phase.name: phase for phase in record.plan.phases}
    for phase in record.scenario.phases:
        plan = plans.get(phase.name)
        if plan is None:
            continue
        if JudgedFor.LATENCY in plan.judged_for:
            yield from _exports(record, phase)
            yield from _memory(record, phase, plan)
            yield from _cpu(record, phase)
        if JudgedFor.THROUGHPUT in plan.judged_for:
            yield from _throughput(record, phase)
        if JudgedFor.HEALTH in plan.judged_for:
            yield from _health(record, phase)
        if JudgedFor.BATCH in plan.judged_for:
            asked = record.of_phase(phase.name)
            if asked and all(hit.status == 200 for hit in asked):
                key = Key(scenario=record.name, phase=phase.name, measure="batch of five")
                yield key, (sum(hit.end - hit.start for hit in asked),)


def _exports(record: ScenarioRecord, phase: PhaseRun) -> Iterable[tuple[Key, tuple[float, ...]]]:
    hits = record.of_phase(phase.name)
    if hits:
        key = Key(scenario=record.name, phase=phase.name, measure="success")
        yield key, tuple(float(hit.status == 200) for hit in hits)
    for case in sorted({hit.case for hit in hits}):
        # a request without an answer took at least as long as its client waited
        of_case = [hit for hit in hits if hit.case == case and (hit.status == 200 or hit.error == "timeout")]
        if of_case:
            key = Key(scenario=record.name, phase=phase.name, measure="latency", case=case)
            yield key, tuple(latency_ms(hit) for hit in of_case)
        sizes = tuple(
            fetch.bytes / hit.records
            for hit in of_case
            if hit.records and (fetch := record.fetched.get(hit.id)) is not None and fetch.status == 200
        )
        if sizes:
            yield Key(scenario=record.name, phase=phase.name, measure="bytes a record", case=case), sizes


def _memory(record: ScenarioRecord, phase: PhaseRun, plan: PhasePlan) -> Iterable[tuple[Key, tuple[float, ...]]]:
    """Yield the peak of each part of the phase above the rest before it, by the exports that ran at once."""
    before = [probe for probe in record.probes if probe.resting and probe.at <= phase.start and probe.processes]
    peaks: dict[int, float] = {}
    for probe in record.probes:
        if phase.start <= probe.at <= phase.end and probe.processes:
            part = _part(probe.at, phase)
            peaks[part] = max(peaks.get(part, 0.0), float(tree_memory_bytes(probe)))
    if before and peaks:
        rest, at_once = tree_memory_bytes(before[-1]), max(1, min(MAX_CONCURRENT, plan.clients))
        key = Key(scenario=record.name, phase=phase.name, measure="memory an export")
        yield key, tuple(max(0.0, peaks[part] - rest) / at_once for part in sorted(peaks))


def _cpu(record: ScenarioRecord, phase: PhaseRun) -> Iterable[tuple[Key, tuple[float, ...]]]:
    """Yield the CPU time of the target in each part of a phase by the exports done in it, parts of exports counted.

    A phase that is too short has no sample: counters of CPU time are read a few times a second, and are coarse.
    """
    part_s = (phase.end - phase.start) / WINDOWS
    if part_s < CPU_PART_LEAST_S:
        return
    series, done = tree_cpu(record.probes), [hit for hit in record.of_phase(phase.name) if hit.status == 200]
    found = []
    for number in range(WINDOWS):
        start, end = phase.start + number * part_s, phase.start + (number + 1) * part_s
        used_s = cpu_between(series, start, end)
        shares = [
            (min(hit.end, end) - max(hit.start, start)) / (hit.end - hit.start) for hit in done if hit.end > hit.start
        ]
        exports = sum(share for share in shares if share > 0)
        if used_s is not None and exports > 0:
            found.append(used_s * 1000 / exports)
    if found:
        yield Key(scenario=record.name, phase=phase.name, measure="CPU an export"), tuple(found)


def _throughput(record: ScenarioRecord, phase: PhaseRun) -> Iterable[tuple[Key, tuple[float, ...]]]:
    done = [hit for hit in record.of_phase(phase.name) if hit.status == 200]
    if done and phase.end > phase.start:
        counts = [0] * WINDOWS
        for hit in done:
            counts[_part(hit.end, phase)] += 1
        each_s = (phase.end - phase.start) / WINDOWS
        key = Key(scenario=record.name, phase=phase.name, measure="throughput")
        yield key, tuple(count / each_s for count in counts)


def _part(moment: float, phase: PhaseRun) -> int:
    share = (moment - phase.start) / (phase.end - phase.start) if phase.end > phase.start else 0.0
    return min(WINDOWS - 1, max(0, int(share * WINDOWS)))


def _health(record: ScenarioRecord, phase: PhaseRun) -> Iterable[tuple[Key, tuple[float, ...]]]:
    times = tuple(
        (probe.end - probe.start) * 1000
        for probe in record.health
        if probe.phase == phase.name and probe.path.endswith("/health") and probe.status == 200
    )
    if times:
        yield Key(scenario=record.name, phase=phase.name, measure="/health P95"), times
