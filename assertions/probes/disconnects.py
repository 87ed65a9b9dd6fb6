"""How many rounds of clients that disconnect there are, and what a metrics page counts before and after."""

from __future__ import annotations

from assertions.record.types import Probe

MOST_ROUNDS = 2
"""Rounds in which clients disconnect where the first round left something: a pool grows once, a leak each time."""


def counts(probe: Probe) -> dict[str, int]:
    """Return what a process tree holds for its clients; descriptors count 0 where the platform does not show them."""
    return {
        "open descriptors": sum(process.fds or 0 for process in probe.processes),
        "threads": sum(process.threads for process in probe.processes),
    }
