"""The rules by which a benchmark's figure is judged."""

from __future__ import annotations

import math

import pytest

from benchmarks.statistics.bounds import BOUNDS, LEAST_REPEATS, Bound, judge, judge_ratios, spread_of

AT_LEAST = Bound("speed", "speed", "at least", 2.0, "times as fast", "why")
AT_MOST = Bound("memory", "memory", "at most", 8.0, "MB", "why")


@pytest.mark.parametrize(
    ("bound", "value", "word"),
    [
        (AT_LEAST, 2.0, "PASS"),
        (AT_LEAST, 1.999, "FAIL"),
        (AT_MOST, 8.0, "PASS"),
        (AT_MOST, 8.001, "FAIL"),
        (AT_LEAST, math.inf, "NO DATA"),
        (AT_MOST, math.nan, "NO DATA"),
    ],
)
def test_a_figure_is_held_against_its_bound(bound: Bound, value: float, word: str) -> None:
    """On the bound is good; what is no number is no pass."""
    found = judge(bound, value)
    assert found.word == word
    assert "asked" in found.sentence


def test_ratios_are_judged_by_the_medians() -> None:
    """One odd lap changes nothing."""
    assert judge_ratios(AT_LEAST, [3.0, 3.1, 2.9, 3.0], [1.0] * 4).word == "PASS"
    assert judge_ratios(AT_LEAST, [1.5, 1.6, 1.5, 1.5, 1.6, 1.5, 9.0], [1.0] * 7).word == "FAIL"


def test_a_ratio_that_swings_is_neither() -> None:
    """Both what would pass and what would fail."""
    swinging = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert judge_ratios(AT_LEAST, swinging, [1.0] * 5).word == "NO DATA"
    assert judge_ratios(AT_LEAST, [one / 10 for one in swinging], [1.0] * 5).word == "NO DATA"


def test_too_few_repeats_are_no_data() -> None:
    """However good they look."""
    few = LEAST_REPEATS - 1
    found = judge_ratios(AT_LEAST, [10.0] * few, [1.0] * few)
    assert found.word == "NO DATA"
    assert f"{few} repeats" in found.sentence


def test_unequal_laps_are_refused() -> None:
    """Pairs are side by side or they are no pairs."""
    with pytest.raises(ValueError, match="zip"):
        judge_ratios(AT_LEAST, [1.0, 1.0, 1.0], [1.0, 1.0])


def test_the_spread() -> None:
    """Quartile distance through median."""
    assert spread_of([1.0]) == 0.0
    assert spread_of([1.0, 1.0, 1.0]) == 0.0
    assert spread_of([1.0, 2.0, 3.0]) == pytest.approx(0.5)
    assert spread_of([0.0, 0.0, 0.0]) == math.inf


def test_every_bound_has_its_reason() -> None:
    """Names are distinct, and each says why just so much."""
    assert all(bound.reason and bound.claim and bound.unit for bound in BOUNDS.values())
    assert {bound.sense for bound in BOUNDS.values()} == {"at least", "at most"}
