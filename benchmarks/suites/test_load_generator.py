"""The load side: is its clock right, does it keep the rate that was asked, and what do its records cost?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from assertions.stats import percentile
from benchmarks.laps.race import timed
from benchmarks.load.door import ROOT, Arrivals, OwnClock, arrivals, own_clock
from benchmarks.statistics.bounds import BOUNDS, Verdict, judge, judge_ratios
from loadtests.calibration import calibration
from loadtests.calibration.reference_server import Schedule

pytestmark = pytest.mark.bounds
Figures = Callable[[Mapping[str, float]], None]
Hold = Callable[..., None]
RUNS = 3
CALM_MS = 2.0
"""A sleeper's P99: where others hold the machine longer, no client's clock can be near the server's."""
CALIBRATED = Schedule(usual_s=0.05, slow_s=0.5, slow_every=100)
LEAST_SOCKET = 3_000.0
"""10k POSTs a CPU-second of a bare socket; below, the machine itself is too slow or too busy to ask for 2,000."""


def settled(found: Verdict, seen: OwnClock) -> Verdict:
    """A failure on a machine that wakes a mere sleeper late is NO DATA."""
    said = f"{found.sentence}; a sleeper's P99 {seen.p99_ms:.2g} ms, load {os.getloadavg()[0]:.1f}"
    busy = found.word == "FAIL" and seen.p99_ms > CALM_MS
    return replace(found, word="NO DATA" if busy else found.word, sentence=said)


def runs(
    benchmark: BenchmarkFixture, make: Callable[[Path], Arrivals], folder: Path, count: int = RUNS
) -> tuple[list[Arrivals], OwnClock]:
    """Runs of the real command, each in a separate folder."""
    with own_clock() as seen:
        found: list[Arrivals] = timed(
            benchmark, lambda: [make(folder / f"run-{number}") for number in range(count)], rounds=1
        )
    assert all(one.answered == one.asked for one in found)
    return found, seen


def quick(laps: Sequence[float]) -> float:
    """Of many laps the tenth part: what others do on the machine only adds to a lap's time, and by more than 5 %."""
    return percentile(laps, 0.1)


def test_stall(benchmark: BenchmarkFixture, folder: Path, figures: Figures, hold: Hold) -> None:
    """A server that stands still for one second in five, asked 200 a second: P95 against that of its own schedule."""
    benchmark.group = "load"
    schedule = Schedule(usual_s=0.005, slow_every=0, stall_every_s=5.0, stall_s=1.0, zero_s=time.monotonic())
    found, seen = runs(benchmark, partial(arrivals, schedule, 200, 10), folder)
    truths = [percentile(one.truth_ms, 0.95) for one in found]
    planned = [percentile(one.planned_ms, 0.95) for one in found]
    off = [abs(one - true) / true * 100 for one, true in zip(planned, truths, strict=True)]
    figures(
        {
            "P95 true ms": median(truths),
            "P95 from the planned start ms": median(planned),
            "P95 from the real start ms": median(percentile(one.started_ms, 0.95) for one in found),
        }
    )
    hold(settled(judge(BOUNDS["load-stall"], median(off)), seen))


@pytest.mark.parametrize(("rate", "seconds"), [(10, 12), (100, 5), (500, 4)])
def test_calibrated(
    benchmark: BenchmarkFixture, folder: Path, figures: Figures, hold: Hold, rate: int, seconds: int
) -> None:
    """A server of 50 ms, one in a hundred of 500 ms: percentiles against its own clock's, medians of three runs."""
    benchmark.group = "load"
    found, seen = runs(benchmark, partial(arrivals, CALIBRATED, rate, seconds), folder)

    def off(values: Callable[[Arrivals], list[float]], q: float) -> float:
        return median(percentile(values(one), q) - percentile(one.server_ms, q) for one in found)

    started = {q: off(lambda one: one.started_ms, q) for q in (0.5, 0.95, 0.99)}
    planned = {q: off(lambda one: one.planned_ms, q) for q in (0.5, 0.95, 0.99)}
    figures(
        {f"P{q * 100:.0f} from the real start, off by ms": value for q, value in started.items()}
        | {f"P{q * 100:.0f} from the planned start, off by ms": value for q, value in planned.items()}
    )
    hold(*(settled(judge(BOUNDS[f"load-p{q * 100:.0f}"], abs(value)), seen) for q, value in started.items()))


@pytest.mark.parametrize("rate", [1000, 2000])
def test_rate(benchmark: BenchmarkFixture, folder: Path, figures: Figures, hold: Hold, rate: int) -> None:
    """One process keeps this rate of open arrivals: how late it starts them, medians of three runs."""
    benchmark.group = "load"
    schedule = Schedule(usual_s=0.005, slow_every=0)
    found, seen = runs(benchmark, partial(arrivals, schedule, rate, 5), folder)
    late = [one.start_delay_p99_ms for one in found]
    figures({"lateness P99 ms": median(late), "best": min(late), "worst": max(late)})
    hold(settled(judge(BOUNDS[f"load-{rate}"], median(late)), seen))


def test_cost(benchmark: BenchmarkFixture, figures: Figures, hold: Hold) -> None:
    """A request's CPU time with and without its record and by Locust's own client; 10k-record POSTs a CPU-second."""
    benchmark.group = "load"

    def child() -> dict[str, dict[str, list[float]]]:
        with calibration.reference_server_port(Schedule(usual_s=0.0, slow_every=0)) as port:
            ended = subprocess.run(
                [sys.executable, "-m", "benchmarks.load.child", str(port)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        assert ended.returncode == 0, ended.stderr
        said: dict[str, dict[str, list[float]]] = json.loads(ended.stdout)
        return said

    with own_clock() as seen:
        cpu_s = timed(benchmark, child, rounds=1)["cpu_s"]
    rates = {name: 1 / quick(cpu_s[name]) for name in ("10k POST", "10k POST, tagged", "bare socket")}
    figures(
        {f"{name}, CPU µs a request": quick(cpu_s[name]) * 1e6 for name in ("ours", "unrecorded", "plain Locust")}
        | {f"{name}, a CPU-second": value for name, value in rates.items()}
    )
    posts = judge(BOUNDS["load-posts"], rates["10k POST"])
    if posts.word == "FAIL" and rates["bare socket"] < LEAST_SOCKET:
        posts = replace(posts, word="NO DATA", sentence=f"{posts.sentence}; a bare socket {rates['bare socket']:,.0f}")
    hold(
        settled(judge(BOUNDS["load-record"], quick(cpu_s["ours"]) / quick(cpu_s["plain Locust"])), seen),
        judge_ratios(BOUNDS["load-socket"], cpu_s["bare socket"], cpu_s["10k POST"]),
        posts,
    )
