"""CPU time of a process tree to the nanosecond, as the scheduler counts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.probes.tree import ProcessTree


class TreeCpu:
    """Reads the CPU time of a process and of all below it."""

    def __init__(self, pid: int) -> None:
        self._tree = ProcessTree(pid)

    def seconds(self) -> float:
        """Return the CPU seconds so far of all threads that live."""
        return sum(map(_seconds, self._tree.members()))


def _seconds(process: psutil.Process) -> float:
    try:
        return sum(_nanoseconds(process.pid)) / 1e9
    except OSError:  # another system than Linux: in steps of 10 ms
        times = process.cpu_times()
        return float(times.user + times.system)


def _nanoseconds(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield int((thread / "schedstat").read_text().split()[0])
