"""Check: `/export/status` reports the exports that run and wait, with the contract's fields."""

from __future__ import annotations

from assertions.checks.conduct.status_readings import (
    BAD_SHARE,
    CLOCK_CALLS,
    COMPARED_LEAST,
    PROBES_LEAST,
    REPORTED_SHARE,
    SETTLE_S,
    status_problem,
    statuses,
    too_many_above,
)
from assertions.limits import Limits
from assertions.record.phases import JudgedFor
from assertions.record.times import clock_is_frozen
from assertions.record.view import ScenarioRecord, as_object
from assertions.verdicts import Judgement, failed, no_data, passed


def status_page(record: ScenarioRecord, limits: Limits) -> Judgement:
    """/export/status answers with the contract's fields, and its counts fit the requests under way."""
    wrong = status_by_answers(record, limits)
    if wrong is not None:
        return wrong
    probes = [probe for probe in record.health if probe.path.endswith("/export/status")]
    phases = record.names_for(JudgedFor.CONCURRENCY)
    busy = [(start, end, body) for start, end, phase, body in statuses(record) if phase in phases]
    reported = [float(str(body["concurrentExports"])) + float(str(body["queueDepth"])) for _, _, body in busy]
    inside = [record.surely_inside.least(start, end) for start, end, _ in busy]
    compared = [(claim, least) for claim, least in zip(reported, inside, strict=True) if least >= 1]
    claims, certain = sum(claim for claim, _ in compared), sum(least for _, least in compared)
    if len(compared) >= COMPARED_LEAST and claims < REPORTED_SHARE * certain:
        return failed(
            f"/export/status reports {claims / len(compared):.1f} exports running or waiting on average while "
            f"{certain / len(compared):.1f} were certainly under way ({len(compared)} calls)"
        )
    most = [record.in_flight.most(start, end, SETTLE_S) for start, end, _ in busy]
    excess = [(claim, seen) for claim, seen in zip(reported, most, strict=True) if claim > seen]
    if too_many_above(len(excess), len(busy)) and not any(hit.status is None for hit in record.posts):
        claim, seen = max(excess)
        return failed(
            f"/export/status reports {claim:g} exports running or waiting while at most {seen} requests were under "
            f"way ({len(excess)} of {len(busy)} calls), or another client used the target"
        )
    if len(probes) < PROBES_LEAST:
        return no_data(f"/export/status was called {len(probes)} times, and {PROBES_LEAST} calls are needed")
    fit = (
        f"in {len(compared)} of them exports were certainly under way, and its counts fit"
        if len(compared) >= COMPARED_LEAST
        else f"in {len(compared)} of them exports were certainly under way, too few to compare its counts with"
    )
    least = (
        f", or counts of less than {REPORTED_SHARE * certain / len(compared):.1f} exports on average,"
        if len(compared) >= COMPARED_LEAST
        else ""
    )
    return passed(
        f"{len(probes)} calls of /export/status were answered with the contract's fields; {fit}",
        catches=f"one answer with a wrong field{least} would not have passed",
    )


def status_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """Return what is wrong with the status pages in themselves, whatever was under way; None: nothing."""
    probes = [probe for probe in record.health if probe.path.endswith("/export/status")]
    bad = [probe for probe in probes if probe.status != 200 or as_object(probe.answer) is None]
    if len(bad) > max(1, BAD_SHARE * len(probes)):
        what = bad[0].status if bad[0].status is not None else bad[0].error
        return failed(f"{len(bad)} of {len(probes)} calls of /export/status failed, the first with {what}")
    for start, _, _, body in statuses(record):
        problem = status_problem(body, start)
        if problem:
            return failed(f"/export/status: {problem}")
    versions = list(dict.fromkeys(str(body["version"]) for _, _, _, body in statuses(record)))
    if len(versions) > 1:
        return failed(
            f"`version` of /export/status was {versions[0]} at first and {versions[1]} later: the target was changed "
            "while the scenario ran, so what was measured is of no one release"
        )
    at = [str(body["timestamp"]) for _, _, _, body in statuses(record)]
    if len(at) >= CLOCK_CALLS and clock_is_frozen(at, probes[-1].start - probes[0].start):
        return failed(f"`timestamp` of /export/status is {at[0]} in all {len(at)} calls: the clock stands still")
    return None
