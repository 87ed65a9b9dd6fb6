"""Requests of the examiner, recorded as hits."""

from __future__ import annotations

from collections.abc import Callable

from assertions.probes.behaviour import AFTER_TEXTS, PAGE_CHARS_MOST, BehaviourCase
from assertions.record.types import Fetch, Hit, PhasePlan, Request
from loadtests.client.answer import Answer
from loadtests.client.export import MAX_ANSWER_CHARS, RUN_PATH, make_hit
from loadtests.client.target import Target


def post(target: Target, plan: PhasePlan, request: Request, body: bytes) -> Hit:
    """One export of a phase of the examiner's, by one of its clients."""
    intended = target.clock.now()
    answer = target.request("POST", RUN_PATH, body, {"Content-Type": "application/json"}, plan.timeout_s)
    client = f"examiner-{request.index % len(plan.requests)}"
    return make_hit(plan.name, request, answer, body_bytes=len(body), intended=intended, client=client)


CLIENT = "examiner"


PROBE_TIMEOUT_S = 10.0
"""For one behaviour probe, as long as the target answers at all."""


RecordHit = Callable[[Hit], object]


RecordFetch = Callable[[Fetch], object]


def _probe_hit(
    case: BehaviourCase, index: int, path: str, answer: Answer, intended: float, phase: str = "behaviour"
) -> Hit:
    exports = case.kind == "export"
    kept = PAGE_CHARS_MOST if case.kind == "page" else MAX_ANSWER_CHARS
    return Hit(
        id=f"{phase}-{index}",
        phase=phase,
        index=index,
        case=case.name,
        method=case.method,
        path=path,
        format=case.format,
        records=len(AFTER_TEXTS) if exports else None,
        user=CLIENT if exports else None,
        tag=None,
        bytes_sent=len(case.body or b""),
        intended=intended,
        start=answer.start,
        end=answer.end,
        status=answer.status,
        error=answer.error,
        headers=answer.headers,
        answer=None if answer.status is None else answer.body.decode("utf-8", "replace")[:kept],
        client=CLIENT,
    )
