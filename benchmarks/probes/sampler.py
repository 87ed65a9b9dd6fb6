"""Memory of a process tree, sampled: USS and RSS at 100 Hz or more, and the kernel's own high-water mark.

The processes are found and read as the load tests' recorder does it (`loadtests.recorders.processes`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from benchmarks.probes.tree import ProcessTree, memory_of, peak_rss

LEAST_HZ = 100.0
INTERVAL_S = 0.003
TREE_EVERY_S = 0.25
"""How often children are looked for: that takes a walk over all processes of the machine."""


@dataclass
class Peaks:
    """Highest sums over a tree, and how they were found."""

    uss_bytes: int = 0
    rss_bytes: int = 0
    samples: int = 0
    gaps_s: list[float] = field(default_factory=list)
    """Between the starts of samples that follow on each other."""

    @property
    def hz(self) -> float:
        """Samples a second, by the median gap; 0 where there are fewer than two."""
        return 1 / median(self.gaps_s) if self.gaps_s else 0.0


class TreeSampler:
    """Samples a process and its children from a separate thread."""

    def __init__(self, pid: int, interval_s: float = INTERVAL_S) -> None:
        self._tree, self._interval_s = ProcessTree(pid), interval_s
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._peaks = Peaks()
        self._thread = threading.Thread(target=self._run, name="memory sampler", daemon=True)

    def __enter__(self) -> TreeSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def take(self) -> Peaks:
        """Return the peaks since the last call, this moment included, and begin anew."""
        self._sample(self._tree.members(), 0.0)
        with self._lock:
            taken, self._peaks = self._peaks, Peaks()
            return taken

    def _sample(self, members: tuple[psutil.Process, ...], gap_s: float) -> None:
        read = [memory for memory in map(memory_of, members) if memory is not None]
        with self._lock:
            peaks = self._peaks
            peaks.uss_bytes = max(peaks.uss_bytes, sum(uss for uss, _ in read))
            peaks.rss_bytes = max(peaks.rss_bytes, sum(rss for _, rss in read))
            if gap_s and peaks.samples:
                peaks.gaps_s.append(gap_s)
            peaks.samples += bool(read)

    def _run(self) -> None:
        members: tuple[psutil.Process, ...] = ()
        looked = last = float("-inf")
        while not self._over.is_set():
            now = time.monotonic()
            if now - looked >= TREE_EVERY_S:
                members, looked = self._tree.members(), now
            self._sample(members, now - last)
            last = now
            self._over.wait(max(0.0, self._interval_s - (time.monotonic() - now)))


def reset_peak(pid: int) -> bool:
    """Set a process's high-water mark to what it holds now; False where the system does not allow it."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def kernel_peak(pid: int) -> int | None:
    """Return the kernel's high-water mark in bytes; None off Linux."""
    return peak_rss(pid)
