"""Statistics of paired, interleaved times: an exact sign-flip test, and ratios with bootstrap intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assertions.stats import percentile

CONFIDENCE = 0.95
RESAMPLES = 4_000
SEED = 20_170
MOST_EXACT = 16
"""Pairs of which all 2^n sign patterns are tried."""


def sign_flip_p(log_ratios: Sequence[float]) -> float:
    """Return the two-sided p-value of the exact sign-flip test that paired log ratios are centred on 0.

    Without a change each pair is as likely to lean one way as the other, whatever the distribution: all 2^n patterns
    of signs are equally likely. The statistic is the absolute sum. ValueError outside 1 to 16 pairs.
    """
    count = len(log_ratios)
    if not 1 <= count <= MOST_EXACT:
        raise ValueError(f"expected 1 to {MOST_EXACT} pairs, got {count}")
    values = np.abs(np.asarray(log_ratios, dtype=np.float64))
    signs = 1.0 - 2.0 * ((np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1)
    sums = np.abs(signs @ values)
    observed = abs(math.fsum(log_ratios))
    return float(np.count_nonzero(sums >= observed - 1e-12) / len(sums))


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean of positive ratios. ValueError where there is none, or one is not positive."""
    if not ratios or min(ratios) <= 0:
        raise ValueError(f"expected positive ratios, got {list(ratios)[:5]}")
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def median(values: Sequence[float]) -> float:
    """Return the median by nearest rank, as the reports take percentiles."""
    return percentile(values, 0.5)


def median_interval(values: Sequence[float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the median; equal values give equal intervals."""
    sample = np.asarray(values, dtype=np.float64)
    medians = np.median(_resampled(sample, resamples), axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def paired_ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return `above` / `below`, pair by pair. ValueError where the laps are no pairs or a time is not positive."""
    if any(value <= 0 for value in (*above, *below)):
        raise ValueError("expected positive times")
    return [one / other for one, other in zip(above, below, strict=True)]


def _resampled(sample: NDArray[np.float64], resamples: int) -> NDArray[np.float64]:
    random = np.random.default_rng(SEED)
    return sample[random.integers(0, len(sample), (resamples, len(sample)))]
