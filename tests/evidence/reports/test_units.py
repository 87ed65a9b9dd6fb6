"""Human units, shares of a limit, and bars."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.limits import Limit
from evidence.reports.units import against, bar, condition, duration, held_against, percent, plain, quantity, share

BELOW = Limit(id="x", op="<", target=10_000, unit="ms", reason="")
MOST = Limit(id="x", op="<=", target=5, unit="exports", reason="")
RATIO = Limit(id="x", op=">=", target=0.95, unit="ratio", reason="")
ABOVE = Limit(id="x", op=">", target=0, unit="bytes", reason="")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (415.76, "ms", "0.416 s"),
        (30.395, "ms", "30.4 ms"),
        (0.0, "ms", "0 s"),
        (0.5507, "s", "0.551 s"),
        (100_000.0, "ms", "100 s"),
        (125_000.0, "ms", "2 m 5 s"),
        (0.996, "ratio", "99.6 %"),
        (34_026_323, "bytes", "34 MB"),
        (512, "bytes", "512 bytes"),
        (1_500, "bytes", "1.5 kB"),
        (2.5e12, "bytes", "2,500 GB"),
        (5, "exports", "5 exports"),
        (16.76, "exports/s", "16.8 exports/s"),
        (None, "ms", "–"),
        (math.nan, "ms", "–"),
        (math.inf, "bytes", "–"),
    ],
)
def test_quantities(value: float | None, unit: str, expected: str) -> None:
    """Times, shares, sizes and counts read as people write them; what is no number is a dash."""
    assert quantity(value, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, ""), (59.6, "1 m"), (100, "1 m 40 s"), (3_660, "1 h 1 m"), (7_200, "2 h"), (5, "5 s")]
)
def test_durations(seconds: float, expected: str) -> None:
    """Hours, minutes and seconds; with hours no seconds."""
    assert duration(seconds) == (expected or "0 s")


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (420.0, BELOW, "0.42 s of 10 s"),
        (5.0, MOST, "5 of 5 exports"),
        (0.996, RATIO, "99.6 % (at least 95 % needed)"),
        (247e6, ABOVE, "247 MB (more than 0 bytes needed)"),
        (9_999.9, BELOW, "9999.9 ms of 10 s"),
        (0.9499999, RATIO, "0.9499999 ratio (at least 95 % needed)"),
        (10_000.0, BELOW, "10 s of 10 s"),
        (None, BELOW, "– of 10 s"),
    ],
)
def test_readings_with_their_bound(value: float | None, limit: Limit, expected: str) -> None:
    """A reading that rounds to its bound without being it is shown exactly."""
    assert held_against(value, limit) == expected


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (2_500.0, BELOW, 0.25),
        (20_000.0, BELOW, 2.0),
        (0.99, RATIO, None),
        (247e6, ABOVE, None),
        (None, BELOW, None),
        (math.nan, BELOW, None),
    ],
)
def test_shares_of_a_limit(value: float | None, limit: Limit, expected: float | None) -> None:
    """How much of what a limit allows is used; of a lower bound there is no such share."""
    assert share(value, limit) == expected


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (2_500.0, BELOW, (0.25, "25 %", "25 % of the limit used")),
        (1.0, RATIO, (1.0, "100 % against a floor of 95 %", "100 % against a floor of 95 %")),
        (0.9, RATIO, (0.9, "90 % against a floor of 95 %", "90 % against a floor of 95 %")),
        (247e6, ABOVE, None),
        (None, RATIO, None),
        (math.nan, RATIO, None),
    ],
)
def test_a_bar_shows_a_share_of_the_limit_or_a_ratio_with_its_floor(
    value: float | None, limit: Limit, expected: tuple[float, str, str] | None
) -> None:
    """Nothing used reads 0 % of an upper bound; a rate that is whole reads 100 % against its floor."""
    assert against(value, limit) == expected


def test_a_broken_limit_never_reads_100_percent() -> None:
    """Just over and just under are told apart from exactly at."""
    assert [percent(used) for used in (0.0, 0.0001, 0.5, 0.999, 1.0, 1.001, 0.99999, 1.00001, 3.1)] == [
        *("0 %", "under 1 %", "50 %", "99.9 %", "100 %", "100.1 %", "under 100 %", "over 100 %", "310 %"),
    ]


@given(st.floats(min_value=0, max_value=1e9))
def test_bars_have_ten_cells(used: float) -> None:
    """Filled and empty cells are ten; nothing used fills none, anything at least one."""
    cells = bar(used)
    assert len(cells) == 10
    assert cells == "▓" * cells.count("▓") + "░" * cells.count("░")
    assert (cells.count("▓") > 0) is (used > 0)


def test_conditions() -> None:
    """A limit reads as a condition."""
    assert [condition(one) for one in (BELOW, MOST, RATIO)] == ["< 10 s", "<= 5 exports", ">= 95 %"]


def test_plain_words_hold_no_marks_of_ours() -> None:
    """Bars and ticks of a target's can't pass for the report's."""
    assert plain("a ▓░ ✅\n☑ b") == "a ?? ? ? b"
