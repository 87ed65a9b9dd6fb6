"""A plot as data: panels, series, limits and ranges. The static picture and the zoomable plot are drawn from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

COLOURS = {"csv": "#2166ac", "pdf": "#b2182b"}
LIMIT = "#d95f02"
DONE, FAILED, REFUSED = "#1b7837", "#000000", "#762a83"
MOST_POINTS = 4_000
"""Points of one series; of longer ones the lowest and highest of each stretch are drawn."""
LEAST_LOG = 0.01
"""On a log scale nothing is 0."""
MARGIN, ABOVE = 0.04, 0.14
"""Room around the values and, for the names of phases, above them, as shares of their range."""

Kind = Literal["points", "crosses", "ticks", "diamonds", "line", "steps", "area", "spans"]
"""ticks: short upright marks; steps: each value holds until the next; area: steps, filled down to 0; spans: level
lines from x to `ends`."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values under one label."""

    label: str
    kind: Kind
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    colour: str
    ends: tuple[float, ...] = ()
    """Of spans: where each ends."""
    names: tuple[str, ...] = ()
    """What each value is of; empty: the label says it."""
    size: float = 3.0
    """Of a mark or line, in points."""
    alpha: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A straight line over a whole panel: a limit, or a figure that is held against one."""

    value: float
    label: str
    colour: str = LIMIT
    style: Literal["dashed", "dotted", "dashdot"] = "dashed"
    upright: bool = False
    """At an x instead of a y."""


@dataclass(frozen=True)
class Band:
    """A phase on the time axis."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    unit: str
    """Of y, or of x where y is a list of categories."""
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    bands: tuple[Band, ...] = ()
    log: bool = False
    """The axis with the unit is logarithmic."""
    from_zero: bool = False
    categories: tuple[str, ...] = ()
    """Rows from the top, at y = 0, 1, …; empty: y is a number."""
    height_in: float = 1.7


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One plot: panels over each other that share the x axis."""

    name: str
    title: str
    caption: str
    """One sentence, computed from the verdicts."""
    panels: tuple[Panel, ...]
    """From the top."""
    x_label: str
    axis: str
    """Drawings with the same axis show the same range of x, whichever is zoomed."""
    x_range: tuple[float, float]
    x_log: bool = False


def series(
    label: str, kind: Kind, points: Iterable[tuple[float, float]], colour: str, *, names: Sequence[str] = (),
    ends: Sequence[float] = (), size: float = 3.0, alpha: float = 1.0, most: int = MOST_POINTS,
) -> Series:  # fmt: skip
    """Return a series of points (x, y), rounded to what a plot can show, and thinned where there are too many."""
    pairs = [(_rounded(x), _rounded(y)) for x, y in points]
    kept = _kept([y for _, y in pairs], most)
    if len(kept) < len(pairs):
        label = f"{label} ({len(kept):,} of {len(pairs):,} shown)"
    return Series(
        label=label,
        kind=kind,
        xs=tuple(pairs[place][0] for place in kept),
        ys=tuple(pairs[place][1] for place in kept),
        colour=colour,
        ends=tuple(_rounded(ends[place]) for place in kept) if ends else (),
        names=tuple(names[place] for place in kept) if names else (),
        size=size,
        alpha=alpha,
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _kept(values: Sequence[float], most: int) -> list[int]:
    """Return the places of the values to draw: all, or the lowest and highest of equal stretches."""
    if len(values) <= most:
        return list(range(len(values)))
    stretches = most // 2
    edges = [len(values) * part // stretches for part in range(stretches + 1)]
    kept: set[int] = set()
    for first, last in pairwise(edges):
        places = range(first, last)
        kept |= {min(places, key=values.__getitem__), max(places, key=values.__getitem__)}
    return sorted(kept)


def y_range(panel: Panel) -> tuple[float, float]:
    """Return the lowest and highest y that a panel shows; of categories the first is on top."""
    if panel.categories:
        return len(panel.categories) - 0.4, -0.6
    values = [y for one in panel.series for y in one.ys] + [rule.value for rule in panel.rules if not rule.upright]
    return spread(values, log=panel.log, from_zero=panel.from_zero, above=ABOVE)


def x_values(panel: Panel) -> list[float]:
    """Return all x of a panel, its upright lines included."""
    values = [x for one in panel.series for x in (*one.xs, *one.ends)]
    return values + [rule.value for rule in panel.rules if rule.upright]


def spread(
    values: Iterable[float], *, log: bool = False, from_zero: bool = False, above: float = MARGIN
) -> tuple[float, float]:
    """Return a range that holds values, with room at both ends; (0, 1) where there are none."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite:
        return (0.1, 10.0) if log else (0.0, 1.0)
    if log:
        low, high = math.log10(min(finite)), math.log10(max(finite))
        room, top = (max((high - low) * share, 0.05) for share in (MARGIN, above))
        return 10 ** (low - room), 10 ** (high + top)
    low, high = min(finite), max(finite)
    if from_zero:
        low = min(0.0, low)
    room, top = ((high - low) * share or max(abs(high) * 0.1, 0.5) for share in (MARGIN, above))
    return (low if from_zero and low == 0 else low - room), high + top
