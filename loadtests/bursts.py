"""Bursts of small exports, many at once: what those leave behind that had to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from assertions.bundle import BURSTS
from assertions.records import Fetch, Hit, PhasePlan, PhaseRun, Request
from loadtests.exporting import RUN_PATH, make_hit
from loadtests.target import Target

BURST_SIZE = 20
"""Four times what may run at once."""
SMALL_SIZE = 12
BURSTS_MOST = 6
BURSTS_LEAST = 5
BURSTS_PHASE_NUMBER = 98
"""In the tags of their records."""
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


def post(target: Target, plan: PhasePlan, request: Request, body: bytes) -> Hit:
    """One export of a phase of the examiner's, by one of its clients."""
    intended = target.clock.now()
    answer = target.request("POST", RUN_PATH, body, {"Content-Type": "application/json"}, plan.timeout_s)
    client = f"examiner-{request.index % len(plan.requests)}"
    return make_hit(plan.name, request, answer, body_bytes=len(body), intended=intended, client=client)
