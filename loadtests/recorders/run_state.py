"""What is going on: the one thing that the runner tells its recorders."""

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
    turn: int
    """Counts the changes of moment and phase."""


class RunState:
    """Holds the scene; written by the runner, read by the recorders' threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scene = StateSnapshot("before", None, 0, 0)

    def scene(self) -> StateSnapshot:
        """The scene now."""
        with self._lock:
            return self._scene

    def enter(self, moment: Moment, phase: str | None = None) -> None:
        """The next stretch begins."""
        with self._lock:
            old = self._scene
            self._scene = StateSnapshot(moment, phase, old.exports_done, old.turn + 1)

    def count(self, exports_done: int) -> None:
        """Set how many exports are done."""
        with self._lock:
            old = self._scene
            self._scene = StateSnapshot(old.moment, old.phase, exports_done, old.turn)


def seen_between(before: StateSnapshot, after: StateSnapshot) -> StateSnapshot:
    """The scene that an observation belongs to which began in one and ended in the other.

    One that touched a phase at either end belongs to the load: only a wholly quiet one may show a target at rest.
    """
    if before.turn == after.turn or before.moment == "during":
        return before
    if after.turn - before.turn > 1:
        # a whole phase went by meanwhile
        return StateSnapshot("during", after.phase, before.exports_done, before.turn)
    return (
        StateSnapshot("during", after.phase, before.exports_done, before.turn) if after.moment == "during" else before
    )
