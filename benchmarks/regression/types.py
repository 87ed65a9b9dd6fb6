"""What the regression gate finds, and its bounds."""

from __future__ import annotations

from typing import Literal

from assertions.record.types import Record
from benchmarks.workloads.types import Clock

ALPHA = 0.05
LEAST_EFFECT = 0.05
"""A change of less is not counted, however certain: code placed elsewhere in memory changes times by some percent."""

Outcome = Literal["slower", "faster", "no change", "NO DATA"]


class Row(Record, frozen=True, kw_only=True):
    """One workload, compared."""

    name: str
    clock: Clock
    outcome: Outcome
    reason: str = ""
    """Why there is no data."""
    ratio: float | None = None
    """Time now / time before: geometric mean over the blocks."""
    p: float | None = None
    """Adjusted by Holm's method over all workloads."""
    before_ms: float | None = None
    now_ms: float | None = None
    """Quickest lap of all."""
    block_ratios: tuple[float, ...] = ()
    wall_ratio: float | None = None
    """The same by wall time, for information."""


class Comparison(Record, frozen=True, kw_only=True):
    """All workloads of two trees."""

    before: str
    """Commit."""
    now: str
    """Commit, or `working tree`."""
    blocks: int
    alpha: float
    least_effect: float
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        """2 where anything has no data, else 1 where anything is slower, else 0."""
        outcomes = {row.outcome for row in self.rows}
        if "NO DATA" in outcomes or not self.rows:
            return 2
        return 1 if "slower" in outcomes else 0
