"""Cost by number of records: each size in a fresh process, sampled from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.http_service import ROOT
from benchmarks.outputs import check_file
from benchmarks.probes.sampler import TreeSampler
from benchmarks.probes.series import EXPORTS, HARNESS
from benchmarks.records import body
from benchmarks.report.types import Leak, Point

QUICK_SIZES = (1_000, 10_000, 100_000)
FULL_SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
MOST_CHECKED = 30_000
"""Records of the longest file that the harness checks here."""
QUICK_REPEATS, FULL_REPEATS = 1, 2
LEAK_EXPORTS = 200
TIMEOUT_S = 600
Progress = Callable[[str], None]


class ProbeError(Exception):
    """A probe's child ended with an error; the message is its last words."""


def measure_points(folder: Path, progress: Progress, *, full: bool) -> Iterator[Point]:
    """Yield every point, each size of each series. ProbeError, WrongOutput."""
    sizes = FULL_SIZES if full else QUICK_SIZES
    for records in sizes:
        for series in (*EXPORTS, *HARNESS):
            if series in EXPORTS:
                (folder / f"body-{series}-{records}").write_bytes(body(series, records))
            elif not full or (records > MOST_CHECKED and series != HARNESS[0]):
                continue
            for repeat in range(FULL_REPEATS if full else QUICK_REPEATS):
                progress(f"curve: {series}, {records:,} records, {repeat + 1}")
                yield _point(series, records, folder, compare=repeat == 0)
        for format in EXPORTS:
            (folder / f"body-{format}-{records}").unlink()


def _point(series: str, records: int, folder: Path, *, compare: bool) -> Point:
    words = [sys.executable, "-m", "benchmarks.probes.child", "work", series, str(records), str(folder)]
    child = subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdin, child.stdout, child.stderr:
        ready = child.stdout.readline()
        if not ready:
            raise ProbeError(f"{series}, {records:,} records: {child.stderr.read()[-400:]}")
        with TreeSampler(child.pid) as sampler:
            sampler.take()
            child.stdin.write("go\n")
            child.stdin.flush()
            line = child.stdout.readline()
            peaks = sampler.take()
        if not line:
            raise ProbeError(f"{series}, {records:,} records: {child.stderr.read()[-400:]}")
    child.wait()
    found: dict[str, Any] = json.loads(line)
    if series in EXPORTS and compare:
        check_file(folder / "last-export", series, records)
    return Point(
        series=series,
        records=int(found["records"]),
        wall_s=found["wall_s"],
        cpu_s=found["cpu_s"],
        peak_bytes=int(found["peak_bytes"]),
        grown_bytes=int(found["grown_bytes"]),
        peak_uss_bytes=peaks.uss_bytes,
        peak_rss_bytes=peaks.rss_bytes,
        hz=peaks.hz,
    )


def measure_leak(folder: Path, exports: int = LEAK_EXPORTS) -> Leak:
    """Return what stays after many exports of mixed sizes. ProbeError."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.probes.child", "leak", str(exports), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ProbeError(f"leak: {done.stderr[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return Leak(
        exports=exports,
        held_bytes=tuple(found["held_bytes"]),
        descriptors=found["descriptors"],
        threads=found["threads"],
        files=found["files"],
    )
