"""Progress of a scenario, for people."""

from __future__ import annotations

from dataclasses import dataclass

LIVE = "\x1b[2K"
"""Begins a line of progress that replaces the one before it."""


@dataclass(frozen=True)
class Progress:
    """How far a scenario has come."""

    scenario: str
    phase: str
    started: int
    answered: int
    """Requests that were answered, with whatever status."""
    failed: int
    """Requests that are over and were not answered with 200."""
    rate_per_s: float
    """Requests answered a second, in this phase."""
    p95_ms: float | None
    """Of the exports of this phase so far."""
    timed_out: int = 0
    """Requests without an answer within their timeout."""
    running: float | None = None
    """Exports that run and wait now, by the target's own page."""
    waiting: float | None = None
