"""A leak is distinguished from noise, sawteeth, steps and plateaus, over many simulated runs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from assertions.leak_detection import (
    Growth,
    Slope,
    floor_grown_under_load,
    grown_by_bursts,
    grown_under_load,
    judge_leak,
    slope,
)

KB, MB = 1_000.0, 1_000_000.0
LIMIT_BYTES, LIMIT_COUNT = 65_536.0, 0.02
SEEDS = range(60)
Series = list[tuple[float, float]]


def series(value: Callable[[int], float], count: int = 120) -> Series:
    """Readings after each of `count` exports."""
    return [(float(x), value(x)) for x in range(1, count + 1)]


def noisy(rng: random.Random, value: Callable[[int], float], kilobytes: float = 40) -> Callable[[int], float]:
    """The same with an allocator's noise."""
    return lambda x: 80 * MB + value(x) + rng.uniform(-kilobytes, kilobytes) * KB


def sawtooth(rng: random.Random, period: int) -> Series:
    """Memory that a collector gives back each so many exports."""
    return series(noisy(rng, lambda x: x % period * 2 * MB))


def step(rng: random.Random, at: int) -> Series:
    """Memory that grows once."""
    return series(noisy(rng, lambda x: 12 * MB if x >= at else 0))


def more(*at: int) -> Series:
    """A count that grows by one at each of these exports."""
    return series(lambda x: 14 + sum(x >= one for one in at))


def each_tenth(shift: int) -> Series:
    """A count that grows by one at each tenth export."""
    return series(lambda x: 14 + (x + shift) // 10)


FLAT: dict[str, Callable[[random.Random], Series]] = {
    "noise": lambda rng: series(noisy(rng, lambda x: 0)),
    "warming up": lambda rng: series(noisy(rng, lambda x: 30 * MB * (1 - math.exp(-x / 10)))),
    "sawtooth": lambda rng: sawtooth(rng, rng.randint(3, 12)),
    "single step": lambda rng: step(rng, rng.randint(1, 120)),
    "stairs to a plateau": lambda rng: series(noisy(rng, lambda x: min(x // 8, 7) * MB)),
    "slow growth": lambda rng: series(noisy(rng, lambda x: 20 * KB * x)),
    "falling": lambda rng: series(noisy(rng, lambda x: -200 * KB * x)),
}
LEAKS: dict[str, Callable[[random.Random], Series]] = {
    "100 kB an export": lambda rng: series(noisy(rng, lambda x: 100 * KB * x)),
    "100 kB an export, 80 exports": lambda rng: series(noisy(rng, lambda x: 100 * KB * x), 80),
    "1 MB an export, 40 exports": lambda rng: series(noisy(rng, lambda x: MB * x, 400), 40),
    "in blocks of 1 MB": lambda rng: series(noisy(rng, lambda x: x * 110 * KB // MB * MB)),
    "under a sawtooth": lambda rng: series(noisy(rng, lambda x: 300 * KB * x + x % 6 * 2 * MB)),
    "1 MB an export while warming up": lambda rng: series(
        noisy(rng, lambda x: MB * x + 20 * MB * (1 - math.exp(-x / 10)))
    ),
}
COUNTS_FLAT: dict[str, Callable[[random.Random], Series]] = {
    "constant": lambda rng: series(lambda x: 14),
    "up and down": lambda rng: series(lambda x: 14 + rng.randint(0, 3)),
    "one more": lambda rng: more(rng.randint(1, 120)),
    "two more": lambda rng: more(rng.randint(1, 120), rng.randint(1, 120)),
    "a pool fills up": lambda rng: series(lambda x: 10 + min(x, 28)),
}
COUNTS_LEAK: dict[str, Callable[[random.Random], Series]] = {
    "one an export": lambda rng: series(lambda x: 14 + x),
    "one an export, 40 exports": lambda rng: series(lambda x: 14 + x, 40),
    "one each tenth export": lambda rng: each_tenth(rng.randrange(10)),
    "one each tenth on a noisy count": lambda rng: series(lambda x: 14 + x // 10 + rng.randint(0, 1)),
    "every second": lambda rng: series(lambda x: 14 + x // 2 + rng.randint(0, 2)),
}


@pytest.mark.parametrize("name", FLAT)
def test_what_is_given_back_or_grows_once_is_flat(name: str) -> None:
    """Noise, sawteeth, steps and plateaus of memory are no leak, in any of many runs."""
    assert {judge_leak(FLAT[name](random.Random(seed)), LIMIT_BYTES) for seed in SEEDS} == {"flat"}


@pytest.mark.parametrize("name", LEAKS)
def test_memory_that_is_never_given_back_is_a_leak(name: str) -> None:
    """A steady growth above the limit is found in each of many runs."""
    assert {judge_leak(LEAKS[name](random.Random(seed)), LIMIT_BYTES) for seed in SEEDS} == {"leak"}


@pytest.mark.parametrize("name", COUNTS_FLAT)
def test_counts_that_settle_are_flat(name: str) -> None:
    """Descriptors or threads that stay, waver, or grow by one or two are no leak."""
    assert {judge_leak(COUNTS_FLAT[name](random.Random(seed)), LIMIT_COUNT) for seed in SEEDS} == {"flat"}


@pytest.mark.parametrize("name", COUNTS_LEAK)
def test_counts_that_go_on_rising_are_a_leak(name: str) -> None:
    """A descriptor for each export, or for each tenth, is found."""
    assert {judge_leak(COUNTS_LEAK[name](random.Random(seed)), LIMIT_COUNT) for seed in SEEDS} == {"leak"}


@pytest.mark.parametrize("count", [0, 1, 5, 22])
def test_too_few_readings_are_inconclusive(count: int) -> None:
    """Without enough readings nothing is called flat."""
    assert judge_leak(series(lambda x: 14, count), LIMIT_COUNT) == "inconclusive"


def test_enough_readings_are_judged() -> None:
    """23 readings, a quarter of which is left out, are the fewest that are judged."""
    assert judge_leak(series(lambda x: 14, 23), LIMIT_COUNT) == "flat"


def test_no_exports_are_inconclusive() -> None:
    """Readings without any export between them say nothing."""
    assert judge_leak([(5.0, 14.0)] * 50, LIMIT_COUNT) == "inconclusive"


def test_readings_that_are_no_number_are_inconclusive() -> None:
    """NaN is never flat."""
    assert judge_leak(series(lambda x: math.nan), LIMIT_COUNT) == "inconclusive"


def test_two_late_blocks_are_inconclusive() -> None:
    """Two large steps in the later part may be either: it takes more exports to tell."""
    assert judge_leak(series(lambda x: 20 * MB * ((x > 75) + (x > 110))), LIMIT_BYTES) == "inconclusive"


def test_a_pool_that_grows_by_two_late_is_flat() -> None:
    """One more descriptor in the middle and one in the end, where every third is higher than the one before."""
    assert judge_leak(more(61, 91), LIMIT_COUNT) == "flat"
    assert judge_leak(more(75, 110), LIMIT_COUNT) == "flat"
    assert judge_leak(more(75, 90, 110), LIMIT_COUNT) == "inconclusive"


def test_the_slope_of_a_line_is_exact() -> None:
    """A straight line has its slope, and an interval of no width."""
    got = slope(range(100), [7 + 3 * x for x in range(100)])
    assert (round(got.per_export, 9), round(got.low, 6), round(got.high, 6), got.n) == (3, 3, 3, 100)


def test_the_slope_of_three_readings() -> None:
    """Three readings are the fewest that have a slope."""
    assert slope([0, 1, 2], [5, 5, 5]) == Slope(0.0, 0.0, 0.0, 3)


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([4, 4, 4], [1, 2, 3])])
def test_a_slope_that_can_not_be(x: list[float], y: list[float]) -> None:
    """Too few readings, or all at one place, are an error."""
    with pytest.raises(ValueError, match="a slope needs"):
        slope(x, y)


def test_the_interval_covers_the_truth() -> None:
    """Under symmetric noise the 95 % interval holds the true slope in most of many runs."""
    held = 0
    for seed in range(200):
        rng = random.Random(seed)
        got = slope(range(120), [100 * x + rng.gauss(0, 500) for x in range(120)])
        held += got.low <= 100 <= got.high
    assert held >= 170


def test_a_sawtooth_has_no_slope() -> None:
    """What is collected in the end stays out of the slope."""
    got = slope(range(120), [x % 5 * MB for x in range(120)])
    assert got.low <= 0 <= got.high


def under_load(
    count: Callable[[float], float], exports: int = 100, readings: int = 40, noise: int = 0
) -> Growth | None:
    """What is said of a count that is a function of the exports done, with as much of it at rest afterwards."""
    rng = random.Random(exports * readings + noise)
    done = [8.0 + exports * at // readings for at in range(1, readings + 1)]
    points = [(x, 20 + count(x - 8) + rng.randint(0, noise)) for x in done]
    return grown_under_load(points, 20 + count(exports))


@pytest.mark.parametrize("exports", [66, 100, 300])
@pytest.mark.parametrize("noise", [0, 3])
def test_each_large_export_that_leaves_something_is_seen(exports: int, noise: int) -> None:
    """One left by each export, or by two in three, is a leak, whatever else comes and goes."""
    for rate in (1.0, 0.67):
        growth = under_load(lambda x, rate=rate: math.floor(rate * x), exports, noise=noise)  # type: ignore[misc]
        assert growth is not None and growth.rose > 0.25 * growth.exports


@pytest.mark.parametrize("exports", [66, 100, 300])
@pytest.mark.parametrize("most", [5, 16, 25, 32, 50, 64, 80])
def test_a_pool_that_fills_up_is_no_leak(exports: int, most: int) -> None:
    """A pool that grows with each export up to its maximum stops there, early or late in the phase."""
    if most <= 0.75 * exports:
        assert under_load(lambda x: min(x, most), exports) is None


def test_what_ends_with_the_load_is_no_leak() -> None:
    """A count that rises to the end and is gone at rest was only not yet given back."""
    rising = [(float(x), 20.0 + x) for x in range(1, 101)]
    assert grown_under_load(rising, 120.0) is not None
    assert grown_under_load(rising, 25.0) is None


@pytest.mark.parametrize(("rose", "leak"), [(16, False), (17, True)])
def test_so_much_a_count_may_rise_under_load(rose: int, leak: bool) -> None:
    """Sixteen more from quarter to quarter are a pool's, seventeen are too many."""
    steep = [(float(x), rose * (x - 37.5) / 50) for x in range(0, 101)]
    assert (grown_under_load(steep, 10**6) is not None) is leak


def test_a_recycled_pool_is_no_leak() -> None:
    """Workers that are replaced after every thirty exports give everything back."""
    assert under_load(lambda x: x % 30, 300) is None


def test_few_readings_say_nothing_of_growth() -> None:
    """One reading, and readings that leave a quarter of the exports without one, tell of no leak."""
    assert grown_under_load([(1.0, 5.0)], 5.0) is None
    assert grown_under_load([(1.0, 5.0), (100.0, 500.0)], 500.0) is None


@pytest.mark.parametrize(
    ("after", "size", "leak"),
    [
        ([15, 30, 45, 60, 75, 90], 20, True),
        ([7, 14, 21, 28, 35], 12, True),
        ([20, 20, 20, 20, 20, 20], 20, False),  # a pool that grew to what came at once
        ([5, 8, 11, 14, 17, 20], 20, False),  # and one that grew slowly
        ([4, 8, 11, 12, 12], 12, False),
        ([0, 0, 30, 30, 30, 30], 20, False),  # one step, and no more
        ([0, 0, 20, 40], 20, True),
        ([0, 0, 40], 20, False),  # too few to tell
        ([0, 3, 9, 14, 18, 24], 20, False),  # less than half of the exports left something: files kept a while
        ([0, 4, 14, 24, 34, 44], 20, False),  # just half
        ([0, 4, 14, 24, 34, 45], 20, True),
    ],
)
def test_what_bursts_leave_behind(after: list[int], size: int, leak: bool) -> None:
    """What exports that waited leave is distinguished from a pool that had to grow for them."""
    points = [(size * number, 14.0 + more) for number, more in enumerate(after, 1)]
    assert (grown_by_bursts(points, size) is not None) is leak


def floor(kept: Callable[[int], float], behind: float | None = None, passing: float = 20e6) -> Growth | None:
    """100 exports, each reading between nothing and all of what five exports hold for a while, plus what is kept."""
    series = [(float(x), 100e6 + kept(x) + passing * (x % 7) / 6) for x in range(1, 101)]
    return floor_grown_under_load(series, 100e6 + kept(100) if behind is None else behind, 65_536)


def test_memory_that_large_exports_keep_is_a_leak() -> None:
    """Well over a megabyte each; by how much, and over how many exports, is reported."""
    growth = floor(lambda x: 2e6 * x)
    assert growth is not None
    assert growth.exports == 50
    assert growth.rose / growth.exports == pytest.approx(2e6, rel=0.15)
    assert floor(lambda x: 1.4e6 * x, passing=0) is not None


@pytest.mark.parametrize(
    ("kept", "behind", "passing"),
    [
        pytest.param(lambda x: 0.0, None, 300e6, id="nothing"),
        pytest.param(lambda x: 2e6 * x, 110e6, 20e6, id="given back at rest"),
        pytest.param(lambda x: 200e6 * (x > 60), None, 20e6, id="a step"),
        pytest.param(lambda x: min(4e6 * x, 150e6), None, 20e6, id="an allocator's stock"),
        pytest.param(lambda x: 2e6 * x, None, 400e6, id="less than what comes and goes"),
        pytest.param(lambda x: 1.2e6 * x, None, 0.0, id="what workers may warm up to"),
    ],
)
def test_memory_that_comes_and_goes_is_no_leak(
    kept: Callable[[int], float], behind: float | None, passing: float
) -> None:
    """Memory that is given back, or that workers warm up to, has no floor that grows."""
    assert floor(kept, behind, passing) is None


def test_few_readings_say_nothing_of_memory() -> None:
    """Two readings are no series, and growth that ends with the warm-up of the workers is none."""
    assert floor_grown_under_load([(1.0, 5e6)], 5e6, 1.0) is None
    assert floor_grown_under_load([(1.0, 5e6), (100.0, 500e6)], 500e6, 1.0) is None
    series = [(float(x), 10e6 * x) for x in range(1, 61)]
    assert floor_grown_under_load(series, 600e6, 1.0) is None
