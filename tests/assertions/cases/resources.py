"""Targets that hold too much memory, that leak, and that leave files behind."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from assertions.record.phases import BURSTS
from assertions.record.types import PhasePlan, Probe, ProcessSample
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, none_done, table
from tests.assertions.healthy.records import changed, drop, each, values, with_pages, with_scenario

Change = Callable[[ScenarioRecord], ScenarioRecord]


def processes(change: Callable[[Probe, ProcessSample], Mapping[str, Any] | None]) -> Change:
    """A change of each process in each sample; None leaves one as it is."""

    def edit(probe: Probe) -> Mapping[str, Any]:
        samples = []
        for one in probe.processes:
            fields = change(probe, one)
            samples.append(msgspec.structs.replace(one, **fields) if fields else one)
        return {"processes": tuple(samples)}

    return lambda record: changed(record, probes=each(record.probes, edit))


def root(change: Callable[[Probe, ProcessSample], Mapping[str, Any] | None]) -> Change:
    """A change of the first process in each sample."""
    return processes(lambda probe, one: change(probe, one) if one.pid == 100 else None)


def held_in(phase: str, more_bytes: int) -> Change:
    """A change by which the root held so much more while a phase ran."""
    return root(
        lambda probe, one: (
            {"uss_bytes": (one.uss_bytes or 0) + more_bytes} if probe.phase == phase and not probe.resting else None
        )
    )


def by_large(field: str, each_rises: float, most: float = math.inf) -> Change:
    """A change by which each export of `measure` leaves so many of a count behind, at the most so many in all."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        measured = [one.exports_done for one in record.probes if one.phase == "measure"]
        first, last = min(measured), max(measured)

        def edit(probe: Probe, one: ProcessSample) -> Mapping[str, Any]:
            left = int(min((min(max(probe.exports_done, first), last) - first) * each_rises, most))
            return {field: getattr(one, field) + left}

        return root(edit)(record)

    return change


def by_bursts(field: str, left: Sequence[int], clients: int = 20) -> Change:
    """A change that adds bursts behind the leak series, after each of which a count is so much higher."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        last = [one for one in record.probes if one.phase == "leak" and one.resting][-1]
        added = [
            msgspec.structs.replace(
                last,
                at=last.at + 0.01 * number,
                phase=BURSTS,
                exports_done=last.exports_done + clients * number,
                processes=(
                    msgspec.structs.replace(last.processes[0], **{field: getattr(last.processes[0], field) + more}),
                    *last.processes[1:],
                ),
            )
            for number, more in enumerate(left, 1)
        ]
        plan = PhasePlan(name=BURSTS, mode="closed", clients=clients, requests=(), timeout_s=60.0, at_once=True)
        phases = (*record.plan.phases, plan)
        probes = tuple(sorted([*record.probes, *added], key=lambda one: one.at))
        return changed(record, plan=msgspec.structs.replace(record.plan, phases=phases), probes=probes)

    return change


def _children(probe: Probe) -> Mapping[str, Any]:
    extra = probe.processes[-1]
    return {"processes": (*probe.processes, *(extra for _ in range(probe.exports_done // 10)))}


def _few(record: ScenarioRecord) -> ScenarioRecord:
    """Ten resting readings over the leak phase."""
    leak = [one for one in record.probes if one.phase == "leak" and one.resting]
    return changed(record, probes=tuple(one for one in record.probes if one not in leak[10:]))


def _unseen(record: ScenarioRecord) -> ScenarioRecord:
    return with_scenario(record, target_pid=None, pid_note="the target is on another machine")


def _gone(record: ScenarioRecord) -> ScenarioRecord:
    return changed(record, probes=each(record.probes, lambda probe: {"processes": ()}))


_PID = "the target's process can't be seen: the target is on another machine"
_GONE = "no sample of the target's process 100 could be taken"
_FEW = "10 resting readings over equal exports are too few to tell a leak of"


def _told_in_turn(record: ScenarioRecord, sizes: set[float]) -> ScenarioRecord:
    """The memory gauges read these sizes, one page each, again and again."""
    turn = itertools.cycle(sorted(sizes))

    def page(text: str) -> str:
        reported = next(turn)
        return values("export_memory_bytes", lambda _: reported)(text)

    return with_pages(record, page)


_LEAKS = ("leak-memory", "leak-fds", "leak-threads", "leak-children")

FAILS = (
    *table(
        "memory-gauge",
        "load",
        (
            "100 MB by its own word",
            lambda r: with_pages(r, values("export_memory_bytes", lambda value: value and 100_000_000)),
            "peak memory of an export by the target's gauge: 100 MB (limit < 100 MB)",
            ("memory-agree",),
        ),
    ),
    *table(
        "memory",
        "batch",
        (
            "600 MB in the process",
            held_in("sequence", 600_000_000),
            "adds to its process: 608 MB (limit < 100 MB; the critical bound of 500 MB is missed too)",
            ("memory-agree",),
        ),
    ),
    *table(
        "memory-agree",
        "load",
        (
            "more than the process ever held",
            lambda r: with_pages(r, values("export_memory_bytes", lambda value: value and 99_000_000)),
            "export_memory_bytes reads 99 MB, more than any process of the target ever held (79.4 MB)",
        ),
    ),
    *table(
        "memory-agree",
        "smoke",
        (
            "the size of a process",
            lambda r: with_pages(r, values("export_memory_bytes", lambda value: value and 58_000_000)),
            'export_memory_bytes{format="csv"} never read less than 58 MB, though 6 exports of at most 100',
        ),
    ),
    *(
        Case(
            id="memory-agree",
            name=f"the size of {what}",
            on="batch",
            change=lambda r, sizes=sizes: _told_in_turn(r, sizes(r)),  # type: ignore[misc]
            reason=f"equalled the size of {what} 3 times",
            also=("moved",),
        )
        for what, sizes in (
            ("files", lambda r: {float(fetch.bytes) for fetch in r.fetches}),
            ("request bodies", lambda r: {float(hit.bytes_sent) for hit in r.hits}),
        )
    ),
    *table(
        "memory-agree",
        "batch",
        (
            "far less than the process grew",
            held_in("sequence", 90_000_000),
            "an export added 98.1 MB to its process, but export_memory_bytes never read more than 8.12 MB",
        ),
    ),
    *table(
        "leak-memory",
        "load",
        (
            "100 kB an export",
            root(lambda probe, one: {"uss_bytes": (one.uss_bytes or 0) + 100_000 * probe.exports_done}),
            "memory changed by 100 kB per export over 118 exports (95 %: 99.6 kB to 100 kB; limit <= 65.536",
        ),
        ("three megabytes each large export", by_large("uss_bytes", 3_000_000), "MB over 53 exports of measure ("),
    ),
    *table(
        "leak-fds",
        "load",
        (
            "a descriptor in ten exports",
            root(lambda probe, one: {"fds": (one.fds or 0) + probe.exports_done // 10}),
            "open descriptors changed by 0.0994 descriptors per export over 118 exports (95 %: 0.0909",
        ),
        (
            "a descriptor each large export",
            by_large("fds", 1.0),
            "open descriptors rose by 54 over 53 exports of measure, and stayed",
        ),
    ),
    *table(
        "leak-threads",
        "load",
        (
            "a thread in ten exports",
            root(lambda probe, one: {"threads": one.threads + probe.exports_done // 10}),
            "threads changed by 0.0994 threads per export over 118 exports (95 %: 0.0909 threads to 0.108",
        ),
        (
            "a thread each export that waited",
            by_bursts("threads", [15, 30, 45, 60, 75, 90]),
            "threads rose by 60 over 80 exports in bursts, in which most had to wait, and stayed",
        ),
    ),
    *table(
        "leak-children",
        "load",
        (
            "a process in ten exports",
            lambda r: changed(r, probes=each(r.probes, _children)),
            "processes changed by 0.0994 processes per export over 118 exports (95 %: 0.0909 processes to",
            ("leak-fds", "leak-memory", "leak-threads"),
        ),
    ),
    *table(
        "leftovers",
        "load",
        (
            "a part file",
            lambda r: with_scenario(r, leftovers=("export_1.csv.part", "x")),
            "2 files in the exports folder are no finished export, export_1.csv.part among them",
        ),
        (
            "a half file under its final name",
            lambda r: with_scenario(r, grew=("export_1_a.csv", "export_2_b.pdf")),
            "2 files had their final name before they were complete, export_1_a.csv first",
        ),
    ),
)

BLIND = (
    *(
        Case(id=id_, name="unseen", on="load", change=_unseen, reason=_PID)
        for id_ in ("memory", "memory-agree", *_LEAKS)
    ),
    *(
        Case(
            id=id_, name="gone", on="load", change=_gone, reason="no sample of the target's process 100 could be taken"
        )
        for id_ in ("memory", "memory-agree", *_LEAKS)
    ),
    *(
        Case(
            id=id_,
            name="ten readings",
            on="load",
            change=_few,
            reason="10 readings at rest over equal exports are too few to see a leak of",
        )
        for id_ in _LEAKS
    ),
    *table(
        "leak-fds",
        "load",
        (
            "the platform does not tell",
            root(lambda probe, one: {"fds": None}),
            "0 readings at rest over equal exports are too few to see a leak of open descriptors",
        ),
    ),
    *table(
        "memory",
        "load",
        ("none done", none_done, "no export was finished"),
        (
            "nothing at rest",
            lambda r: changed(r, probes=each(r.probes, lambda probe: {"resting": False})),
            "no export was made after a warmup and a pause with at most five in flight",
        ),
    ),
    *table(
        "memory-gauge",
        "load",
        ("no gauge", lambda r: with_pages(r, drop("export_memory_bytes")), "export_memory_bytes could not be read"),
    ),
    *table(
        "memory-agree",
        "load",
        ("no gauge", lambda r: with_pages(r, drop("export_memory_bytes")), "export_memory_bytes could not be read"),
    ),
    *table(
        "leftovers",
        "load",
        ("unseen", lambda r: with_scenario(r, leftovers=None), "the exports folder can't be seen"),
    ),
)
