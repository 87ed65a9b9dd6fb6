"""The plots of docs/benchmarks.md, as SVG: equal results give equal files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from benchmarks.report.figures import growth_of, wall_ratio
from benchmarks.report.page import PLOTS
from benchmarks.report.types import Results
from benchmarks.statistics.paired import median

MB = 1_000_000
WIDTH_IN, HEIGHT_IN = 8.0, 3.6


def plots(results: Results) -> dict[str, str]:
    """Return each plot that has data by its file's name."""
    painters: dict[str, Callable[[Any, Results], None]] = {"writers": _writers, "time": _time, "memory": _memory}
    drawn = {"writers": bool(results.races), "time": bool(results.points), "memory": bool(results.points)}
    return {f"{name}.svg": _svg(name, caption, painters[name], results) for name, caption in PLOTS if drawn[name]}


def _svg(name: str, caption: str, paint: Callable[[Any, Results], None], results: Results) -> str:
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, only needed here
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure, results)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Title": caption})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _writers(figure: Any, results: Results) -> None:
    axes = figure.subplots(1, 2)
    for axis, format in zip(axes, ("csv", "pdf"), strict=True):
        races = [race for race in results.races if race.format == format and not race.over_http]
        names = dict.fromkeys(one.name for race in races for one in race.runners if one.kind == "peer")
        for name in names:
            drawn = [
                (race.records, ratio)
                for race in races
                for one in race.runners
                if one.name == name and (ratio := wall_ratio(race, one)) is not None
            ]
            if drawn:
                values = [ratio.value for _, ratio in drawn]
                below = [max(0.0, ratio.value - ratio.low) for _, ratio in drawn]
                above = [max(0.0, ratio.high - ratio.value) for _, ratio in drawn]
                records = [count for count, _ in drawn]
                axis.errorbar(records, values, [below, above], marker="o", markersize=3, linewidth=1, label=name)
        axis.axhline(1, color="black", linewidth=0.8)
        _logarithmic(axis, f"{format.upper()} writers", "time through ours")


def _time(figure: Any, results: Results) -> None:
    _curves(figure, results, "wall_s", 1.0, "seconds")


def _memory(figure: Any, results: Results) -> None:
    _curves(figure, results, "peak_bytes", 1 / MB, "MB, peak of the process")


def _curves(figure: Any, results: Results, cost: str, factor: float, label: str) -> None:
    axis = figure.subplots()
    for series in dict.fromkeys(point.series for point in results.points):
        mine = [point for point in results.points if point.series == series]
        sizes = sorted({point.records for point in mine})
        values = [median([getattr(point, cost) for point in mine if point.records == size]) * factor for size in sizes]
        growth = growth_of(results.points, series, cost)
        fit = "" if growth is None else f", exponent {round(growth.exponent, 2) + 0.0:.2f}"
        axis.plot(sizes, values, marker="o", markersize=3, linewidth=1, label=f"{series}{fit}")
    _logarithmic(axis, "", label)


def _logarithmic(axis: Any, title: str, label: str) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("records", fontsize=8)
    axis.set_ylabel(label, fontsize=8)
    axis.set_title(title, fontsize=9, loc="left")
    axis.grid(alpha=0.3)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, frameon=False)
