"""One lap of a workload, timed; the same for pytest-benchmark's suites and for the regression gate."""

from __future__ import annotations

import gc
import time

import msgspec

from benchmarks.workloads.types import Prepared


class Lap(msgspec.Struct, frozen=True, kw_only=True):
    """Times of one lap."""

    wall_s: float
    cpu_s: float
    """Of this process, and of the service's where one was called."""


def run_lap(prepared: Prepared, *, thorough: bool = False) -> Lap:
    """Clean up, collect garbage, run and time the work, and check its output; thorough: compare all of the output."""
    prepared.clean()
    gc.collect()
    lap, result = time_work(prepared)
    prepared.check(result)
    if thorough:
        prepared.compare(result)
    return lap


def time_work(prepared: Prepared) -> tuple[Lap, object]:
    """Run and time the work; its times, and what it returned."""
    others_began = prepared.others_cpu_s()
    began, cpu_began = time.perf_counter(), time.process_time()
    result = prepared.work()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    return Lap(wall_s=wall_s, cpu_s=cpu_s + prepared.others_cpu_s() - others_began), result
