"""A process and all below it, by the load recorders' own readings."""

from __future__ import annotations

import psutil

from loadtests.recorders import processes


class ProcessTree(processes._Tree):
    """A process and all below it, as the recorder of a run sees them."""

    def members(self) -> tuple[psutil.Process, ...]:
        """Return the processes of the tree, the root first; empty when the root is gone."""
        if self._root is None:
            return ()
        try:
            return (self._root, *self._root.children(recursive=True)) if self._root.is_running() else ()
        except psutil.Error:
            return ()


def memory_of(process: psutil.Process) -> tuple[int, int] | None:
    """Return a process's USS and RSS in bytes and nothing else, for 100 samples a second; None when it is gone."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return None
    return int(memory.uss), int(memory.rss)


def peak_rss(pid: int) -> int | None:
    """Return the kernel's high-water mark of a process's resident memory, in bytes; None where it keeps none."""
    return processes._peak_rss(pid)
