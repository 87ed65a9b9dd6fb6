"""The memory sampler against known allocations, and the pieces of work of the cost curves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.probes.sampler import LEAST_HZ, TreeSampler
from benchmarks.probes.self_test import TOLERANCE, Step, problems_of, self_test
from benchmarks.probes.series import HARNESS, series_work

SIZE = 64_000_000


def seen(uss: int = SIZE, rss: int = SIZE, kernel: int | None = SIZE, hz: float = 200.0) -> Step:
    """Return what was seen of an allocation of SIZE bytes."""
    return Step(allocated_bytes=SIZE, uss_bytes=uss, rss_bytes=rss, kernel_bytes=kernel, hz=hz)


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        (seen(), 0),
        (seen(uss=round(SIZE * (1 + TOLERANCE))), 0),
        (seen(uss=round(SIZE * (1 + TOLERANCE)) + 1), 1),
        (seen(rss=round(SIZE * (1 - TOLERANCE)) - 1), 1),
        (seen(kernel=0), 1),
        (seen(kernel=None), 0),
        (seen(hz=LEAST_HZ), 0),
        (seen(hz=LEAST_HZ - 1), 1),
        (seen(uss=0, rss=0, kernel=0, hz=1.0), 4),
    ],
)
def test_what_the_self_test_takes_for_a_problem(step: Step, problems: int) -> None:
    """Each reading must be within 1 % of what was allocated, at 100 samples a second or more."""
    assert len(problems_of([step])) == problems


@pytest.mark.e2e
def test_a_sampler_that_is_slowed_fails_its_self_test() -> None:
    """With a sample each half second, too few samples are taken and allocations are missed: both are named."""
    problems = self_test(interval_s=0.5, attempts=1).problems
    assert any("samples a second" in problem for problem in problems)
    assert any(problem.startswith("USS: expected") for problem in problems)


@pytest.mark.e2e
def test_a_sampler_sees_known_allocations() -> None:
    """At its own pace the sampler sees each allocation of a child within 1 %; the pace itself is the machine's."""
    problems = self_test().problems
    assert [problem for problem in problems if "samples a second" not in problem] == []


def test_a_sampler_takes_this_moment_too() -> None:
    """Even where no time passes there is a sample of what the process holds."""
    peaks = TreeSampler(os.getpid()).take()
    assert peaks.samples == 1
    assert peaks.rss_bytes > peaks.uss_bytes // 2 > 0


@pytest.mark.parametrize("series", HARNESS)
def test_the_harness_series_go_over_all_records(series: str, tmp_path: Path) -> None:
    """Each piece of work says how many records it went over."""
    assert series_work(series, 100, tmp_path)().records == 100


def test_an_unknown_series_is_refused(tmp_path: Path) -> None:
    """The message names the series there are."""
    with pytest.raises(ValueError, match="csv records checked"):
        series_work("nothing", 1, tmp_path)
