"""Memory of the target's process tree, and why it can't be seen where it can't."""

from __future__ import annotations

from assertions.record.types import Probe, ProcessSample
from assertions.record.view import ScenarioRecord

MB = 1_000_000


def unobservable_reason(record: ScenarioRecord) -> str | None:
    """Return why the target's process could not be seen; None when it could."""
    if record.scenario.target_pid is None:
        return f"the target's process can't be seen: {record.scenario.pid_note}"
    if not any(probe.processes for probe in record.probes):
        return f"no sample of the target's process {record.scenario.target_pid} could be taken"
    return None


def tree_memory_bytes(probe: Probe) -> int:
    """Return the memory of the whole tree: what only its processes hold, else what is resident."""
    return sum(map(_own, probe.processes))


def _own(process: ProcessSample) -> int:
    return process.uss_bytes if process.uss_bytes is not None else process.rss_bytes
