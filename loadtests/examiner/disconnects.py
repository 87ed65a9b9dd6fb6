"""Clients that go away while their exports run or wait: does the target come back to rest, and still export?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from assertions.contents.tags import USER
from assertions.contract import MAX_CONCURRENT
from assertions.probes.behaviour import AFTER_DISCONNECT, DISCONNECTED, REST_AFTER_DISCONNECT
from assertions.probes.disconnects import MOST_ROUNDS, counts
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Hit, PhaseRun, Probe, Request
from loadtests.client.answer import Answer
from loadtests.client.export import RUN_PATH, STATUS_PATH, make_hit
from loadtests.client.target import Target
from loadtests.datasets.records import encode_body, make_dataset

CLIENT = "examiner"
CLIENTS = MAX_CONCURRENT + 1
"""One more than may run: were a place lost with each, nobody could run any more."""
LEFT_CASES, GOOD_CASE = (("csv-10k", 10_000), ("pdf-2k", 2_000)), "csv-1k"
"""With their records; a page of a PDF takes as long as many rows of a CSV."""
STAY_S = 0.02
"""The first goes away so long after its body was sent, each further one as much later."""
SEND_TIMEOUT_S = 10.0
GOOD_TIMEOUT_S = 10.0
STALLED_S = 10.0
"""No export of 10k records may take longer, so when so long none ended, none ends any more."""
LONGEST_S = 60.0
SETTLE_S = 2.0
"""Behind the good export only what never ends can be under way."""
POLL_S = 0.1
JSON = {"Content-Type": "application/json"}


def probe_disconnects(
    target: Target, record_hit: Callable[[Hit], object], sample: Callable[[], Probe | None], seed: int
) -> PhaseRun:
    """Hang up on six large exports, wait until nothing runs, make a good export, and see all at rest again.

    Recorded as hits of the phase `disconnects`: six without an answer, the good one, and the last reading of the status
    page. It takes at most 10 s from the end of one export to that of the next, and 90 s in all. Where something stayed
    for each client (`sample`, the processes at rest; None where they can't be seen), it is done once more.
    """
    start = target.clock.now()
    bodies = [encode_body(make_dataset(case, seed)) for case, _ in LEFT_CASES]
    good = encode_body(make_dataset(GOOD_CASE, seed))
    recorded, before = 0, sample()
    for _ in range(MOST_ROUNDS):
        for hit in _round(target, bodies, good, recorded):
            record_hit(hit)
            recorded += 1
        after = _settled(sample, before)
        if not _kept(before, after):
            break
        before = after
    return PhaseRun(
        name=DISCONNECTS, start=start, end=target.clock.now(), planned=recorded, recorded=recorded, completed=True
    )


def _round(target: Target, bodies: Sequence[bytes], good: bytes, index: int) -> Iterator[Hit]:
    left = [bodies[turn % len(bodies)] for turn in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda turn: _leave(target, left[turn], turn + 1), range(CLIENTS)))
    for turn, answer in enumerate(answers):
        case, records = LEFT_CASES[turn % len(LEFT_CASES)]
        yield _hit(DISCONNECTED, index + turn, answer, len(left[turn]), records, case[:3])
    _rest(target, STALLED_S)
    answer = target.request("POST", RUN_PATH, good, JSON, GOOD_TIMEOUT_S)
    yield _hit(AFTER_DISCONNECT, index + CLIENTS, answer, len(good), 1_000)
    yield _status_hit(index + CLIENTS + 1, _rest(target, SETTLE_S))


def _settled(sample: Callable[[], Probe | None], before: Probe | None) -> Probe | None:
    """The processes at rest, given some time to let go."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        after = sample()
        if not _kept(before, after) or time.monotonic() > deadline:
            return after
        time.sleep(POLL_S)


def _kept(before: Probe | None, after: Probe | None) -> bool:
    """Whether something rose with each client that went away."""
    if before is None or after is None or not before.processes or not after.processes:
        return False
    was, now = counts(before), counts(after)
    return any(now[what] - was[what] >= CLIENTS for what in was)


def _leave(target: Target, body: bytes, turn: int) -> Answer:
    return target.leave(RUN_PATH, body, JSON, STAY_S * turn, SEND_TIMEOUT_S)


def _rest(target: Target, stalled_s: float) -> Answer:
    """The last reading of the status page: with nothing under way, or with as much as so many seconds before."""
    start = moved = target.clock.now()
    before: int | None = None
    while True:
        answer = target.request("GET", STATUS_PATH, timeout_s=STALLED_S)
        busy, now = _busy(answer), target.clock.now()
        if busy != before:
            before, moved = busy, now
        if busy == 0 or now - moved > stalled_s or now - start > LONGEST_S:
            return answer
        time.sleep(POLL_S)


def _busy(answer: Answer) -> int | None:
    """How many exports run and wait; None where the page does not say."""
    try:
        body = json.loads(answer.body)
        return int(body["concurrentExports"]) + int(body["queueDepth"])
    except (ValueError, KeyError, TypeError):
        return None


def _hit(case: str, index: int, answer: Answer, size: int, records: int, form: str = "csv") -> Hit:
    request = Request(index=index, case=case, format=form, records=records, user=USER)
    return make_hit(DISCONNECTS, request, answer, body_bytes=size, intended=answer.start, client=CLIENT)


def _status_hit(index: int, answer: Answer) -> Hit:
    request = Request(index=index, case=REST_AFTER_DISCONNECT)
    hit = make_hit(DISCONNECTS, request, answer, body_bytes=0, intended=answer.start, client=CLIENT)
    return msgspec.structs.replace(hit, method="GET", path=STATUS_PATH)
