"""Latency by case: every export, its median and P95 with the 95 % interval, and the limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assertions.checks.performance.latency import latency_ms
from assertions.limits import Limits
from assertions.record.phases import PROBING
from assertions.record.view import ScenarioRecord
from assertions.stats import lower_rank, percentile, upper_rank
from evidence.reports.plots.timeline import COLOURS, LIMIT, Painter

MOST_CASES = 16
"""Cases in one picture, those with most exports first."""
P95_LEAST = 20


def cases_of(record: ScenarioRecord) -> dict[str, list[float]]:
    """Return latencies in ms of finished exports by case and, in load, phase; behaviour probes left out."""
    found: dict[str, list[float]] = {}
    for hit in record.done:
        if hit.phase in PROBING:
            continue
        name = f"{hit.case}, {hit.phase}" if record.name == "load" else hit.case
        found.setdefault(name, []).append(max(latency_ms(hit), 0.01))
    kept = sorted(found, key=lambda name: -len(found[name]))[:MOST_CASES]
    return {name: found[name] for name in sorted(kept)}


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the ends of the one-sided 95 % bounds of a P95; None where there are too few samples for one."""
    ordered = sorted(values)
    low, high = lower_rank(len(ordered), 0.95), upper_rank(len(ordered), 0.95)
    return (None if low is None else ordered[low - 1]), (None if high is None else ordered[high - 1])


def paint_distribution(record: ScenarioRecord, limits: Limits) -> Painter:
    """Return the panel of a scenario's latencies by case."""
    cases = cases_of(record)
    bound = {"smoke": "smoke_latency_ms", "load": "latency_p95_ms"}.get(record.name)
    limit = limits[bound].target if bound is not None else None
    return Painter("latency of each export by case (log scale)", _paint(cases, limit), 0.9 + 0.26 * max(len(cases), 3))


def _paint(cases: dict[str, list[float]], limit: float | None) -> Callable[[Any], None]:
    def paint(axes: Any) -> None:
        labelled: set[str] = set()

        def once(label: str) -> str | None:
            fresh = label not in labelled
            labelled.add(label)
            return label if fresh else None

        for place, (name, values) in enumerate(cases.items()):
            colour = next((one for fmt, one in COLOURS.items() if name.startswith(fmt)), "#555555")
            spread = [place + 0.25 * ((index * 7919 % 13) / 6 - 1) for index in range(len(values))]
            axes.plot(values, spread, ".", color=colour, markersize=2.5, alpha=0.5, label=once("one export"))
            median = percentile(values, 0.5)
            axes.plot([median], [place], "D", color="black", markersize=4, label=once("median"))
            if len(values) >= P95_LEAST:
                p95 = percentile(values, 0.95)
                low, high = interval(values)
                axes.plot(
                    [low or p95, high or max(values)], [place, place], "-", color="black", linewidth=1.4,
                    label=once("95 % interval of P95"),
                )  # fmt: skip
                axes.plot([p95], [place], "|", color="black", markersize=12, label=once("P95"))
        if limit is not None:
            axes.axvline(limit, color=LIMIT, linestyle="--", linewidth=1.0, label=f"limit {limit:,.6g} ms")
        axes.set_xscale("log")
        axes.set_yticks(range(len(cases)), [f"{name} (n={len(values)})" for name, values in cases.items()])
        axes.set_ylim(len(cases) - 0.4, -0.6)
        axes.set_xlabel("ms", fontsize=8)

    return paint
