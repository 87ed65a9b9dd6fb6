"""Latency by case and phase: every export, its median and P95 with the 95 % interval, and the limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.stats import lower_rank, percentile, upper_rank
from evidence.reports.latencies import by_phase
from evidence.reports.plots.model import COLOURS, LEAST_LOG, Panel, Rule, Series, series

MOST_CASES = 16
"""Rows in one picture, those with most exports first."""
P95_LEAST = 20
OTHER, SUMMARY = "#555555", "#000000"


def cases_of(record: ScenarioRecord) -> dict[str, list[float]]:
    """Return latencies in ms, from the planned start, of the exports that the table of latencies counts, row by row.

    Keys are `case, phase`, so that exports made one after the other and those of a crowd are never one row.
    """
    rows = by_phase({record.name: record})
    kept = sorted(rows, key=lambda row: -len(row.planned_ms))[:MOST_CASES]
    named = {f"{row.case}, {row.phase}": [max(value, LEAST_LOG) for value in row.planned_ms] for row in kept}
    return {name: named[name] for name in sorted(named)}


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the ends of the one-sided 95 % bounds of a P95; None where there are too few samples for one."""
    ordered = sorted(values)
    low, high = lower_rank(len(ordered), 0.95), upper_rank(len(ordered), 0.95)
    return (None if low is None else ordered[low - 1]), (None if high is None else ordered[high - 1])


def distribution(record: ScenarioRecord, limits: Limits) -> Panel:
    """Return the panel of a scenario's latencies by case and phase."""
    bound = {"smoke": "smoke_latency_ms", "load": "latency_p95_ms"}.get(record.name)
    limit = limits[bound].target if bound is not None else None
    rules = () if limit is None else (Rule(limit, f"limit {limit:,.6g} ms", upright=True),)
    return spread_by_row(
        "latency of each export from its planned start, by case and phase (log scale)", cases_of(record), rules
    )


def spread_by_row(title: str, rows: Mapping[str, Sequence[float]], rules: tuple[Rule, ...] = ()) -> Panel:
    """Return a panel with a row for each name: its values in ms, their median, and their P95 with its interval."""
    groups: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    for place, (name, values) in enumerate(rows.items()):
        label, colour = _format_of(name)
        points = groups.setdefault(label, (colour, []))[1]
        # a fixed spread around the row, so that equal values stay apart
        points += [(value, place + 0.25 * ((index * 7919 % 13) / 6 - 1)) for index, value in enumerate(values)]
    made = [
        series(label, "points", points, colour, size=2.5, alpha=0.5, names=_names(points, tuple(rows)))
        for label, (colour, points) in groups.items()
    ]
    return Panel(
        title=title,
        unit="ms",
        log=True,
        series=(*made, *_summaries(rows)),
        rules=rules,
        categories=tuple(f"{name} (n={len(values):,})" for name, values in rows.items()),
        height_in=0.9 + 0.26 * max(len(rows), 3),
    )


def _format_of(name: str) -> tuple[str, str]:
    found = next((fmt for fmt in COLOURS if name.startswith(fmt)), None)
    return ("one export", OTHER) if found is None else (f"one {found} export", COLOURS[found])


def _names(points: Sequence[tuple[float, float]], rows: Sequence[str]) -> list[str]:
    return [rows[round(y)] for _, y in points]


def _summaries(rows: Mapping[str, Sequence[float]]) -> list[Series]:
    """Return the medians, and of rows with enough values the P95 with its interval."""
    named = [(place, name, values) for place, (name, values) in enumerate(rows.items()) if values]
    many = [(place, name, values) for place, name, values in named if len(values) >= P95_LEAST]
    medians = [(percentile(values, 0.5), float(place)) for place, _, values in named]
    made = [series("median", "diamonds", medians, SUMMARY, size=4, names=[name for _, name, _ in named])]
    if many:
        p95 = [percentile(values, 0.95) for _, _, values in many]
        bounds = [interval(values) for _, _, values in many]
        lows = [low or value for (low, _), value in zip(bounds, p95, strict=True)]
        highs = [high or max(values) for (_, high), (_, _, values) in zip(bounds, many, strict=True)]
        names = [name for _, name, _ in many]
        places = [float(place) for place, _, _ in many]
        made += [
            series("95 % interval of P95", "spans", zip(lows, places, strict=True), SUMMARY, ends=highs, size=1.4,
                   names=names),
            series("P95", "ticks", zip(p95, places, strict=True), SUMMARY, size=12, names=names),
        ]  # fmt: skip
    return made
