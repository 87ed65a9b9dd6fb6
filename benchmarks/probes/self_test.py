"""Does the sampler see what is there? A child holds known amounts of memory, each for a moment, and says how much."""

from __future__ import annotations

import mmap
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec

from benchmarks.http_service import ROOT
from benchmarks.probes.sampler import INTERVAL_S, LEAST_HZ, TreeSampler, kernel_peak, reset_peak

MB = 1_000_000
STEPS_BYTES = (96 * MB, 64 * MB, 160 * MB, 128 * MB)
HELD_S = 0.1
"""Ten samples at 100 Hz."""
TOLERANCE = 0.01
ATTEMPTS = 3
"""The kernel may keep a sampler off the processor for longer than an allocation lasts."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One known allocation, and what was seen of it: growth over what the process held before."""

    allocated_bytes: int
    uss_bytes: int
    rss_bytes: int
    kernel_bytes: int | None
    hz: float


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...]
    """What is wrong with the sampler, one sentence each; empty: it can be used."""


def self_test(interval_s: float = INTERVAL_S, attempts: int = ATTEMPTS) -> SelfTest:
    """Hold the sampler against known allocations; the first attempt without a problem counts, else the last."""
    found = _attempt(interval_s)
    for _ in range(attempts - 1):
        if not found.problems:
            break
        found = _attempt(interval_s)
    return found


def problems_of(steps: Sequence[Step]) -> list[str]:
    """Return what is wrong with what was seen. Pure."""
    problems = []
    for step in steps:
        seen = {"USS": step.uss_bytes, "RSS": step.rss_bytes}
        if step.kernel_bytes is not None:
            seen["the kernel's high-water mark"] = step.kernel_bytes
        for name, value in seen.items():
            if abs(value - step.allocated_bytes) > TOLERANCE * step.allocated_bytes:
                problems.append(
                    f"{name}: expected {step.allocated_bytes / MB:g} MB within {TOLERANCE:.0%}, saw {value / MB:.4g} MB"
                )
        if step.hz < LEAST_HZ:
            problems.append(f"expected at least {LEAST_HZ:g} samples a second, took {step.hz:.3g}")
    return problems


def _attempt(interval_s: float) -> SelfTest:
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.probes.self_test"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()  # it is ready
        with TreeSampler(child.pid, interval_s) as sampler:
            steps = [_step(child, sampler, size) for size in STEPS_BYTES]
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait()
    return SelfTest(steps=tuple(steps), problems=tuple(problems_of(steps)))


def _step(child: subprocess.Popen[bytes], sampler: TreeSampler, size: int) -> Step:
    assert child.stdin is not None
    assert child.stdout is not None
    time.sleep(HELD_S)  # for samples of the process at rest
    before = sampler.take()
    reset_peak(child.pid)
    at_rest = kernel_peak(child.pid)
    child.stdin.write(b"%d\n" % size)
    child.stdin.flush()
    child.stdout.readline()  # allocated, held and given back
    peaks, mark = sampler.take(), kernel_peak(child.pid)
    return Step(
        allocated_bytes=size,
        uss_bytes=peaks.uss_bytes - before.uss_bytes,
        rss_bytes=peaks.rss_bytes - before.rss_bytes,
        kernel_bytes=None if mark is None or at_rest is None else mark - at_rest,
        hz=peaks.hz,
    )


def main() -> None:
    """Be the child: hold as many bytes as each line asks for, every page touched, for HELD_S."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        held = mmap.mmap(-1, int(line))
        for at in range(0, len(held), mmap.PAGESIZE):
            held[at] = 1
        time.sleep(HELD_S)
        held.close()
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
