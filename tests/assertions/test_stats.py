"""Statistics against brute force: every definition is recomputed the long way."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assertions.stats import (
    binomial_cdf,
    lower_rank,
    median,
    needed_for_upper,
    percentile,
    proportion_bounds,
    upper_rank,
)


def exact_cdf(k: int, n: int, p: Fraction) -> Fraction:
    """P(X <= k) for X ~ B(n, p), in whole numbers."""
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), start=Fraction(0))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.sampled_from([0, 5, 50, 75, 90, 95, 99, 100]))
def test_percentile_or_none_is_the_smallest_value_with_its_share_at_or_below(values: list[int], percent: int) -> None:
    """Nearest rank equals its definition, counted out value by value."""
    enough = [one for one in values if 100 * sum(other <= one for other in values) >= percent * len(values)]
    assert percentile(values, percent / 100) == min(enough)


@pytest.mark.parametrize(("n", "expected"), [(1, 1), (19, 19), (20, 19), (21, 20), (40, 38), (100, 95), (101, 96)])
def test_p95_takes_the_rank_above_when_the_share_is_no_whole_number(n: int, expected: int) -> None:
    """P95 of 1..n is the ceil(0.95 n)-th, with no step up where 0.95 n is whole."""
    assert percentile(range(1, n + 1), 0.95) == expected


def test_the_median_of_an_even_number_is_the_lower_middle() -> None:
    """Nearest rank invents no value between two."""
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.0


def test_a_percentile_of_nothing_is_an_error() -> None:
    """No value stands for an empty sample."""
    with pytest.raises(ValueError, match="a percentile of nothing"):
        percentile([], 0.95)


@pytest.mark.parametrize(
    ("k", "n", "p", "expected"), [(-1, 5, 0.5, 0.0), (5, 5, 0.5, 1.0), (2, 5, 0.0, 1.0), (2, 5, 1.0, 0.0)]
)
def test_binomial_edges(k: int, n: int, p: float, expected: float) -> None:
    """Outside its range, and for a certain outcome, the distribution is 0 or 1."""
    assert binomial_cdf(k, n, p) == expected


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 99), st.data())
def test_binomial_cdf_equals_the_sum_in_whole_numbers(n: int, percent: int, data: st.DataObject) -> None:
    """The logarithmic sum equals the exact fraction."""
    k = data.draw(st.integers(0, n))
    assert binomial_cdf(k, n, percent / 100) == pytest.approx(float(exact_cdf(k, n, Fraction(percent, 100))), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 150), st.sampled_from([50, 90, 95]))
def test_ranks_are_the_tightest_that_hold_with_95_percent(n: int, percent: int) -> None:
    """The upper rank is the lowest, the lower rank the highest, whose exact probability is 95 %."""
    p = Fraction(percent, 100)
    at_most = dict(enumerate(accumulate(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n)), start=1))
    above = [k for k, probability in at_most.items() if probability >= Fraction(95, 100)]
    below = [k for k, probability in at_most.items() if 1 - probability >= Fraction(95, 100)]
    assert upper_rank(n, percent / 100) == min(above, default=None)
    assert lower_rank(n, percent / 100) == max(below, default=None)


@pytest.mark.parametrize(("n", "expected"), [(0, None), (1, None), (58, None), (59, 59), (60, 60), (93, 92), (100, 99)])
def test_upper_bound_of_p95_begins_at_59(n: int, expected: int | None) -> None:
    """58 samples have no upper bound for their P95; with 59 the largest is one."""
    assert upper_rank(n, 0.95) == expected


@pytest.mark.parametrize(("n", "q", "expected"), [(0, 0.95, None), (1, 0.95, 1), (1, 0.5, None), (5, 0.5, 1)])
def test_lower_bounds_of_small_samples(n: int, q: float, expected: int | None) -> None:
    """A single value lies below its P95 with 95 %, below its median it does not."""
    assert lower_rank(n, q) == expected


def test_needed_for_upper_is_the_first_sample_size_with_a_bound() -> None:
    """The formula agrees with the search."""
    for q in (0.5, 0.9, 0.95, 0.99):
        needed = needed_for_upper(q)
        assert upper_rank(needed, q) == needed
        assert upper_rank(needed - 1, q) is None
    assert needed_for_upper(0.95) == 59


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (59, 59, 0.05 ** (1 / 59), 1.0),
        (58, 58, 0.05 ** (1 / 58), 1.0),
        (0, 59, 0.0, 1 - 0.05 ** (1 / 59)),
        (1, 1, 0.05, 1.0),
        (0, 1, 0.0, 0.95),
    ],
)
def test_proportion_bounds_of_all_or_none(successes: int, n: int, low: float, high: float) -> None:
    """With all or none the bounds have a closed form: alpha to the 1/n."""
    assert proportion_bounds(successes, n) == pytest.approx((low, high), abs=1e-12)


def test_59_of_59_is_just_enough_for_95_percent() -> None:
    """59 of 59 shows more than 95 %, 58 of 58 does not."""
    assert round(proportion_bounds(59, 59)[0], 4) == 0.9505
    assert round(proportion_bounds(58, 58)[0], 4) == 0.9497


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 50), st.data())
def test_proportion_bounds_turn_just_where_the_tail_is_5_percent(n: int, data: st.DataObject) -> None:
    """At each bound what was seen, or more extreme, has a chance of 5 % by exact count."""
    k = data.draw(st.integers(0, n))
    low, high = proportion_bounds(k, n)
    assert 0 <= low <= k / n <= high <= 1
    if k > 0:
        assert float(1 - exact_cdf(k - 1, n, Fraction(low))) == pytest.approx(0.05, abs=1e-9)
    if k < n:
        assert float(exact_cdf(k, n, Fraction(high))) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_no_proportion_is_an_error(successes: int, n: int) -> None:
    """Nothing asked, or more done than asked, has no proportion."""
    with pytest.raises(ValueError, match=f"{successes} of {n} is no proportion"):
        proportion_bounds(successes, n)


def test_large_samples_stay_finite() -> None:
    """Ten thousand exports do not lose the bound, a hundred thousand do not overflow."""
    low, high = proportion_bounds(9_900, 10_000)
    assert 0.988 < low < 0.99 < high < 0.992
    assert math.isfinite(binomial_cdf(95_000, 100_000, 0.95))
