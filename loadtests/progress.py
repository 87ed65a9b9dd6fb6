"""How far the load is, for people."""

from __future__ import annotations

from dataclasses import dataclass

LIVE = "\x1b[2K"
"""Begins a line of progress that takes the place of the one before."""


@dataclass(frozen=True)
class Progress:
    """How far a scenario is."""

    scenario: str
    phase: str
    started: int
    answered: int
    failed: int
    rate_per_s: float
    """Requests answered a second, in this phase."""
    p95_ms: float | None
    """Of the exports of this phase so far."""
    running: float | None = None
    """Exports that run and wait now, by the target's own page."""
    waiting: float | None = None
