"""Panels as Grafana's JSON model, for Grafana 10 to 12. Pure.

Only options that these versions share are written: each panel type fills in its own defaults for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Json = dict[str, object]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
"""Only ever the variable, so that it fits any server: the import asks once, or takes the default Prometheus."""

GRID_WIDTH: Final = 24

Color = Literal["green", "orange", "red"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Bounds of a panel: dashed lines in a time series, colours in a gauge."""

    below: Color
    """The colour below the first bound."""
    steps: tuple[tuple[float, str], ...]
    """Rising bounds, each with the colour from there on."""

    def model(self) -> Json:
        """Return Grafana's `thresholds`."""
        base: Json = {"color": self.below, "value": None}
        return {"mode": "absolute", "steps": [base, *({"color": color, "value": bound} for bound, color in self.steps)]}


NO_BOUNDS: Final = Thresholds(below="green", steps=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str
    """With `{{label}}` for labels of the result."""
    buckets: bool = False
    """Whether the result is a histogram's buckets, each a row of a heat map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The heading of the panels below it, up to the next row."""

    title: str
    y: int
    """In grid units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    title: str
    description: str
    unit: str
    """Grafana's name of the unit, such as `ms` or `percent`."""
    queries: tuple[Query, ...]
    place: tuple[int, int, int, int]
    """x, y, width, height in grid units."""
    kind: Literal["timeseries", "gauge", "heatmap"] = "timeseries"
    thresholds: Thresholds = NO_BOUNDS
    decimals: int | None = None
    """Digits after the point; None: Grafana chooses."""
    top: float | None = None
    """The highest value of the scale; None: Grafana chooses."""


def row_model(number: int, row: Row) -> Json:
    """Return an open row with this id."""
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": row.y, "w": GRID_WIDTH, "h": 1},
        "panels": [],
    }


def panel_model(number: int, panel: Panel) -> Json:
    """Return a panel with this id."""
    x, y, width, height = panel.place
    is_gauge = panel.kind == "gauge"
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind](panel),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": query.expr,
                "legendFormat": query.legend,
                # A gauge shows the present value; over a range it would show the last one even of a target long gone.
                "range": not is_gauge,
                "instant": is_gauge,
                **({"format": "heatmap"} if query.buckets else {}),
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def query_variable(name: str, label: str, series: str) -> Json:
    """Return a variable that offers the values of the label `name` on a series; at first it stands for all of them."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"qryType": 1, "query": f"label_values({series}, {name})", "refId": name},
        "regex": "",
        "sort": 1,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 0,
        "skipUrlSync": False,
    }


def _defaults(panel: Panel) -> Json:
    if panel.kind == "heatmap":
        return {"custom": {"hideFrom": {"tooltip": False, "viz": False, "legend": False}}}
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.kind == "gauge" else "palette-classic"},
        "thresholds": panel.thresholds.model(),
    }
    if panel.top is not None:
        defaults["max"] = panel.top
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 8,
            "showPoints": "auto",
            "spanNulls": False,
            "axisPlacement": "auto",
            "thresholdsStyle": {"mode": "dashed" if panel.thresholds.steps else "off"},
        }
    return defaults


def _timeseries_options(_panel: Panel) -> Json:
    return {
        "legend": {
            "showLegend": True,
            "displayMode": "table",
            "placement": "bottom",
            "calcs": ["lastNotNull", "max"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _gauge_options(_panel: Panel) -> Json:
    return {
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
    }


def _heatmap_options(panel: Panel) -> Json:
    return {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
            "fill": "orange",
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": panel.unit},
    }


_OPTIONS: Final[Mapping[str, Callable[[Panel], Json]]] = {
    "timeseries": _timeseries_options,
    "gauge": _gauge_options,
    "heatmap": _heatmap_options,
}
