"""What happened over a scenario, one panel a subject, on one time axis, with the limits drawn in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assertions.checks.performance.latency import latency_ms
from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord

COLOURS = {"csv": "#2166ac", "pdf": "#b2182b"}
LIMIT = "#d95f02"
MOST = 1e6
"""Exports at once, ms, MB: what a target claims beyond this is drawn at this height."""
STEPS = 1000
"""Moments at which requests under way are counted."""
MOST_BINS = 120


@dataclass(frozen=True)
class Painter:
    """One panel."""

    title: str
    paint: Callable[[Any], None]
    height_in: float = 1.7


def panels(record: ScenarioRecord, report: Report, limits: Limits) -> tuple[Painter, ...]:
    """Return the panels that a record has data for, from the top."""
    return tuple(_panels(record, report, limits))


def _panels(record: ScenarioRecord, report: Report, limits: Limits) -> Iterable[Painter]:
    if record.exports:
        bound, p95 = _latency_bound(record, report, limits)
        yield Painter("latency of each export (log scale)", _latency(record, bound, p95))
    if record.exports or record.pages:
        yield Painter(
            f"exports under way, waiting, refused; limits {MAX_CONCURRENT} running and {MAX_QUEUE} waiting",
            _at_once(record),
        )
    if record.exports:
        yield Painter("exports ended a second", _throughput(record))
    if any(probe.processes for probe in record.probes):
        yield Painter("memory of the target's process tree", _memory(record))
        yield Painter("CPU of the target's process tree, cores", _cpu(record))
    if any(probe.path.endswith("/health") for probe in record.health):
        yield Painter("/health, time to answer", _health(record, limits["health_p95_ms"].target))


def _latency_bound(record: ScenarioRecord, report: Report, limits: Limits) -> tuple[float | None, float | None]:
    """The limit in ms of the latencies of this scenario, and the P95 that was held against it."""
    check, limit = {
        "smoke": ("smoke-latency", "smoke_latency_ms"),
        "load": ("latency-outside", "latency_p95_ms"),
    }.get(record.name, ("", ""))
    readings = [
        one.judgement.readings[0].value
        for one in report.verdicts
        if one.id == check and one.scenario == record.name and one.judgement.readings
    ]
    return (limits[limit].target if limit else None), (readings[0] if readings else None)


def phases(axes: Any, record: ScenarioRecord, *, names: bool = False) -> None:
    """Shade every second phase; name them where they are wide enough."""
    whole = max(record.scenario.end - record.scenario.start, 1e-9)
    for index, phase in enumerate(record.scenario.phases):
        start, end = phase.start - record.scenario.start, phase.end - record.scenario.start
        if index % 2 == 0:
            axes.axvspan(start, end, color="#888888", alpha=0.12, linewidth=0)
        if names and (end - start) / whole > 0.04:
            axes.annotate(
                phase.name,
                ((start + end) / 2, 0.98),
                xycoords=("data", "axes fraction"),
                fontsize=6.5,
                va="top",
                ha="center",
            )


def _line(axes: Any, y: float, label: str, colour: str = LIMIT, style: str = "--") -> None:
    axes.axhline(y, color=colour, linestyle=style, linewidth=1.0, label=label)


def _latency(record: ScenarioRecord, bound: float | None, p95: float | None) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record, names=True)
        for fmt, colour in COLOURS.items():
            hits = [hit for hit in record.done if hit.format == fmt]
            if hits:
                axes.plot(*_latencies(record, hits), ".", color=colour, markersize=3, label=fmt)
        failed = [hit for hit in record.exports if hit.status != 200]
        if failed:
            axes.plot(*_latencies(record, failed), "x", color="black", markersize=5, label="not done")
        if p95 is not None and 0 < p95 < math.inf:
            _line(axes, p95, f"P95 {p95:,.3g} ms", "#444444", ":")
        if bound is not None:
            _line(axes, bound, f"limit {bound:,.6g} ms")
        axes.set_yscale("log")
        axes.set_ylabel("ms", fontsize=8)

    return paint


def _latencies(record: ScenarioRecord, hits: Sequence[Hit]) -> tuple[list[float], list[float]]:
    """Moments of their ends, and latencies in ms; on a log scale nothing is 0."""
    return [hit.end - record.scenario.start for hit in hits], [max(latency_ms(hit), 0.01) for hit in hits]


def _drawable(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _at_once(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record)
        start = record.scenario.start
        end = max([record.scenario.end, *(timed.scrape.end for timed in record.pages)])
        moments = [start + (end - start) * step / STEPS for step in range(STEPS + 1)]
        counts = [record.in_flight.at(moment) for moment in moments]
        axes.fill_between(
            [moment - start for moment in moments], counts, step="mid", color="#bbbbbb", label="under way, outside"
        )
        highest = float(max([1, *counts]))
        for label, colour, values in (
            ("running, by the target", "#2166ac", [timed.running for timed in record.pages]),
            ("waiting, by the target", "#b2182b", [timed.waiting for timed in record.pages]),
        ):
            xs = [
                timed.scrape.start - start
                for timed, value in zip(record.pages, values, strict=True)
                if _drawable(value)
            ]
            ys = [min(max(value or 0.0, -MOST), MOST) for value in values if _drawable(value)]
            axes.plot(xs, ys, "-", color=colour, linewidth=0.9, label=label)
            highest = max([highest, *ys])
        refused = [hit for hit in record.posts if hit.status in (429, 503)]
        if refused:
            axes.plot(
                [hit.end - start for hit in refused],
                [0] * len(refused),
                "|",
                color="black",
                markersize=8,
                label="refused",
            )
        _line(axes, MAX_CONCURRENT, f"limit {MAX_CONCURRENT} running")
        if highest * 2 > MAX_QUEUE:
            _line(axes, MAX_QUEUE, f"limit {MAX_QUEUE} waiting", style="-.")
        axes.set_ylabel("exports", fontsize=8)

    return paint


def _throughput(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record)
        length = max(record.scenario.end - record.scenario.start, 1.0)
        width = max(1.0, math.ceil(length / MOST_BINS))
        for label, colour, hits in (
            ("done", "#1b7837", record.done),
            ("not done", "black", [hit for hit in record.exports if hit.status != 200]),
        ):
            bins: dict[int, int] = {}
            for hit in hits:
                place = int(max(0.0, hit.end - record.scenario.start) // width)
                bins[place] = bins.get(place, 0) + 1
            if bins or label == "done":
                last = min(max([int(length // width), *bins]), 10 * MOST_BINS)
                xs = [place * width for place in range(last + 2)]
                axes.step(
                    xs, [bins.get(place, 0) / width for place in range(last + 2)], where="post", color=colour,
                    linewidth=1.0, label=label,
                )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set_ylabel("exports/s", fontsize=8)

    return paint


def _memory(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record)
        probes = [probe for probe in record.probes if probe.processes]
        xs = [probe.at - record.scenario.start for probe in probes]
        rss = [sum(process.rss_bytes for process in probe.processes) / 1e6 for probe in probes]
        uss = [sum(process.uss_bytes or process.rss_bytes for process in probe.processes) / 1e6 for probe in probes]
        axes.plot(xs, rss, color="#999999", linewidth=0.9, label="resident (RSS)")
        axes.plot(xs, uss, color="#1b7837", linewidth=1.1, label="its own (USS)")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("MB", fontsize=8)

    return paint


def _cpu(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record)
        xs, ys = cpu_cores(record)
        axes.plot(xs, ys, color="#762a83", linewidth=0.9, label="cores used")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("cores", fontsize=8)

    return paint


def cpu_cores(record: ScenarioRecord) -> tuple[list[float], list[float]]:
    """Return moments and cores in use between samples at least half a second apart; processes that began count anew."""
    xs, ys = [], []
    earlier = None
    for probe in record.probes:
        if not probe.processes:
            continue
        if earlier is None:
            earlier = probe
            continue
        apart = probe.at - earlier.at
        if apart < 0.5:
            continue
        before = {process.pid: process.cpu_s for process in earlier.processes}
        used = sum(max(0.0, process.cpu_s - before.get(process.pid, 0.0)) for process in probe.processes)
        xs.append(probe.at - record.scenario.start)
        ys.append(min(used / apart, MOST))
        earlier = probe
    return xs, ys


def _health(record: ScenarioRecord, bound: float) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        phases(axes, record)
        calls = [probe for probe in record.health if probe.path.endswith("/health")]
        for label, colour, mark, chosen in (
            ("answered 200", "#2166ac", ".", [call for call in calls if call.status == 200]),
            ("not well", "black", "x", [call for call in calls if call.status != 200]),
        ):
            if chosen:
                xs = [call.start - record.scenario.start for call in chosen]
                ys = [max((call.end - call.start) * 1000, 0.01) for call in chosen]
                axes.plot(xs, ys, mark, color=colour, markersize=3, label=label)
        _line(axes, bound, f"limit {bound:,.6g} ms")
        axes.set_yscale("log")
        axes.set_ylabel("ms", fontsize=8)

    return paint
