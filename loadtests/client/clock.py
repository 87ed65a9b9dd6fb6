"""One clock for all recorders: wall time taken once, the monotonic clock added to it."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Unix seconds that never step back and are exact to each other, also when the wall clock is set meanwhile."""

    anchor: float
    """Unix seconds at the monotonic clock's zero. Processes of one machine share it by passing this number on."""

    def now(self) -> float:
        """The present moment in Unix seconds."""
        return self.anchor + time.monotonic()


def start_clock() -> Clock:
    """A clock anchored to the wall clock of this moment."""
    return Clock(anchor=time.time() - time.monotonic())
