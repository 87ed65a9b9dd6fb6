"""Memory of one export, each in a fresh process, and what stays after many."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.laps.race import timed
from benchmarks.records import body
from benchmarks.statistics.bounds import BOUNDS, judge
from service import make_data

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600
MB = 1_000_000
LEAK_EXPORTS = 200
pytestmark = pytest.mark.bounds
Figures = Callable[[Mapping[str, float]], None]
Hold = Callable[..., None]


def child(*words: object) -> dict[str, Any]:
    """What a fresh process measures of itself."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.probes.child", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("size", ["10k", "100k", "big"])
@pytest.mark.parametrize("format", ["csv", "pdf"])
def test_of_a_body(
    benchmark: BenchmarkFixture, tmp_path: Path, folder: Path, format: str, size: str, big: int,
    figures: Figures, hold: Hold,
) -> None:  # fmt: skip
    """Peak growth over the body is the same small figure for every size."""
    benchmark.group = "memory"
    records = {"10k": 10_000, "100k": 100_000, "big": big}[size]
    sent = tmp_path / "body"
    sent.write_bytes(body(format, records))
    found = timed(benchmark, child, ("peak", sent, folder))
    assert found["records"] == records
    figures({"grown MB": found["grown_bytes"] / MB, "whole process MB": found["peak_bytes"] / MB})
    hold(judge(BOUNDS["memory-body"], found["grown_bytes"] / MB))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, big: int) -> Path:
    """A table of the big size."""
    file = tmp_path_factory.mktemp("database") / "orders.sqlite"
    make_data.make_database(file, big, "orders", 17)
    return file


@pytest.mark.parametrize("format", ["csv", "pdf"])
def test_of_a_source(
    benchmark: BenchmarkFixture, database: Path, folder: Path, format: str, big: int, figures: Figures, hold: Hold
) -> None:
    """The whole process stays small while it exports a table."""
    benchmark.group = "memory"
    found = timed(benchmark, child, ("source", database, format, folder))
    assert found["records"] == big
    figures(
        {
            "grown MB": found["grown_bytes"] / MB,
            "before MB": found["before_bytes"] / MB,
            "seconds": float(benchmark.stats.stats.median) if benchmark.stats else float("nan"),
        }
    )
    hold(judge(BOUNDS["memory-source"], found["peak_bytes"] / MB))


def test_of_many(benchmark: BenchmarkFixture, folder: Path, figures: Figures, hold: Hold) -> None:
    """After 200 mixed exports nothing has stayed: memory by least squares over the last three quarters."""
    benchmark.group = "leak"
    found = timed(benchmark, child, ("leak", LEAK_EXPORTS, folder))
    held = np.array(found["held_bytes"][LEAK_EXPORTS // 4 :], dtype=float)
    slope = float(np.polyfit(np.arange(len(held)), held, 1)[0])
    figures({"slope bytes an export": slope, "first MB": held[0] / MB, "last MB": held[-1] / MB})
    hold(
        judge(BOUNDS["leak-memory"], slope),
        judge(BOUNDS["leak-descriptors"], found["descriptors"]),
        judge(BOUNDS["leak-threads"], found["threads"]),
        judge(BOUNDS["leak-files"], abs(found["files"])),
    )
