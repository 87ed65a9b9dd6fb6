"""Exact statistics: nearest-rank percentiles, order-statistic and Clopper-Pearson bounds. All pure, no sampling.

The binomial distribution and its bounds are written out here: scipy would weigh some 100 MB for these 40 lines, and the
tests compare them with published values.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache

CONFIDENCE = 0.95
"""One-sided: how sure a verdict on a distribution is."""
_ZERO_BELOW = -746.0
"""`math.exp` of less is 0."""


def percentile(values: Sequence[float], q: float) -> float:
    """Nearest rank: the smallest value with at least a share q of all at or below it. ValueError when empty."""
    if not values:
        raise ValueError("a percentile of nothing")
    ordered = sorted(values)
    return ordered[min(len(ordered), max(1, math.ceil(q * len(ordered) - 1e-9))) - 1]


def median(values: Sequence[float]) -> float:
    """Nearest-rank median. ValueError when empty."""
    return percentile(values, 0.5)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ B(n, p)."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0:
        return 1.0
    if p >= 1:
        return 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    log_n = math.lgamma(n + 1)

    def log_term(i: int) -> float:
        return log_n - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q

    # terms rise up to the peak and fall after it, so those that are 0 as floating-point numbers lie at both ends
    peak = min(k, int((n + 1) * p))
    first = bisect_left(range(peak), _ZERO_BELOW, key=log_term)
    end = peak + bisect_right(range(peak, k + 1), -_ZERO_BELOW, key=lambda i: -log_term(i))
    return min(1.0, math.fsum(math.exp(log_term(i)) for i in range(first, end)))


def upper_rank(n: int, q: float, confidence: float = CONFIDENCE) -> int | None:
    """The rank (from 1) whose order statistic lies at or above the q-quantile with this confidence.

    None when n is too small for any. Source: order statistics, P(X_(k) >= quantile) = P(B(n, q) <= k - 1).
    """
    if n == 0 or binomial_cdf(n - 1, n, q) < confidence:
        return None
    return 1 + bisect_left(range(n), confidence, key=lambda k: binomial_cdf(k, n, q))


def lower_rank(n: int, q: float, confidence: float = CONFIDENCE) -> int | None:
    """The rank (from 1) whose order statistic lies at or below the q-quantile with this confidence; None when none."""
    return bisect_right(range(n), -confidence, key=lambda k: binomial_cdf(k, n, q) - 1) or None


def needed_for_upper(q: float, confidence: float = CONFIDENCE) -> int:
    """The smallest sample that has an upper bound for its q-quantile: 59 for P95 at 95 %."""
    return math.ceil(math.log(1 - confidence) / math.log(q))


@lru_cache(maxsize=256)  # several checks ask for the same counts, and each bound is a search
def proportion_bounds(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper-Pearson one-sided lower and upper bounds of a proportion. ValueError for n < 1."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    alpha = 1 - confidence
    lower = 0.0 if successes == 0 else _bisect(lambda p: 1 - binomial_cdf(successes - 1, n, p) >= alpha)
    upper = 1.0 if successes == n else _bisect(lambda p: binomial_cdf(successes, n, p) <= alpha)
    return lower, upper


def share_is_certain(successes: int, n: int, share: float, confidence: float = CONFIDENCE) -> bool:
    """Return whether the true share of successes is at least `share` at this confidence.

    Were the true share lower, this number of successes or more would have a probability of at most 1 - confidence.
    For a percentile the successes are the values on the good side of its limit, and the share is its quantile.
    """
    return binomial_cdf(successes - 1, n, share) >= confidence


def more_needed(successes: int, n: int, share: float, most: int = 100_000) -> int:
    """Return how many more trials would make the share certain at the same rate of successes; at most `most` - n."""

    def is_enough(trials: int) -> bool:
        return share_is_certain(min(trials, round(successes / n * trials)), trials, share)

    trials = n
    while trials < most:
        fewer, trials = trials, trials + max(1, trials // 20)
        # the bound itself takes a search at each step, minutes where the rate is close to the share
        if is_enough(trials):
            return next(found for found in range(fewer + 1, trials + 1) if is_enough(found)) - n
    return trials - n


def _bisect(holds: Callable[[float], bool]) -> float:
    """The smallest p at which a condition that goes from false to true holds."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def percentile_or_none(values: Sequence[float], q: float) -> float | None:
    """Return `percentile`; None of no values."""
    return percentile(values, q) if values else None
