"""Side by side in one run: A B C A B C …, each lap timed alone, garbage collected before it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bounds import BOUNDS, Verdict, judge_ratios

OURS = "ours"


@dataclass(frozen=True)
class Laps:
    """Seconds of each lap by runner, in the order they were run."""

    seconds: Mapping[str, tuple[float, ...]]

    def median_ms(self, name: str) -> float:
        """Of one runner."""
        return median(self.seconds[name]) * 1_000

    def against(self, bound: str, peer: str) -> Verdict:
        """How much faster we are than a peer, against a bound of the table."""
        return judge_ratios(BOUNDS[bound], self.seconds[peer], self.seconds[OURS])


def race(
    benchmark: BenchmarkFixture,
    runners: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    clean: Callable[[], None],
) -> Laps:
    """Run all in turn, `rounds` times after one round that does not count; OURS is the one pytest-benchmark times too.

    `clean` runs before each lap, untimed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runners}

    def lap(name: str) -> None:
        began = time.perf_counter()
        runners[name]()
        seconds[name].append(time.perf_counter() - began)

    def others() -> None:
        for name in runners:
            if name != OURS:
                clean()
                gc.collect()
                lap(name)
        clean()
        gc.collect()

    timed(benchmark, lap, setup=lambda: _then(others), rounds=rounds, warmup_rounds=1)
    counted = {name: tuple(laps[-rounds:]) for name, laps in seconds.items()}
    return Laps(counted)


def timed(benchmark: BenchmarkFixture, work: Callable[..., Any], arguments: tuple[object, ...] = (), **how: Any) -> Any:
    """pytest-benchmark's `pedantic`, which has no types; what the last call of `work` returned."""
    untyped: Any = benchmark
    return untyped.pedantic(work, arguments, **how)


def _then(others: Callable[[], None]) -> tuple[tuple[str], dict[str, Any]]:
    others()
    return (OURS,), {}


def emptied(*folders: Path) -> Callable[[], None]:
    """A `clean` that removes the folders' files."""

    def clean() -> None:
        for folder in folders:
            for path in folder.iterdir():
                path.unlink()

    return clean


def rounds_for(records: int) -> int:
    """How often a race over so many records is run: small ones often, big ones at least three times."""
    return max(3, min(15, 500_000 // max(records, 1)))
