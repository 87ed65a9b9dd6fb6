"""Ends a scenario whose target answers no more, or whose longest time is over. Judges nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from assertions.contract import HEALTH_PATH
from loadtests.errors import EarlyEnd

TIMEOUTS_IN_A_ROW = 2
"""Exports that time out one after the other while the target shows no other sign of life. A client waits 90 s."""
HEALTH_SILENCE_S = 10.0
"""Without an answer of /health for so long, exports that time out are no matter of patience."""
SILENCE_S = 35.0
"""Without any answer for so long the target is taken for dead; longer than a watcher waits, so that it is on record."""


@dataclass
class TargetWatch:
    """What is known of the target's signs of life; written by several threads, one field at a time."""

    now: Callable[[], float]
    deadline_s: float
    """Longest time of the scenario, from `begin` on."""
    silence_s: float = SILENCE_S
    health_silence_s: float = HEALTH_SILENCE_S
    _begun: float | None = None
    _last_answer: float = field(default=-math.inf)
    _last_health: float = field(default=-math.inf)
    _answered: int = 0
    """Exports that were answered, with whatever status."""
    _timeouts: int = 0
    _in_a_row: int = 0
    """Exports that timed out since the last one that was answered."""

    def begin(self) -> None:
        """Start the time of the scenario: its load begins."""
        self._begun = self._last_answer = self._last_health = self.now()

    def time_left_s(self) -> float:
        """Return the seconds until the deadline; infinite before the load begins."""
        return math.inf if self._begun is None else self._begun + self.deadline_s - self.now()

    def add_page(self, path: str, answered: bool) -> None:
        """Note one call of a page."""
        if answered:
            self._last_answer = self.now()
            if path == HEALTH_PATH:
                self._last_health = self._last_answer

    def add_exports(self, answered: int, timeouts: int) -> None:
        """Note exports that are over since the last call: answered with any status, and timed out."""
        self._answered += answered
        self._timeouts += timeouts
        if answered:
            self._last_answer = self.now()
            self._in_a_row = 0
        else:
            self._in_a_row += timeouts

    def check(self) -> None:
        """Raise EarlyEnd where the scenario must end."""
        if self._begun is None:
            return
        now = self.now()
        if now - self._last_answer > self.silence_s:
            raise EarlyEnd(
                "timed out",
                f"the target answered nothing for {self.silence_s:g} s: no export, no page; the load was ended",
            )
        if self._in_a_row >= TIMEOUTS_IN_A_ROW:
            rest = "the load was ended"
            if not self._answered:
                raise EarlyEnd(
                    "timed out", f"the first {self._in_a_row} exports all timed out, none was answered; {rest}"
                )
            if now - self._last_health > self.health_silence_s:
                raise EarlyEnd(
                    "timed out",
                    f"{self._in_a_row} exports in a row timed out, and {HEALTH_PATH} has not answered for "
                    f"{now - self._last_health:.0f} s; {rest}",
                )
        if now - self._begun > self.deadline_s:
            counts = f"{self._answered} exports were answered, {self._timeouts} timed out"
            raise EarlyEnd("deadline", f"the scenario's longest time of {self.deadline_s:g} s is over; {counts}")
