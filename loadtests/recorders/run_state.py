"""The state of a scenario, as its recorders need it: which phase runs, and how many exports are done."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

Moment = Literal["before", "during", "rest", "after"]


@dataclass(frozen=True)
class StateSnapshot:
    """The state at one moment."""

    moment: Moment
    phase: str | None
    """The phase that runs; None between phases."""
    exports_done: int
    """Exports answered with 200 since the scenario's start."""
    version: int
    """Counts the changes of moment and phase."""


class RunState:
    """Holds the state; the runner writes it, the recorders' threads read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot = StateSnapshot("before", None, 0, 0)

    def snapshot(self) -> StateSnapshot:
        """Return the present state."""
        with self._lock:
            return self._snapshot

    def enter(self, moment: Moment, phase: str | None = None) -> None:
        """Begin the next moment of the scenario."""
        with self._lock:
            old = self._snapshot
            self._snapshot = StateSnapshot(moment, phase, old.exports_done, old.version + 1)

    def count(self, exports_done: int) -> None:
        """Set how many exports are done."""
        with self._lock:
            old = self._snapshot
            self._snapshot = StateSnapshot(old.moment, old.phase, exports_done, old.version)


def seen_between(before: StateSnapshot, after: StateSnapshot) -> StateSnapshot:
    """Return the state that an observation belongs to, from the states at its start and its end.

    An observation that touched a phase at either end belongs to the load: only one that was quiet from start to end
    may show a target at rest.
    """
    if before.version == after.version or before.moment == "during":
        return before
    if after.version - before.version > 1 or after.moment == "during":  # beyond 1 a whole phase lies between
        return StateSnapshot("during", after.phase, before.exports_done, before.version)
    return before
