"""Memory an export, and files left behind: read from the target's process tree, where it can be seen."""

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
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

SMALL_RECORDS, SMALL_LEAST = 100, 3
"""Exports of so few records add next to nothing; so many of a format must have been done for it to show."""
TOLD_LEAST = 10
"""Readings of the memory gauge."""
WHOLE_LEAST_BYTES = 16 * MB
"""Less may be what any export adds, whatever its size."""
SAME_LEAST, SAME_LEAST_BYTES = 3, 1_000
"""So many different sizes of files, none of them tiny, are no accident."""
WHOLE_SHARE = 0.7
"""So near to what a process holds at rest no export of a few records comes by what it adds."""


def memory(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Peak memory that one export adds, sampled over the tree and by the kernel's high-water mark."""
    limit = limits["memory_bytes"]
    blind = unobservable_reason(record)
    if blind:
        return no_data(blind, limit=limit)
    if not record.done:
        return no_data("no export was done", limit=limit)
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
        return no_data("no export was made, after a `warmup` and a rest, with no more than five in flight", limit=limit)
    value, where, count = max(grown)
    reading = Reading(
        name="memory an export", value=max(0.0, value), unit="bytes", source=f"probes.jsonl ({where})", count=count
    )
    judged = judge_reading(limit, reading, "peak memory an export adds")
    unseen = _never_alone(record, crowd)
    if unseen is not None and judged.status != "FAIL":
        return no_data(
            f"{unseen}, the largest of its format, was never made with no more than five in flight", limit=limit
        )
    return judged


def _never_alone(record: ScenarioRecord, crowd: float) -> str | None:
    """The largest export of a format, where none as large was made before the crowd came; a warmup does not count."""
    done = [hit for hit in record.done if hit.phase not in (*PROBING, OVER_ADMISSION)]
    judged = record.names_for(JudgedFor.MEMORY)
    for fmt in FORMATS:
        mine = [hit for hit in done if hit.format == fmt]
        seen = [hit.records or 0 for hit in mine if hit.start < crowd and hit.phase in judged]
        largest = max(mine, key=lambda hit: hit.records or 0, default=None)
        if largest is not None and (largest.records or 0) > max(seen, default=-1):
            return largest.case
    return None


def _known(before: Sequence[Probe], probes: Sequence[Probe], front: int | None) -> dict[int, int]:
    """What each process held before it exported: in the first of these probes, or when it was born, if it was not yet.

    A worker that is born while exports run brings its own size with it, which is no export's. It is what it held when
    it was first seen, or what workers held before at rest, where it was seen before it was complete.
    """
    worker = max((_own(one) for probe in before for one in probe.processes if one.pid != front), default=0)
    known = {one.pid: _own(one) for one in probes[0].processes}
    for probe in probes:
        for one in probe.processes:
            known.setdefault(one.pid, max(_own(one), worker))
    return known


def _stayed(known: Mapping[int, int], behind: Probe, at_once: int, front: int | None) -> float:
    """What exports left behind in the process in which most stayed, an export.

    Of the whole tree it would also be what each worker of a pool loads when its first export comes. The front process
    takes all that came at once, a worker one after the other.
    """
    return max(
        (max(_own(one) - known[one.pid], 0) / (at_once if one.pid == front else 1) for one in behind.processes),
        default=0.0,
    )


def _stayed_at_once(known: Mapping[int, int], probes: Sequence[Probe]) -> float:
    """The same of exports that came one after the other: the largest step of one process, of what stayed there.

    Each thread of a pool makes room for itself when its first export comes; all steps together are no one export's.
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
    """When more clients came than may run at once: from then on memory is also that of bodies that wait."""
    starts = [phase.start for phase in record.scenario.phases if _clients(record, phase.name) > MAX_CONCURRENT]
    return min(starts, default=math.inf)


def _high_water(record: ScenarioRecord) -> list[tuple[float, str, int]]:
    """How far each process's high-water mark rose above its resting size, where our exports made it rise."""
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
        # one process may hold five exports at once; several share them
        at_once = max(1.0, MAX_CONCURRENT / len(by_pid)) if _ever_parallel(record) else 1.0
        rises.append(((last - median(resting)) / at_once, "high-water mark", len(samples)))
    return rises


def _ever_parallel(record: ScenarioRecord) -> bool:
    return any(_clients(record, phase.name) > 1 for phase in record.scenario.phases)


def memory_gauge(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's own word on memory: under the limit, and possible for its process."""
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
        name="memory an export by the target",
        value=value,
        unit="bytes",
        source=f'scrapes.jsonl, export_memory_bytes{{format="{fmt}"}}',
        count=len(readings),
    )
    judged = judge_reading(limit, reading, "the target's own peak memory an export")
    if judged.status == "PASS" and not record.done:
        return no_data("no export was done, so none added memory", reading, limit=limit)
    return judged


def memory_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """What the target says an export adds fits what its processes were seen to hold."""
    files = _of_files(record)
    if files is not None:
        return failed(files)
    blind = unobservable_reason(record)
    if blind:
        return no_data(blind)
    told = [
        value
        for timed in record.pages
        for fmt in FORMATS
        if (value := timed.page.total("export_memory_bytes", format=fmt)) is not None
    ]
    if not told:
        return no_data("export_memory_bytes could not be read")
    biggest = max(one.peak_rss_bytes or one.rss_bytes for probe in record.probes for one in probe.processes)
    if max(told) > biggest:
        return failed(
            f"export_memory_bytes reads {max(told) / MB:,.1f} MB, more than any process of the target ever held "
            f"({biggest / MB:,.1f} MB)"
        )
    told_wrong = _whole_process(record)
    if told_wrong is not None:
        return failed(told_wrong)
    seen = memory(record, limits)
    grown = seen.readings[0].value if seen.readings else None
    if grown is not None and grown > 2 * max(told) + 64 * MB:
        return failed(
            f"an export added {grown / MB:,.1f} MB as seen from outside, but export_memory_bytes never read more than "
            f"{max(told) / MB:,.1f} MB"
        )
    if not record.done:
        return no_data("no export was done, so none added memory")
    return passed(
        f"export_memory_bytes reads at most {max(told) / MB:,.1f} MB; the largest process {biggest / MB:,.1f} MB"
    )


def _whole_process(record: ScenarioRecord) -> str | None:
    """Why the gauge must be the size of a process and not what an export added to it; None: it need not.

    After exports of a few records it must have come near to nothing at least once.
    """
    rests = [probe for probe in record.probes if probe.resting and probe.processes]
    if not rests:
        return None
    lived = {one.pid for one in rests[0].processes} & {one.pid for one in rests[-1].processes}
    sizes = [min(one.rss_bytes for probe in rests for one in probe.processes if one.pid == pid) for pid in lived]
    for fmt in FORMATS:
        small = sum(hit.format == fmt and (hit.records or 0) <= SMALL_RECORDS for hit in record.done)
        told = [value for timed in record.pages if (value := timed.page.total("export_memory_bytes", format=fmt))]
        if small < SMALL_LEAST or len(told) < TOLD_LEAST or min(told) < WHOLE_LEAST_BYTES:
            continue
        size = next((size for size in sizes if WHOLE_SHARE * size <= min(told) <= size / WHOLE_SHARE), None)
        if size is not None:
            return (
                f'export_memory_bytes{{format="{fmt}"}} never read less than {min(told) / MB:,.1f} MB, though {small} '
                f"exports of at most {SMALL_RECORDS} records were done: it is the size of a process "
                f"({size / MB:,.1f} MB at rest), not what an export added"
            )
    return None


def _of_files(record: ScenarioRecord) -> str | None:
    """Why the gauge must be the size of files or bodies and not memory; None: it need not.

    Memory comes in pages or objects; to the byte as large as a file it is by accident once, not of several files.
    """
    for fmt in FORMATS:
        told = {value for timed in record.pages if (value := timed.page.total("export_memory_bytes", format=fmt))}
        done = [hit for hit in record.done if hit.format == fmt]
        sizes = {
            "files": {float(record.fetched[hit.id].bytes) for hit in done if hit.id in record.fetched},
            "request bodies": {float(hit.bytes_sent) for hit in done},
        }
        for what, known in sizes.items():
            same = {size for size in told & known if size >= SAME_LEAST_BYTES}
            if len(same) >= SAME_LEAST:
                return (
                    f'export_memory_bytes{{format="{fmt}"}} was to the byte the size of {what} {len(same)} times, '
                    f"{max(same):,.0f} bytes among them: it is no memory"
                )
    return None


def grown_under_their_name(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """Files that bore their final name before they were complete; None: none was seen."""
    grew = record.scenario.grew
    if not grew:
        return None
    return failed(f"{len(grew)} files bore their final name before they were complete, {grew[0]} first")
