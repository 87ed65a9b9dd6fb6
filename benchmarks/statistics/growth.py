"""How a cost grows with the number of records: a power law fitted in logarithms, with an interval. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2_000
SEED = 20_170
LEAST_SIZES = 3


@dataclass(frozen=True)
class Growth:
    """cost = factor * records ** exponent."""

    exponent: float
    low: float
    high: float
    """95 % interval of the exponent."""
    factor: float


def fit_growth(records: Sequence[int], costs: Sequence[float]) -> Growth:
    """Fit a power law by least squares of the logarithms; the interval by resampling within each size.

    ValueError where there are fewer than 3 sizes, or a cost is not positive.
    """
    sizes = sorted(set(records))
    if len(sizes) < LEAST_SIZES:
        raise ValueError(f"expected costs of at least {LEAST_SIZES} sizes, got {len(sizes)}")
    if min(costs) <= 0:
        raise ValueError(f"expected positive costs, got {min(costs)}")
    x, y = np.log(np.asarray(records, dtype=np.float64)), np.log(np.asarray(costs, dtype=np.float64))
    exponent, constant = np.polyfit(x, y, 1)
    random = np.random.default_rng(SEED)
    groups = [np.flatnonzero(np.asarray(records) == size) for size in sizes]
    exponents = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([random.choice(group, len(group)) for group in groups])
        # sizes are resampled too: what does not lie on the line widens the interval
        weights = random.multinomial(len(sizes), [1 / len(sizes)] * len(sizes))
        weight = np.concatenate([np.full(len(group), weights[place]) for place, group in enumerate(groups)])
        if np.count_nonzero(weights) < 2:
            continue
        exponents.append(float(np.polyfit(x[chosen], y[chosen], 1, w=np.sqrt(weight))[0]))
    low, high = np.quantile(exponents, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Growth(exponent=float(exponent), low=float(low), high=float(high), factor=float(np.exp(constant)))


@dataclass(frozen=True)
class Slope:
    """What stays after each of many equal pieces of work."""

    each: float
    low: float
    high: float
    """95 % interval."""


def fit_slope(values: Sequence[float]) -> Slope:
    """Fit a line through values in order; interval by resampling blocks of residuals. ValueError below 20 values."""
    count = len(values)
    if count < 20:
        raise ValueError(f"expected at least 20 values, got {count}")
    x, y = np.arange(count, dtype=np.float64), np.asarray(values, dtype=np.float64)
    slope, constant = np.polyfit(x, y, 1)
    fitted = slope * x + constant
    residuals = y - fitted
    random = np.random.default_rng(SEED)
    block = 10
    slopes = []
    for _ in range(RESAMPLES):
        starts = random.integers(0, count, -(-count // block))
        places = (starts[:, np.newaxis] + np.arange(block)).ravel()[:count] % count
        slopes.append(float(np.polyfit(x, fitted + residuals[places], 1)[0]))
    low, high = np.quantile(slopes, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Slope(each=float(slope), low=float(low), high=float(high))
