"""What people look at: latency by case, requests under way against the target's word, memory over exports."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assertions.checks.performance.latency import latency_ms
from assertions.record.run import Run
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord

COLOURS = {"csv": "#2166ac", "pdf": "#b2182b"}


MOST = 1e6
"""Exports at once, ms, MB: what a target claims beyond this is drawn here, where it is seen to be absurd."""


def draw(folder: Path, run: Run) -> list[tuple[str, str]]:
    """Draw all plots that the record allows; (title, path relative to the run directory) of each.

    OSError when they can't be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, title, paint in _plots(run):
        _figure(folder / f"{name}.svg", title, paint)
    return planned(folder.name, run)


def planned(folder: str, run: Run) -> list[tuple[str, str]]:
    """What `draw` returns, without drawing."""
    return [(title, f"{folder}/{name}.svg") for name, title, _ in _plots(run)]


def _plots(run: Run) -> Iterator[tuple[str, str, Callable[[Any], None]]]:
    for name, record in run.scenarios.items():
        if record.exports:
            yield f"{name}-latency", f"{name}: latency of each export over time", _latency(record)
        if record.pages:
            yield f"{name}-at-once", f"{name}: requests under way, and what the target says of them", _at_once(record)
        if any(probe.processes for probe in record.probes):
            yield f"{name}-memory", f"{name}: memory of the target's process tree", _memory(record)


def _figure(path: Path, title: str, paint: Callable[[Any], None]) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, only needed here
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    paint(axes)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="best")
    # words stay words, to be searched and read aloud; equal records give equal files
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(path, metadata={"Date": None, "Creator": None, "Title": title})


def _phases(axes: Any, record: ScenarioRecord) -> None:
    for number, phase in enumerate(record.scenario.phases):
        if number % 2 == 0:
            axes.axvspan(phase.start - record.scenario.start, phase.end - record.scenario.start, color="#f0f0f0")
        axes.annotate(
            phase.name,
            (phase.start - record.scenario.start, 1),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            va="top",
        )
    axes.set_xlabel("seconds since the scenario's start")


def _latency(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        _phases(axes, record)
        for fmt, colour in COLOURS.items():
            hits = [hit for hit in record.done if hit.format == fmt]
            if hits:
                axes.plot(*_latencies(record, hits), ".", color=colour, markersize=4, label=fmt)
        failed = [hit for hit in record.exports if hit.status != 200]
        if failed:
            axes.plot(*_latencies(record, failed), "x", color="black", markersize=5, label="not done")
        axes.set_yscale("log")
        axes.set_ylabel("latency, ms")

    return paint


def _latencies(record: ScenarioRecord, hits: Sequence[Hit]) -> tuple[list[float], list[float]]:
    """Moments of their ends, and latencies in ms; on a log scale nothing is 0."""
    return [hit.end - record.scenario.start for hit in hits], [max(latency_ms(hit), 0.01) for hit in hits]


def _drawable(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _at_once(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        _phases(axes, record)
        start, end = record.scenario.start, max(timed.scrape.end for timed in record.pages)
        moments = [start + (end - start) * step / 1000 for step in range(1001)]
        seen = [record.in_flight.at(moment) for moment in moments]
        axes.fill_between(
            [one - start for one in moments], seen, step="mid", color="#cccccc", label="under way, outside"
        )
        for label, colour, told in (
            ("running, by the target", "#2166ac", [timed.running for timed in record.pages]),
            ("waiting, by the target", "#b2182b", [timed.waiting for timed in record.pages]),
        ):
            xs = [
                timed.scrape.start - start for timed, value in zip(record.pages, told, strict=True) if _drawable(value)
            ]
            ys = [min(max(value or 0.0, -MOST), MOST) for value in told if _drawable(value)]
            axes.plot(xs, ys, ".-", color=colour, markersize=3, linewidth=0.8, label=label)
        axes.axhline(5, color="#2166ac", linestyle=":", linewidth=0.8)
        axes.set_ylabel("exports")

    return paint


def _memory(record: ScenarioRecord) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        _phases(axes, record)
        probes = [probe for probe in record.probes if probe.processes]
        xs = [probe.at - record.scenario.start for probe in probes]
        rss = [sum(one.rss_bytes for one in probe.processes) / 1e6 for probe in probes]
        uss = [sum(one.uss_bytes or one.rss_bytes for one in probe.processes) / 1e6 for probe in probes]
        axes.plot(xs, rss, color="#999999", linewidth=0.9, label="resident, whole tree")
        axes.plot(xs, uss, color="#1b7837", linewidth=1.1, label="its own (USS), whole tree")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("MB")

    return paint
