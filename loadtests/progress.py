"""How far the load is, for people: as data."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """How far a scenario is. As one JSON line it goes from the load side's process to the one that shows it."""

    scenario: str
    phase: str
    started: int
    answered: int
    """Requests that were answered, with whatever status, in all phases so far."""
    failed: int
    """Requests that are over and were not answered with 200."""
    rate_per_s: float
    """Requests answered a second, in this phase."""
    p95_ms: float | None
    """Of the exports of this phase so far."""
    timed_out: int = 0
    """Requests without an answer within their timeout."""
    running: float | None = None
    """Exports that run now, by the target's own page."""
    waiting: float | None = None
    """Exports that wait now, by the target's own page."""
    phase_answered: int | None = None
    """Of this phase; None: not counted."""
    phase_planned: int | None = None
    """Requests that the phase plans; None: not known."""


PREFIX = b'{"type":"progress",'
"""How a line of progress as JSON begins."""


def to_json(progress: Progress) -> str:
    """Return the line, without its end."""
    return msgspec.json.encode(progress).decode()


def from_json(line: str) -> Progress | None:
    """Return what a line says; None where it is another line."""
    if not line.startswith(PREFIX.decode()):
        return None
    try:
        return msgspec.json.decode(line, type=Progress)
    except msgspec.DecodeError:
        return None
