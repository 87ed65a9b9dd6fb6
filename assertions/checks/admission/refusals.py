"""Check: exports are refused only beyond the limits, with what a client needs to try again."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from assertions.checks.metrics.success import beyond_limits
from assertions.contract import MAX_QUEUE
from assertions.limits import Limits
from assertions.record.times import CLOCKS_S
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord, as_object
from assertions.verdicts import Fault, Judgement, failed_for, no_data, passed

RETRY_AFTER_MOST_S = 3600
"""Seconds; a queue of exports that take seconds each is empty long before."""
DEPTH_SHARE = 0.5
"""Share of a full queue that each 429 must report: a queue that moves may be read a little late."""
REFUSED_LEAST = 5
"""Answers with 429 of which at least one must report a full queue."""


def rejections(record: ScenarioRecord, limits: Limits) -> Judgement:
    """A 429 comes only when five run and a hundred wait, and says when to try again."""
    refused = _refused(record)
    faults = [*_within_limits(record, refused), *_answers(refused)]
    if faults:
        return failed_for(faults)
    if not record.exports:
        return no_data("no export was requested")
    return passed(
        f"{len(refused)} of {len(record.exports)} exports were refused, each beyond the limits and with Retry-After"
        if refused
        else f"none of {len(record.exports)} exports was refused",
        catches="one export refused within the limits would not have passed",
    )


def rejections_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """Return what is wrong with the answers of refused exports, whoever else asked at the time; None: nothing."""
    faults = list(_answers(_refused(record)))
    return failed_for(faults) if faults else None


def _refused(record: ScenarioRecord) -> list[Hit]:
    return [hit for hit in record.exports if hit.status in (429, 503)]


def _within_limits(record: ScenarioRecord, refused: list[Hit]) -> Iterator[Fault]:
    for hit in refused:
        if hit.status == 429 and not beyond_limits(record, hit):
            most = record.admitted.most(hit.start, hit.end)
            yield (
                "refused within the limits",
                f"{hit.id} was refused with 429 while at most {most} exports ran or waited",
            )


def _answers(refused: list[Hit]) -> Iterator[Fault]:
    for hit in refused:
        if hit.status == 503:
            yield "refused with 503", f"{hit.id} was refused with 503, though the service was not shutting down"
    full = [hit for hit in refused if hit.status == 429]
    for hit in full:
        if not _retry_after(hit.headers.get("retry-after"), hit):
            yield (
                "no usable Retry-After",
                f"the 429 of {hit.id} has no usable Retry-After: {hit.headers.get('retry-after')!r}",
            )
    depths: list[float] = []
    for hit in full:
        body = as_object(hit.answer) or {}
        depth = _number(body.get("queueDepth"))
        if depth is None or body.get("success") is not False or not body.get("error"):
            yield "an incomplete answer", f"the 429 of {hit.id} lacks success false, an error or queueDepth"
        elif depth < DEPTH_SHARE * MAX_QUEUE:
            yield (
                "a queue that is not full",
                f"the 429 of {hit.id} reports {depth:g} waiting, where {MAX_QUEUE} must wait",
            )
        else:
            depths.append(depth)
    # a queue that moves may be read a little late, but not each time
    if len(depths) >= REFUSED_LEAST and max(depths) < MAX_QUEUE:
        yield (
            "a queue that is never full",
            f"none of the {len(depths)} answers with 429 reports more than {max(depths):g} waiting, where {MAX_QUEUE} "
            "must wait",
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _retry_after(value: str | None, hit: Hit) -> bool:
    """Return whether a Retry-After is seconds up to an hour, or an HTTP date within that, as far as clocks agree."""
    if value is None:
        return False
    plain = value.strip()
    if plain.isascii() and plain.isdigit():
        return len(plain) < 6 and int(plain) <= RETRY_AFTER_MOST_S
    try:
        moment = parsedate_to_datetime(plain)
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None and -CLOCKS_S <= moment.timestamp() - hit.end <= RETRY_AFTER_MOST_S + CLOCKS_S
