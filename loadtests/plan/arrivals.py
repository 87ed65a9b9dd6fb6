"""When requests of an open phase are due: a pure function of the rate over time and a seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Literal

Arrivals = Literal["poisson", "uniform"]
Shape = Sequence[tuple[float, float]]
"""Points (seconds after the phase's start, arrivals a second), linear between them, the first at 0."""


def constant(rate_per_s: float, seconds: float) -> Shape:
    """The shape of a rate that does not change."""
    return ((0.0, rate_per_s), (seconds, rate_per_s))


def arrival_times(shape: Shape, arrivals: Arrivals, seed: int) -> Iterator[float]:
    """Ascending seconds after the phase's start, all before the shape's last point.

    `uniform` spaces them by the rate, the first half a gap after the start; `poisson` lets each come independently of
    the others, with the same rate. The same arguments give the same times.
    """
    rng = random.Random(seed)
    due = 0.5 if arrivals == "uniform" else rng.expovariate(1.0)
    passed = 0.0
    for (start, rate), (end, rate_at_end) in itertools.pairwise(shape):
        length = end - start
        expected = (rate + rate_at_end) / 2 * length
        while due < passed + expected:
            yield start + _time_of(due - passed, rate, rate_at_end, length)
            due += 1.0 if arrivals == "uniform" else rng.expovariate(1.0)
        passed += expected


def _time_of(count: float, rate: float, rate_at_end: float, length: float) -> float:
    """Return the seconds into a section after which `count` arrivals are expected; its rate changes linearly."""
    slope = (rate_at_end - rate) / length
    root = max(rate * rate + 2 * slope * count, 0.0) ** 0.5
    # the form of the quadratic's solution that loses no digits when the slope is small
    return min(2 * count / (rate + root), length) if rate + root > 0 else length
