"""Asks for a sixth export while five run: five large ones at once, and a small one as soon as the target says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from assertions.contract import MAX_CONCURRENT
from assertions.probes.over_admission import ROUND_SIZE, STATUS_FROM, Round, full, judge_round, settled
from assertions.record.phases import OVER_ADMISSION
from assertions.record.types import Fetch, Hit, PhasePlan, PhaseRun, Request
from loadtests.client.answer import Answer
from loadtests.client.export import STATUS_PATH, make_hit
from loadtests.client.target import Target
from loadtests.examiner.requests import post
from loadtests.plan.extra_phases import LARGE_CASES

LONGEST_S = 60.0
"""After this no further round begins."""
POLL_S, POLL_MOST_S, POLL_GROWTH = 0.002, 0.1, 1.2
"""Quick exports leave little time to see that all of them run; slow ones need not be asked after so often."""
STATUS_TIMEOUT_S = 10.0


def probe_over_admission(
    target: Target,
    plan: PhasePlan,
    record_hits: Callable[[Sequence[Hit]], object],
    fetch: Callable[[Hit], Fetch],
    record_fetch: Callable[[Fetch], object],
    make_body: Callable[[str, str], bytes],
) -> PhaseRun:
    """Make the plan's rounds until one shows whether a sixth has to wait, or none is left.

    Rounds that differ in nothing follow each other only where the first of them did show something. fetch: downloads
    an export's file; make_body: the body of a case with a tag in it.
    """
    start = target.clock.now()
    made = 0
    rounds: list[Round] = []
    with ThreadPoolExecutor(ROUND_SIZE) as clients:
        for number, case in enumerate(LARGE_CASES):
            again = number > 0 and case == LARGE_CASES[number - 1]
            if settled(rounds) or target.clock.now() - start > LONGEST_S:
                break
            if again and rounds[-1].outcome == "open":
                continue
            requests = plan.requests[number * ROUND_SIZE : (number + 1) * ROUND_SIZE]
            hits = _round(target, plan, requests, clients, make_body, STATUS_FROM + number)
            record_hits(hits)
            made += len(hits)
            for hit in hits:
                if hit.status == 200 and hit.method == "POST":
                    record_fetch(fetch(hit))
            rounds.append(judge_round(hits))
    return PhaseRun(
        name=OVER_ADMISSION, start=start, end=target.clock.now(), planned=made, recorded=made, completed=True
    )


def _round(
    target: Target,
    plan: PhasePlan,
    requests: Sequence[Request],
    clients: ThreadPoolExecutor,
    make_body: Callable[[str, str], bytes],
    status_index: int,
) -> list[Hit]:
    """Five, and where the target says in time that all of them run, the status page that says so and a sixth."""
    bodies = [make_body(one.case, one.tag or "") for one in requests]
    jobs = list(zip(requests, bodies, strict=True))
    five = [clients.submit(post, target, plan, *job) for job in jobs[:MAX_CONCURRENT]]
    status = _five_run(target, five)
    if status is None:
        return [one.result() for one in five]
    small = post(target, plan, *jobs[MAX_CONCURRENT])
    request = Request(index=status_index, case="status")
    seen = make_hit(plan.name, request, status, body_bytes=0, intended=status.start, client=small.client)
    seen = msgspec.structs.replace(seen, method="GET", path=STATUS_PATH)
    return [*(one.result() for one in five), seen, small]


def _five_run(target: Target, five: Sequence[Future[Hit]]) -> Answer | None:
    """The status page that says that five run and none waits; None where one of them is done before."""
    pause_s = POLL_S
    while not any(one.done() for one in five):
        status = target.request("GET", STATUS_PATH, timeout_s=STATUS_TIMEOUT_S)
        if full(status.body.decode("utf-8", "replace")):
            return status
        time.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWTH, POLL_MOST_S)
    return None
