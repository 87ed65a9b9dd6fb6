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
    """Of this process, all threads."""


def run_lap(prepared: Prepared, *, thorough: bool = False) -> Lap:
    """Clean up, collect garbage, run and time the work, and check its output; thorough: compare all of the output."""
    prepared.clean()
    gc.collect()
    began, cpu_began = time.perf_counter(), time.process_time()
    result = prepared.work()
    lap = Lap(wall_s=time.perf_counter() - began, cpu_s=time.process_time() - cpu_began)
    prepared.check(result)
    if thorough:
        prepared.compare(result)
    return lap
