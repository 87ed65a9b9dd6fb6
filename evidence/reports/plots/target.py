"""What the target's processes, `/health` and Prometheus showed over a scenario, on the time axis of its exports."""

from __future__ import annotations

import math
from collections.abc import Iterable

from assertions.contract import FORMATS
from assertions.limits import Limits
from assertions.record.prometheus_run import AlertState
from assertions.record.types import HealthProbe
from assertions.record.view import ScenarioRecord
from evidence.reports.plots.model import COLOURS, DONE, FAILED, LEAST_LOG, REFUSED, Band, Panel, Rule, series
from evidence.reports.plots.prometheus_samples import Samples
from evidence.reports.plots.timeline import bands_of, bounded
from evidence.reports.units import plain

ALERT_COLOURS = {"pending": "#e6ab02", "firing": "#b2182b"}


def target_panels(record: ScenarioRecord, limits: Limits, samples: Samples | None) -> tuple[Panel, ...]:
    """Return the panels on the target that a record has data for, from the top.

    samples: of the Prometheus server that scraped the target; None: there are none.
    """
    return tuple(_panels(record, limits, samples))


def _panels(record: ScenarioRecord, limits: Limits, samples: Samples | None) -> Iterable[Panel]:
    bands = bands_of(record)
    if any(probe.processes for probe in record.probes):
        yield _memory(record, bands)
    added = _gauges(record)
    if any(points for _, points in added):
        yield _memory_added(added, limits["memory_bytes"].target, bands)
    if any(probe.processes for probe in record.probes):
        cores = series("cores used", "line", zip(*cpu_cores(record), strict=True), REFUSED, size=0.9)
        yield Panel(
            title="CPU of the target's process tree, cores", unit="cores", bands=bands, from_zero=True, series=(cores,)
        )
    calls = [probe for probe in record.health if probe.path.endswith("/health")]
    if calls:
        yield _health(record, calls, limits["health_p95_ms"].target, bands)
    if samples is not None:
        yield from _prometheus(record, samples, bands)
    alerts = () if record.prometheus is None else record.prometheus.alerts
    if alerts:
        yield _alerts(record, alerts, bands)


def _memory(record: ScenarioRecord, bands: tuple[Band, ...]) -> Panel:
    probes = [probe for probe in record.probes if probe.processes]
    xs = [probe.at - record.scenario.start for probe in probes]
    rss = [sum(process.rss_bytes for process in probe.processes) / 1e6 for probe in probes]
    uss = [sum(process.uss_bytes or process.rss_bytes for process in probe.processes) / 1e6 for probe in probes]
    ended = [(hit.end - record.scenario.start, 0.0) for hit in record.done]
    names = [f"{hit.case}, {hit.id}" for hit in record.done]
    return Panel(
        title="memory of the target's process tree, and each export's end",
        unit="MB",
        bands=bands,
        from_zero=True,
        series=(
            series("resident (RSS)", "line", zip(xs, rss, strict=True), "#999999", size=0.9),
            series("its own (USS)", "line", zip(xs, uss, strict=True), DONE, size=1.1),
            *([series("an export ended", "ticks", ended, FAILED, names=names, size=5, alpha=0.5)] if ended else ()),
        ),
    )


def _gauges(record: ScenarioRecord) -> list[tuple[str, list[tuple[float, float]]]]:
    """By format: (seconds, MB) of what the target says that its latest export added."""
    found = []
    for fmt in FORMATS:
        values = (
            (timed.scrape.start - record.scenario.start, timed.page.total("export_memory_bytes", format=fmt))
            for timed in record.pages
        )
        found.append((fmt, [(x, bounded(y / 1e6)) for x, y in values if y is not None and not math.isnan(y)]))
    return found


def _memory_added(added: list[tuple[str, list[tuple[float, float]]]], bound: float, bands: tuple[Band, ...]) -> Panel:
    return Panel(
        title="memory that the latest export added, by the target",
        unit="MB",
        bands=bands,
        from_zero=True,
        series=tuple(series(fmt, "steps", points, COLOURS[fmt], size=1.0) for fmt, points in added if points),
        rules=(Rule(bound / 1e6, f"limit {bound / 1e6:,.6g} MB an export"),),
        height_in=1.4,
    )


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
        ys.append(bounded(used / apart))
        earlier = probe
    return xs, ys


def _health(record: ScenarioRecord, calls: list[HealthProbe], bound: float, bands: tuple[Band, ...]) -> Panel:
    made = []
    for label, well in (("answered 200", True), ("not well", False)):
        chosen = [call for call in calls if (call.status == 200) is well]
        points = [
            (call.start - record.scenario.start, max((call.end - call.start) * 1000, LEAST_LOG)) for call in chosen
        ]
        if chosen:
            names = [f"{call.status or call.error}, {call.phase or 'no phase'}" for call in chosen]
            kind, colour = ("points", COLOURS["csv"]) if well else ("crosses", FAILED)
            made.append(series(label, "points" if kind == "points" else "crosses", points, colour, names=names))
    return Panel(
        title="/health, time to answer",
        unit="ms",
        log=True,
        bands=bands,
        series=tuple(made),
        rules=(Rule(bound, f"limit {bound:,.6g} ms"),),
    )


def _prometheus(record: ScenarioRecord, samples: Samples, bands: tuple[Band, ...]) -> Iterable[Panel]:
    """Gauges as the server scraped them, and what its counters moved by a second between two scrapes."""
    start = record.scenario.start
    gauges = [
        series(label, "steps", [(at - start, bounded(value)) for at, value in found], colour, size=1.0)
        for label, colour, metric in (
            ("running", COLOURS["csv"], "export_concurrent_running"),
            ("waiting", COLOURS["pdf"], "export_queue_depth"),
        )
        if (found := samples.gauge(metric))
    ]
    if gauges:
        yield Panel(
            title="exports running and waiting, as Prometheus scraped them",
            unit="exports",
            bands=bands,
            from_zero=True,
            series=tuple(gauges),
        )
    rates = [
        series(label, "steps", [(at - start, bounded(value)) for at, value in found], colour, size=1.0)
        for status, label, colour in (
            ("succeeded", "succeeded", DONE),
            ("rejected", "rejected, malformed ones too", REFUSED),
            ("failed", "failed", FAILED),
        )
        if (found := samples.rate("export_requests_total", status))
    ]
    if rates:
        yield Panel(
            title="requests ended a second, from Prometheus's counters",
            unit="requests/s",
            bands=bands,
            from_zero=True,
            series=tuple(rates),
        )


def _alerts(record: ScenarioRecord, alerts: Iterable[AlertState], bands: tuple[Band, ...]) -> Panel:
    """A row for each alert that was pending or firing, with the spans of both states."""
    states = list(alerts)
    rows = list(dict.fromkeys(plain(alert.name) for alert in states))
    made = []
    for state, colour in ALERT_COLOURS.items():
        chosen = [alert for alert in states if alert.state == state]
        if chosen:
            points = [(alert.first - record.scenario.start, float(rows.index(plain(alert.name)))) for alert in chosen]
            # one evaluation is a moment: a second is the least that can be seen
            ends = [max(alert.last, alert.first + 1.0) - record.scenario.start for alert in chosen]
            names = [plain(f"{alert.name}, {alert.severity or 'no severity'}") for alert in chosen]
            made.append(series(state, "spans", points, colour, ends=ends, names=names, size=6))
    return Panel(
        title="alerts in Prometheus",
        unit="",
        bands=bands,
        series=tuple(made),
        categories=tuple(rows),
        height_in=0.8 + 0.22 * len(rows),
    )
