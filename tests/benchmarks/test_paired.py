"""Paired statistics: the sign-flip test, ratios and their intervals, growth and slopes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics.growth import fit_growth, fit_slope
from benchmarks.statistics.paired import geometric_mean, median_interval, paired_ratios, sign_flip_p


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([0.5], 1.0),
        ([1.0, 2.0, 3.0], 2 / 8),
        ([1.0, 2.0, -3.0], 1.0),
        ([1.0, 2.0, 4.0, -0.5], 4 / 16),
        ([0.1] * 10, 2 / 1024),
        ([-0.1] * 10, 2 / 1024),
        ([0.0, 0.0], 1.0),
    ],
)
def test_the_sign_flip_test_counts_all_patterns(values: list[float], p: float) -> None:
    """The p-value is the share of sign patterns whose sum is as far from 0 as the one observed."""
    assert sign_flip_p(values) == p


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_the_sign_flip_test_knows_no_direction(values: list[float]) -> None:
    """Turning before and now changes nothing, and a p-value lies above 0 and at most at 1."""
    assert sign_flip_p(values) == sign_flip_p([-value for value in values])
    assert 0 < sign_flip_p(values) <= 1


@pytest.mark.parametrize("count", [0, 17])
def test_the_sign_flip_test_refuses_other_numbers_of_pairs(count: int) -> None:
    """Without pairs there is nothing to test, and beyond 16 too much to count."""
    with pytest.raises(ValueError, match=f"got {count}"):
        sign_flip_p([0.1] * count)


def test_ratios_are_pair_by_pair() -> None:
    """Each lap is divided by the lap of the same round, and a missing or zero lap is refused."""
    assert paired_ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        paired_ratios([1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="positive"):
        paired_ratios([0.0], [1.0])


def test_the_geometric_mean() -> None:
    """A half and a double cancel out; nothing, or what is not positive, is refused."""
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    for wrong in ([], [1.0, 0.0]):
        with pytest.raises(ValueError, match="positive"):
            geometric_mean(wrong)


def test_the_interval_of_a_median_holds_the_median() -> None:
    """Equal values have an interval of no width; others one around the median."""
    assert median_interval([3.0] * 7) == (3.0, 3.0)
    low, high = median_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert 1.0 <= low < 3.0 < high <= 5.0


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_growth_finds_the_exponent_of_a_power_law(exponent: float) -> None:
    """Costs made by a power law give its exponent, and an interval of no width."""
    sizes = [1_000, 1_000, 10_000, 10_000, 100_000, 1_000_000]
    growth = fit_growth(sizes, [3.0 * size**exponent for size in sizes])
    assert growth.exponent == pytest.approx(exponent, abs=1e-9)
    assert growth.low == pytest.approx(exponent, abs=1e-6)
    assert growth.high == pytest.approx(exponent, abs=1e-6)
    assert growth.factor == pytest.approx(3.0)


def test_growth_that_is_no_power_law_has_a_wide_interval() -> None:
    """Costs that bend have an interval that shows it."""
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    growth = fit_growth(sizes, [1.0, 1.0, 1.0, 10.0])
    assert growth.low < growth.exponent < growth.high
    assert growth.high - growth.low > 0.2


def test_growth_needs_three_sizes_and_positive_costs() -> None:
    """Two sizes, or a cost of 0, give no exponent."""
    with pytest.raises(ValueError, match="3 sizes"):
        fit_growth([1, 1, 2], [1.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="positive"):
        fit_growth([1, 2, 3], [1.0, 0.0, 2.0])


def test_the_slope_of_a_leak() -> None:
    """A steady leak is found exactly; noise around nothing has an interval that holds 0."""
    assert fit_slope([1_000.0 * number for number in range(40)]).each == pytest.approx(1_000.0)
    calm = fit_slope([5e6 + 4_096 * math.sin(7 * number) for number in range(150)])
    assert calm.low < 0 < calm.high
    with pytest.raises(ValueError, match="20 values"):
        fit_slope([1.0] * 19)
