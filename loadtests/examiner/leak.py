"""Examines a live target beside the load: its answers to bad input, and what equal exports leave behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from assertions.contents.tags import USER
from assertions.probes.behaviour import (
    BAD_BODIES,
    UNKNOWN_NAMES,
)
from assertions.record.types import Hit, PhaseRun, Request
from loadtests.client.export import fetch_file, make_hit
from loadtests.client.target import Target
from loadtests.datasets.records import make_tag, parse_case
from loadtests.examiner.requests import CLIENT, PROBE_TIMEOUT_S, RecordFetch, RecordHit, _probe_hit
from loadtests.plan.extra_phases import LEAK_PHASE_NUMBER

EXPORT_TIMEOUT_S = 60.0
LEAK_CASES = ("csv-1k", "pdf-1k")
LEAST_EXPORTS = 40
"""Fewer say nothing of a leak."""
LONGEST = 4
"""So many times its seconds the leak phase may take at most."""


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
