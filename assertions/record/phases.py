"""Phases: what a phase of a profile is judged for, and the names of the phases that the examiner makes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JudgedFor(StrEnum):
    """One thing that the exports of a phase of load are judged for; a profile names them in `judge = [...]`."""

    LATENCY = "latency"
    """The P95 of its exports."""
    THROUGHPUT = "throughput"
    """Exports finished a second."""
    HEALTH = "health"
    """`/health` answers in time while the phase runs."""
    DRIFT = "drift"
    """Equal exports do not get slower."""
    CONCURRENCY = "concurrency"
    """The target's counts of running and waiting exports fit the requests under way."""
    MEMORY = "memory"
    """What an export adds to its process."""
    BASELINE = "baseline"
    """Sequential exports, with which those of `admission` are compared."""
    ADMISSION = "admission"
    """More ask at once than may run: no more than five run, the others wait."""
    QUEUE = "queue"
    """More ask at once than may run and wait: who is beyond the queue is refused, nobody else."""
    BATCH = "batch"
    """Five exports in order within the batch's time, none refused."""


DEFAULT: Final = (
    JudgedFor.LATENCY,
    JudgedFor.THROUGHPUT,
    JudgedFor.HEALTH,
    JudgedFor.DRIFT,
    JudgedFor.CONCURRENCY,
    JudgedFor.MEMORY,
)
"""Of a phase of load whose profile has no `judge`."""

EXAMINED: Final = (JudgedFor.MEMORY,)
"""Of the examiner's phases; their own checks find them by name."""

_BEFORE: Final[Mapping[str, tuple[JudgedFor, ...]]] = {
    "warmup": (),
    "measure": DEFAULT,
    "solo": (JudgedFor.BASELINE, JudgedFor.HEALTH, JudgedFor.MEMORY),
    "sequence": (JudgedFor.BATCH, JudgedFor.HEALTH, JudgedFor.MEMORY),
    "burst": (JudgedFor.ADMISSION, JudgedFor.CONCURRENCY, JudgedFor.HEALTH, JudgedFor.MEMORY),
    "edge": (JudgedFor.QUEUE, JudgedFor.MEMORY),
    "edge-again": (JudgedFor.QUEUE, JudgedFor.MEMORY),
}
"""What the names of phases stood for in plans that do not name what their phases are judged for."""


def judged_by_name(name: str) -> tuple[JudgedFor, ...]:
    """Return what a phase of an older plan, which names no purpose, is judged for."""
    return _BEFORE.get(name, (JudgedFor.MEMORY,))


BEHAVIOUR: Final = "behaviour"
"""The examiner's phase of single requests, each answered as the contract says."""
REFUSALS: Final = "refusals"
"""The examiner's requests between the equal exports of `leak`, which must be refused."""
PROBING: Final = (BEHAVIOUR, REFUSALS)
"""Phases of requests that are not well-formed."""
LEAK: Final = "leak"
"""The examiner's phase of equal sequential exports, with a rest after each."""
BURSTS: Final = "bursts"
"""The examiner's phase of small exports that come many at once, most of which have to wait."""
OVER_ADMISSION: Final = "over-admission"
"""The examiner's phase in which one more export is asked for while five run."""
DISCONNECTS: Final = "disconnects"
"""The examiner's last phase: clients disconnect. How their requests are counted is up to the service."""
