"""How many rounds of clients that disconnect there are, and what a metrics page counts before and after."""

from __future__ import annotations

from assertions.record.types import Probe

MOST_ROUNDS = 2
"""So often clients hang up where the first round left something: a pool grows once, a leak each time."""


def counts(probe: Probe) -> dict[str, int]:
    """What a process tree holds that a client may have cost; descriptors count 0 where the platform does not tell."""
    return {
        "open descriptors": sum(one.fds or 0 for one in probe.processes),
        "threads": sum(one.threads for one in probe.processes),
    }
