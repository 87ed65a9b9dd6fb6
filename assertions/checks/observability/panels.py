"""The dashboard's queries as a Prometheus server answered them during the run, against what the harness itself read.

The harness reads the same pages on its own; other checks hold these against the clients. So a panel that shows another
figure than the pages has the wrong query, name or unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from assertions.checks.observability.server import recorded
from assertions.limits import Limits
from assertions.prometheus.exposition import Page
from assertions.record.prometheus_run import PanelQuery, PanelSeries, PrometheusRun
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed_for, no_data, number, passed

P95_RATIO: Final = 0.25
"""Prometheus begins about 5 s after the harness, so its histogram lacks the first exports."""
SUCCESS_PERCENT: Final = 0.1
"""Both read the same gauge."""
BYTES_RATIO: Final = 0.001
"""Both read the same counter."""
JITTER: Final = 0.05
"""A scrape comes a little early or late."""
FEWEST_SCRAPES: Final = 5
"""With fewer, an export more or less at either end decides the rate."""
EXTRAPOLATED: Final = 1.1
"""Scrape intervals by which rate() may stretch what it saw, at each end."""
FIRST_EXPORT: Final = 1.0
"""A new series begins at 0: a reader that comes between two of the harness's readings sees its first export counted."""
FEWEST_EXPORTS: Final = 20
"""Of a format or class: with fewer, the first 5 s decide its P95 and its rate."""

Figure = tuple[str, float, float, float]
"""What, the panel's value, the harness's, and the tolerance in the same unit."""


def panels(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every panel's query brought finite points, and those of the runbook's five agree with the harness."""
    seen = recorded(record)
    if isinstance(seen, Judgement):
        return seen
    if not seen.panels:
        return no_data("no panel was asked for: the dashboard could not be read")
    if record.before is None or record.after is None:
        return no_data("the harness has no page from before or after the load to compare with")
    found = [fault for query in seen.panels for fault in _empty(query)]
    compared = [(query.panel, figure) for query in seen.panels for figure in _figures(query, record, seen)]
    for panel, (what, shown, read, tolerance) in compared:
        if not abs(shown - read) <= tolerance:
            found.append(
                (
                    panel,
                    f"{panel} shows {number(shown)} {what}, the harness read {number(read)} (± {number(tolerance)})",
                )
            )
    if found:
        return failed_for(found)
    if not compared:
        return no_data("no panel had a figure to compare")
    return passed(
        f"{len(seen.panels)} queries of {len({query.panel for query in seen.panels})} panels brought finite points; "
        f"{len(compared)} figures agree with the harness",
        catches=f"a figure off by more than its tolerance would not have passed: {_tolerances(compared)}",
    )


def _tolerances(compared: Sequence[tuple[str, Figure]]) -> str:
    """Return the widest tolerance of each panel that was compared."""
    widest: dict[str, Figure] = {}
    for panel, figure in compared:
        widest[panel] = max(figure, widest.get(panel, figure), key=lambda one: one[3])
    return "; ".join(f"{panel} ± {number(tolerance)} {what}" for panel, (what, _, _, tolerance) in widest.items())


def _empty(query: PanelQuery) -> Iterator[tuple[str, str]]:
    if query.error is not None:
        yield query.panel, f"{query.panel}, query {query.ref}: Prometheus refused it: {query.error}"
    elif not any(series.finite for series in query.series):
        yield query.panel, f"{query.panel}, query {query.ref}: {query.expression} brought no finite point"


def _figures(query: PanelQuery, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    compare = _COMPARED.get((query.panel, query.ref))
    if compare is not None and query.error is None:
        for series in query.series:
            yield from compare(series, record, seen)


def _p95(series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    assert record.before is not None and record.after is not None
    after = record.after.histogram("export_latency_ms", **series.labels)
    if after is None:
        return
    moved = after.minus(record.before.histogram("export_latency_ms", **series.labels))
    read = moved.quantile(0.95)
    if series.whole is None or read is None or not math.isfinite(read) or (moved.count or 0) < FEWEST_EXPORTS:
        return
    bounds = moved.quantile_bounds(0.95)
    bucket = bounds[1] - bounds[0] if bounds is not None and math.isfinite(bounds[1]) else 0.0
    yield f"ms for {_named(series.labels)}", series.whole, read, max(P95_RATIO * read, bucket)


def _success(series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    read = _near_end("export_success_rate", series, record, seen)
    if series.whole is not None and read is not None:
        low, high = 100 * read[0], 100 * read[1]
        yield f"% for {_named(series.labels)}", series.whole, (low + high) / 2, (high - low) / 2 + SUCCESS_PERCENT


def _bytes(series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    read = _near_end("export_bytes_total", series, record, seen)
    if series.whole is not None and read is not None:
        low, high = read[0] / 1e6, read[1] / 1e6
        yield f"MB for {_named(series.labels)}", series.whole, (low + high) / 2, (high - low) / 2 + BYTES_RATIO * high


def _near_end(
    name: str, series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun
) -> tuple[float, float] | None:
    """Return the lowest and highest total that the harness read since Prometheus' last scrape but one."""
    assert record.after is not None
    fmt = series.labels.get("format", "")
    since = seen.end - 2 * seen.scrape_interval_s
    read = [page.page.total(name, format=fmt) for page in record.pages if page.scrape.start >= since]
    found = [total for total in [*read, record.after.total(name, format=fmt)] if total is not None]
    return (min(found), max(found)) if found else None


def _running(series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    """The peak between two scrapes of Prometheus may be missed: half of what the harness saw, and no more than that."""
    peak = max((page.running for page in record.pages if page.running is not None), default=None)
    if series.highest is not None and peak is not None:
        yield "exports at once", series.highest, 0.75 * peak, max(0.25 * peak, 0.5)


def _throughput(series: PanelSeries, record: ScenarioRecord, seen: PrometheusRun) -> Iterator[Figure]:
    """Compare over the span that the server scraped: it may miss the first seconds, which in a short run are many."""
    if series.whole is None or seen.scrapes < FEWEST_SCRAPES:
        return
    fmt, interval_s = series.labels.get("format", ""), seen.scrape_interval_s
    first = seen.end - (seen.scrapes - 1) * interval_s
    low = _least(record, fmt, (first + interval_s, seen.end - interval_s), interval_s)
    high = _most(record, fmt, (first - interval_s, seen.end + interval_s), interval_s)
    if high < FEWEST_EXPORTS:
        return
    window_s = seen.end - seen.start
    read = (low + high) / 2 / window_s
    tolerance = (high - low) / 2 / window_s + JITTER * read
    yield f"exports/s for {_named(series.labels)}", series.whole, read, tolerance


def _least(record: ScenarioRecord, fmt: str, span: tuple[float, float], interval_s: float) -> float:
    """Return the least by which rate() can have seen the succeeded exports of a format increase within a span.

    Each user has a series, and what a new series begins with counts for nothing; the server may see a new series an
    interval later than the harness.
    """
    increase = 0.0
    for is_new, points in _succeeded(record, fmt, span):
        seen_from = points[0][0] + (interval_s if is_new else 0.0)
        first = next((value for moment, value in points if moment >= seen_from), points[-1][1])
        increase += points[-1][1] - first
    return increase


def _most(record: ScenarioRecord, fmt: str, span: tuple[float, float], interval_s: float) -> float:
    """Return the most by which rate() can have seen the succeeded exports of a format increase, stretched as it does.

    The server may see a new series before the harness does, and so its first export. The span holds an interval more
    at each end than the server saw. A short series is stretched by a greater share than a long one, and one that
    begins at 0 at its end only.
    """
    increase = 0.0
    for is_new, points in _succeeded(record, fmt, span):
        begun, ends = (min(points[0][1], FIRST_EXPORT), 1) if is_new else (0.0, 2)
        seen_s = max(interval_s, points[-1][0] - points[0][0] - 2 * interval_s)
        increase += (points[-1][1] - points[0][1] + begun) * (1 + ends * EXTRAPOLATED * interval_s / seen_s)
    return increase


def _succeeded(
    record: ScenarioRecord, fmt: str, span: tuple[float, float]
) -> Iterator[tuple[bool, list[tuple[float, float]]]]:
    """Yield each series of succeeded exports within a span: whether it began there, its (time, value) on each page."""
    values: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    window = [timed for timed in record.pages if span[0] <= timed.scrape.start and timed.scrape.end <= span[1]]
    for timed in window:
        for key, value in _series(timed.page, fmt):
            values.setdefault(key, []).append((timed.scrape.start, value))
    # a series of the window's first page began there, too, where the page before lacks it
    earlier = [timed for timed in record.pages if timed.scrape.start < span[0]]
    known = {key for timed in (earlier[-1:] or window[:1]) for key, _ in _series(timed.page, fmt)}
    for key, points in values.items():
        yield key not in known, points


def _series(page: Page, fmt: str) -> Iterator[tuple[tuple[tuple[str, str], ...], float]]:
    """Yield each series of a format's succeeded exports on a page, and its value."""
    family = page.families.get("export_requests_total")
    for sample in family.values() if family is not None else ():
        if sample.labels.get("status") == "succeeded" and sample.labels.get("format") == fmt:
            yield tuple(sorted(sample.labels.items())), sample.value


def _named(labels: Mapping[str, str]) -> str:
    return " ".join(labels[name] for name in ("size", "format") if name in labels) or "all"


_COMPARED: Final[Mapping[tuple[str, str], Callable[..., Iterator[Figure]]]] = {
    ("Export Latency P95 (ms)", "A"): _p95,
    ("Export Success Rate (%)", "A"): _success,
    ("Export Bytes Total (MB)", "A"): _bytes,
    ("Concurrent Exports", "A"): _running,
    ("Export Throughput (ops/sec)", "A"): _throughput,
}
"""By panel and query, how the figure is read from the harness's own pages."""
