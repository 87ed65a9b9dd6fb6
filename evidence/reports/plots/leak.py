"""Memory at rest over equal exports, with the fitted slope and the one that the limit allows."""

from __future__ import annotations

from assertions.checks.resources.process_tree import tree_memory_bytes
from assertions.leak_detection import slope
from assertions.limits import Limits
from assertions.record.phases import LEAK
from assertions.record.view import ScenarioRecord
from evidence.reports.plots.model import DONE, FAILED, LIMIT, Panel, Series, series


def leak_series(record: ScenarioRecord) -> list[tuple[float, float]]:
    """Return (exports done, bytes) of the samples at rest in the phase of equal exports."""
    return [
        (float(probe.exports_done), float(tree_memory_bytes(probe)))
        for probe in record.probes
        if probe.phase == LEAK and probe.resting and probe.processes
    ]


def leak_panel(record: ScenarioRecord, limits: Limits) -> Panel:
    """Return the panel of a scenario's memory at rest."""
    points = leak_series(record)
    return Panel(
        title="memory of the target's process tree with nothing under way",
        unit="MB",
        series=(series("at rest", "points", [(x, y / 1e6) for x, y in points], DONE, size=4), *_slopes(points, limits)),
        height_in=2.6,
    )


def _slopes(points: list[tuple[float, float]], limits: Limits) -> list[Series]:
    """Return the fitted line, which leaves out the first quarter as its check does, and the line of the limit."""
    bound = limits["leak_memory_bytes_per_export"].target
    kept = points[len(points) // 4 :]
    base = sorted(y for _, y in kept)[len(kept) // 2]
    first, last, middle = kept[0][0], kept[-1][0], kept[len(kept) // 2][0]
    lines = []
    try:
        fitted = slope([x for x, _ in kept], [y for _, y in kept]).per_export
    except ValueError:
        fitted = None
    if fitted is not None:
        ends = [(x, (base + fitted * (x - middle)) / 1e6) for x in (first, last)]
        lines.append(series(f"slope {fitted / 1e3:,.3g} kB an export", "line", ends, FAILED, size=1.2))
    allowed = [(x, (base + bound * (x - first)) / 1e6) for x in (first, last)]
    lines.append(series(f"limit {bound / 1e3:,.3g} kB an export", "line", allowed, LIMIT, size=1.0))
    return lines
