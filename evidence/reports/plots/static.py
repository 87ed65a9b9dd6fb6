"""A plot as a static picture: SVG for the page and Markdown, PNG for the PDF. By matplotlib."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module, metadata
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from evidence.reports.plots import model
from evidence.reports.plots.model import Drawing, Panel, Rule, Series, y_range
from rules.server.cache import Cache, key_of

WIDTH_IN = 9.0
DPI = 110
WIDE_BAND = 0.04
"""Share of the axis that a phase takes whose name is shown."""
MARKERS = {"points": ".", "crosses": "x", "ticks": "|", "diamonds": "D"}
LINE_STYLES = {"dashed": "--", "dotted": ":", "dashdot": "-."}
LIBRARIES = (
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "PIL.PngImagePlugin",
)
"""Slow to load: only what draws loads them."""
Pictures = tuple[str, bytes]
"""A plot as SVG and as PNG."""
_ENCODER = msgspec.msgpack.Encoder()
_COORDINATES = re.compile(r'(?<= )(?:d|x|y|transform)="[^"]*"')
"""Attributes that hold places, in points."""
_DIGITS = re.compile(r"(\.\d\d)\d+")
"""Digits beyond a hundredth of a point, which nobody sees."""
_ID = re.compile(r'(\bid="|xlink:href="#|url\(#)')


def height_in(drawing: Drawing) -> float:
    """Return the height of a picture."""
    return max(sum(panel.height_in for panel in drawing.panels) + 0.5, 2.4)


def svg(drawing: Drawing) -> str:
    """Return a plot as an SVG file; the same plot gives the same text."""
    return drawn([drawing])[0][0]


def draw_all(drawings: Sequence[Drawing]) -> list[Pictures]:
    """Draw plots in this process, without the words that describe them."""
    return [_pictures(drawing) for drawing in drawings]


def drawn(
    drawings: Sequence[Drawing],
    cache: Cache | None = None,
    draw: Callable[[Sequence[Drawing]], list[Pictures]] = draw_all,
) -> list[Pictures]:
    """Return each plot as an SVG and as a PNG file.

    cache: keeps both by all that is drawn; None: they are drawn anew. draw: draws those that are not kept.
    """
    keys = [] if cache is None else [_key(drawing) for drawing in drawings]
    found = {place: kept for place, key in enumerate(keys) if cache is not None and (kept := cache.get(key))}
    missing = [place for place in range(len(drawings)) if place not in found]
    pictures = {place: msgspec.msgpack.decode(kept, type=Pictures) for place, kept in found.items()}
    for place, made in zip(missing, draw([drawings[place] for place in missing]), strict=True):
        pictures[place] = made
        if cache is not None:
            cache.put(keys[place], msgspec.msgpack.encode(made))
    return [(_described(pictures[place][0], drawing), pictures[place][1]) for place, drawing in enumerate(drawings)]


def _key(drawing: Drawing) -> str:
    return key_of(_ENCODER.encode(replace(drawing, title="", caption="")), *_versions(), code=[model, _here()])


def load_libraries() -> None:
    """Load what draws."""
    for name in LIBRARIES:
        import_module(name)


def _here() -> ModuleType:
    return sys.modules[__name__]


def _versions() -> tuple[bytes, ...]:
    """Return the versions of what draws: a picture by another one is another picture."""
    return tuple(f"{name} {metadata.version(name)}".encode() for name in ("matplotlib", "numpy"))


def _pictures(drawing: Drawing) -> Pictures:
    """Draw a plot, without the words that describe it."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, only needed here
    import numpy as np  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    text, png = io.StringIO(), io.BytesIO()
    # words stay words, to be searched and read aloud; equal records give equal files
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": drawing.name}):
        made = figure(drawing)
        canvas: Any = FigureCanvasAgg(made)
        # placed once, for both: with a layout engine each of them would be drawn twice
        made.get_layout_engine().execute(made)
        made.set_layout_engine(None)
        canvas.draw()
        # all of it is opaque; in a PDF an alpha channel would be a second picture
        Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]).save(png, format="PNG", dpi=(DPI, DPI))
        made.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    rounded = _COORDINATES.sub(lambda place: _DIGITS.sub(r"\1", place[0]), text.getvalue())
    return rounded, png.getvalue()


def figure(drawing: Drawing) -> Any:
    """Return a plot as a figure of matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    made = Figure(figsize=(WIDTH_IN, height_in(drawing)), dpi=DPI, layout="constrained")
    heights = [panel.height_in for panel in drawing.panels]
    axes = made.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for index, (panel, axis) in enumerate(zip(drawing.panels, axes, strict=True)):
        if drawing.x_log:
            axis.set_xscale("log")
        _bands(panel, axis, drawing.x_range, named=index == 0)
        _paint(panel, axis)
    axes[-1].set_xlim(*drawing.x_range)
    axes[-1].set_xlabel(drawing.x_label, fontsize=8)
    return made


def _paint(panel: Panel, axis: Any) -> None:
    for one in panel.series:
        _series(one, axis)
    for rule in panel.rules:
        _rule(rule, axis)
    axis.set_title(panel.title, fontsize=9, loc="left")
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    if panel.categories:
        axis.set_yticks(range(len(panel.categories)), panel.categories)
    else:
        axis.set_ylabel(panel.unit, fontsize=8)
        if panel.log:
            axis.set_yscale("log")
    axis.set_ylim(*y_range(panel))
    axis.tick_params(labelsize=8)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _bands(panel: Panel, axis: Any, x_range: tuple[float, float], *, named: bool) -> None:
    """Shade every second phase; name those that are wide enough."""
    for index, band in enumerate(panel.bands):
        if index % 2 == 0:
            axis.axvspan(band.start, band.end, color="#888888", alpha=0.12, linewidth=0)
        if named and (band.end - band.start) / (x_range[1] - x_range[0]) > WIDE_BAND:
            axis.annotate(
                band.name, ((band.start + band.end) / 2, 0.98), xycoords=("data", "axes fraction"), fontsize=6.5,
                va="top", ha="center",
            )  # fmt: skip


def _series(one: Series, axis: Any) -> None:
    shared = {"color": one.colour, "alpha": one.alpha}
    if one.kind in MARKERS:
        axis.plot(one.xs, one.ys, MARKERS[one.kind], markersize=one.size, label=one.label, **shared)
    elif one.kind == "line":
        axis.plot(one.xs, one.ys, linewidth=one.size, label=one.label, **shared)
    elif one.kind == "steps":
        axis.step(one.xs, one.ys, where="post", linewidth=one.size, label=one.label, **shared)
    elif one.kind == "area":
        axis.fill_between(one.xs, one.ys, step="post", label=one.label, linewidth=0, **shared)
    else:
        axis.hlines(one.ys, one.xs, one.ends, linewidth=one.size, label=one.label, **shared)


def _rule(rule: Rule, axis: Any) -> None:
    draw = axis.axvline if rule.upright else axis.axhline
    draw(rule.value, color=rule.colour, linestyle=LINE_STYLES[rule.style], linewidth=1.0, label=rule.label or None)


def _described(text: str, drawing: Drawing) -> str:
    """Give a picture a title and a description for screen readers, and ids that no other picture of a page has."""
    text = _ID.sub(rf"\g<1>{drawing.name}-", text)
    start = text.index("<svg ")
    end = text.index(">", start)
    root = f'{text[start:end]} role="img" aria-labelledby="{drawing.name}-title {drawing.name}-desc">'
    words = (
        f'\n <title id="{drawing.name}-title">{escape(drawing.title)}</title>'
        f'\n <desc id="{drawing.name}-desc">{escape(drawing.caption)}</desc>'
    )
    return f"{text[:start]}{root}{words}{text[end + 1 :]}"
