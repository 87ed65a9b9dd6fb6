"""Checks: memory per export, by the target and by its process tree where that can be seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from assertions.checks.resources.process_tree import MB, _own, tree_memory_bytes, unobservable_reason
from assertions.contract import FORMATS, MAX_CONCURRENT
from assertions.limits import Limits
from assertions.record.phases import OVER_ADMISSION, PROBING, JudgedFor
from assertions.record.types import Probe, ProcessSample
from assertions.record.view import ScenarioRecord
from assertions.stats import median
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

SMALL_RECORDS, SMALL_LEAST = 100, 3
"""Exports of at most this many records add next to nothing; this many of a format are needed for that to show."""
READINGS_LEAST = 10
"""Readings of the memory gauge below which its lowest has no meaning."""
WHOLE_LEAST_BYTES = 16 * MB
"""Any export may add less than this, whatever its size."""
SAME_LEAST, SAME_LEAST_BYTES = 3, 1_000
"""This many readings that equal the sizes of files of at least this many bytes are no accident."""
GAUGE_TIMES, GAUGE_MORE_BYTES = 2, 64 * MB
"""A process may grow by this many times the gauge, and this much more: samples of a process are rough."""
WHOLE_SHARE = 0.7
"""A gauge this near to what a process holds at rest is not what an export of a few records added."""


def memory(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Peak memory that one export adds, sampled over the process tree and by the kernel's high-water mark."""
    limit = limits["memory_bytes"]
    unobservable = unobservable_reason(record)
    if unobservable:
        return no_data(unobservable, limit=limit)
    if not record.done:
        return no_data("no export was finished", limit=limit)
    grown: list[tuple[float, str, int]] = []
    crowd, phases = _crowd_start(record), record.names_for(JudgedFor.MEMORY)
    for phase in record.scenario.phases:
        at_once = min(MAX_CONCURRENT, _clients(record, phase.name))
        during = [tree_memory_bytes(p) for p in record.probes if phase.start <= p.at <= phase.end and p.processes]
        before = [p for p in record.probes if p.resting and p.at <= phase.start and p.processes]
        behind = [p for p in record.probes if p.resting and p.at >= phase.end and p.processes]
        # the first exports load what the service needs to export at all
        if during and before and phase.name in phases and phase.start < crowd:
            rest = behind[0] if behind else before[-1]
            passing = max(during) - max(tree_memory_bytes(before[-1]), tree_memory_bytes(rest))
            inside = [p for p in record.probes if before[-1].at <= p.at <= rest.at and p.processes]
            known = _known(before, inside, record.scenario.target_pid)
            if at_once > 1:
                stayed = _stayed(known, rest, at_once, record.scenario.target_pid)
            else:
                stayed = _stayed_at_once(known, inside)
            value = max(passing, 0) / at_once + stayed
            grown.append((value, f"{phase.name}, sampled", len(during)))
    grown += _high_water(record)
    if not grown:
        return no_data("no export was made after a warmup and a pause with at most five in flight", limit=limit)
    value, where, count = max(grown)
    reading = Reading(
        name="memory per export", value=max(0.0, value), unit="bytes", source=f"probes.jsonl ({where})", count=count
    )
    judged = judge_reading(limit, reading, "peak memory that an export adds to its process")
    unseen = _never_measured(record, crowd)
    if unseen is not None and judged.status != "FAIL":
        return no_data(f"{unseen}, the largest of its format, was never made with at most five in flight", limit=limit)
    return judged


def _never_measured(record: ScenarioRecord, crowd: float) -> str | None:
    """Return the largest export of a format where none as large was measured before the crowd came; None: each was."""
    done = [hit for hit in record.done if hit.phase not in (*PROBING, OVER_ADMISSION)]
    judged = record.names_for(JudgedFor.MEMORY)
    for fmt in FORMATS:
        of_format = [hit for hit in done if hit.format == fmt]
        seen = [hit.records or 0 for hit in of_format if hit.start < crowd and hit.phase in judged]
        largest = max(of_format, key=lambda hit: hit.records or 0, default=None)
        if largest is not None and (largest.records or 0) > max(seen, default=-1):
            return largest.case
    return None


def _known(before: Sequence[Probe], probes: Sequence[Probe], front: int | None) -> dict[int, int]:
    """Return what each process held before it exported: in the first of these probes, or when it was started later.

    A worker that is started while exports run has a size that no export added. That size is what the
    worker held when it was first seen, or what workers held at rest before, where it was seen before it was complete.
    """
    worker = max((_own(one) for probe in before for one in probe.processes if one.pid != front), default=0)
    known = {one.pid: _own(one) for one in probes[0].processes}
    for probe in probes:
        for one in probe.processes:
            known.setdefault(one.pid, max(_own(one), worker))
    return known


def _stayed(known: Mapping[int, int], behind: Probe, at_once: int, front: int | None) -> float:
    """Return what exports left behind in the process in which most stayed, per export.

    Over the whole tree it would include what each worker of a pool loads for its first export. The front process
    takes all exports that came at once, a worker one after the other.
    """
    return max(
        (max(_own(one) - known[one.pid], 0) / (at_once if one.pid == front else 1) for one in behind.processes),
        default=0.0,
    )


def _stayed_at_once(known: Mapping[int, int], probes: Sequence[Probe]) -> float:
    """Return what exports made one after the other left behind: the largest step of one process that stayed.

    Each thread of a pool takes memory for its first export; no single export takes all steps together.
    """
    stayed = {one.pid: _own(one) - known[one.pid] for one in probes[-1].processes}
    steps = dict.fromkeys(stayed, 0.0)
    for earlier, later in itertools.pairwise(probes):
        sizes = {one.pid: _own(one) for one in earlier.processes}
        exports = min(max(later.exports_done - earlier.exports_done, 1), MAX_CONCURRENT)
        for one in later.processes:
            step = (_own(one) - sizes.get(one.pid, known[one.pid])) / exports
            steps[one.pid] = max(steps.get(one.pid, 0.0), step)
    return max((min(steps[pid], max(kept, 0)) for pid, kept in stayed.items()), default=0.0)


def _clients(record: ScenarioRecord, phase: str) -> int:
    plan = next((one for one in record.plan.phases if one.name == phase), None)
    return 1 if plan is None or plan.mode in ("sequence", "probe") else max(1, plan.clients)


def _crowd_start(record: ScenarioRecord) -> float:
    """Return when more clients came than may run at once: from then on memory includes bodies that wait."""
    starts = [phase.start for phase in record.scenario.phases if _clients(record, phase.name) > MAX_CONCURRENT]
    return min(starts, default=math.inf)


def _high_water(record: ScenarioRecord) -> list[tuple[float, str, int]]:
    """Return how far each process's high-water mark rose above its size at rest, where exports made it rise."""
    by_pid: dict[int, list[tuple[Probe, ProcessSample]]] = {}
    crowd = _crowd_start(record)
    for probe in (probe for probe in record.probes if probe.at < crowd):
        for one in probe.processes:
            by_pid.setdefault(one.pid, []).append((probe, one))
    rises = []
    for samples in by_pid.values():
        first, last = samples[0][1].peak_rss_bytes, samples[-1][1].peak_rss_bytes
        resting = [one.rss_bytes for probe, one in samples if probe.resting and probe.exports_done > 0]
        started_before = samples[0][0].at <= record.scenario.phases[0].start if record.scenario.phases else False
        if first is None or last is None or not resting or not started_before or last <= first + MB:
            continue
        # one process may hold five exports at once; several processes share them
        at_once = max(1.0, MAX_CONCURRENT / len(by_pid)) if _ever_parallel(record) else 1.0
        rises.append(((last - median(resting)) / at_once, "high-water mark", len(samples)))
    return rises


def _ever_parallel(record: ScenarioRecord) -> bool:
    return any(_clients(record, phase.name) > 1 for phase in record.scenario.phases)


def memory_gauge(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's memory gauge is under the limit."""
    limit = limits["memory_bytes"]
    readings = [
        (value, fmt)
        for timed in record.pages
        for fmt in FORMATS
        if (value := timed.page.total("export_memory_bytes", format=fmt)) is not None
    ]
    if not readings:
        return no_data("export_memory_bytes could not be read", limit=limit)
    value, fmt = max(readings)
    reading = Reading(
        name="memory per export by the target",
        value=value,
        unit="bytes",
        source=f'scrapes.jsonl, export_memory_bytes{{format="{fmt}"}}',
        count=len(readings),
    )
    judged = judge_reading(limit, reading, "peak memory of an export by the target's gauge")
    if judged.status == "PASS" and not record.done:
        return no_data("no export was finished, so none added memory", reading, limit=limit)
    return judged


def memory_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's memory gauge fits what its processes were seen to hold."""
    files = _of_files(record)
    if files is not None:
        return failed(files)
    unobservable = unobservable_reason(record)
    if unobservable:
        return no_data(unobservable)
    readings = [
        value
        for timed in record.pages
        for fmt in FORMATS
        if (value := timed.page.total("export_memory_bytes", format=fmt)) is not None
    ]
    if not readings:
        return no_data("export_memory_bytes could not be read")
    most = max(readings)
    biggest = max(one.peak_rss_bytes or one.rss_bytes for probe in record.probes for one in probe.processes)
    if most > biggest:
        return failed(
            f"export_memory_bytes reads {show(most, 'bytes')}, more than any process of the target ever held "
            f"({show(biggest, 'bytes')})"
        )
    whole = _whole_process(record)
    if whole is not None:
        return failed(whole)
    seen = memory(record, limits)
    grown = seen.readings[0].value if seen.readings else None
    if grown is not None and grown > GAUGE_TIMES * most + GAUGE_MORE_BYTES:
        return failed(
            f"an export added {show(grown, 'bytes')} to its process, but export_memory_bytes never read more than "
            f"{show(most, 'bytes')}"
        )
    if not record.done:
        return no_data("no export was finished, so none added memory")
    return passed(
        f"export_memory_bytes reads at most {show(most, 'bytes')}, the largest process held {show(biggest, 'bytes')}",
        catches=f"a reading above {show(biggest, 'bytes')}, or an export that added more than "
        f"{show(GAUGE_TIMES * most + GAUGE_MORE_BYTES, 'bytes')} to its process, would not have passed",
    )


def _whole_process(record: ScenarioRecord) -> str | None:
    """Return why the gauge must be the size of a process and not what an export added; None: it need not be.

    After exports of a few records it must have come near to nothing at least once.
    """
    rests = [probe for probe in record.probes if probe.resting and probe.processes]
    if not rests:
        return None
    lived = {one.pid for one in rests[0].processes} & {one.pid for one in rests[-1].processes}
    sizes = [min(one.rss_bytes for probe in rests for one in probe.processes if one.pid == pid) for pid in lived]
    for fmt in FORMATS:
        small = sum(hit.format == fmt and (hit.records or 0) <= SMALL_RECORDS for hit in record.done)
        read = [value for timed in record.pages if (value := timed.page.total("export_memory_bytes", format=fmt))]
        if small < SMALL_LEAST or len(read) < READINGS_LEAST or min(read) < WHOLE_LEAST_BYTES:
            continue
        size = next((size for size in sizes if WHOLE_SHARE * size <= min(read) <= size / WHOLE_SHARE), None)
        if size is not None:
            return (
                f'export_memory_bytes{{format="{fmt}"}} never read less than {show(min(read), "bytes")}, though '
                f"{small} exports of at most {SMALL_RECORDS} records were made: it is the size of a process "
                f"({show(size, 'bytes')} at rest), not what an export added"
            )
    return None


def _of_files(record: ScenarioRecord) -> str | None:
    """Return why the gauge must be the size of files or bodies and not memory; None: it need not be.

    Memory comes in pages or objects; it may equal the size of one file by accident, not the sizes of several.
    """
    for fmt in FORMATS:
        read = {value for timed in record.pages if (value := timed.page.total("export_memory_bytes", format=fmt))}
        done = [hit for hit in record.done if hit.format == fmt]
        sizes = {
            "files": {float(record.fetched[hit.id].bytes) for hit in done if hit.id in record.fetched},
            "request bodies": {float(hit.bytes_sent) for hit in done},
        }
        for what, known in sizes.items():
            same = {size for size in read & known if size >= SAME_LEAST_BYTES}
            if len(same) >= SAME_LEAST:
                return (
                    f'export_memory_bytes{{format="{fmt}"}} equalled the size of {what} {len(same)} times, such as '
                    f"{max(same):,.0f} bytes: it is not memory"
                )
    return None


def grown_under_their_name(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """Return a FAIL for files that had their final name before they were complete; None: none was seen."""
    grew = record.scenario.grew
    if not grew:
        return None
    return failed(f"{len(grew)} files had their final name before they were complete, {grew[0]} first")
