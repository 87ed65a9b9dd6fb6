"""Side by side in one run: A B C A B C …, each lap timed separately, garbage collected before it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.statistics.bounds import BOUNDS, Verdict, judge_ratios

OURS = "ours"


@dataclass(frozen=True)
class Laps:
    """Each lap by runner, in the order they were run."""

    seconds: Mapping[str, tuple[float, ...]]
    """By the clock on the wall: what is judged."""
    cpu_seconds: Mapping[str, tuple[float, ...]]
    """CPU time of this process: it varies less than wall time where others use the machine."""

    def median_ms(self, name: str) -> float:
        """Of one runner."""
        return median(self.seconds[name]) * 1_000

    def against(self, bound: str, peer: str) -> Verdict:
        """How much faster we are than a peer, against a bound of the table."""
        found = judge_ratios(BOUNDS[bound], self.seconds[peer], self.seconds[OURS])
        return replace(found, sentence=f"{found.sentence}; load {os.getloadavg()[0]:.1f}")

    def cpu_against(self, peer: str) -> float:
        """The same by CPU time of this process; right only for work that is all done in it."""
        return median(self.cpu_seconds[peer]) / median(self.cpu_seconds[OURS])


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
    cpu_seconds: dict[str, list[float]] = {name: [] for name in runners}

    def lap(name: str) -> None:
        began, cpu_began = time.perf_counter(), time.process_time()
        runners[name]()
        seconds[name].append(time.perf_counter() - began)
        cpu_seconds[name].append(time.process_time() - cpu_began)

    def others() -> None:
        for name in runners:
            if name != OURS:
                clean()
                gc.collect()
                lap(name)
        clean()
        gc.collect()

    timed(benchmark, lap, setup=lambda: _then(others), rounds=rounds, warmup_rounds=1)
    return Laps(_counted(seconds, rounds), _counted(cpu_seconds, rounds))


def _counted(laps: Mapping[str, list[float]], rounds: int) -> dict[str, tuple[float, ...]]:
    return {name: tuple(some[-rounds:]) for name, some in laps.items()}


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
    """Return how often a race is run: one over few records often, one over many at least three times."""
    return max(3, min(15, 500_000 // max(records, 1)))
