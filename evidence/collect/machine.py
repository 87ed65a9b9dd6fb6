"""How quick and how busy this machine is while a scenario runs: a small piece of work is timed again and again.

The CPU time of work that never changes shows the machine's own speed, which neighbours on its host and its clock
change from minute to minute; `compare` divides by it. `machine.jsonl` in the scenario's folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from assertions.record.files import read_lines, write_lines
from assertions.record.types import Record

NAME = "machine.jsonl"
EVERY_S = 0.1
_TEXT = b"".join(b"%d,name %d,2026-01-01T00:00:00Z\n" % (row, row * 7_919 % 1_000) for row in range(1_000))
_LOOPS, _ROWS = 3_000, 400


class MachineSample(Record, frozen=True, kw_only=True):
    """The machine at one moment."""

    at: float
    work_ms: float
    """CPU time of the reference work: loops, JSON, compression."""
    busy_s: float
    """CPU seconds of all processors since the machine's start, of whomever; what its host took for others is in it."""
    cpus: int


def sample() -> MachineSample:
    """Do the reference work once, which takes about a millisecond, and read the machine's counters."""
    at, start = time.time(), time.thread_time()
    _work()
    work_s = time.thread_time() - start
    times = psutil.cpu_times()
    busy_s = float(sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0))
    return MachineSample(at=at, work_ms=work_s * 1000, busy_s=busy_s, cpus=psutil.cpu_count() or 1)


def _work() -> None:
    found = {number: str(number * number % 7) for number in range(_LOOPS)}
    json.loads(json.dumps([{"a": number, "b": found[number]} for number in range(_ROWS)]))
    hashlib.sha256(zlib.compress(_TEXT)).digest()


@contextlib.contextmanager
def sampled(folder: Path) -> Iterator[None]:
    """Sample the machine while the block runs, and write the samples into a scenario's folder, where there is one."""
    samples: list[MachineSample] = []
    ended = threading.Event()

    def take() -> None:
        while not ended.wait(EVERY_S):
            samples.append(sample())

    thread = threading.Thread(target=take, name="machine", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if folder.is_dir() and samples:
            write_lines(folder / NAME, samples)


def read_samples(folder: Path) -> tuple[MachineSample, ...]:
    """Return the samples of a scenario's folder; none where none were taken. RecordError where they are malformed."""
    path = folder / NAME
    return tuple(read_lines(path, MachineSample)) if path.is_file() else ()
