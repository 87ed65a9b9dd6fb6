"""How far a phase goes: requests and seconds."""

from __future__ import annotations

import msgspec


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that passes between runner and generators."""


class PhaseLimits(Struct, frozen=True, kw_only=True):
    """How far a phase goes; what is asked in it stands in the plan, under the same place in the list."""

    least: int
    """Requests to make at least."""
    seconds: float
    """The phase goes on at least so long, while the plan has requests."""
    max_seconds: float
    """After this no request is started any more."""
