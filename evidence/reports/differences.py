"""Where the target's and the outside's figures are not of the same exports: the difference, counted, with its reason.

Pure: computed from the record and the verdicts; a difference that the record does not explain is called so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from assertions.checks.metrics.counters import FAILED
from assertions.checks.performance.latency import LARGE
from assertions.contract import MAX_CONCURRENT
from assertions.judge import Report
from assertions.record.phases import PROBING, JudgedFor
from assertions.record.run import Run
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.units import show
from assertions.verdicts import Reading


def differences(run: Run, report: Report) -> tuple[str, ...]:
    """Return one sentence for each pair of figures that differ though both are right."""
    return (*_exports(run, report), *_bytes(run, report), *_large(run, report), *_memory(run, report))


def _reading(report: Report, check: str) -> Reading | None:
    return next((v.judgement.readings[0] for v in report.verdicts if v.id == check and v.judgement.readings), None)


def _probes(run: Run) -> list[tuple[str, Hit]]:
    """(scenario, hit) of the behaviour probes that are exports: the target counts them like any other."""
    return [
        (name, hit)
        for name, record in run.scenarios.items()
        for hit in record.posts
        if hit.phase in PROBING and (hit.status == 200 or hit.status in FAILED)
    ]


def _exports(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "success-target"), _reading(report, "success-outside")
    if target is None or outside is None or target.count is None or outside.count is None:
        return
    apart, probes = target.count - outside.count, len(_probes(run))
    if apart:
        yield (
            f"Success rate: the target counts {target.count:,} ended exports, the outside {outside.count:,}. "
            f"{probes} of the behaviour probes are exports, which the target counts and the outside leaves out"
            f"{_rest(apart - probes, 'exports')}."
        )


def _bytes(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "bytes-target"), _reading(report, "bytes-outside")
    if target is None or outside is None or target.value is None or outside.value is None:
        return
    apart = round(target.value - outside.value)
    reported = [size for name, hit in _probes(run) if (size := _reported_bytes(run, name, hit)) is not None]
    if apart:
        yield (
            f"Bytes exported: the target counts {target.value:,.0f}, the files fetched hold {outside.value:,.0f}. "
            f"By their answers the files of {len(reported)} behaviour probes, which are not fetched among them, hold "
            f"{sum(reported):,} bytes{_rest(apart - sum(reported), 'bytes')}."
        )


def _reported_bytes(run: Run, scenario: str, hit: Hit) -> int | None:
    result = run.scenarios[scenario].answers.get(hit.id, {}).get("result")
    reported = result.get("bytes") if isinstance(result, dict) else None
    return reported if isinstance(reported, int) and not isinstance(reported, bool) else None


def _large(run: Run, report: Report) -> Iterable[str]:
    target, outside = _reading(report, "latency-target"), _reading(report, "latency-outside")
    record = run.scenarios.get("load")
    if record is None or target is None or outside is None or target.count is None or outside.count is None:
        return
    apart = target.count - outside.count
    measured = record.names_for(JudgedFor.LATENCY)
    others = Counter(hit.phase for hit in record.done if (hit.records or 0) >= LARGE and hit.phase not in measured)
    if apart:
        named = ", ".join(f"{count} of {phase}" for phase, count in others.items()) or "none"
        yield (
            f"Latency: the target's histogram holds {target.count:,} exports of 10k records, the client's P95 is of "
            f"the {outside.count:,} of {_named(measured)}. A histogram can't distinguish phases; of other phases it "
            f"holds: {named}{_rest(apart - others.total(), 'exports')}."
        )


_SAMPLED = re.compile(r"probes\.jsonl \((.+), sampled\)")


def _memory(run: Run, report: Report) -> Iterable[str]:
    target, outside = _highest(run, report, "memory-gauge"), _highest(run, report, "memory")
    if target is None or outside is None or _shown(target) == _shown(outside):
        return
    gauge_scenario, gauge_bytes, _ = target
    scenario, _, source = outside
    sampled = _SAMPLED.fullmatch(source)
    if sampled is None:
        how = "one export's share of the rise of the kernel's high-water mark of a process above its size at rest"
    else:
        at_once = _at_once(run.scenarios[scenario], sampled[1])
        shared = f", shared out among the {at_once} exports that may run at once" if at_once > 1 else ""
        how = (
            f"the highest sample of the whole process tree in the phase {sampled[1]} above the tree at rest{shared}, "
            "plus what one export left behind, so a peak between two samples is not in it"
        )
    rise = _high_water(run.scenarios[gauge_scenario])
    kernel = (
        f" In {gauge_scenario} the kernel's high-water mark of one process rose {show(rise, 'bytes')} above its size "
        f"at rest, {'which covers what the gauge reads' if gauge_bytes <= rise else 'less than the gauge reads'}."
        if rise is not None
        else ""
    )
    yield (
        f"Memory an export: the target's gauge reads up to {_shown(target)} ({gauge_scenario}), from outside it is "
        f"{_shown(outside)} ({scenario}). The gauge is the peak of one export by the target's own measure; from "
        f"outside it is {how}.{kernel}"
    )


def _highest(run: Run, report: Report, check: str) -> tuple[str, float, str] | None:
    """Scenario, value in bytes and source of a check's highest reading; None: it has none."""
    found = [
        (verdict.scenario, reading.value, reading.source)
        for verdict in report.verdicts
        if verdict.id == check and verdict.scenario in run.scenarios
        for reading in verdict.judgement.readings[:1]
        if reading.value is not None
    ]
    return max(found, key=lambda one: one[1], default=None)


def _shown(found: tuple[str, float, str]) -> str:
    return show(found[1], "bytes")


def _at_once(record: ScenarioRecord, phase: str) -> int:
    """How many exports may run at once in a phase, as the check `memory` counts them."""
    plan = next((one for one in record.plan.phases if one.name == phase), None)
    return 1 if plan is None or plan.mode in ("sequence", "probe") else min(MAX_CONCURRENT, max(1, plan.clients))


def _high_water(record: ScenarioRecord) -> float | None:
    """Most by which the high-water mark of a process exceeds its least resident size at rest, in bytes."""
    rests: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for probe in record.probes:
        for process in probe.processes:
            if probe.resting:
                rests[process.pid] = min(process.rss_bytes, rests.get(process.pid, process.rss_bytes))
            if process.peak_rss_bytes is not None:
                peaks[process.pid] = max(process.peak_rss_bytes, peaks.get(process.pid, 0))
    return max((peaks[pid] - rests[pid] for pid in rests.keys() & peaks.keys()), default=None)


def _named(phases: Iterable[str]) -> str:
    names = sorted(phases)
    return f"the phase{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _rest(unexplained: int, unit: str) -> str:
    return f"; {unexplained:+,} {unit} are not explained by that" if unexplained else ""
