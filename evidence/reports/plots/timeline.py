"""What happened to a scenario's exports over time, one panel a subject, with the limits drawn in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from assertions.checks.performance.latency import latency_ms
from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.scrapes import TimedPage
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from evidence.reports.plots.model import (
    COLOURS,
    DONE,
    FAILED,
    LEAST_LOG,
    REFUSED,
    Band,
    Panel,
    Rule,
    Series,
    series,
)

MOST = 1e6
"""Exports at once, MB, cores: what a target claims beyond this is drawn at this height."""
STEPS = 1000
"""Moments at which requests under way are counted."""
MOST_BINS = 120
REFUSALS = (429, 503)


def export_panels(record: ScenarioRecord, report: Report, limits: Limits) -> tuple[Panel, ...]:
    """Return the panels on exports that a record has data for, from the top."""
    return tuple(_panels(record, report, limits))


def bands_of(record: ScenarioRecord) -> tuple[Band, ...]:
    """Return the phases, in seconds since the scenario's start."""
    start = record.scenario.start
    return tuple(Band(phase.name, phase.start - start, phase.end - start) for phase in record.scenario.phases)


def x_range_of(record: ScenarioRecord) -> tuple[float, float]:
    """Return the range of the time axis, the same for all plots of a scenario."""
    length = max(record.scenario.end - record.scenario.start, 1.0)
    return -0.02 * length, 1.02 * length


def _panels(record: ScenarioRecord, report: Report, limits: Limits) -> Iterable[Panel]:
    bands = bands_of(record)
    if record.exports:
        yield Panel(
            title="latency of each export (log scale)",
            unit="ms",
            log=True,
            bands=bands,
            series=tuple(_latency(record)),
            rules=tuple(_latency_rules(record, report, limits)),
        )
    if record.pages:
        running = series(
            "running, by the target", "line", _gauge(record, record.pages, "running"), COLOURS["csv"], size=1.2
        )
        yield Panel(
            title=f"exports running; the limit is {MAX_CONCURRENT}",
            unit="exports",
            bands=bands,
            from_zero=True,
            series=(running,),
            rules=(Rule(MAX_CONCURRENT, f"limit {MAX_CONCURRENT} running"),),
            height_in=1.4,
        )
    if record.exports or record.pages:
        yield Panel(
            title=f"exports under way, waiting, refused; the limit is {MAX_QUEUE} waiting",
            unit="exports",
            bands=bands,
            from_zero=True,
            series=tuple(_at_once(record)),
            rules=(Rule(MAX_QUEUE, f"limit {MAX_QUEUE} waiting", style="dashdot"),),
        )
    if record.exports:
        yield Panel(
            title="throughput and errors: exports ended a second",
            unit="exports/s",
            bands=bands,
            from_zero=True,
            series=tuple(_throughput(record)),
        )


def _latency_rules(record: ScenarioRecord, report: Report, limits: Limits) -> Iterable[Rule]:
    """The limit of the latencies of this scenario, and the P95 that was held against it."""
    check, limit = {
        "smoke": ("smoke-latency", "smoke_latency_ms"),
        "load": ("latency-outside", "latency_p95_ms"),
    }.get(record.name, ("", ""))
    readings = [
        verdict.judgement.readings[0].value
        for verdict in report.verdicts
        if verdict.id == check and verdict.scenario == record.name and verdict.judgement.readings
    ]
    p95 = readings[0] if readings else None
    if p95 is not None and 0 < p95 < math.inf:
        yield Rule(p95, f"P95 {p95:,.0f} ms" if p95 >= 100 else f"P95 {p95:.3g} ms", "#444444", "dotted")
    if limit:
        yield Rule(limits[limit].target, f"limit {limits[limit].target:,.6g} ms")


def _latency(record: ScenarioRecord) -> Iterable[Series]:
    for fmt, colour in COLOURS.items():
        hits = [hit for hit in record.done if hit.format == fmt]
        if hits:
            yield _latencies(record, fmt, "points", hits, colour, 3)
    failed = [hit for hit in record.exports if hit.status != 200]
    if failed:
        yield _latencies(record, "not done", "crosses", failed, FAILED, 5)


def _latencies(record: ScenarioRecord, label: str, kind: str, hits: Sequence[Hit], colour: str, size: float) -> Series:
    """Moments of the ends of requests, and their latencies in ms."""
    points = [(hit.end - record.scenario.start, max(latency_ms(hit), LEAST_LOG)) for hit in hits]
    names = [f"{hit.case}, {hit.id}" for hit in hits]
    return series(label, "crosses" if kind == "crosses" else "points", points, colour, names=names, size=size)


def _gauge(record: ScenarioRecord, pages: Iterable[TimedPage], name: str) -> list[tuple[float, float]]:
    """(seconds, value) of what the target's pages have of a gauge; a page without it has no point."""
    values = ((page.scrape.start - record.scenario.start, getattr(page, name)) for page in pages)
    return [(at, bounded(value)) for at, value in values if value is not None and not math.isnan(value)]


def bounded(value: float) -> float:
    """Return a value that can be drawn, whatever a target claims."""
    return min(max(value, -MOST), MOST)


def _at_once(record: ScenarioRecord) -> Iterable[Series]:
    start = record.scenario.start
    end = max([record.scenario.end, *(timed.scrape.end for timed in record.pages)])
    moments = [start + (end - start) * step / STEPS for step in range(STEPS + 1)]
    under_way = [(moment - start, float(record.in_flight.at(moment))) for moment in moments]
    yield series("under way, outside", "area", under_way, "#aaaaaa", size=1)
    if record.pages:
        waiting = _gauge(record, record.pages, "waiting")
        yield series("waiting, by the target", "line", waiting, COLOURS["pdf"], size=0.9)
    refused = [hit for hit in record.posts if hit.status in REFUSALS]
    if refused:
        names = [f"{hit.case}, {hit.id}, {hit.status}" for hit in refused]
        points = [(hit.end - start, 0.0) for hit in refused]
        yield series("refused", "ticks", points, FAILED, size=8, names=names)


def _throughput(record: ScenarioRecord) -> Iterable[Series]:
    length = max(record.scenario.end - record.scenario.start, 1.0)
    width = max(1.0, math.ceil(length / MOST_BINS))
    not_done = [hit for hit in record.exports if hit.status != 200]
    for label, colour, hits in (
        ("done", DONE, list(record.done)),
        ("refused", REFUSED, [hit for hit in not_done if hit.status in REFUSALS]),
        ("failed", FAILED, [hit for hit in not_done if hit.status not in REFUSALS]),
    ):
        bins: dict[int, int] = {}
        for hit in hits:
            place = int(max(0.0, hit.end - record.scenario.start) // width)
            bins[place] = bins.get(place, 0) + 1
        if bins or label == "done":
            last = min(max([int(length // width), *bins]), 10 * MOST_BINS)
            yield series(
                label, "steps", [(place * width, bins.get(place, 0) / width) for place in range(last + 2)], colour,
                size=1.0,
            )  # fmt: skip
