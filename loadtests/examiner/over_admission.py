"""Ask for one export more than may run: five large ones at once, and a small one as soon as the target reports five."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from assertions.contract import MAX_CONCURRENT, STATUS_PATH
from assertions.probes.over_admission import ROUND_SIZE, STATUS_FROM, Round, full, judge_round, settled
from assertions.record.types import Hit, PhasePlan, PhaseRun, Request
from loadtests.client.answer import Answer
from loadtests.client.export import make_hit
from loadtests.examiner.session import ExaminerSession, phase_run
from loadtests.plan.extra_phases import LARGE_CASES

LONGEST_S = 60.0
"""After this no further round begins."""
POLL_S, POLL_MOST_S, POLL_GROWTH = 0.002, 0.1, 1.2
"""Quick exports leave little time to see all of them run; slow ones need less frequent polls."""
STATUS_TIMEOUT_S = 10.0


def probe_over_admission(session: ExaminerSession, phase: PhasePlan) -> PhaseRun:
    """Make the plan's rounds until one shows whether the small export has to wait, or no round is left.

    A round that repeats the one before is made only where that one showed something.
    """
    start = session.now()
    made = 0
    rounds: list[Round] = []
    with ThreadPoolExecutor(ROUND_SIZE) as clients:
        for number, case in enumerate(LARGE_CASES):
            repeated = number > 0 and case == LARGE_CASES[number - 1]
            if settled(rounds) or session.now() - start > LONGEST_S:
                break
            if repeated and rounds[-1].outcome == "open":
                continue
            requests = phase.requests[number * ROUND_SIZE : (number + 1) * ROUND_SIZE]
            hits = _make_round(session, phase, requests, clients, STATUS_FROM + number)
            session.record(*hits)
            made += len(hits)
            for hit in hits:
                if hit.method == "POST":
                    session.fetch(hit, phase.timeout_s)
            rounds.append(judge_round(hits))
    return phase_run(phase.name, start, session.now(), planned=made, recorded=made, ended="complete")


def _make_round(
    session: ExaminerSession,
    phase: PhasePlan,
    requests: Sequence[Request],
    clients: ThreadPoolExecutor,
    status_index: int,
) -> list[Hit]:
    """Make five exports; where the target reports in time that all run, also that status page and a small export."""
    bodies = [session.body_of(request.case, request.tag or "") for request in requests]
    jobs = list(zip(requests, bodies, strict=True))
    large = [clients.submit(session.post_planned, phase, *job) for job in jobs[:MAX_CONCURRENT]]
    status = _await_full(session, large)
    if status is None:
        return [export.result() for export in large]
    small = session.post_planned(phase, *jobs[MAX_CONCURRENT])
    request = Request(index=status_index, case="status")
    page = make_hit(phase.name, request, status, body_bytes=0, intended=status.start, client=small.client)
    page = msgspec.structs.replace(page, method="GET", path=STATUS_PATH)
    return [*(export.result() for export in large), page, small]


def _await_full(session: ExaminerSession, large: Sequence[Future[Hit]]) -> Answer | None:
    """Return the status page that reports five running and none waiting; None where an export ended before it."""
    pause_s = POLL_S
    while not any(export.done() for export in large):
        status = session.request("GET", STATUS_PATH, None, {}, STATUS_TIMEOUT_S)
        if full(status.body.decode("utf-8", "replace")):
            return status
        time.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWTH, POLL_MOST_S)
    return None
