"""Two-sample statistics: Mann-Whitney U, Fisher's exact test, Holm's correction, ratios with bootstrap intervals. Pure.

They are written out here because scipy would weigh some 100 MB; the tests compare them with published values. numpy,
which is slow to load, is imported where a comparison is made: most runs and most verifications make none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Statistic = Literal["median", "mean", "p95"]
CONFIDENCE = 0.95
"""Of the bootstrap's interval, two-sided."""
RESAMPLES = 2_000
SEED = 20_170
"""Of the bootstrap: equal samples give equal intervals."""


def mann_whitney_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test: normal approximation, ties and continuity corrected.

    No assumption about the form of the distribution: latencies are skewed. 1 where all values are equal. ValueError
    where a sample is empty.
    """
    import numpy as np  # noqa: PLC0415

    count, other = len(first), len(second)
    if not count or not other:
        raise ValueError("a test of an empty sample")
    everything = np.asarray([*first, *second], dtype=np.float64)
    _, where, ties = np.unique(everything, return_inverse=True, return_counts=True)
    last = np.cumsum(ties)
    ranks = (last - (ties - 1) / 2)[where]
    statistic = float(ranks[:count].sum()) - count * (count + 1) / 2
    total = count + other
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    variance = count * other / 12 * (total + 1 - tied)
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(statistic - count * other / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def fisher_p(bad: int, count: int, other_bad: int, other_count: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that two shares, `bad` of `count` each, are equal.

    ValueError where a count is no count.
    """
    if not (0 <= bad <= count and 0 <= other_bad <= other_count):
        raise ValueError(f"{bad} of {count} and {other_bad} of {other_count} are no shares")
    together = bad + other_bad

    def log_weight(mine: int) -> float:
        return _log_choose(count, mine) + _log_choose(other_count, together - mine)

    weights = [log_weight(mine) for mine in range(max(0, together - other_count), min(count, together) + 1)]
    scale, seen = _log_choose(count + other_count, together), log_weight(bad)
    return min(1.0, math.fsum(math.exp(weight - scale) for weight in weights if weight <= seen + 1e-9))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    Calling all those below alpha a change makes one false call or more with a probability of at most alpha.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)


def statistic_of(values: Sequence[float], statistic: Statistic) -> float:
    """Return the statistic of a sample. ValueError where it is empty."""
    import numpy as np  # noqa: PLC0415

    if not len(values):
        raise ValueError(f"the {statistic} of nothing")
    return float(_along(np.asarray(values, dtype=np.float64)[np.newaxis, :], statistic)[0])


def ratio_interval(
    baseline: Sequence[float], newer: Sequence[float], statistic: Statistic, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Return the percentile-bootstrap interval of newer / baseline of a statistic; None where a ratio is infinite."""
    import numpy as np  # noqa: PLC0415

    random = np.random.default_rng(SEED)
    below = _along(_resampled(baseline, resamples, random), statistic)
    above = _along(_resampled(newer, resamples, random), statistic)
    if not (below > 0).all():
        return None
    low, high = np.quantile(above / below, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _resampled(values: Sequence[float], resamples: int, random: np.random.Generator) -> Floats:
    import numpy as np  # noqa: PLC0415

    sample = np.asarray(values, dtype=np.float64)
    return sample[random.integers(0, len(sample), (resamples, len(sample)))]


def _along(rows: Floats, statistic: Statistic) -> Floats:
    """Return the statistic of each row; percentiles are nearest rank, as everywhere in the report."""
    import numpy as np  # noqa: PLC0415

    if statistic == "mean":
        return np.asarray(rows.mean(axis=1), dtype=np.float64)
    count = rows.shape[1]
    rank = max(1, math.ceil((0.5 if statistic == "median" else 0.95) * count - 1e-9))
    return np.asarray(np.partition(rows, rank - 1, axis=1)[:, rank - 1], dtype=np.float64)
