"""How long exports take, by the client's clock and by the target's, and whether both can be true."""

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
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

LARGE = 10_000
"""Records of the exports that the latency limit speaks of."""


def latency_ms(hit: Hit) -> float:
    """From the intended start, so that a stall counts against all who wait for it."""
    return (hit.end - hit.intended) * 1000


def server_ms(record: ScenarioRecord, hit: Hit) -> float | None:
    """`processingTime` of an answer, in ms; None where it is no number."""
    value = record.answers.get(hit.id, {}).get("processingTime")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def p95_outside(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Exact P95 of 10k-record exports by the client's clock, with its confidence interval."""
    limit = limits["latency_p95_ms"]
    hits = [hit for hit in record.exports_for(JudgedFor.LATENCY) if (hit.records or 0) >= LARGE]
    # one that was never answered took at least as long as its client waited
    values = [latency_ms(hit) for hit in hits if hit.status == 200 or hit.error == "timeout"]
    if not values:
        return no_data("no export of 10k records was answered under load", limit=limit)
    judged = _sure(limit, values, "exports of 10k records")
    if judged.status == "FAIL":
        return judged
    for fmt in FORMATS:
        mine = [latency_ms(hit) for hit in hits if hit.format == fmt and hit.status == 200]
        alone = (
            judge_reading(limit, _p95(mine, "hits.jsonl"), f"P95 of {len(mine)} {fmt} exports of 10k records")
            if mine
            else None
        )
        if alone is not None and alone.status == "FAIL":
            return alone
    return judged


def _sure(limit: Limit, values: Sequence[float], what: str) -> Judgement:
    """P95 of latencies (ms) against a limit; PASS only where the upper end of its 95 % interval holds too."""
    said = f"P95 of {len(values)} {what}"
    worst = judge_reading(limit, _p95(values, "hits.jsonl"), said)
    if worst.status != "PASS":
        return worst
    rank = upper_rank(len(values), 0.95)
    if rank is None:
        more = needed_for_upper(0.95) - len(values)
        return no_data(f"{said} has no upper bound yet: inconclusive, needs {more} more", *worst.readings, limit=limit)
    high = sorted(values)[rank - 1]
    if not limit.holds(high):
        return no_data(
            f"{worst.reason}, but at 95 % confidence it may be as high as {high:,.0f} ms: inconclusive, needs more "
            "exports",
            *worst.readings,
            limit=limit,
        )
    return passed(
        worst.reason,
        *worst.readings,
        limit=limit,
        catches=f"a true P95 of {limit.target:,.0f} ms or more would not have passed with a probability of at least "
        f"{100 * binomial_cdf(rank - 1, len(values), 0.95):.1f} %, if exports are independent; "
        f"upper confidence bound of the P95: {high:,.0f} ms (95 %)",
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
    if record.before is None or record.after is None:
        return None
    after = record.after.histogram("export_latency_ms", **labels)
    return after.minus(record.before.histogram("export_latency_ms", **labels)) if after else None


def p95_target(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's own P95 of large exports: the bucket that its histogram puts it in, and its answers within that.

    A bucket may be far wider than the distance to the limit, so interpolating would judge the bucket's bounds. The
    histogram gives the bounds here, and the answers' processingTime, the target's word too, the value in them.
    """
    limit = limits["latency_p95_ms"]
    done = [hit for hit in record.done if (hit.records or 0) >= LARGE]
    if not done:
        return no_data("no export of 10k records was done, whatever the target's histogram counts", limit=limit)
    added = added_ms(record, size="large")
    bounds = added.quantile_bounds(0.95) if added else None
    if added is None or bounds is None:
        return no_data("the target's latency histogram shows no large export", limit=limit)
    low, high = bounds
    told = [server_ms(record, hit) for hit in done]
    known = [value for value in told if value is not None]
    exact = percentile(known, 0.95) if known and len(known) == len(told) else None
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
    within = f"its histogram says {low:,.10g} to {high:,.10g} ms"
    if not limit.holds(low) and low > 0:
        return failed(
            f"the target's own P95 of {reading.count} large exports: {within} ({limit})",
            reading,
            limit=limit,
            critical=limit.is_critical(max(low, value or low)),
        )
    if math.isinf(high) and limit.holds(low):
        return failed(
            f"the histogram's highest bound is {low:,.10g} ms, and its P95 is beyond it: nobody can see in it whether "
            f"{limit} holds, and no alert can",
            reading,
            limit=limit,
        )
    alone = not any(hit.status in (500, 507) for hit in record.exports)  # failed ones may be in the histogram too
    if exact is not None and alone and not low * 0.9 - 10 <= exact <= high * 1.1 + 10:
        return failed(f"the P95 of the target's answers is {exact:,.0f} ms where {within}", reading, limit=limit)
    return judge_reading(limit, reading, f"the target's own P95 of {reading.count} large exports ({within})")


def answers_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each answer's processingTime fits between what the client saw and what the transfer explains."""
    if not record.done:
        return no_data("no export was done")
    told = [(hit, value) for hit in record.done if (value := server_ms(record, hit)) is not None]
    if len(told) < len(record.done):
        return failed(f"{len(record.done) - len(told)} of {len(record.done)} answers bear no processingTime in ms")
    above = [(hit, value) for hit, value in told if value > (hit.end - hit.start) * 1000 * 1.02 + 50]
    if len(above) > max(1, 0.02 * len(told)):
        hit, value = above[0]
        return failed(
            f"{len(above)} of {len(told)} answers claim more time than the client saw: {hit.id} says {value:,.0f} "
            f"ms of {(hit.end - hit.start) * 1000:,.0f} ms"
        )
    large = [value for hit, value in told if (hit.records or 0) >= 5_000]
    if len(large) >= 5 and sum(value <= 0 for value in large) > len(large) / 2:
        return failed(f"processingTime is 0 or less in most of {len(large)} answers to large exports")
    if len(large) >= 20 and len(set(large)) == 1:
        return failed(f"processingTime is {large[0]:g} ms in all of {len(large)} answers to large exports")
    return _not_less(record, told)


def _not_less(record: ScenarioRecord, told: Sequence[tuple[Hit, float]]) -> Judgement:
    """The target may not claim less than the client saw, beyond what transfer explains: medians of long exports."""
    moving = [fetch.end - fetch.start for fetch in record.fetched.values() if fetch.status == 200]
    transfer_ms = 2_000 * median(moving) if moving else 0.0
    for phases in _alike(record):
        shares = []
        for hit, value in told:
            seen = (hit.end - hit.start) * 1000
            allowance = 25 + min(transfer_ms, 0.5 * seen)
            if hit.phase in phases and seen > 3 * allowance:
                shares.append((value + allowance) / seen)
        # half the truth is a lie; what a proxy, an upload or a slow accept adds is less than that
        if len(shares) >= 3 and median(shares) < 0.7:
            return failed(
                f"in half of {len(shares)} long exports ({', '.join(phases)}) the target claims less than "
                f"{median(shares):.0%} of the time the client saw, transfer allowed for"
            )
    return passed(f"processingTime of {len(told)} answers fits what the client's clock saw")


def _alike(record: ScenarioRecord) -> tuple[tuple[str, ...], ...]:
    """Names of phases of one kind of load: under steady load, in a crowd, one export after the other."""
    steady, crowd = record.names_for(JudgedFor.LATENCY), record.names_for(JudgedFor.ADMISSION)
    one_by_one = {phase.name for phase in record.plan.phases if phase.mode == "sequence" and phase.judged_for}
    return tuple(sorted(steady)), tuple(sorted(crowd - steady)), tuple(sorted(one_by_one - steady - crowd))


def smoke_latency(record: ScenarioRecord, limits: Limits) -> Judgement:
    """1k-record exports, one after the other."""
    hits = record.exports_for(JudgedFor.LATENCY)
    values = [latency_ms(hit) for hit in hits if hit.status == 200 or hit.error == "timeout"]
    limit = limits["smoke_latency_ms"]
    if len(values) < 5:
        return no_data(f"only {len(values)} exports of 1k records were answered", limit=limit)
    return _sure(limit, values, "exports of 1k records")
