"""Is it a leak? Resting readings over equal exports in, a slope and a word out. Pure.

A leak goes on: it rises in every part of the series, to its end. An allocator takes memory in steps and stops, a pool
opens a few descriptors and keeps them, a collector lets a heap swell and empties it. So a slope alone is not enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from .statistics import median

Word = Literal["flat", "leak", "inconclusive"]

POINTS_NEEDED = 30
"""Readings below which nothing can be told apart from noise."""
BLOCKS = 6
_Z95 = 1.959964


@dataclass(frozen=True)
class Slope:
    """A trend with its 95 % interval."""

    per_export: float
    """Unit of the readings, an export."""
    low: float
    high: float
    n: int
    """Readings that it rests on."""


def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Theil-Sen: the median of all pairwise slopes, with Sen's interval from Kendall's variance.

    A few wild readings do not move it. ValueError for fewer than two distinct x. Source: P. K. Sen (1968), Estimates
    of the regression coefficient based on Kendall's tau.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} exports and {len(y)} readings")
    slopes = sorted((y[j] - y[i]) / (x[j] - x[i]) for i in range(len(x)) for j in range(i + 1, len(x)) if x[i] != x[j])
    if not slopes:
        raise ValueError("a slope needs readings at two counts of exports at least")
    n = len(x)
    half = _Z95 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, math.floor((len(slopes) - half) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + half) / 2))
    middle = len(slopes) // 2
    centre = slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2
    return Slope(per_export=centre, low=slopes[low], high=slopes[high], n=n)


def settled(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """The series without its first quarter, in which a service still loads and opens what it keeps."""
    return points[len(points) // 4 :]


def judge_leak(points: Sequence[tuple[float, float]], limit_per_export: float) -> Word:
    """Judge (exports done, reading) pairs in order of time against the slope that is still allowed."""
    kept = settled(points)
    if len(points) < POINTS_NEEDED or kept[-1][0] - kept[0][0] < POINTS_NEEDED / 2:
        return "inconclusive"
    last = kept[len(kept) // 2 :]
    whole, end = _trend(kept), _trend(last)
    if whole.per_export <= limit_per_export or end.per_export <= limit_per_export / 2:
        return "flat"
    size = len(kept) // BLOCKS
    # the least of a block is what is left when garbage has been collected and buffers have been freed
    floors = [min(y for _, y in kept[at * size : (at + 1) * size]) for at in range(BLOCKS)]
    middles = [median([x for x, _ in kept[at * size : (at + 1) * size]]) for at in range(BLOCKS)]
    rises = sum(later > earlier for earlier, later in pairwise(floors))
    per_export = (floors[-1] - floors[0]) / (middles[-1] - middles[0])
    return "leak" if rises >= BLOCKS - 2 and per_export > limit_per_export / 2 else "flat"


def _trend(points: Sequence[tuple[float, float]]) -> Slope:
    return slope([x for x, _ in points], [y for _, y in points])
