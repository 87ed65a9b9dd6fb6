"""Bursts of small exports, many at once: what the exports that had to wait leave behind."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from assertions.record.types import PhasePlan, PhaseRun
from assertions.stats import median
from loadtests.examiner.session import ExaminerSession, phase_run
from loadtests.plan.extra_phases import BURST_SIZE, BURSTS_LEAST, BURSTS_MOST, SMALL_SIZE

SLOW_S = 0.25
"""A target whose single exports take longer gets fewer and smaller bursts."""
LONGEST_S = 60.0
"""After this no further burst begins."""
REST_S = 0.15
"""Time for the connections and threads of a burst to end."""


def make_bursts(session: ExaminerSession, phase: PhasePlan) -> PhaseRun:
    """Make bursts of the plan's requests, all of one burst at once, and sample the process tree at rest after each.

    Where a single export took 0.25 s or more, there are 5 bursts of 12 instead of 6 of 20. No burst begins after 60 s;
    fewer than 5 until then are recorded as too few.
    """
    start = session.now()
    solo_s = median(session.solo_s) if session.solo_s else 0.0
    count, size = (BURSTS_MOST, BURST_SIZE) if solo_s < SLOW_S else (BURSTS_LEAST, SMALL_SIZE)
    made = 0
    with ThreadPoolExecutor(size) as clients:
        while made < count and session.now() - start < LONGEST_S:
            requests = phase.requests[made * size : (made + 1) * size]
            bodies = [session.body_of(request.case, request.tag or "") for request in requests]
            jobs = zip(requests, bodies, strict=True)
            hits = list(clients.map(lambda job: session.post_planned(phase, *job), jobs))
            session.record(*hits)
            for hit in hits:
                session.fetch(hit, phase.timeout_s)
            made += 1
            time.sleep(REST_S)
            session.sample()
    end = session.now()
    enough = made >= BURSTS_LEAST
    return phase_run(
        phase.name,
        start,
        end,
        planned=(made if enough else BURSTS_LEAST) * size,
        recorded=made * size,
        ended="complete" if enough else "too few",
        note=None if enough else f"only {made} bursts in {end - start:.0f} s, at least {BURSTS_LEAST} are needed",
    )
