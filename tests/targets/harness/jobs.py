"""Making one file: what runs in a worker, away from the event loop."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from tests.targets.harness.request import Ask, parse

Write = Callable[[BinaryIO, Ask, str], None]
"""Writes a whole file: (file, what was asked, time of making)."""

PARENT_DIED = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a worker needs; it must be picklable."""

    body: bytes
    write: Write
    folder: Path
    name: str
    """The final name."""
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A finished file."""

    size_bytes: int
    memory_bytes: int
    """Peak that the work added to its process."""


def make(job: Job) -> Made:
    """Write the file beside its final name, make it durable, then give it that name."""
    before = start_of_memory()
    part = job.folder / f".{job.name}.part"
    try:
        with part.open("xb") as file:
            job.write(file, parse(job.body), job.made_at)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, job.folder / job.name)  # unlike a rename, this never replaces a file
    finally:
        part.unlink(missing_ok=True)
    size_bytes = (job.folder / job.name).stat().st_size
    return Made(size_bytes=size_bytes, memory_bytes=max(peak_memory(before), len(job.body) + size_bytes))


def start_of_memory() -> int:
    """Give free memory back, lower the kernel's high-water mark, and say what is in use: bytes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    return int(psutil.Process().memory_info().rss)


def peak_memory(before: int) -> int:
    """What was added at most since `start_of_memory`: bytes."""
    if sys.platform == "linux":
        return max(0, _status("VmHWM") - before)
    return max(0, int(psutil.Process().memory_info().rss) - before)


def _status(key: str) -> int:
    """One size from the kernel's description of this process: bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def settle_in() -> None:
    """A worker's first act: load the fonts, leave signals to the service, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGKILL)


def _nothing(_: int) -> None:
    """A first task, so that every worker is there before the event loop starts."""


def processes(count: int = 5) -> Executor:
    """A warm pool of forked processes."""
    from tests.targets.harness import pdffile

    pdffile.font_of("a")  # fonts are loaded once and shared by all forks
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("fork"), initializer=settle_in)
    wait([pool.submit(_nothing, number) for number in range(count)])
    return pool


def on_demand(count: int = 5) -> Executor:
    """Processes of their own, each started when it is first needed."""
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=settle_in)


def threads(count: int = 5) -> Executor:
    """Threads of the service's own process."""
    return ThreadPoolExecutor(count)


class Inline(Executor):
    """Runs everything at once, in the caller's own thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run now; the future is done when this returns."""
        from concurrent.futures import Future

        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # handed on whole, as an executor does
            done.set_exception(error)
        return done
