"""The longest time of a scenario."""

from __future__ import annotations

from loadtests.plan.profile import Profile

DEADLINES_S = {"smoke": 180.0, "load": 360.0, "batch": 360.0}
"""Of the three main scenarios; each takes 10 to 40 s on a service that keeps the limits."""
MARGIN_S = 300.0
"""Of any other profile, beyond its planned seconds: for experiments after the load, and for a slow target."""
LEAK_LONGEST = 4
"""A leak series takes at most its seconds times this."""


def deadline_s(profile: Profile) -> float:
    """Return the longest time of a profile's scenario in seconds, from the start of its load.

    The planned seconds of a profile that has no deadline of its own are those of its phases; a phase that plans a
    number of requests, and no seconds, counts with its `max_seconds`.
    """
    if profile.name in DEADLINES_S:
        return DEADLINES_S[profile.name]
    load_s = sum(phase.lasts_s or phase.max_seconds for phase in profile.phases)
    return load_s + (LEAK_LONGEST * profile.leak.seconds if profile.leak else 0.0) + MARGIN_S
