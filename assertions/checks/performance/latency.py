"""Checks: how long exports take, by the client's clock and by the target's, and whether both fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assertions.contract import FORMATS
from assertions.limits import Limit, Limits
from assertions.prometheus.exposition import Histogram
from assertions.record.phases import JudgedFor
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.stats import binomial_cdf, lower_rank, median, needed_for_upper, percentile, upper_rank
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, missed_bounds, no_data, passed

LARGE = 10_000
"""Records of the exports that the latency limit applies to."""

TIME_SHARE, TIME_MS = 0.1, 10
"""Share of a time, and ms, by which histogram and answers may differ: they are taken at two moments."""
ABOVE_TIMES, ABOVE_MS, ABOVE_SHARE = 1.02, 50, 0.02
"""A target may report this many times, and this many ms, more than the client saw; this share may report even more."""
LONG_RECORDS = 5_000
"""Records of exports that can't take no time."""
ZERO_LEAST, SAME_LEAST = 5, 20
"""Such exports from which on times of 0, or equal times, are no accident."""
TRANSFERS = 2
"""A request's transfer may take this many times as long as the download of its file."""
ALLOWED_MS, TRANSFER_SHARE = 25, 0.5
"""What connecting takes, and the share of a request's time that may be transfer."""
LONG_TIMES = 3
"""Only requests of this many times their allowance are compared: in others the allowance hides all."""
SHARES_LEAST, REPORTED_SHARE = 3, 0.7
"""From this many requests on, half of them must report this share; a proxy, an upload or a slow accept takes less."""
SMOKE_LEAST = 5
"""Exports of 1k records below which their time is not judged at all."""


def latency_ms(hit: Hit) -> float:
    """Return the time from the intended start, in ms, so that a stall counts for every request that it delays."""
    return (hit.end - hit.intended) * 1000


def server_ms(record: ScenarioRecord, hit: Hit) -> float | None:
    """Return `processingTime` of an answer, in ms; None where it is no number."""
    value = record.answers.get(hit.id, {}).get("processingTime")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def p95_outside(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Exact P95 of 10k-record exports by the client's clock, with its confidence interval."""
    limit = limits["latency_p95_ms"]
    hits = [hit for hit in record.exports_for(JudgedFor.LATENCY) if (hit.records or 0) >= LARGE]
    # a request without an answer took at least as long as its client waited
    values = [latency_ms(hit) for hit in hits if hit.status == 200 or hit.error == "timeout"]
    if not values:
        return no_data("no export of 10k records was answered under load", limit=limit)
    judged = _sure(limit, values, "exports of 10k records")
    if judged.status == "FAIL":
        return judged
    for fmt in FORMATS:
        times = [latency_ms(hit) for hit in hits if hit.format == fmt and hit.status == 200]
        if times:
            of_format = judge_reading(
                limit, _p95(times, "hits.jsonl"), f"P95 of {len(times)} {fmt} exports of 10k records"
            )
            if of_format.status == "FAIL":
                return of_format
    return judged


def _sure(limit: Limit, values: Sequence[float], what: str) -> Judgement:
    """Judge the P95 of latencies (ms); PASS only where the upper end of its 95 % interval holds too."""
    subject = f"P95 of {len(values)} {what}"
    worst = judge_reading(limit, _p95(values, "hits.jsonl"), subject)
    if worst.status != "PASS":
        return worst
    rank = upper_rank(len(values), 0.95)
    if rank is None:
        more = needed_for_upper(0.95) - len(values)
        return no_data(
            f"{subject} has no upper bound yet: inconclusive, needs {more} more", *worst.readings, limit=limit
        )
    high = sorted(values)[rank - 1]
    if not limit.holds(high):
        return no_data(
            f"{worst.reason}, but at 95 % confidence it may be as high as {show(high, 'ms')}: inconclusive, needs more "
            "exports",
            *worst.readings,
            limit=limit,
        )
    return passed(
        worst.reason,
        *worst.readings,
        limit=limit,
        catches=f"a true P95 of {show(limit.target, 'ms')} or more would not have passed with a probability of "
        f"at least {100 * binomial_cdf(rank - 1, len(values), 0.95):.1f} %, if exports are independent; "
        f"upper confidence bound of the P95: {show(high, 'ms')} (95 %)",
    )


def _p95(values: Sequence[float], source: str) -> Reading:
    ordered = sorted(values)
    low, high = lower_rank(len(ordered), 0.95), upper_rank(len(ordered), 0.95)
    return Reading(
        name="P95 latency",
        value=percentile(ordered, 0.95),
        unit="ms",
        source=source,
        count=len(ordered),
        low=ordered[low - 1] if low else None,
        high=ordered[high - 1] if high else None,
    )


def added_ms(record: ScenarioRecord, **labels: str) -> Histogram | None:
    """Return what the scenario added to the latency histogram; None where it could not be read."""
    if record.before is None or record.after is None:
        return None
    after = record.after.histogram("export_latency_ms", **labels)
    return after.minus(record.before.histogram("export_latency_ms", **labels)) if after else None


def p95_target(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's own P95 of large exports: the bucket in which its histogram has it, and its answers within that.

    A bucket may be far wider than the distance to the limit, so interpolating would judge the bucket's bounds. The
    histogram gives the bounds here, and the answers' processingTime, which the target reports too, the value in them.
    """
    limit = limits["latency_p95_ms"]
    done = [hit for hit in record.done if (hit.records or 0) >= LARGE]
    if not done:
        return no_data("no export of 10k records was finished, whatever the target's histogram counts", limit=limit)
    added = added_ms(record, size="large")
    bounds = added.quantile_bounds(0.95) if added else None
    if added is None or bounds is None:
        return no_data("the target's latency histogram counted no large export", limit=limit)
    low, high = bounds
    answered = [server_ms(record, hit) for hit in done]
    known = [value for value in answered if value is not None]
    exact = percentile(known, 0.95) if known and len(known) == len(answered) else None
    value = exact if exact is not None else added.quantile(0.95)
    reading = Reading(
        name="P95 latency by the target",
        value=value,
        unit="ms",
        source="scrapes.jsonl, export_latency_ms; hits.jsonl, processingTime",
        count=round(added.count or 0),
        low=low,
        high=high if math.isfinite(high) else None,
    )
    within = f"its histogram has it between {show(low, 'ms')} and {show(high, 'ms')}"
    if not limit.holds(low) and low > 0:
        return failed(
            f"P95 of {reading.count} exports of 10k records by the target: {within} "
            f"({missed_bounds(limit, max(low, value or low))})",
            reading,
            limit=limit,
            critical=limit.is_critical(max(low, value or low)),
        )
    if math.isinf(high) and limit.holds(low):
        return failed(
            f"the histogram's highest bound is {show(low, 'ms')}, and its P95 lies beyond it: neither a person nor an "
            f"alert can see in it whether the limit {limit} holds",
            reading,
            limit=limit,
        )
    # failed exports may be in the histogram too
    comparable = exact is not None and not any(hit.status in (500, 507) for hit in record.exports)
    low_ms, high_ms = low * (1 - TIME_SHARE) - TIME_MS, high * (1 + TIME_SHARE) + TIME_MS
    if exact is not None and comparable and not low_ms <= exact <= high_ms:
        return failed(f"the P95 of the target's answers is {show(exact, 'ms')}, but {within}", reading, limit=limit)
    return judge_reading(limit, reading, f"P95 of {reading.count} exports of 10k records by the target ({within})")


def answers_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each answer's processingTime is no more than the client saw, and not less than the transfer explains."""
    if not record.done:
        return no_data("no export was finished")
    answered = [(hit, value) for hit in record.done if (value := server_ms(record, hit)) is not None]
    if len(answered) < len(record.done):
        return failed(
            f"{len(record.done) - len(answered)} of {len(record.done)} answers have no processingTime in milliseconds"
        )
    above = [(hit, value) for hit, value in answered if value > (hit.end - hit.start) * 1000 * ABOVE_TIMES + ABOVE_MS]
    allowed = max(1, int(ABOVE_SHARE * len(answered)))
    if len(above) > allowed:
        hit, value = above[0]
        return failed(
            f"{len(above)} of {len(answered)} answers report more time than the client saw: {hit.id} reports "
            f"{show(value, 'ms')}, the client saw {show((hit.end - hit.start) * 1000, 'ms')}"
        )
    large = [value for hit, value in answered if (hit.records or 0) >= LONG_RECORDS]
    if len(large) >= ZERO_LEAST and sum(value <= 0 for value in large) > len(large) / 2:
        return failed(f"processingTime is 0 or less in most of {len(large)} answers to large exports")
    if len(large) >= SAME_LEAST and len(set(large)) == 1:
        return failed(f"processingTime is {large[0]:g} ms in all {len(large)} answers to large exports")
    return _not_less(record, answered, allowed)


def _not_less(record: ScenarioRecord, answered: Sequence[tuple[Hit, float]], allowed: int) -> Judgement:
    """Fail where the target reports less time than the client saw, beyond what the transfer explains.

    allowed: answers that may report more time than the client saw.
    """
    compared = 0
    moving = [fetch.end - fetch.start for fetch in record.fetched.values() if fetch.status == 200]
    transfer_ms = TRANSFERS * 1_000 * median(moving) if moving else 0.0
    for phases in _alike(record):
        shares = []
        for hit, value in answered:
            seen = (hit.end - hit.start) * 1000
            allowance = ALLOWED_MS + min(transfer_ms, TRANSFER_SHARE * seen)
            if hit.phase in phases and seen > LONG_TIMES * allowance:
                shares.append((value + allowance) / seen)
        compared += len(shares) if len(shares) >= SHARES_LEAST else 0
        if len(shares) >= SHARES_LEAST and median(shares) < REPORTED_SHARE:
            return failed(
                f"in half of {len(shares)} long exports ({', '.join(phases)}) the target reports less than "
                f"{show(median(shares), 'ratio')} of the time that the client saw, the transfer allowed for"
            )
    less = (
        f", or less than {show(REPORTED_SHARE, 'ratio')} of it in half of the long ones ({compared} compared), the "
        "transfer allowed for,"
    )
    return passed(
        f"processingTime of {len(answered)} answers fits the client's clock",
        catches=f"{ABOVE_TIMES:g} times the client's time and {ABOVE_MS} ms in more than {allowed} answers"
        f"{less if compared else ''} would not have passed",
    )


def _alike(record: ScenarioRecord) -> tuple[tuple[str, ...], ...]:
    """Return the names of phases by their kind of load: steady, a crowd, one export after the other."""
    steady, crowd = record.names_for(JudgedFor.LATENCY), record.names_for(JudgedFor.ADMISSION)
    one_by_one = {phase.name for phase in record.plan.phases if phase.mode == "sequence" and phase.judged_for}
    return tuple(sorted(steady)), tuple(sorted(crowd - steady)), tuple(sorted(one_by_one - steady - crowd))


def smoke_latency(record: ScenarioRecord, limits: Limits) -> Judgement:
    """P95 of 1k-record exports, made one after the other."""
    hits = record.exports_for(JudgedFor.LATENCY)
    values = [latency_ms(hit) for hit in hits if hit.status == 200 or hit.error == "timeout"]
    limit = limits["smoke_latency_ms"]
    if len(values) < SMOKE_LEAST:
        return no_data(f"{len(values)} exports of 1k records were answered, and {SMOKE_LEAST} are needed", limit=limit)
    return _sure(limit, values, "exports of 1k records")
