"""What a fresh process measures of itself: `python -m benchmarks.probes.child peak|work|source|leak …`."""

from __future__ import annotations

import ctypes
import gc
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.probes.series import series_work
from benchmarks.records import body
from service.files import new_name
from service.jobs import pipeline
from service.pdf import fonts
from service.request.export_request import parse_request

_SIZES = (200, 1_000, 2_500, 5_000, 10_000)
_STATUS = Path("/proc/self/status")
_trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim


def _kernel_bytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} has no {field}")
    return int(found[1]) * 1024


def _settle() -> None:
    gc.collect()
    _trim(0)


def _files(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


class _Done(Protocol):
    """What a piece of work returns."""

    @property
    def records(self) -> int:
        """How many records it went over."""


def _grown(work: Callable[[], _Done]) -> dict[str, float]:
    """Peak growth of the process over `work`, by the kernel's high-water mark, reset before."""
    _settle()
    Path("/proc/self/clear_refs").write_text("5")
    before = _kernel_bytes("VmRSS")
    began, cpu_began = time.perf_counter(), time.process_time()
    done = work()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak = _kernel_bytes("VmHWM")
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "grown_bytes": peak - before,
        "peak_bytes": peak,
        "before_bytes": before,
        "records": done.records,
    }


def peak(sent: Path, folder: Path) -> dict[str, float]:
    """One export of a body that is in memory already, in a worker that is warm but has exported nothing."""
    fonts.warm_up()
    held = sent.read_bytes()
    return _grown(lambda: pipeline.export_body(held, folder))


def work_when_asked(series: str, records: int, folder: Path) -> dict[str, float]:
    """Prepare a piece of work of a cost curve, say so, and do it when a line comes: sampled from outside meanwhile."""
    run = series_work(series, records, folder)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return _grown(run)


def source(database: Path, format: str, folder: Path) -> dict[str, float]:
    """One export of a whole table."""
    asked = json.dumps({"format": format, "columns": ["id", "customer", "amount"], "source": {"table": "orders"}})
    fonts.warm_up()
    job = pipeline.Job(
        request=parse_request(asked.encode()),
        folder=folder,
        name=new_name(format),
        made_at="",
        body=asked.encode(),
        database=database,
    )
    return _grown(lambda: pipeline.run_job(job))


def leak(exports: int, folder: Path) -> dict[str, object]:
    """Equal rounds of mixed exports; private bytes after each, and what else is open at both ends."""
    fonts.warm_up()
    bodies = [body(format, size, kind) for format in ("csv", "pdf") for size in _SIZES for kind in ("plain", "scripts")]
    import psutil  # noqa: PLC0415 - the other measurements are of the service only

    process = psutil.Process()
    for one in bodies:  # caches fill in the first round
        pipeline.export_body(one, folder)
    _settle()
    descriptors, threads, files = process.num_fds(), threading.active_count(), _files(folder)
    held: list[int] = []
    for number in range(exports):
        pipeline.export_body(bodies[number % len(bodies)], folder)
        _settle()
        held.append(process.memory_full_info().uss)
    return {
        "held_bytes": held,
        "descriptors": process.num_fds() - descriptors,
        "threads": threading.active_count() - threads,
        "files": _files(folder) - files - exports,
    }


def main(argv: Sequence[str]) -> dict[str, object] | dict[str, float]:
    """Do what the first word says."""
    what, *rest = argv
    if what == "peak":
        return peak(Path(rest[0]), Path(rest[1]))
    if what == "source":
        return source(Path(rest[0]), rest[1], Path(rest[2]))
    if what == "work":
        return work_when_asked(rest[0], int(rest[1]), Path(rest[2]))
    if what == "leak":
        return leak(int(rest[0]), Path(rest[1]))
    raise SystemExit(f"unknown: {what}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1:])))
