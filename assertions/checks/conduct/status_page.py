"""`/export/status` tells what runs and waits."""

from __future__ import annotations

from collections.abc import Iterator

from assertions.checks.admission.limits_held import COMPARED_LEAST, TOLD_SHARE
from assertions.checks.conduct.behaviour import PROBES_LEAST, status_by_answers
from assertions.contract import MAX_CONCURRENT
from assertions.limits import Limits
from assertions.record.times import is_plausible_time
from assertions.record.view import ScenarioRecord, as_object
from assertions.verdicts import Judgement, failed, no_data, passed

SETTLE_S = 0.3
"""A gauge may fall this much later than the answer is read: both come from one event loop's turn, seldom later."""


def statuses(record: ScenarioRecord) -> Iterator[tuple[float, float, str | None, dict[str, object]]]:
    """(start, end, phase, body) of each /export/status that was answered with a JSON object."""
    for probe in record.health:
        body = as_object(probe.answer)
        if probe.path.endswith("/export/status") and probe.status == 200 and body is not None:
            yield probe.start, probe.end, probe.phase, body


def _whole(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


CLOCK_CALLS = 20


def status_page(record: ScenarioRecord, limits: Limits) -> Judgement:
    """/export/status answers, with the contract's fields, truthfully."""
    wrong = status_by_answers(record, limits)
    if wrong is not None:
        return wrong
    probes = [probe for probe in record.health if probe.path.endswith("/export/status")]
    busy = [(start, end, body) for start, end, phase, body in statuses(record) if phase in ("measure", "burst")]
    told = [float(str(body["concurrentExports"])) + float(str(body["queueDepth"])) for _, _, body in busy]
    inside = [record.surely_inside.least(start, end) for start, end, _ in busy]
    compared = [(claim, least) for claim, least in zip(told, inside, strict=True) if least >= 1]
    claims, certain = sum(claim for claim, _ in compared), sum(least for _, least in compared)
    if len(compared) >= COMPARED_LEAST and claims < TOLD_SHARE * certain:
        return failed(
            f"/export/status tells of {claims / len(compared):.1f} exports running or waiting on average while "
            f"{certain / len(compared):.1f} were surely under way ({len(compared)} calls)"
        )
    most = [record.in_flight.most(start, end, SETTLE_S) for start, end, _ in busy]
    excess = [(claim, seen) for claim, seen in zip(told, most, strict=True) if claim > seen]
    if len(excess) > max(2, 0.1 * len(busy)) and not any(hit.status is None for hit in record.posts):
        claim, seen = max(excess)
        return failed(
            f"/export/status tells of {claim:g} exports running or waiting while at most {seen} requests were under "
            f"way ({len(excess)} of {len(busy)} calls)"
        )
    if len(probes) < PROBES_LEAST:
        return no_data(f"/export/status was asked {len(probes)} times")
    held = (
        f"and fit the exports surely under way in {len(compared)} of them"
        if len(compared) >= COMPARED_LEAST
        else f"in {len(compared)} of them an export was surely under way, too few to hold its counts against exports"
    )
    return passed(f"{len(probes)} calls of /export/status were answered with the contract's fields; {held}")


def _status_problem(body: dict[str, object], now: float) -> str | None:
    for key in ("concurrentExports", "queueDepth", "maxConcurrentExports"):
        value = body.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"{key} is {value!r}, no count"
    if body["maxConcurrentExports"] != MAX_CONCURRENT:
        return f"maxConcurrentExports is {body['maxConcurrentExports']}, not {MAX_CONCURRENT}"
    if body.get("status") != "ready":
        return f"status is {body.get('status')!r}, not 'ready'"
    if not isinstance(body.get("version"), str) or not body["version"]:
        return f"version is {body.get('version')!r}"
    if not is_plausible_time(body.get("timestamp"), now):
        return f"timestamp {body.get('timestamp')!r} is no ISO 8601 of the time"
    return None
