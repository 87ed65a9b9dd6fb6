"""Clients that disconnect while their exports run or wait: does the target come to rest, and still export?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from assertions.contents.tags import USER
from assertions.contract import MAX_CONCURRENT, RUN_PATH, STATUS_PATH
from assertions.probes.behaviour import AFTER_DISCONNECT, DISCONNECTED, REST_AFTER_DISCONNECT
from assertions.probes.disconnects import MOST_ROUNDS, counts
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Hit, PhasePlan, PhaseRun, Probe, Request
from assertions.record.view import as_object
from loadtests.client.answer import Answer
from loadtests.client.export import JSON_HEADERS, make_hit
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.examiner.requests import CLIENT
from loadtests.examiner.session import ExaminerSession, phase_run

CLIENTS = MAX_CONCURRENT + 1
"""One more than may run: if each disconnect cost a place, no export could run afterwards."""
LEFT_CASES, GOOD_CASE = (("csv-10k", 10_000), ("pdf-2k", 2_000)), "csv-1k"
"""With their records; a page of a PDF takes as long as many rows of a CSV."""
STAY_S = 0.02
"""The first client disconnects so long after its body was sent, each further client as much later."""
SEND_TIMEOUT_S = 10.0
GOOD_TIMEOUT_S = 10.0
STALLED_S = 10.0
"""No export of 10k records may take longer: when none ended for so long, none will end."""
LONGEST_S = 60.0
SETTLE_S = 2.0
"""After the good export only an export that never ends can be under way."""
POLL_S = 0.1


def probe_disconnects(session: ExaminerSession, phase: PhasePlan) -> PhaseRun:
    """Disconnect from six large exports, wait until nothing runs, make a good export, and wait for rest again.

    The hits of the phase are six without an answer, the good export, and the last reading of the status page. A round
    takes at most 10 s from the end of one export to that of the next, and 90 s in all. Where processes at rest kept
    something for each client, a second round follows.
    """
    start = session.now()
    bodies = [encode_body(make_dataset(case, session.seed)) for case, _ in LEFT_CASES]
    good = encode_body(make_dataset(GOOD_CASE, session.seed))
    recorded, before = 0, session.sample()
    for _ in range(MOST_ROUNDS):
        for hit in _make_round(session, bodies, good, recorded):
            session.record(hit)
            recorded += 1
        after = _settled(session.sample, before)
        if not _kept(before, after):
            break
        before = after
    return phase_run(phase.name, start, session.now(), planned=recorded, recorded=recorded, ended="complete")


def _make_round(session: ExaminerSession, bodies: Sequence[bytes], good: bytes, index: int) -> Iterator[Hit]:
    left = [bodies[number % len(bodies)] for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda number: _leave(session, left[number], number + 1), range(CLIENTS)))
    for number, answer in enumerate(answers):
        case, records = LEFT_CASES[number % len(LEFT_CASES)]
        yield _export_hit(DISCONNECTED, index + number, answer, len(left[number]), records, case[:3])
    _await_rest(session, STALLED_S)
    answer = session.request("POST", RUN_PATH, good, JSON_HEADERS, GOOD_TIMEOUT_S)
    yield _export_hit(AFTER_DISCONNECT, index + CLIENTS, answer, len(good), 1_000)
    yield _status_hit(index + CLIENTS + 1, _await_rest(session, SETTLE_S))


def _settled(sample: Callable[[], Probe | None], before: Probe | None) -> Probe | None:
    """Return the processes at rest, after some time to release what they hold."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        after = sample()
        if not _kept(before, after) or time.monotonic() > deadline:
            return after
        time.sleep(POLL_S)


def _kept(before: Probe | None, after: Probe | None) -> bool:
    """Return whether a count rose with each client that disconnected."""
    if before is None or after is None or not before.processes or not after.processes:
        return False
    counts_before, counts_after = counts(before), counts(after)
    return any(counts_after[name] - counts_before[name] >= CLIENTS for name in counts_before)


def _leave(session: ExaminerSession, body: bytes, number: int) -> Answer:
    return session.target.leave(RUN_PATH, body, JSON_HEADERS, STAY_S * number, SEND_TIMEOUT_S)


def _await_rest(session: ExaminerSession, stalled_s: float) -> Answer:
    """Return the last reading of the status page: nothing under way, or the same number for `stalled_s`."""
    start = moved = session.now()
    before: int | None = None
    while True:
        answer = session.request("GET", STATUS_PATH, None, {}, STALLED_S)
        busy, now = under_way(answer), session.now()
        if busy != before:
            before, moved = busy, now
        if busy == 0 or now - moved > stalled_s or now - start > LONGEST_S:
            return answer
        time.sleep(POLL_S)


def under_way(answer: Answer) -> int | None:
    """Return the exports that run and wait by a status page; None where the page does not give whole numbers."""
    page = as_object(answer.body.decode("utf-8", "replace")) or {}
    running, waiting = page.get("concurrentExports"), page.get("queueDepth")
    return running + waiting if type(running) is int and type(waiting) is int else None


def _export_hit(case: str, index: int, answer: Answer, size: int, records: int, form: str = "csv") -> Hit:
    request = Request(index=index, case=case, format=form, records=records, user=USER)
    return make_hit(DISCONNECTS, request, answer, body_bytes=size, intended=answer.start, client=CLIENT)


def _status_hit(index: int, answer: Answer) -> Hit:
    request = Request(index=index, case=REST_AFTER_DISCONNECT)
    hit = make_hit(DISCONNECTS, request, answer, body_bytes=0, intended=answer.start, client=CLIENT)
    return msgspec.structs.replace(hit, method="GET", path=STATUS_PATH)
