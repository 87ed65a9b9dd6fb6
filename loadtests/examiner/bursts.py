"""Bursts of small exports, many at once: what those leave behind that had to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from assertions.record.phases import BURSTS
from assertions.record.types import Fetch, Hit, PhasePlan, PhaseRun
from loadtests.client.target import Target
from loadtests.examiner.requests import post
from loadtests.plan.extra_phases import BURST_SIZE, BURSTS_LEAST, BURSTS_MOST, SMALL_SIZE

SLOW_S = 0.25
"""A target whose exports take longer when made alone gets fewer and smaller bursts."""
LONGEST_S = 60.0
"""After this no further burst begins."""
REST_S = 0.15
"""Connections and threads of the burst have so long to end."""


def bursts(
    target: Target,
    plan: PhasePlan,
    alone_s: float,
    record_hits: Callable[[Sequence[Hit]], object],
    fetch: Callable[[Hit], Fetch],
    record_fetch: Callable[[Fetch], object],
    sample_probe: Callable[[], object],
    make_body: Callable[[str, str], bytes],
) -> PhaseRun:
    """Make bursts of the plan's requests, all of one at once, and have the process tree sampled at rest after each.

    alone_s: how long such an export took alone; from 0.25 s on there are 5 bursts of 12 instead of 6 of 20. fetch:
    downloads an export's file; make_body: the body of a case with a tag in it. No burst begins after 60 s; one with
    fewer than 5 until then is noted as cut short.
    """
    start = target.clock.now()
    count, size = (BURSTS_MOST, BURST_SIZE) if alone_s < SLOW_S else (BURSTS_LEAST, SMALL_SIZE)
    made = 0
    with ThreadPoolExecutor(size) as clients:
        while made < count and target.clock.now() - start < LONGEST_S:
            requests = plan.requests[made * size : (made + 1) * size]
            bodies = [make_body(one.case, one.tag or "") for one in requests]
            hits = list(clients.map(lambda one: post(target, plan, *one), zip(requests, bodies, strict=True)))
            record_hits(hits)
            for hit in hits:
                if hit.status == 200:
                    record_fetch(fetch(hit))
            made += 1
            time.sleep(REST_S)
            sample_probe()
    end = target.clock.now()
    enough = made >= BURSTS_LEAST
    return PhaseRun(
        name=BURSTS,
        start=start,
        end=end,
        planned=(made if enough else BURSTS_LEAST) * size,
        recorded=made * size,
        completed=enough,
        note=None if enough else f"only {made} bursts in {end - start:.0f} s, at least {BURSTS_LEAST} are needed",
    )
