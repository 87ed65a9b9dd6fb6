"""Equal exports one after the other: what they leave behind."""

from __future__ import annotations

from assertions.contents.tags import USER
from assertions.probes.behaviour import BAD_BODIES, UNKNOWN_NAMES
from assertions.record.phases import LEAK, REFUSALS
from assertions.record.types import PhasePlan, PhaseRun, Request
from loadtests.datasets.records import make_tag, parse_case
from loadtests.examiner.behaviour import PROBE_TIMEOUT_S
from loadtests.examiner.requests import CLIENT, probe_hit
from loadtests.examiner.session import ExaminerSession, phase_run
from loadtests.plan.extra_phases import LEAK_PHASE_NUMBER

EXPORT_TIMEOUT_S = 60.0
LEAST_EXPORTS = 40
"""Fewer exports show nothing about a leak."""
LONGEST = 4
"""The series takes at most its seconds times this."""


def make_leak_series(session: ExaminerSession, phase: PhasePlan) -> PhaseRun:
    """Make equal exports one after the other, download each, and sample the process tree at rest after each.

    The series stops after the profile's seconds, but not before 40 exports (or as many as are planned, if fewer), and
    in any case after four times its seconds. Two requests that must be refused follow each export (phase `refusals`):
    what they leave behind grows with the exports. A series without the least number is recorded as too few.
    """
    assert session.leak is not None
    cases, seconds, count = session.leak.cases, session.leak.seconds, len(phase.requests)
    start = session.now()
    least = min(count, LEAST_EXPORTS)
    made = 0
    session.sample()
    while made < count:
        spent_s = session.now() - start
        if (spent_s > seconds and made >= least) or spent_s > LONGEST * seconds:
            break
        left_s = LONGEST * seconds - spent_s
        _make_export(session, cases[made % len(cases)], made, min(EXPORT_TIMEOUT_S, left_s))
        _make_refusals(session, made, min(PROBE_TIMEOUT_S, left_s))
        made += 1
        session.sample()
    end = session.now()
    enough = made >= least
    return phase_run(
        phase.name,
        start,
        end,
        planned=made if enough else least,
        recorded=made,
        ended="complete" if enough else "too few",
        note=_note(made, count, least, end - start),
    )


def _make_refusals(session: ExaminerSession, number: int, timeout_s: float) -> None:
    """Ask for an export that must be refused, each time for another reason, and for a file that does not exist."""
    bad = BAD_BODIES[number % len(BAD_BODIES)]
    for offset, case in enumerate((bad, UNKNOWN_NAMES[0])):
        intended = session.now()
        answer = session.request(case.method, case.path, case.body, dict(case.headers), timeout_s)
        session.record(probe_hit(case, 2 * number + offset, case.path, answer, intended, REFUSALS))


def _note(made: int, count: int, least: int, spent_s: float) -> str | None:
    if made == count:
        return None
    if made >= least:
        return f"stopped after {spent_s:.0f} s with {made} of at most {count} exports"
    return f"only {made} exports in {spent_s:.0f} s, at least {least} are needed"


def _make_export(session: ExaminerSession, case: str, index: int, timeout_s: float) -> None:
    parsed = parse_case(case)
    tag = make_tag(LEAK_PHASE_NUMBER, index)
    body = session.body_of(case, tag)
    request = Request(
        index=index,
        case=case,
        format=parsed.format,
        records=parsed.count,
        user=USER,
        tag=tag if tag.encode() in body else None,
    )
    hit = session.post(LEAK, request, body, timeout_s, CLIENT)
    session.record(hit)
    session.fetch(hit, timeout_s)
