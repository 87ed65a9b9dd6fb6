"""What a Prometheus server would have recorded of a healthy service: the figures of the harness's own pages."""

from __future__ import annotations

from assertions.contract import FORMATS, SIZES
from assertions.record.prometheus_run import PanelQuery, PanelSeries, PrometheusRun, RuleHealth, ScrapedTarget
from assertions.record.view import ScenarioRecord

INTERVAL_S = 1.0
RULES = (
    ("ExportLatencyP95High", "warning"),
    ("ExportConcurrentHigh", "warning"),
    ("ExportOverConcurrencyLimit", "critical"),
    ("job:export_failed:ratio_rate5m", ""),
)


def seen(record: ScenarioRecord) -> PrometheusRun:
    """The server's record of one scenario, coherent with its pages whatever they say."""
    scenario = record.scenario
    return PrometheusRun(
        problem=None,
        version="2.42.0",
        start=scenario.start,
        end=scenario.end,
        scrape_interval_s=INTERVAL_S,
        scrapes=int((scenario.end - scenario.start) / INTERVAL_S) + 1,
        targets=(ScrapedTarget(url=f"{scenario.target}/export/metrics", health="up", error=""),),
        rules=tuple(RuleHealth(name=name, severity=severity, health="ok", error="") for name, severity in RULES),
        panels=(
            _query("Export Latency P95 (ms)", "A", *_p95(record)),
            _query("Export Success Rate (%)", "A", *_at_end(record, "export_success_rate", 100)),
            _query("Export Bytes Total (MB)", "A", *_at_end(record, "export_bytes_total", 1e-6)),
            _query("Concurrent Exports", "A", _series({}, _peak(record))),
            _query("Export Throughput (ops/sec)", "A", *_throughput(record)),
            _query("Queue depth", "A", _series({}, 0.0)),
        ),
    )


def _query(panel: str, ref: str, *series: PanelSeries) -> PanelQuery:
    return PanelQuery(panel=panel, ref=ref, expression="q", error=None, series=series or (_series({}, 0.0),))


def _series(labels: dict[str, str], value: float | None) -> PanelSeries:
    return PanelSeries(
        labels=labels, points=40, finite=40, first=0.0, last=value, lowest=0.0, highest=value, whole=value
    )


def _p95(record: ScenarioRecord) -> list[PanelSeries]:
    made = []
    for labels in ({"format": fmt, "size": size} for fmt in FORMATS for size in SIZES):
        after = record.after.histogram("export_latency_ms", **labels) if record.after else None
        if after is not None and record.before is not None:
            moved = after.minus(record.before.histogram("export_latency_ms", **labels))
            made.append(_series(labels, moved.quantile(0.95)))
    return made


def _at_end(record: ScenarioRecord, name: str, scale: float) -> list[PanelSeries]:
    totals = {fmt: record.after.total(name, format=fmt) for fmt in FORMATS} if record.after else {}
    return [_series({"format": fmt}, scale * total) for fmt, total in totals.items() if total is not None]


def _peak(record: ScenarioRecord) -> float | None:
    return max((page.running for page in record.pages if page.running is not None), default=None)


def _throughput(record: ScenarioRecord) -> list[PanelSeries]:
    duration_s = record.scenario.end - record.scenario.start
    done = {fmt: record.delta("export_requests_total", status="succeeded", format=fmt) for fmt in FORMATS}
    return [_series({"format": fmt}, count / duration_s) for fmt, count in done.items() if count is not None]
