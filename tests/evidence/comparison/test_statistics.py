"""Two-sample statistics against published values and by their properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.comparison.statistics import fisher_p, holm, mann_whitney_p, ratio_interval, statistic_of


def test_mann_whitney_without_ties() -> None:
    """U = 0 of five against five: mean 12.5, variance 22.9, z = 12 / 4.787 with the continuity correction."""
    assert mann_whitney_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.012186, abs=1e-6)


def test_mann_whitney_with_ties() -> None:
    """Ties make the variance smaller: U = 0.5, N = 7, one pair of equal values, so z = 5 / sqrt(8 - 6 / 42)."""
    assert mann_whitney_p([1, 2, 3], [3, 4, 5, 6]) == pytest.approx(0.07446, abs=1e-5)


def test_equal_values_are_no_change() -> None:
    """Samples of one value have no variance, and nothing is shown by them."""
    assert mann_whitney_p([3.0] * 9, [3.0] * 7) == 1.0


@pytest.mark.parametrize("samples", [((), (1.0,)), ((1.0,), ())])
def test_nothing_can_be_tested(samples: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    """An empty sample is an error, not a p-value."""
    with pytest.raises(ValueError, match="empty sample"):
        mann_whitney_p(*samples)


_VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=30)


@given(_VALUES, _VALUES)
def test_mann_whitney_is_symmetric(first: list[float], second: list[float]) -> None:
    """Which run is the baseline changes no p-value, and each is a probability."""
    assert mann_whitney_p(first, second) == pytest.approx(mann_whitney_p(second, first))
    assert 0 <= mann_whitney_p(first, second) <= 1


def test_fisher_tea() -> None:
    """Fisher's lady tasting tea, three of four right: p = 34 / 70 two-sided."""
    assert fisher_p(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_fisher_extremes() -> None:
    """Two perfect runs show nothing; all against none of four is 2 / 70."""
    assert fisher_p(0, 60, 0, 50) == 1.0
    assert fisher_p(4, 4, 0, 4) == pytest.approx(2 / 70)
    with pytest.raises(ValueError, match="no shares"):
        fisher_p(5, 4, 0, 4)


def test_holm_example() -> None:
    """Each p-value times the number of those not smaller, never below one before it, and in the order given."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_statistics() -> None:
    """Percentiles are nearest rank, as in the report."""
    values = [float(value) for value in range(1, 21)]
    assert [statistic_of(values, name) for name in ("median", "mean", "p95")] == [10.0, 10.5, 19.0]
    with pytest.raises(ValueError, match="median of nothing"):
        statistic_of((), "median")


def test_interval_of_constants() -> None:
    """Samples without variation have an interval without width; a baseline of zeros has no ratio."""
    assert ratio_interval([10.0] * 8, [12.0] * 8, "median", 50) == pytest.approx((1.2, 1.2))
    assert ratio_interval([0.0] * 8, [12.0] * 8, "median", 50) is None


def test_interval_is_repeatable() -> None:
    """The seed is fixed: equal samples give equal intervals, around the ratio."""
    before, after = [100.0 + n for n in range(40)], [120.0 + n for n in range(40)]
    interval = ratio_interval(before, after, "median", 500)
    assert interval == ratio_interval(before, after, "median", 500)
    assert interval is not None
    assert interval[0] < 139 / 119 < interval[1]
