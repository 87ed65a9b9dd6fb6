"""Examines a live target beside the load: its answers to bad input, and what equal exports leave behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from assertions.behaviour import (
    AFTER_TEXTS,
    BAD_BODIES,
    CASES,
    FILE,
    NO_SUCH_FILE,
    PAGE_CHARS_MOST,
    UNKNOWN_NAMES,
    BehaviourCase,
)
from assertions.records import Fetch, Hit, PhaseRun, Request
from loadtests.datasets import USER, make_tag, parse_case
from loadtests.exporting import MAX_ANSWER_CHARS, answered_filename, download_url, fetch_file, make_hit
from loadtests.target import Answer, Target

CLIENT = "examiner"
PROBE_TIMEOUT_S = 10.0
"""For one behaviour probe, as long as the target answers at all."""
HANGING_TIMEOUT_S = 1.0
"""For each further one, once several have not been answered."""
HANGING_AFTER = 3
EXPORT_TIMEOUT_S = 60.0
LEAK_CASES = ("csv-1k", "pdf-1k")
LEAK_PHASE_NUMBER = 99
"""In the tags of the leak phase; load phases count from 0."""
LEAST_EXPORTS = 40
"""Fewer say nothing of a leak."""
LONGEST = 4
"""So many times its seconds the leak phase may take at most."""

RecordHit = Callable[[Hit], object]
RecordFetch = Callable[[Fetch], object]


def behaviour(target: Target, record_hit: RecordHit) -> PhaseRun:
    """Send each behaviour probe, one at a time, and record it as a hit of the phase `behaviour`, its case the probe's.

    Last come a good export and its file. An answer that does not come is recorded too; nothing is raised for it.
    """
    start = target.clock.now()
    name = NO_SUCH_FILE
    silent = 0
    for index, case in enumerate(CASES):
        path = case.path.replace(FILE, name)
        timeout_s = PROBE_TIMEOUT_S if silent < HANGING_AFTER else HANGING_TIMEOUT_S
        intended = target.clock.now()
        answer = target.request(case.method, path, case.body, dict(case.headers), timeout_s)
        silent = silent + 1 if answer.status is None else 0
        hit = _probe_hit(case, index, path, answer, intended)
        record_hit(hit)
        if case.kind == "export":
            name = _file_name(hit.answer)
    return PhaseRun(
        name="behaviour",
        start=start,
        end=target.clock.now(),
        planned=len(CASES),
        recorded=len(CASES),
        completed=True,
    )


def _file_name(answer: str | None) -> str:
    """The name under which an export's file is served; that of no file where the answer tells none."""
    told = download_url(answer) or answered_filename(answer) or NO_SUCH_FILE
    return told.split("?")[0].replace("\\", "/").rpartition("/")[2] or NO_SUCH_FILE


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


def leak(
    target: Target,
    record_hit: RecordHit,
    record_fetch: RecordFetch,
    sample_probe: Callable[[], object],
    make_body: Callable[[str, str], bytes],
    count: int,
    seconds: float,
    cases: Sequence[str] = LEAK_CASES,
    spool: Path | None = None,
) -> PhaseRun:
    """Make equal exports one after the other, each fetched, and have the process tree sampled at rest after each.

    make_body: the body of a case with a tag in it; count: how many exports at most; seconds: after so long it stops,
    but not before 40 exports (or `count`, where that is less), and in no case after four times as long. After each come
    two requests that must be refused, phase `refusals`: what those leave behind grows with the exports; cases: taken
    in turn; spool: where the files go to be opened later (None: only their hashes are kept). A phase that could not
    make the least number is noted as cut short.
    """
    start = target.clock.now()
    least = min(count, LEAST_EXPORTS)
    made = 0
    sample_probe()
    while made < count:
        spent = target.clock.now() - start
        if (spent > seconds and made >= least) or spent > LONGEST * seconds:
            break
        left_s = LONGEST * seconds - spent
        _one_export(
            target,
            record_hit,
            lambda hit, timeout_s: record_fetch(fetch_file(target, hit, spool, timeout_s)),
            make_body,
            cases[made % len(cases)],
            made,
            min(EXPORT_TIMEOUT_S, left_s),
        )
        _refusals(target, record_hit, made, min(PROBE_TIMEOUT_S, left_s))
        made += 1
        sample_probe()
    end = target.clock.now()
    enough = made >= least
    return PhaseRun(
        name="leak",
        start=start,
        end=end,
        planned=made if enough else least,
        recorded=made,
        completed=enough,
        note=_note(made, count, least, end - start),
    )


def _refusals(target: Target, record_hit: RecordHit, number: int, timeout_s: float) -> None:
    """Ask for what can't be had, each time in another way."""
    bad = BAD_BODIES[number % len(BAD_BODIES)]
    for offset, case in enumerate((bad, UNKNOWN_NAMES[0])):
        intended = target.clock.now()
        answer = target.request(case.method, case.path, case.body, dict(case.headers), timeout_s)
        record_hit(_probe_hit(case, 2 * number + offset, case.path, answer, intended, "refusals"))


def _note(made: int, count: int, least: int, spent: float) -> str | None:
    if made == count:
        return None
    if made >= least:
        return f"stopped after {spent:.0f} s with {made} of at most {count} exports"
    return f"only {made} exports in {spent:.0f} s, at least {least} are needed"


def _one_export(
    target: Target,
    record_hit: RecordHit,
    fetch: Callable[[Hit, float], object],
    make_body: Callable[[str, str], bytes],
    case: str,
    index: int,
    timeout_s: float,
) -> None:
    asked = parse_case(case)
    tag = make_tag(LEAK_PHASE_NUMBER, index)
    body = make_body(case, tag)
    request = Request(
        index=index,
        case=case,
        format=asked.format,
        records=asked.count,
        user=USER,
        tag=tag if tag.encode() in body else None,
    )
    intended = target.clock.now()
    answer = target.request("POST", "/export/run", body, {"Content-Type": "application/json"}, timeout_s)
    hit = make_hit("leak", request, answer, body_bytes=len(body), intended=intended, client=CLIENT)
    record_hit(hit)
    if hit.status == 200:
        fetch(hit, timeout_s)
