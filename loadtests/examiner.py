"""Single requests beside the load: the behaviour probes, and a series of equal exports that shows leaks.

One at a time, in the runner's own process and not through Locust: what matters here is what is sent, byte for byte, and
that the target is at rest between two requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from assertions.behaviour import AFTER, CASES, FILE, BehaviourCase
from assertions.records import Fetch, Hit, PhaseRun, Request
from loadtests.exporting import MAX_ANSWER_CHARS, RUN_PATH, answered_filename, fetch_file, make_hit
from loadtests.target import Answer, Target

CLIENT = "examiner"
BEHAVIOUR, LEAK = "behaviour", "leak"
PROBE_TIMEOUT_S = 30.0
LEAK_LEAST = 40
"""Exports of the leak series that are made even when its time is over: fewer can't tell a leak from noise."""
LEAK_LONGEST = 4
"""Times the leak series' time after which it ends however few were made."""


def behaviour(target: Target, record_hit: Callable[[Hit], None]) -> PhaseRun:
    """Send every behaviour probe once, in order; the files they speak of are those of the good export among them."""
    start = target.clock.now()
    name: str | None = None
    sent = 0
    for index, case in enumerate(CASES):
        hit = _probe(target, case, index, name)
        record_hit(hit)
        sent += 1
        if case.name == AFTER and hit.status == 200:
            path = answered_filename(hit.answer)
            name = None if path is None else path.replace("\\", "/").rsplit("/", 1)[-1]
    return PhaseRun(
        name=BEHAVIOUR, start=start, end=target.clock.now(), planned=len(CASES), recorded=sent, completed=True
    )


def _probe(target: Target, case: BehaviourCase, index: int, name: str | None) -> Hit:
    path = case.path.replace(FILE, name or "export_0_none.csv")
    asked = target.clock.now()
    answer = target.request(case.method, path, body=case.body, headers=dict(case.headers), timeout_s=PROBE_TIMEOUT_S)
    return Hit(
        id=f"{BEHAVIOUR}-{index}",
        phase=BEHAVIOUR,
        index=index,
        case=case.name,
        method=case.method,
        path=path,
        format=case.format,
        records=None if case.name != AFTER else 4,
        user=CLIENT,
        tag=None,
        bytes_sent=len(case.body or b""),
        intended=asked,
        start=answer.start,
        end=answer.end,
        status=answer.status,
        error=answer.error,
        headers=answer.headers,
        answer=_text(answer),
        client=CLIENT,
    )


def _text(answer: Answer) -> str | None:
    return None if answer.status is None else answer.body.decode("utf-8", "replace")[:MAX_ANSWER_CHARS]


def leak(
    target: Target,
    record_hit: Callable[[Hit], None],
    record_fetch: Callable[[Fetch], None],
    sample_probe: Callable[[], None],
    make_body: Callable[[str, str], bytes],
    *,
    requests: Sequence[Request],
    seconds: float,
    spool: Path | None,
) -> PhaseRun:
    """Make equal exports one by one, and sample the target's process at rest after each.

    `requests` in order; after `seconds` it ends, though not before 40 were made, unless four times as long went by.
    """
    start = target.clock.now()
    made = 0
    for request in requests:
        elapsed = target.clock.now() - start
        if (elapsed > seconds and made >= LEAK_LEAST) or elapsed > LEAK_LONGEST * seconds:
            break
        body = make_body(request.case, request.tag or "")
        asked = target.clock.now()
        answer = target.request(
            "POST", RUN_PATH, body=body, headers={"Content-Type": "application/json"}, timeout_s=target.timeout_s
        )
        hit = make_hit(LEAK, request, answer, body_bytes=len(body), intended=asked, client=CLIENT)
        record_hit(hit)
        made += 1
        if hit.status == 200:
            record_fetch(fetch_file(target, hit, spool, target.timeout_s))
        sample_probe()
    return PhaseRun(name=LEAK, start=start, end=target.clock.now(), planned=made, recorded=made, completed=True)
