"""Which plots a run has, their captions, and writing them: SVG for the page, PNG for the PDF."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.run import Run
from evidence.reports.figures import Plot
from evidence.reports.plots.captions import distribution_caption, leak_caption, timeline_caption
from evidence.reports.plots.distribution import paint_distribution
from evidence.reports.plots.leak import leak_series, paint_leak
from evidence.reports.plots.timeline import Painter, panels

WIDTH_IN = 9.0
PANEL_IN = 1.7
DPI = 110
_ID = re.compile(r'(\bid="|xlink:href="#|url\(#)')


@dataclass(frozen=True)
class _Drawing:
    name: str
    title: str
    caption: str
    painters: tuple[Painter, ...]
    """One a panel, from the top; they share the x axis."""


def draw(folder: Path, run: Run, report: Report, limits: Limits) -> dict[str, bytes]:
    """Draw all plots that the record allows into a folder, emptied before; return each as PNG, by its path.

    OSError when they can't be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pictures = {}
    for drawing in _drawings(run, report, limits):
        svg, pictures[f"{folder.name}/{drawing.name}.svg"] = _drawn(drawing)
        (folder / f"{drawing.name}.svg").write_text(svg, encoding="utf-8")
    return pictures


def planned(folder: str, run: Run, report: Report, limits: Limits) -> list[Plot]:
    """Return the plots that `draw` draws."""
    return [
        Plot(
            title=one.title,
            path=f"{folder}/{one.name}.svg",
            caption=one.caption,
            aspect=round(_height_in(one) / WIDTH_IN, 4),
        )
        for one in _drawings(run, report, limits)
    ]


def _drawings(run: Run, report: Report, limits: Limits) -> Iterator[_Drawing]:
    for name, record in run.scenarios.items():
        painters = panels(record, report, limits)
        if painters:
            title = f"{name}: over time"
            yield _Drawing(f"{name}-timeline", title, timeline_caption(record, report), painters)
        if record.done:
            title = f"{name}: latency by case"
            painter = paint_distribution(record, limits)
            yield _Drawing(f"{name}-distribution", title, distribution_caption(record, report), (painter,))
        if len(leak_series(record)) > 2:
            title = f"{name}: memory at rest by exports done"
            yield _Drawing(f"{name}-leak", title, leak_caption(record, report, limits), (paint_leak(record, limits),))


def _height_in(drawing: _Drawing) -> float:
    count = len(drawing.painters)
    return PANEL_IN * count + 0.5 if count > 1 else max(drawing.painters[0].height_in, 2.4)


def _figure(drawing: _Drawing) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to load, only needed here

    count = len(drawing.painters)
    figure = Figure(figsize=(WIDTH_IN, _height_in(drawing)), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for painter, axis in zip(drawing.painters, axes, strict=True):
        painter.paint(axis)
        axis.set_title(painter.title, fontsize=9, loc="left")
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if count > 1:
        axes[-1].set_xlabel("seconds since the scenario's start", fontsize=8)
    return figure


def _drawn(drawing: _Drawing) -> tuple[str, bytes]:
    """Return a drawing as SVG and as PNG."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415

    svg, png = io.StringIO(), io.BytesIO()
    # words stay words, to be searched and read aloud; equal records give equal files
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": drawing.name}):
        figure = _figure(drawing)
        FigureCanvasAgg(figure)
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.set_layout_engine("none")  # all stays where the first drawing put it, which takes half of the time
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _described(svg.getvalue(), drawing), png.getvalue()


def _described(svg: str, drawing: _Drawing) -> str:
    """Give a drawing a title and a description for screen readers, and ids that no other drawing of a page has."""
    svg = _ID.sub(rf"\g<1>{drawing.name}-", svg)
    start = svg.index("<svg ")
    end = svg.index(">", start)
    root = f'{svg[start:end]} role="img" aria-labelledby="{drawing.name}-title {drawing.name}-desc">'
    words = (
        f'\n <title id="{drawing.name}-title">{escape(drawing.title)}</title>'
        f'\n <desc id="{drawing.name}-desc">{escape(drawing.caption)}</desc>'
    )
    return f"{svg[:start]}{root}{words}{svg[end + 1 :]}"
