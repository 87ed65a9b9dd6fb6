"""The same plots as a document of Bokeh, to be zoomed and hovered in `report.html`. Bokeh's own script draws them."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evidence.reports.plots.model import Drawing, Panel, Rule, Series, y_range

PACKAGE = "bokeh"
PIXELS_AN_INCH = 84
HEAD_PX = 34
"""Title and legend of a panel."""
MARKERS = {"points": "circle", "crosses": "x", "ticks": "dash", "diamonds": "diamond"}
FONT_PX = {"axis_label_text_font_size": "11px", "major_label_text_font_size": "11px"}
_OWN_ID = re.compile(r"p\d+")
_NUMBER = "{0,0.[000]}"


@dataclass(frozen=True)
class Interactive:
    """Plots for Bokeh's script."""

    document: str
    """JSON of Bokeh: all plots of a page, their data in it."""
    roots: Mapping[str, str]
    """Name of a drawing to the id of its plot in the document."""
    ranges: Mapping[str, str]
    """Name of a drawing to the id of its range of x in the document."""


def library_version() -> str:
    """Return the version of the library that is installed."""
    return importlib.metadata.version(PACKAGE)


@cache
def library() -> str:
    """Return the library's own script, as its package has it."""
    import bokeh.util.paths  # noqa: PLC0415 - slow to load, only needed here

    return (Path(bokeh.util.paths.bokehjs_path()) / "js" / "bokeh.min.js").read_text(encoding="utf-8")


def interactive(drawings: Sequence[Drawing]) -> Interactive:
    """Return plots as one document; the same plots give the same document."""
    from bokeh.document import Document  # noqa: PLC0415
    from bokeh.models import Range1d  # noqa: PLC0415

    document = Document(title="")
    ranges: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for drawing in drawings:
        if drawing.axis not in ranges:
            start, end = drawing.x_range
            ranges[drawing.axis] = Range1d(start=start, end=end, name=drawing.axis)
        made[drawing.name] = _plot(drawing, ranges[drawing.axis])
        document.add_root(made[drawing.name])
    content = document.to_json()
    numbers: dict[str, str] = {}
    named = _numbered(content, numbers)
    return Interactive(
        document=json.dumps(named, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        roots={name: numbers[plot.id] for name, plot in made.items()},
        ranges={drawing.name: numbers[ranges[drawing.axis].id] for drawing in drawings},
    )


def _numbered(value: Any, numbers: dict[str, str]) -> Any:
    """Return a document with its ids counted anew: Bokeh counts them over a whole process."""
    if isinstance(value, dict):
        return {
            key: numbers.setdefault(part, f"p{len(numbers) + 1}")
            if key == "id" and isinstance(part, str) and _OWN_ID.fullmatch(part)
            else _numbered(part, numbers)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_numbered(part, numbers) for part in value]
    return value


def _plot(drawing: Drawing, x_range: Any) -> Any:
    from bokeh.layouts import gridplot  # noqa: PLC0415
    from bokeh.models import Span  # noqa: PLC0415

    upright = Span(dimension="height", line_color="#888888", line_width=1)
    figures = [
        _figure(drawing, panel, x_range, upright, last=panel is drawn_last)
        for drawn_last in drawing.panels[-1:]
        for panel in drawing.panels
    ]
    return gridplot(
        [[one] for one in figures],
        merge_tools=True,
        toolbar_location="above",
        toolbar_options={"logo": None},
        sizing_mode="stretch_width",
    )


def _figure(drawing: Drawing, panel: Panel, x_range: Any, upright: Any, *, last: bool) -> Any:
    from bokeh import plotting  # noqa: PLC0415
    from bokeh.models import Range1d  # noqa: PLC0415

    low, high = y_range(panel)
    made = plotting.figure(
        title=_plain(panel.title),
        x_range=x_range,
        y_range=Range1d(start=low, end=high),
        x_axis_type="log" if drawing.x_log else "linear",
        y_axis_type="log" if panel.log and not panel.categories else "linear",
        height=round(panel.height_in * PIXELS_AN_INCH) + HEAD_PX,
        min_border_left=60,
        min_border_right=16,
        tools=[],
        background_fill_alpha=0.0,
        border_fill_alpha=0.0,
        outline_line_alpha=0.2,
    )
    _axes(made, drawing, panel, last=last)
    _bands(made, panel, high, drawing.x_range)
    tools = _tools(upright)
    for one in panel.series:
        tools.append(_series(made, one, drawing, panel))
    for rule in panel.rules:
        _rule(made, rule)
    made.add_tools(*tools)
    if made.legend:
        _legend(made)
    return made


def _axes(made: Any, drawing: Drawing, panel: Panel, *, last: bool) -> None:
    from bokeh.models import BasicTickFormatter, FixedTicker  # noqa: PLC0415

    made.title.text_font_size = "12px"
    for axis in (made.xaxis[0], made.yaxis[0]):
        axis.update(**FONT_PX, axis_label_text_font_style="normal")
    for grid in made.grid:
        grid.grid_line_alpha = 0.4
    made.xaxis[0].axis_label = drawing.x_label if last else None
    if drawing.x_log:
        made.xaxis[0].formatter = BasicTickFormatter(use_scientific=False)
    if panel.categories:
        made.yaxis[0].ticker = FixedTicker(ticks=list(range(len(panel.categories))))
        made.yaxis[0].major_label_overrides = {place: _plain(name) for place, name in enumerate(panel.categories)}
        return
    made.yaxis[0].axis_label = panel.unit
    made.yaxis[0].formatter = BasicTickFormatter(use_scientific=False)


def _bands(made: Any, panel: Panel, top: float, x_range: tuple[float, float]) -> None:
    """Shade every second phase; name them where they are wide enough."""
    from bokeh.models import BoxAnnotation  # noqa: PLC0415

    for band in panel.bands[::2]:
        made.add_layout(
            BoxAnnotation(left=band.start, right=band.end, fill_color="#888888", fill_alpha=0.12, line_alpha=0)
        )
    wide = [band for band in panel.bands if (band.end - band.start) / (x_range[1] - x_range[0]) > 0.04]
    if wide and not panel.categories:
        made.text(
            x=[(band.start + band.end) / 2 for band in wide],
            y=[top] * len(wide),
            text=[_plain(band.name) for band in wide],
            text_font_size="10px",
            text_align="center",
            text_baseline="top",
            text_color="#444444",
        )


def _tools(upright: Any) -> list[Any]:
    """Return what every panel of a plot can do; only along x, since panels share it."""
    from bokeh.models import (  # noqa: PLC0415
        BoxZoomTool,
        CrosshairTool,
        PanTool,
        ResetTool,
        SaveTool,
        WheelZoomTool,
        ZoomInTool,
        ZoomOutTool,
    )

    return [
        BoxZoomTool(dimensions="width"),
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width"),
        ZoomInTool(dimensions="width"),
        ZoomOutTool(dimensions="width"),
        ResetTool(),
        SaveTool(),
        CrosshairTool(overlay=upright, visible=False),
    ]


def _series(made: Any, one: Series, drawing: Drawing, panel: Panel) -> Any:
    """Draw a series; return the tool that shows its values."""
    from bokeh.models import ColumnDataSource, HoverTool  # noqa: PLC0415

    data: dict[str, Sequence[Any]] = {"x": list(one.xs), "y": list(one.ys)}
    if one.ends:
        data["end"] = list(one.ends)
    if one.names:
        data["of"] = [_plain(name) for name in one.names]
    source = ColumnDataSource(data)
    label = _plain(one.label)
    shared = {"source": source, "legend_label": label, "name": label}
    line = {"line_color": one.colour, "line_alpha": one.alpha, "line_width": one.size * 1.2}
    if one.kind in MARKERS:
        renderer = made.scatter(
            "x", "y", marker=MARKERS[one.kind], size=one.size * 1.6, color=one.colour, alpha=one.alpha,
            **({"angle": 1.5707963} if one.kind == "ticks" else {}), **shared,
        )  # fmt: skip
    elif one.kind == "line":
        renderer = made.line("x", "y", **line, **shared)
    elif one.kind == "steps":
        renderer = made.step("x", "y", mode="after", **line, **shared)
    elif one.kind == "area":
        fill = {"fill_color": one.colour, "fill_alpha": one.alpha * 0.6}
        made.varea_step("x", 0, "y", step_mode="after", source=source, legend_label=label, **fill)
        renderer = made.step("x", "y", mode="after", **line, **shared)
    else:
        renderer = made.segment("x", "y", "end", "y", **line, **shared)
    return HoverTool(
        renderers=[renderer], tooltips=_tooltips(one, drawing, panel), visible=False, description=label
    )


def _tooltips(one: Series, drawing: Drawing, panel: Panel) -> list[tuple[str, str]]:
    across = drawing.x_label.split(" ")[0] if not panel.categories else panel.unit
    lines = [("", "@of")] if one.names else []
    if one.ends:
        return [*lines, (_plain(one.label), f"@x{_NUMBER} to @end{_NUMBER} {panel.unit or 's'}")]
    if panel.categories:
        return [*lines, (_plain(one.label), f"@x{_NUMBER} {across}")]
    return [*lines, (_plain(one.label), f"@y{_NUMBER} {panel.unit}"), (across, f"@x{_NUMBER}")]


def _rule(made: Any, rule: Rule) -> None:
    draw = made.vspan if rule.upright else made.hspan
    legend = {"legend_label": _plain(rule.label)} if rule.label else {}
    draw(
        **{"x" if rule.upright else "y": [rule.value]},
        line_color=rule.colour,
        line_dash=rule.style,
        line_width=1.2,
        **legend,
    )


def _legend(made: Any) -> None:
    legend = made.legend[0]
    made.add_layout(legend, "above")
    legend.update(
        orientation="horizontal",
        click_policy="hide",
        label_text_font_size="11px",
        padding=0,
        margin=0,
        spacing=12,
        border_line_alpha=0,
        background_fill_alpha=0,
        glyph_height=12,
        label_height=12,
    )


def _plain(text: str) -> str:
    """Return a text in which nothing is a formula to Bokeh."""
    return text.replace("$", "＄").replace("\\", "＼")


def values_of(document: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return the columns of each label in a document, in order: what a reader of the page can hover over."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    sources: dict[str, Mapping[str, Any]] = {}
    parts = list(_objects(json.loads(document)))
    for part in parts:
        if part.get("name") == "ColumnDataSource":
            entries = part["attributes"]["data"]["entries"]
            sources[part["id"]] = dict(entries)
    for part in parts:
        attributes = part.get("attributes", {})
        if part.get("name") == "GlyphRenderer" and isinstance(attributes.get("name"), str):
            found.setdefault(attributes["name"], []).append(sources[attributes["data_source"]["id"]])
    return found


def _objects(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value
        for part in value.values():
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)
