"""The dashboard's source: the runbook's five panels, and ours in rows below, with their bounds from the limits file.

`grafana-export-dashboard.json` is what this writes (`python -m dashboards build`); edit here, never there. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from assertions.limits import Limit, Limits
from dashboards.grafana import Color, Json, Panel, Query, Row, Thresholds, panel_model, query_variable, row_model
from rules.building.figures import count, milliseconds, percent, size

SCHEMA_VERSION: Final = 36
"""The oldest that Grafana 10 knows as its own; every later Grafana migrates it upward by itself."""

RUNBOOK_ROW: Final = "Export@Scale"
"""The row of the runbook's five panels; every other row is this project's own."""

_CHOSEN: Final = 'format=~"$format", instance=~"$instance"'
"""What the variables choose; every panel of a metric with a format holds to both."""
_INSTANCE: Final = 'instance=~"$instance"'
_SUCCEEDED: Final = f'sum by (format) (rate(export_requests_total{{status="succeeded", {_CHOSEN}}}[$__rate_interval]))'
_ENDED: Final = (
    f'sum by (format) (rate(export_requests_total{{status=~"succeeded|failed", {_CHOSEN}}}[$__rate_interval]))'
)


def panels(limits: Limits) -> tuple[Row | Panel, ...]:
    """Return all rows and panels in reading order."""
    return (*_runbook_panels(limits), *_further_panels(limits))


def _runbook_panels(limits: Limits) -> tuple[Row | Panel, ...]:
    latency, success, throughput = (
        limits[limit_id] for limit_id in ("latency_p95_ms", "success_ratio", "throughput_per_s")
    )
    running = limits["concurrent_exports"]
    return (
        Row(title=RUNBOOK_ROW, y=0),
        Panel(
            title="Export Latency P95 (ms)",
            description="From a request's arrival to its answer, waiting included, by format and size. "
            f"{_bounds(latency, milliseconds)}",
            unit="ms",
            thresholds=_upper(latency),
            queries=(
                Query(
                    expr="histogram_quantile(0.95, "
                    f"sum by (le, format, size) (rate(export_latency_ms_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                    legend="{{format}} {{size}}",
                ),
            ),
            place=(0, 1, 12, 8),
        ),
        Panel(
            kind="gauge",
            title="Export Success Rate (%)",
            description=f"Succeeded / (succeeded + failed) since the service's start. {_bounds(success, percent)}",
            unit="percent",
            thresholds=_lower(success, scale=100),
            queries=(Query(expr=f"100 * export_success_rate{{{_CHOSEN}}}", legend="{{format}}"),),
            place=(12, 1, 12, 8),
            decimals=1,
            top=100,
        ),
        Panel(
            title="Export Bytes Total (MB)",
            description="Bytes of finished files since the service's start, in megabytes (10^6 bytes). "
            "Falls to 0 at a restart.",
            unit="decmbytes",
            queries=(Query(expr=f"sum by (format) (export_bytes_total{{{_CHOSEN}}}) / 1e6", legend="{{format}}"),),
            place=(0, 9, 8, 8),
        ),
        Panel(
            title="Concurrent Exports",
            description=f"Exports that run now. At most {count(running.target)} may: at the bound is full "
            "use, above it a defect.",
            unit="short",
            decimals=0,
            thresholds=_upper(running),
            queries=(Query(expr=f"export_concurrent_running{{{_INSTANCE}}}", legend="{{instance}}"),),
            place=(8, 9, 8, 8),
        ),
        Panel(
            title="Export Throughput (ops/sec)",
            description="Exports finished a second, from the counter and by the service's own gauge. "
            f"Target under load: at least {count(throughput.target)}.",
            unit="ops",
            thresholds=_lower(throughput),
            queries=(
                Query(expr=_SUCCEEDED, legend="{{format}} by its counter"),
                Query(expr=f"export_throughput_ops_per_sec{{{_CHOSEN}}}", legend="{{format}} by its gauge"),
            ),
            place=(16, 9, 8, 8),
        ),
    )


def _further_panels(limits: Limits) -> tuple[Row | Panel, ...]:
    latency, success, memory = limits["latency_p95_ms"], limits["success_ratio"], limits["memory_bytes"]
    queue, nearly_full = limits["queue_depth"], limits.alerts["queue_nearly_full"]
    quantiles = (("0.50", "P50"), ("0.90", "P90"), ("0.99", "P99"))
    return (
        Row(title="Latency and outcomes", y=17),
        Panel(
            title="Latency percentiles by format",
            description=f"P50, P90 and P99, to compare with the P95 above. {_bounds(latency, milliseconds)}",
            unit="ms",
            thresholds=_upper(latency),
            queries=tuple(
                Query(
                    expr=f"histogram_quantile({quantile}, "
                    f"sum by (le, format) (rate(export_latency_ms_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                    legend=f"{name} {{{{format}}}}",
                )
                for quantile, name in quantiles
            ),
            place=(0, 18, 12, 8),
        ),
        Panel(
            title="Success rate over time",
            description="Succeeded / (succeeded + failed) of the exports that ended lately. No line while nothing "
            f"ends: 0/0 is no rate. {_bounds(success, percent)}",
            unit="percentunit",
            thresholds=_lower(success),
            queries=(Query(expr=f"{_SUCCEEDED} / {_ENDED}", legend="{{format}}"),),
            place=(12, 18, 12, 8),
            top=1,
        ),
        Panel(
            title="Failed exports by reason",
            description="Failures a second, by format and reason.",
            unit="ops",
            queries=(
                Query(
                    expr=f"sum by (format, reason) (rate(export_fail_total{{{_CHOSEN}}}[$__rate_interval]))",
                    legend="{{format}} {{reason}}",
                ),
            ),
            place=(0, 26, 12, 8),
        ),
        Panel(
            title="Requests by outcome",
            description="Requests a second: started, succeeded, failed, rejected (400, 413, 429, 503).",
            unit="reqps",
            queries=(
                Query(
                    expr=f"sum by (format, status) (rate(export_requests_total{{{_CHOSEN}}}[$__rate_interval]))",
                    legend="{{format}} {{status}}",
                ),
            ),
            place=(12, 26, 12, 8),
        ),
        Row(title="Queue and memory", y=34),
        Panel(
            title="Queue depth",
            description=f"Exports that wait now. At most {count(queue.target)} may, then requests are refused "
            f"with 429. The alert ExportQueueNearlyFull begins above {count(nearly_full.above)}.",
            unit="short",
            decimals=0,
            thresholds=_steps("green", ((nearly_full.above, "orange"), (queue.target, "red"))),
            queries=(Query(expr=f"export_queue_depth{{{_INSTANCE}}}", legend="{{instance}}"),),
            place=(0, 35, 12, 8),
        ),
        Panel(
            title="Memory per export",
            description=f"Peak memory that the latest export of each format added. {_bounds(memory, size)}",
            unit="decbytes",
            thresholds=_upper(memory),
            queries=(Query(expr=f"export_memory_bytes{{{_CHOSEN}}}", legend="{{format}} {{instance}}"),),
            place=(12, 35, 12, 8),
        ),
        Row(title="Latency heat map", y=43),
        Panel(
            kind="heatmap",
            title="Latency of exports",
            description="How many exports ended in each span of latency, all chosen formats and sizes together.",
            unit="ms",
            queries=(
                Query(
                    expr=f"sum by (le) (increase(export_latency_ms_bucket{{{_CHOSEN}}}[$__rate_interval]))",
                    legend="{{le}}",
                    buckets=True,
                ),
            ),
            place=(0, 44, 24, 8),
        ),
        Row(title="Alerts", y=52),
        Panel(
            title="Alerts by state",
            description="Alerts that are firing or pending, each by how many of its series are. The line at 0 is there "
            "while none is.",
            unit="short",
            decimals=0,
            queries=tuple(
                Query(
                    expr=f'sum by (alertname) (ALERTS{{alertname=~"Export.+", alertstate="{state}"}}) '
                    f'or on () label_replace(vector(0), "alertname", "none", "", "")',
                    legend=f"{{{{alertname}}}} {state}",
                )
                for state in ("firing", "pending")
            ),
            place=(0, 53, 24, 8),
        ),
    )


def dashboard(limits: Limits) -> Json:
    """Return the whole dashboard as Grafana's JSON model."""
    return {
        "id": None,
        "uid": "export-at-scale",
        "title": "Export@Scale",
        "description": "An export service by its nine metrics, with the limits that it is judged by.",
        "tags": ["export"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timepicker": {},
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                _datasource_variable(),
                query_variable("format", "Format", "export_requests_total"),
                query_variable("instance", "Instance", "export_concurrent_running"),
            ]
        },
        "panels": [
            row_model(number, one) if isinstance(one, Row) else panel_model(number, one)
            for number, one in enumerate(panels(limits), 1)
        ],
    }


def text(limits: Limits) -> str:
    """Return the dashboard as its file holds it: indented JSON with a line end."""
    return json.dumps(dashboard(limits), indent=2, ensure_ascii=False) + "\n"


def _bounds(limit: Limit, write: Callable[[float], str]) -> str:
    critical = "" if limit.critical is None else f"; critical: {write(limit.critical)}"
    return f"Limit: {write(limit.target)}{critical}."


def _upper(limit: Limit) -> Thresholds:
    """Good below its target."""
    critical = () if limit.critical is None else ((limit.critical, "red"),)
    return _steps("green", ((limit.target, "orange" if critical else "red"), *critical))


def _lower(limit: Limit, scale: float = 1) -> Thresholds:
    """Good from its target on; `scale` is the panel's unit over the limit's."""
    target = (round(limit.target * scale, 9), "green")
    if limit.critical is None:
        return _steps("orange", (target,))
    return _steps("red", ((round(limit.critical * scale, 9), "orange"), target))


def _steps(below: Color, steps: tuple[tuple[float, str], ...]) -> Thresholds:
    """Rising, whatever the limits file says: Grafana takes no others."""
    return Thresholds(below=below, steps=tuple(dict(sorted(steps, key=lambda step: step[0])).items()))


def _datasource_variable() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "options": [],
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "skipUrlSync": False,
    }
