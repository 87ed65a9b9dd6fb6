"""A workload: one named piece of work that can be run again and again, whose output is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Suite = Literal[
    "1k", "10k", "batch", "100k", "1M", "queue and admission", "metrics page", "file checks", "judge", "recorders"
]
Clock = Literal["cpu", "wall"]


@dataclass(frozen=True)
class Prepared:
    """A workload whose input is made."""

    work: Callable[[], object]
    """What is timed."""
    check: Callable[[object], None]
    """Given what `work` returned, raises where the output is not as it must be, as far as that is quickly seen; not
    timed, after each lap."""
    compare: Callable[[object], None]
    """Raises where anything in the output differs from what it must be; after the first lap."""
    clean: Callable[[], None]
    """Removes the output; runs before each lap, not timed."""
    input_sha256: str
    """Of the input, so that two versions are compared only on the same work."""
    others_cpu_s: Callable[[], float] = lambda: 0.0
    """CPU seconds so far of the other processes that do the work."""


@dataclass(frozen=True)
class Workload:
    """A named piece of work."""

    name: str
    suite: Suite
    what: str
    """One sentence for the table."""
    clock: Clock
    """Which time the regression gate compares: CPU time where all that works is known, else wall time."""
    open: Callable[[Path], AbstractContextManager[Prepared]]
    """Makes the input in an empty folder."""
    records: int | None = None
    """Records of one lap, where there are any: for throughput."""
    full: bool = False
    """Only with `--full`."""
    gated: bool = True
    """Compared by `--against`; else only with `--full`."""
    http: bool = False
    """Sent to a service over HTTP, so that `--target` can name another."""


def sha256(*parts: bytes) -> str:
    """Return one hash over several inputs."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
