"""The record of a behaviour probe."""

from __future__ import annotations

from assertions.probes.behaviour import AFTER_TEXTS, PAGE_CHARS_MOST, BehaviourCase
from assertions.record.types import Hit
from loadtests.client.answer import Answer
from loadtests.client.export import MAX_ANSWER_CHARS

CLIENT = "examiner"
"""The client of all requests that are made one after the other."""


def probe_hit(
    case: BehaviourCase, index: int, path: str, answer: Answer, intended: float, phase: str = "behaviour"
) -> Hit:
    """Return the hit of one behaviour probe."""
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
        bytes_sent=len(case.body or b"") + case.padding_bytes,
        intended=intended,
        start=answer.start,
        end=answer.end,
        status=answer.status,
        error=answer.error,
        headers=answer.headers,
        answer=None if answer.status is None else answer.body.decode("utf-8", "replace")[:kept],
        client=CLIENT,
    )
