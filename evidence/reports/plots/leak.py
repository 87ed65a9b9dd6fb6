"""Memory at rest over equal exports, with the fitted slope and the one that the limit allows."""

from __future__ import annotations

from typing import Any

from assertions.checks.resources.process_tree import tree_memory_bytes
from assertions.leak_detection import slope
from assertions.limits import Limits
from assertions.record.phases import LEAK
from assertions.record.view import ScenarioRecord
from evidence.reports.plots.timeline import LIMIT, Painter


def leak_series(record: ScenarioRecord) -> list[tuple[float, float]]:
    """Return (exports done, bytes) of the samples at rest in the phase of equal exports."""
    return [
        (float(probe.exports_done), float(tree_memory_bytes(probe)))
        for probe in record.probes
        if probe.phase == LEAK and probe.resting and probe.processes
    ]


def paint_leak(record: ScenarioRecord, limits: Limits) -> Painter:
    """Return the panel of a scenario's memory at rest."""
    series = leak_series(record)
    bound = limits["leak_memory_bytes_per_export"].target

    def paint(axes: Any) -> None:
        xs, ys = [x for x, _ in series], [y / 1e6 for _, y in series]
        axes.plot(xs, ys, ".", color="#1b7837", markersize=4, label="at rest")
        kept = series[len(series) // 4 :]
        base = sorted(y for _, y in kept)[len(kept) // 2] / 1e6
        middle = kept[len(kept) // 2][0]
        ends = [kept[0][0], kept[-1][0]]
        try:
            fitted = slope([x for x, _ in kept], [y for _, y in kept]).per_export
        except ValueError:
            fitted = None
        if fitted is not None:
            axes.plot(
                ends, [base + fitted * (x - middle) / 1e6 for x in ends], color="black", linewidth=1.2,
                label=f"slope {fitted / 1e3:,.3g} kB an export",
            )  # fmt: skip
        axes.plot(
            ends, [base + bound * (x - ends[0]) / 1e6 for x in ends], color=LIMIT, linestyle="--", linewidth=1.0,
            label=f"limit {bound / 1e3:,.3g} kB an export",
        )  # fmt: skip
        axes.set_xlabel("exports done", fontsize=8)
        axes.set_ylabel("MB", fontsize=8)

    return Painter("memory of the target's process tree with nothing under way", paint, 2.6)
