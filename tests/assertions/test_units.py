"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.units import figure, show, show_against


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (413.2, "ms", "413 ms"),
        (1_234, "ms", "1.23 s"),
        (10_000, "ms", "10 s"),
        (0.65, "s", "0.65 s"),
        (12.345, "s", "12.3 s"),
        (123_456.7, "s", "123,457 s"),
        (32e6, "bytes", "32 MB"),
        (65_536, "bytes", "65.5 kB"),
        (1, "bytes", "1 byte"),
        (0, "bytes", "0 bytes"),
        (-2_500_000, "bytes", "-2.5 MB"),
        (0.996, "ratio", "99.6 %"),
        (1, "ratio", "100 %"),
        (0.99996, "ratio", "99.996 %"),
        (0, "ratio", "0 %"),
        (5, "exports", "5 exports"),
        (1, "exports", "1 export"),
        (0.02, "descriptors", "0.02 descriptors"),
        (1.5, "times", "1.5 times"),
        (math.nan, "s", "nan s"),
        (math.inf, "ms", "inf s"),
    ],
)
def test_a_number_is_shown_in_the_unit_that_people_read(value: float, unit: str, expected: str) -> None:
    """Three significant digits, the unit scaled; 100 % is said of nothing less than all."""
    assert show(value, unit) == expected


@given(st.floats(min_value=0, max_value=1, exclude_max=True))
def test_less_than_all_is_never_shown_as_all(ratio: float) -> None:
    """However close to 1 a ratio is, it is not 100 %."""
    assert show(ratio, "ratio") != "100 %"


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_a_figure_is_near_its_number(value: float) -> None:
    """What is shown is at most half of the third digit off."""
    assert float(figure(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


@given(st.floats(min_value=0, max_value=1e5), st.sampled_from([100.0, 1_000.0, 10_000.0]))
def test_a_figure_lies_on_the_side_of_the_bound_on_which_its_number_lies(value: float, bound: float) -> None:
    """Read as it is shown, a reading passes or fails as it does in full."""

    def holds(reading: float) -> bool:
        return reading < bound

    number, unit = show_against(value, "ms", holds).split(" ")
    assert holds(float(number.replace(",", "")) * (1_000 if unit == "s" else 1)) == holds(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.9499, "94.99 %"), (0.94999, "94.999 %"), (0.95, "95 %"), (0.951, "95.1 %")]
)
def test_a_near_miss_is_shown_with_the_digits_that_decide(value: float, expected: str) -> None:
    """Just below 95 % is not shown as 95 %."""
    assert show_against(value, "ratio", lambda ratio: ratio >= 0.95) == expected
