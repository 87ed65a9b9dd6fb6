"""The dashboard's source: five panels on the contract's nine metrics, as a Grafana JSON model.

`export.json` is what this writes (`python -m dashboards build`); edit here, never there. Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final, Literal

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE

Json = dict[str, object]

SCHEMA_VERSION: Final = 36
"""The oldest that Grafana 10 knows as its own; every later Grafana migrates it upward by itself."""
DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
"""Only ever the variable, so that importing asks nothing and fits any server."""

LATENCY_LIMIT_MS, LATENCY_CRITICAL_MS = 10_000, 30_000
SUCCESS_LIMIT_RATIO, SUCCESS_CRITICAL_RATIO = 0.95, 0.90
THROUGHPUT_LIMIT_PER_S = 0.05
MEMORY_LIMIT_BYTES, MEMORY_CRITICAL_BYTES = 100_000_000, 500_000_000

Color = Literal["green", "orange", "red"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Bounds of a panel, drawn as dashed lines."""

    below: Color
    """The colour below the first bound."""
    steps: tuple[tuple[float, Color], ...]
    """Rising bounds, each with the colour from there on."""

    def model(self) -> Json:
        """Return Grafana's `thresholds`."""
        base: Json = {"color": self.below, "value": None}
        return {"mode": "absolute", "steps": [base, *({"color": color, "value": bound} for bound, color in self.steps)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str
    """With `{{label}}` for labels of the result."""
    right_unit: str | None = None
    """Shown on an axis of its own at the right, in this unit; None: on the panel's own axis."""
    right_thresholds: Thresholds | None = None
    """Bounds of the right axis; only with `right_unit`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    title: str
    description: str
    unit: str
    """Grafana's name of the unit, such as `ms` or `percentunit`."""
    thresholds: Thresholds
    queries: tuple[Query, ...]
    place: tuple[int, int, int, int]
    """x, y, width, height in grid units; a row is 24 wide."""
    decimals: int | None = field(default=None)
    """Digits after the point; None: Grafana chooses."""


PANELS: Final = (
    Panel(
        title="Export latency",
        description="From a request's arrival to its answer, waiting included. Limit: P95 of 10 s; critical: 30 s.",
        unit="ms",
        thresholds=Thresholds(below="green", steps=((LATENCY_LIMIT_MS, "orange"), (LATENCY_CRITICAL_MS, "red"))),
        queries=(
            Query(
                expr="histogram_quantile(0.95, "
                "sum by (le, format, size) (rate(export_latency_ms_bucket[$__rate_interval])))",
                legend="P95 {{format}} {{size}}",
            ),
            Query(
                expr="histogram_quantile(0.50, sum by (le, format) (rate(export_latency_ms_bucket[$__rate_interval])))",
                legend="P50 {{format}}",
            ),
            Query(
                expr="histogram_quantile(0.99, sum by (le, format) (rate(export_latency_ms_bucket[$__rate_interval])))",
                legend="P99 {{format}}",
            ),
        ),
        place=(0, 0, 12, 9),
    ),
    Panel(
        title="Success rate",
        description="Succeeded / (succeeded + failed), now and since start. No line while nothing ends: 0/0 is no "
        "rate. At the right failures a second, by reason. Limit: 95 %; critical: 90 %.",
        unit="percentunit",
        thresholds=Thresholds(below="red", steps=((SUCCESS_CRITICAL_RATIO, "orange"), (SUCCESS_LIMIT_RATIO, "green"))),
        queries=(
            Query(
                expr='sum by (format) (rate(export_requests_total{status="succeeded"}[$__rate_interval])) / '
                'sum by (format) (rate(export_requests_total{status=~"succeeded|failed"}[$__rate_interval]))',
                legend="{{format}} now",
            ),
            Query(expr="export_success_rate", legend="{{format}} since start"),
            Query(
                expr="sum by (format, reason) (rate(export_fail_total[$__rate_interval]))",
                legend="failures {{format}} {{reason}}",
                right_unit="ops",
            ),
        ),
        place=(12, 0, 12, 9),
    ),
    Panel(
        title="Concurrency and queue depth",
        description=f"Exports that run (left, at most {MAX_CONCURRENT}) and wait (right, at most {MAX_QUEUE}). At a "
        "bound is full use; above it is a defect.",
        unit="short",
        decimals=0,
        thresholds=Thresholds(below="green", steps=((MAX_CONCURRENT, "red"),)),
        queries=(
            Query(expr="export_concurrent_running", legend="running {{instance}}"),
            Query(
                expr="export_queue_depth",
                legend="waiting {{instance}}",
                right_unit="short",
                right_thresholds=Thresholds(below="green", steps=((MAX_QUEUE, "red"),)),
            ),
        ),
        place=(0, 9, 12, 9),
    ),
    Panel(
        title="Throughput and bytes",
        description="Exports finished a second, by the service's own gauge and from its counter; refused requests; at "
        "the right bytes of finished files a second. Target: at least 0.05 exports a second under load.",
        unit="ops",
        thresholds=Thresholds(below="orange", steps=((THROUGHPUT_LIMIT_PER_S, "green"),)),
        queries=(
            Query(expr="export_throughput_ops_per_sec", legend="{{format}} by its gauge"),
            Query(
                expr='sum by (format) (rate(export_requests_total{status="succeeded"}[$__rate_interval]))',
                legend="{{format}} by its counter",
            ),
            Query(
                expr='sum by (format) (rate(export_requests_total{status="rejected"}[$__rate_interval]))',
                legend="{{format}} refused",
            ),
            Query(
                expr='sum by (format) (rate(export_bytes_total{status="success"}[$__rate_interval]))',
                legend="{{format}} bytes",
                right_unit="Bps",
            ),
        ),
        place=(12, 9, 12, 9),
    ),
    Panel(
        title="Memory per export",
        description="Peak memory that the latest export of each format added. Limit: 100 MB; critical: 500 MB.",
        unit="decbytes",
        thresholds=Thresholds(below="green", steps=((MEMORY_LIMIT_BYTES, "orange"), (MEMORY_CRITICAL_BYTES, "red"))),
        queries=(Query(expr="export_memory_bytes", legend="{{format}} {{instance}}"),),
        place=(0, 18, 24, 8),
    ),
)
"""The runbook's five panels, in reading order."""


def dashboard() -> Json:
    """Return the whole dashboard as Grafana's JSON model."""
    return {
        "id": None,
        "uid": "export-at-scale",
        "title": "Export@Scale",
        "description": "An export service by its nine metrics, beside the limits that it is judged by.",
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
        "templating": {"list": [_datasource_variable()]},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS, 1)],
    }


def text() -> str:
    """Return the dashboard as `export.json` holds it: indented JSON with a line end."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def _datasource_variable() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "current": {},
        "options": [],
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "skipUrlSync": False,
    }


def _panel(number: int, panel: Panel) -> Json:
    x, y, width, height = panel.place
    queries = [(chr(ord("A") + index), query) for index, query in enumerate(panel.queries)]
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "palette-classic"},
        "thresholds": panel.thresholds.model(),
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 8,
            "showPoints": "auto",
            "spanNulls": False,
            "axisPlacement": "auto",
            "thresholdsStyle": {"mode": "dashed"},
        },
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {
            "defaults": defaults,
            "overrides": [_right_axis(ref, query) for ref, query in queries if query.right_unit is not None],
        },
        "options": {
            "legend": {
                "showLegend": True,
                "displayMode": "table",
                "placement": "bottom",
                "calcs": ["lastNotNull", "max"],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_target(ref, query) for ref, query in queries],
    }


def _right_axis(ref: str, query: Query) -> Json:
    style = "off" if query.right_thresholds is None else "dashed"
    properties: list[Json] = [
        {"id": "unit", "value": query.right_unit},
        {"id": "custom.axisPlacement", "value": "right"},
        {"id": "custom.thresholdsStyle", "value": {"mode": style}},
    ]
    if query.right_thresholds is not None:
        properties.append({"id": "thresholds", "value": query.right_thresholds.model()})
    return {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": properties}


def _target(ref: str, query: Query) -> Json:
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "range": True,
        "instant": False,
    }
