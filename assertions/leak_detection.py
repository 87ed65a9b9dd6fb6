"""Is something never given back? Judged from readings at rest over equal exports. Pure.

Least squares over at most 12 points is written out here: scipy would weigh some 100 MB for these ten lines.

Readings from outside a process are rough: allocators keep memory in steps, collectors make a sawtooth, pools grow once
and stay. A leak differs from all of these in that both its floor and its peaks go on rising to the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from assertions.stats import median

_BINS: Final = 12
"""Stretches of a series whose lowest readings the slope is fitted to."""
_T_975: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t, 97.5 %, for 1 to 10 degrees of freedom."""
_SEGMENTS: Final = 6
"""Stretches in nearly all of which a leak's floor rises."""
_RISE_SHARE: Final = 0.25
"""Share of the limit by which a stretch must rise to count as rising."""
_FEWEST: Final = 18
"""Readings, without the first quarter, below which a leak can't be seen."""
POOL_GROWTH: Final = 2
"""Descriptors or threads by which a count may grow late: a pool's last members."""


@dataclass(frozen=True, slots=True)
class Slope:
    """How much a reading grows with each export."""

    per_export: float
    low: float
    high: float
    """The 95 % interval's ends."""
    n: int
    """How many readings it rests on."""


def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Fit a line to the floor of readings. x: exports done, not falling; y: the reading, in any unit.

    Least squares on the lowest reading of each of up to 12 stretches: what was only not yet collected stays out.
    ValueError with fewer than 3 readings, or where x does not move.
    """
    if len(x) != len(y) or len(x) < 3:
        raise ValueError(f"a slope needs at least 3 readings and as many places, not {len(y)} and {len(x)}")
    count = max(3, min(_BINS, len(x) // 3))
    stretches = _cut(list(zip(x, y, strict=True)), count)
    points = [min(part, key=lambda point: point[1]) for part in stretches]
    middle_x = math.fsum(a for a, _ in points) / count
    middle_y = math.fsum(b for _, b in points) / count
    spread = math.fsum((a - middle_x) ** 2 for a, _ in points)
    if not spread > 0:
        raise ValueError("a slope needs readings at different numbers of exports")
    per_export = math.fsum((a - middle_x) * (b - middle_y) for a, b in points) / spread
    residue = math.fsum((b - middle_y - per_export * (a - middle_x)) ** 2 for a, b in points)
    free = count - 2
    margin = _T_975[min(free, len(_T_975)) - 1] * math.sqrt(residue / free / spread)
    return Slope(per_export, per_export - margin, per_export + margin, len(x))


def judge_leak(
    series: Sequence[tuple[float, float]], limit_per_export: float
) -> Literal["flat", "leak", "inconclusive"]:
    """Distinguish a leak from warming up, noise and steps. series: (exports done, reading), at rest, in order.

    The first quarter is left out. leak: floor and peaks of the last third are above those of the middle and of the
    first third by more than the limit allows, and the floor rose in nearly every stretch. flat: they are not, or it
    rose in a single step. inconclusive: neither is sure, or there are too few readings.
    """
    kept = list(series[len(series) // 4 :])
    if len(kept) < _FEWEST or not kept[-1][0] > kept[0][0] or not all(math.isfinite(value) for _, value in kept):
        return "inconclusive"
    first, middle, last = _cut(kept, 3)
    if any(
        _height(pick, before, last) <= limit_per_export * _distance(before, last)
        for before in (middle, first)
        for pick in (min, max)
    ):
        return "flat"
    values = [value for _, value in kept]
    if (
        limit_per_export < 1
        and all(value == int(value) for value in values)
        and max(values) - min(values) <= POOL_GROWTH
    ):
        return "flat"
    parts = _cut(kept, _SEGMENTS)
    floor, peak = (
        sum(_height(pick, a, b) > _RISE_SHARE * limit_per_export * _distance(a, b) for a, b in pairwise(parts))
        for pick in (min, max)
    )
    if floor >= _SEGMENTS - 2:
        return "leak"
    return "flat" if max(floor, peak) <= 1 else "inconclusive"


Points = list[tuple[float, float]]


def _cut(points: Points, count: int) -> list[Points]:
    """Cut into stretches of nearly equal length."""
    edges = [round(index * len(points) / count) for index in range(count + 1)]
    return [points[a:b] for a, b in pairwise(edges)]


def _height(pick: Callable[[Iterable[float]], float], before: Points, behind: Points) -> float:
    """How much higher the floor (min) or the peak (max) of a later stretch is."""
    return pick(value for _, value in behind) - pick(value for _, value in before)


def _distance(before: Points, behind: Points) -> float:
    """Exports from the middle of one stretch to the middle of another."""
    return math.fsum(x for x, _ in behind) / len(behind) - math.fsum(x for x, _ in before) / len(before)


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much a count rose, and over how many exports."""

    rose: float
    exports: float


_LOAD_LEAST: Final = 16
"""A count may rise by this much under load: pools, connections, what is not yet closed."""
_LOAD_SHARE: Final = 0.2
"""Share of the exports between two readings beyond which a rise comes from them."""
_FLOOR_LEAST_BYTES: Final = 64_000_000
"""A tree of processes may hold this much more at one time than at another: workers start, and each warms up."""
_FLOOR_LEAST_EXPORTS: Final = 40
"""Between the quarters; over fewer, what warms up late looks like what is kept."""
_BURST_SHARE: Final = 0.5
"""Share of the exports between two bursts that a leak leaves behind at least."""
_LAST_BURST_SHARE: Final = 0.1
"""Share of one burst that the last one must add: a pool that has filled up adds nothing."""
_HALF_SHARE: Final = 0.35
_EIGHTH_SHARE: Final = 1 / 8
"""Shares of a rise that its last half and its last eighth must bring: at one rate they bring a half and a quarter."""


def grown_under_load(series: Sequence[tuple[float, float]], behind: float) -> Growth | None:
    """Distinguish a leak from a pool that fills up, under load. series: (exports done, a count), in order.

    behind: the count at rest afterwards. Medians of the second and the last quarter of the exports are compared. What
    rose by more than 16 and by more than a fifth of the exports between, went on rising to the end and stayed when the
    load was gone is a leak; a pool stops at its maximum. None: it did not, or there are too few readings.
    """
    if len(series) < 2:
        return None
    first, last = series[0][0], series[-1][0]
    span = last - first

    def part(low: float, high: float) -> Points:
        return [point for point in series if first + low * span < point[0] <= first + high * span]

    second, third, fourth = part(0.25, 0.5), part(0.5, 0.75), part(0.75, 1.0)
    before_end, end = part(0.75, 0.875), part(0.875, 1.0)
    if not (second and third and before_end and end):
        return None
    early, late = _middle(second), min(_middle(fourth), behind)
    growth = Growth(late - early, _distance(second, fourth))
    if growth.rose <= max(_LOAD_LEAST, _LOAD_SHARE * growth.exports):
        return None
    half, eighth = _middle(fourth) - _middle(third), _middle(end) - _middle(before_end)
    return growth if half > _HALF_SHARE * growth.rose and eighth > _EIGHTH_SHARE * growth.rose else None


def floor_grown_under_load(series: Sequence[tuple[float, float]], behind: float, per_export: float) -> Growth | None:
    """Find memory that exports of a phase of load keep. series: (exports done, bytes), in order; per_export: the limit.

    behind: the lowest reading at rest afterwards. Compared are the lowest readings of the quarters, in which exports
    are under way, with what is left when none is: an allocator's stock is gone by then or was there before. A leak
    rises in the third quarter and in the fourth, by more than what comes and goes within a quarter, a collector's
    garbage above all, and stays. None: it did not, or it can't be seen.
    """
    if len(series) < 2:
        return None
    first, span = series[0][0], series[-1][0] - series[0][0]
    quarters = [
        [point for point in series if first + number * span / 4 < point[0] <= first + (number + 1) * span / 4]
        for number in range(1, 4)
    ]
    if not all(quarters):
        return None
    second, third, fourth = (min(value for _, value in points) for points in quarters)
    passing = max(max(value for _, value in points) - min(value for _, value in points) for points in quarters)
    growth = Growth(min(fourth, behind) - second, _distance(quarters[0], quarters[2]))
    even = min(third - second, fourth - third) > growth.rose / 4
    least = max(_FLOOR_LEAST_BYTES, per_export * growth.exports, passing)
    return growth if even and growth.exports >= _FLOOR_LEAST_EXPORTS and growth.rose > least else None


def grown_by_bursts(series: Sequence[tuple[float, float]], size: int) -> Growth | None:
    """Find what exports that had to wait leave behind. series: (exports done, a count at rest) after each burst.

    size: exports at once. From after the second burst to after the last a leak rises by more than half of the
    exports between and by more than came at once, the most that a pool of threads or connections may have to grow, and
    the last burst adds to it as well. None: it did not, or there are fewer than four bursts.
    """
    if len(series) < 4:
        return None
    (x, start), (_, before), (end_x, end) = series[1], series[-2], series[-1]
    growth = Growth(end - start, end_x - x)
    leaks = growth.rose > max(size, _BURST_SHARE * growth.exports) and end - before > _LAST_BURST_SHARE * size
    return growth if leaks else None


def left_by_clients(rests: Sequence[float], clients: int) -> float | None:
    """Return how much a count at rest rose over rounds of clients that disconnected; None: not with each round.

    rests: before the first round and after each. A pool grows in one round, to have one for each of those at once; what
    is lost is lost again in the next.
    """
    rises = [later - earlier for earlier, later in pairwise(rests)]
    return rests[-1] - rests[0] if rises and min(rises) >= clients else None


def _middle(points: Points) -> float:
    return median([value for _, value in points])
