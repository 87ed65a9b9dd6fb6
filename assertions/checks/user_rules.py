"""Checks of the user's own rules: the `[[rule]]` tables of the limits file, each judged once, on the raw hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import fmean

import msgspec

from assertions.checks.check import Records, RunRecordCheck
from assertions.checks.metrics.success import beyond_limits
from assertions.checks.performance.latency import latency_ms
from assertions.limits import QUANTILES, Limits, Rule
from assertions.record.phases import JudgedFor
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.stats import (
    CONFIDENCE,
    lower_rank,
    more_needed,
    needed_for_upper,
    percentile,
    proportion_bounds,
    share_is_certain,
    upper_rank,
)
from assertions.units import show, show_against
from assertions.verdicts import SCENARIOS, Judgement, Reading, judge_reading, no_data, passed

SOURCE = "hits.jsonl"
WHOLE: Mapping[str, Callable[[Sequence[float]], float]] = {"max": max, "mean": fmean}
"""Statistics of the very exports that were made: they describe no others, so they have no confidence bound."""


def rule_checks(limits: Limits) -> tuple[RunRecordCheck, ...]:
    """Return one check for each of the user's rules."""
    return tuple(
        RunRecordCheck(
            id=rule.verdict_id,
            title=f"Rule: {subject(rule)} {rule.condition}",
            scenarios=_scenarios(rule),
            judge=partial(_judge, rule),
            by_clock=True,
            additional=False,
        )
        for rule in limits.rules
    )


def _scenarios(rule: Rule) -> tuple[str, ...]:
    return SCENARIOS if rule.scenario is None else (rule.scenario,)


def measure(rule: Rule, records: Records) -> float | None:
    """Return the statistic that a rule speaks of, of another run; None where that lacks a scenario or such exports."""
    there = {name: records[name] for name in _scenarios(rule) if name in records}
    if len(there) < len(_scenarios(rule)):
        return None
    absolute = msgspec.structs.replace(rule, target=0.5, baseline=None)
    readings = _judge_statistic(absolute, there).readings
    return readings[0].value if readings else None


def subject(rule: Rule) -> str:
    """Return what a rule applies to: `p95 of csv-10k exports in load, phase measure`."""
    what = rule.case or rule.format or "all"
    where = f" in {rule.scenario}" if rule.scenario else ""
    return f"{rule.statistic} of {what} exports{where}" + (f", phase {rule.phase}" if rule.phase else "")


def _judge(rule: Rule, records: Records, _limits: Limits) -> Judgement:
    """Judge the rule's statistic of its exports; a relative one against the baseline's, over the same scenarios."""
    if rule.baseline is not None:
        missing = [name for name in _scenarios(rule) if name not in records]
        if missing:
            return no_data(f"{subject(rule)}: the scenario {missing[0]} has not been run")
        if rule.target is None:
            return no_data(
                f"{subject(rule)}: no figure of a baseline is there to compare with; name a run that has one by "
                "`run --baseline`"
            )
    return _judge_statistic(rule, records)


def _judge_statistic(rule: Rule, records: Records) -> Judgement:
    match rule.statistic:
        case "rate":
            return _judge_rate(rule, records)
        case "success":
            return _judge_success(rule, records)
        case _:
            return _judge_latency(rule, records)


def _hits(rule: Rule, record: ScenarioRecord, *purposes: JudgedFor) -> tuple[Hit, ...]:
    """Return a scenario's exports to which the rule applies.

    purposes: what the phases are judged for, where the rule names no phase; none: every phase.
    """
    if rule.phase is not None:
        hits = record.of_phase(rule.phase)
    else:
        hits = record.exports_for(*purposes) if purposes else record.exports
    return tuple(hit for hit in hits if rule.case in (None, hit.case) and rule.format in (None, hit.format))


def _none_found(rule: Rule) -> Judgement:
    return no_data(f"{subject(rule)}: the run has no export to judge it by", limit=rule.limit)


def _judge_latency(rule: Rule, records: Records) -> Judgement:
    hits = [hit for record in records.values() for hit in _hits(rule, record, JudgedFor.LATENCY)]
    # a request without an answer took at least as long as its client waited
    values = sorted(latency_ms(hit) for hit in hits if hit.status == 200 or hit.error == "timeout")
    if not values:
        return _none_found(rule)
    if rule.statistic in WHOLE:
        reading = Reading(
            name=rule.statistic,
            value=WHOLE[rule.statistic](values),
            unit=rule.unit,
            source=SOURCE,
            count=len(values),
        )
        return judge_reading(rule.limit, reading, f"{subject(rule)} ({len(values):,} exports)")
    return _judge_percentile(rule, values, QUANTILES[rule.statistic])


def _judge_percentile(rule: Rule, values: Sequence[float], q: float) -> Judgement:
    """Judge a percentile of ordered latencies (ms); PASS only where its confidence bound holds too."""
    count = len(values)
    low, high = lower_rank(count, q), upper_rank(count, q)
    reading = Reading(
        name=rule.statistic,
        value=percentile(values, q),
        unit=rule.unit,
        source=SOURCE,
        count=count,
        low=values[low - 1] if low else None,
        high=values[high - 1] if high else None,
    )
    # at most 5 % of a distribution lie above its P95, and at most 95 % below
    from_above = rule.op in ("<", "<=")
    share = q if from_above else 1 - q
    holding = sum(rule.limit.holds(value) for value in values)
    bound = reading.high if from_above else reading.low
    least = needed_for_upper(share)
    more = least - count if count < least else more_needed(holding, count, share)
    return _judge_certain(rule, reading, certain=share_is_certain(holding, count, share), bound=bound, more=more)


def _judge_success(rule: Rule, records: Records) -> Judgement:
    hits = [hit for record in records.values() for hit in _hits(rule, record) if not beyond_limits(record, hit)]
    if not hits:
        return _none_found(rule)
    done = sum(hit.status == 200 for hit in hits)
    low, high = proportion_bounds(done, len(hits))
    reading = Reading(
        name=rule.statistic,
        value=done / len(hits),
        unit=rule.unit,
        source=SOURCE,
        count=len(hits),
        low=low,
        high=high,
    )
    floor = rule.op in (">", ">=")
    holding, share = (done, rule.limit.target) if floor else (len(hits) - done, 1 - rule.limit.target)
    return _judge_certain(
        rule,
        reading,
        certain=share_is_certain(holding, len(hits), share),
        bound=low if floor else high,
        more=more_needed(holding, len(hits), share),
    )


def _judge_certain(rule: Rule, reading: Reading, *, certain: bool, bound: float | None, more: int) -> Judgement:
    """Compare the reading with the limit; a PASS takes certainty at 95 % confidence, else more exports are needed."""
    judged = judge_reading(rule.limit, reading, f"{subject(rule)} ({reading.count or 0:,} exports)")
    if judged.status != "PASS":
        return judged
    if not certain:
        may_be = (
            "it has no confidence bound yet"
            if bound is None
            else f"it may be {show_against(bound, rule.unit, rule.limit.holds)}"
        )
        return no_data(
            f"{judged.reason}, but at {100 * CONFIDENCE:.0f} % confidence {may_be}: inconclusive, needs {more:,} more "
            f"export{'s' if more != 1 else ''}",
            reading,
            limit=rule.limit,
        )
    beyond = "" if bound is None else f"; its confidence bound is {show(bound, rule.unit)}"
    return passed(
        judged.reason,
        reading,
        limit=rule.limit,
        catches=f"a true {rule.statistic} beyond the limit {rule.limit} would not have passed with a probability of at "
        f"least {100 * CONFIDENCE:.0f} %, if exports are independent{beyond}",
    )


def _judge_rate(rule: Rule, records: Records) -> Judgement:
    """Judge finished exports per second, in the phase that is the worst for the rule."""
    rates = [rate for record in records.values() for rate in _rates(rule, record)]
    if not any(rate.count for rate in rates):
        return _none_found(rule)
    worst = min if rule.op in (">", ">=") else max
    return judge_reading(rule.limit, worst(rates, key=lambda rate: rate.value or 0.0), subject(rule))


def _rates(rule: Rule, record: ScenarioRecord) -> Iterator[Reading]:
    """Yield the finished exports per second of each phase, from its first request for an export to its last answer."""
    hits = _hits(rule, record, JudgedFor.THROUGHPUT)
    for phase in dict.fromkeys(hit.phase for hit in hits):
        done = sum(hit.status == 200 for hit in hits if hit.phase == phase)
        load = record.of_phase(phase)
        span_s = max(hit.end for hit in load) - min(hit.start for hit in load)
        if span_s > 0:
            yield Reading(
                name=rule.statistic,
                value=done / span_s,
                unit=rule.unit,
                source=f"{record.name}/{SOURCE}, phase {phase}",
                count=done,
            )
