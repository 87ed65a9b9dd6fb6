"""The target's processes, where they run on this machine: finding and measuring them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from assertions.record.types import Probe, ProcessSample
from loadtests.client.addresses import is_local
from loadtests.client.target import Target
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.run_state import RunState, seen_between
from loadtests.recorders.ticker import Ticker


@dataclass(frozen=True)
class Found:
    """The target's root process, or why there is none."""

    pid: int | None
    note: str


def find_process(target: Target, given: int | None) -> Found:
    """The process that was given, or the one that listens on the target's port on this machine."""
    if given is not None:
        running = psutil.pid_exists(given)
        return Found(
            given if running else None, "given by --target-pid" if running else f"no process {given} runs here"
        )
    if not is_local(target.host):
        return Found(None, f"{target.host} is not this machine")
    try:
        listening = [
            connection
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == target.port
        ]
    except (psutil.Error, OSError) as error:
        return Found(None, f"the system does not show which process listens: {error}")
    pids = {connection.pid for connection in listening if connection.pid is not None}
    if not pids:
        why = "no permission to see who listens" if listening else "no process of this machine listens"
        return Found(None, f"{why} on port {target.port}; give --target-pid")
    roots = {pid for pid in pids if not _parents(pid) & pids}
    note = f"listens on port {target.port}" + (f", as do {len(pids) - 1} more" if len(pids) > 1 else "")
    return Found(min(roots or pids), note)


def _parents(pid: int) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {parent.pid for parent in psutil.Process(pid).parents()}
    return set()


class Prober:
    """Samples the target's process tree."""

    def __init__(self, target: Target, state: RunState, out: LineFile, pid: int) -> None:
        self._target, self._state, self._out = target, state, out
        self._tree = _Tree(pid)
        self.ticker = Ticker("prober", self.probe, target.clock.now)

    def probe(self, resting: bool | None = None) -> Probe:
        """Record one sample; `resting` None: as the scenario's state is."""
        before = self._state.snapshot()
        at = self._target.clock.now()
        processes = self._tree.sample()
        state = seen_between(before, self._state.snapshot())
        probe = Probe(
            at=at,
            phase=state.phase,
            exports_done=state.exports_done,
            resting=state.moment != "during" if resting is None else resting,
            processes=processes,
        )
        self._out.write(probe)
        return probe


class _Tree:
    """A process and all below it."""

    def __init__(self, pid: int) -> None:
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._root = psutil.Process(pid)

    def sample(self) -> tuple[ProcessSample, ...]:
        """One sample of each, the root first; empty when the root is gone."""
        if self._root is None:
            return ()
        try:
            if not self._root.is_running():
                return ()
            members = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return ()
        samples = [sample for sample in map(sample_process, members) if sample is not None]
        return tuple(samples) if samples and samples[0].pid == self._root.pid and samples[0].threads else ()


def sample_process(process: psutil.Process) -> ProcessSample | None:
    """One process now, a zombie with nothing of its own and no threads; None when it is gone."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return ProcessSample(
                    pid=process.pid,
                    name=process.name(),
                    uss_bytes=0,
                    rss_bytes=0,
                    peak_rss_bytes=None,
                    cpu_s=0.0,
                    fds=0,
                    threads=0,
                )
            times = process.cpu_times()
            return ProcessSample(
                pid=process.pid,
                name=process.name(),
                uss_bytes=_or_none(lambda: int(process.memory_full_info().uss)),
                rss_bytes=process.memory_info().rss,
                peak_rss_bytes=_peak_rss(process.pid),
                cpu_s=times.user + times.system,
                fds=_or_none(process.num_fds),
                threads=process.num_threads(),
            )
    except psutil.Error:
        return None


def _or_none(read: Callable[[], int]) -> int | None:
    try:
        return read()
    except (psutil.AccessDenied, AttributeError, NotImplementedError):  # another user's process; not on all systems
        return None


def _peak_rss(pid: int) -> int | None:
    """The kernel's high-water mark, in bytes; None off Linux."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
