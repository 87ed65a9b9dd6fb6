"""Stress, the pure part: which rate is tried next, what a step showed, and what a search found.

A step is one stretch of open arrivals of one case at one rate, a scenario with a raw record of its own. What it showed
is a function of that record and the limits, so it can be recomputed from the files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from assertions.limits import Limits
from assertions.record.types import Hit, Scenario
from assertions.stats import percentile_or_none

SCHEMA = 1
LATENCY, SUCCESS = "latency_p95_ms", "success_ratio"
"""The limits that a rate must keep."""
REFUSED = (413, 429, 503)
BACKLOG_GROWTH = 0.1
"""Seconds of latency gained a second of load. A queue that is asked for a share r more than it can do gains r."""
GROWN = 1.25
"""Latency of the last third over that of the first, below which it did not grow."""
CLOSE = 1.5
"""A break point is found when the lowest rate that broke is at most so many times the highest that held."""
LOWEST = 1 / 10
"""Of the first rate: below it no rate is tried."""
MOST_STEPS = 9
TRIES = 2
"""At one rate, where the generator was the bottleneck."""
OTHERS_NOTED = 0.15
"""Share of the machine; where other processes used more, the reason of a break says so."""
LEAST_ARRIVALS = 6
"""Also the fewest that can show a growth: two in each third."""
LONGEST_S = 30.0
"""Of a step whose arrivals are rare."""

Word = Literal["held", "broke", "no data"]
Outcome = Literal["held", "at least", "below", "no data"]
"""held: the break point lies between two rates; at least: the highest rate tried held; below: no rate tried held;
no data: the generator gave out before the target did, or nothing could be measured."""


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the results of stress: frozen, closed against unknown keys."""


class Percentiles(Value, frozen=True, kw_only=True):
    """Of all raw latencies of a step, nearest rank; a request that timed out counts with the time it waited."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Step(Value, frozen=True, kw_only=True):
    """What one rate showed."""

    number: int
    rate_per_s: float
    """Arrivals asked for."""
    seconds: float
    """How long they came."""
    planned: int
    done: int
    """Answered with 200."""
    refused: int
    """Answered with 413, 429 or 503."""
    failed: int
    """All else that was not done: other statuses, timeouts, connections that broke."""
    intended: Percentiles | None
    """Latency from the intended start; None: nothing was answered."""
    sent: Percentiles | None
    """Latency from the real start: what a closed generator would have seen."""
    growth: float | None
    """Seconds that the latency gained a second of load; None: too few requests."""
    start_delay_p99_ms: float | None
    """How late requests were sent."""
    cpu_ratio: float | None
    """Of the generator's busiest process."""
    others_ratio: float | None = None
    """Share of the machine that neither target nor load used; None: the target's processes are not to be seen."""
    word: Word
    reason: str


class CaseResult(Value, frozen=True, kw_only=True):
    """What the search found for one case."""

    case: str
    format: str
    records: int
    body_bytes: int
    unloaded_ms: tuple[float, ...]
    """Latencies of exports made one at a time, before the load."""
    outcome: Outcome
    highest_held_per_s: float | None
    lowest_broke_per_s: float | None
    reason: str
    steps: tuple[Step, ...]


class Stress(Value, frozen=True, kw_only=True):
    """A whole session; `stress.json` is this."""

    schema: int = SCHEMA
    target: str
    """Base URL, without credentials."""
    seed: int
    limits_sha256: str
    latency_limit: str
    success_limit: str
    found: tuple[CaseResult, ...]


class Search(Value, frozen=True, kw_only=True):
    """How rates are tried."""

    first_per_s: float
    most_per_s: float
    least_per_s: float = 0.0
    """Below it no rate is tried: a step of it would be one single export."""
    ladder: tuple[float, ...] = ()
    """These rates in ascending order, up to the first that breaks; empty: doubled until one breaks, then closed in."""
    once: bool = False
    """A single export already exceeds the limit, so only one rate is tried."""


def search_for(
    unloaded_ms: Sequence[float], ladder: Sequence[float], most_per_s: float, limits: Limits, seconds: float = 0.0
) -> Search:
    """Begin at the rate at which exports made one after the other come. seconds: of a step, at least."""
    if ladder:
        rates = tuple(sorted(set(ladder)))
        return Search(first_per_s=rates[0], most_per_s=rates[-1], ladder=rates)
    typical_ms = percentile_or_none(unloaded_ms, 0.5) or 1000.0
    first_per_s = min(_round(1000 / max(typical_ms, 0.1)), most_per_s)
    return Search(
        first_per_s=first_per_s,
        most_per_s=most_per_s,
        least_per_s=max(first_per_s * LOWEST, 2 / max(seconds, LONGEST_S)),
        once=bool(unloaded_ms) and not limits[LATENCY].holds(min(unloaded_ms)),
    )


def next_rate(search: Search, steps: Sequence[Step]) -> float | None:
    """The next arrivals a second to try after these steps; None: the search is over."""
    if not steps:
        return search.first_per_s
    last = steps[-1]
    if last.word == "no data":
        tries = sum(step.rate_per_s == last.rate_per_s for step in steps)
        return last.rate_per_s if tries < TRIES else None
    held, broke = bounds(steps)
    if search.once:
        return None
    if search.ladder:
        return next((rate for rate in search.ladder if held is not None and rate > held), None) if not broke else None
    if len(steps) >= MOST_STEPS:
        return None
    if broke is None:
        rate = min(_round((held or 0) * 2), search.most_per_s)
        return rate if rate > (held or 0) else None
    if held is None:
        return _round(broke / 2) if broke / 2 >= search.least_per_s else None
    middle = _round(math.sqrt(held * broke))
    return middle if broke / held > CLOSE and held < middle < broke else None


def bounds(steps: Iterable[Step]) -> tuple[float | None, float | None]:
    """The highest rate that held and the lowest that broke."""
    steps = tuple(steps)
    held = max((step.rate_per_s for step in steps if step.word == "held"), default=None)
    broke = min((step.rate_per_s for step in steps if step.word == "broke"), default=None)
    return held, broke


def step_seconds(rate_per_s: float, seconds: float) -> float:
    """How long a step lasts: as asked, but with enough arrivals for a result, and at most 30 s."""
    return max(seconds, min(LEAST_ARRIVALS / rate_per_s, LONGEST_S))


def judge_step(
    number: int,
    rate_per_s: float,
    seconds: float,
    hits: Sequence[Hit],
    scenario: Scenario,
    limits: Limits,
    others_ratio: float | None = None,
) -> Step:
    """What one step's raw record shows: held, broke or no data, with its first reason."""
    hits = sorted(hits, key=lambda hit: hit.intended)
    done = [hit for hit in hits if hit.status == 200]
    refused = [hit for hit in hits if hit.status in REFUSED]
    # one that was never answered took at least as long as its client waited
    timed = [hit for hit in hits if hit.status == 200 or hit.error == "timeout"]
    intended = percentiles([(hit.end - hit.intended) * 1000 for hit in timed])
    growth, grown = _growth(timed)
    phases = scenario.phases
    planned = phases[0].planned if phases else 0
    start_delays_ms = percentile_or_none([(hit.start - hit.intended) * 1000 for hit in hits], 0.99)
    word: Word = "no data"
    reason = _unfit(hits, planned, start_delays_ms, scenario, limits)
    if reason is None:
        broken = _silent(scenario) or _broken(planned, done, refused, intended, growth if grown else None, limits)
        word = "broke" if broken else "held"
        reason = broken or _kept(planned, len(done), intended)
        if broken and others_ratio is not None and others_ratio > OTHERS_NOTED:
            reason += f" (others kept {others_ratio:.0%} of the machine busy)"
    return Step(
        number=number,
        rate_per_s=rate_per_s,
        seconds=seconds,
        planned=planned,
        done=len(done),
        refused=len(refused),
        failed=len(hits) - len(done) - len(refused),
        intended=intended,
        sent=percentiles([(hit.end - hit.start) * 1000 for hit in timed]),
        growth=growth,
        start_delay_p99_ms=start_delays_ms,
        cpu_ratio=scenario.generator.cpu_ratio,
        others_ratio=others_ratio,
        word=word,
        reason=reason,
    )


def _silent(scenario: Scenario) -> str | None:
    """Return the reason where the load was ended because the target answered no more."""
    return next((phase.note for phase in scenario.phases if phase.ended == "timed out"), None)


def percentiles(values_ms: Sequence[float]) -> Percentiles | None:
    """Nearest rank, of all values; None of none."""
    p50, p95, p99 = (percentile_or_none(values_ms, ratio) for ratio in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return None
    return Percentiles(count=len(values_ms), p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _unfit(
    hits: Sequence[Hit], planned: int, start_delays_ms: float | None, scenario: Scenario, limits: Limits
) -> str | None:
    """Why the step says nothing of the target; None: the load was what was asked."""
    made = scenario.generator
    if not planned:
        return "no request was due"
    cut = next((phase for phase in scenario.phases if phase.ended not in ("complete", "timed out")), None)
    if cut is not None:
        return f"the load was cut short: {cut.note}"
    if _silent(scenario) is None and len(hits) != planned:
        return f"{len(hits)} of {planned} requests were recorded"
    if made.exit_code != 0 or made.end_marks != made.workers:
        return f"the load generator ended with {made.exit_code} and {made.end_marks} of {made.workers} end marks"
    unsent = sum(hit.error == "not-sent" for hit in hits)
    if unsent:
        return f"the generator had no connection left for {unsent} of {planned} requests"
    for value, limit_id, what in (
        # connections there are enough, so that every late start is the generator's own
        (start_delays_ms, "generator_scheduling_delay_p99_ms", "its lateness P99"),
        (made.cpu_ratio, "generator_cpu_ratio", "its share of a core"),
        (made.event_loop_lag_p99_ms, "generator_event_loop_lag_p99_ms", "its event-loop lag P99"),
    ):
        limit = limits[limit_id]
        if value is None or not limit.holds(value):
            seen = "unknown" if value is None else f"{value:.3g} {limit.unit}"
            return f"the generator was the bottleneck: {what} was {seen} (limit {limit})"
    return None


def _broken(
    planned: int,
    done: Sequence[Hit],
    refused: Sequence[Hit],
    intended: Percentiles | None,
    growth: float | None,
    limits: Limits,
) -> str | None:
    """The first limit that did not hold; None: all did."""
    latency, success = limits[LATENCY], limits[SUCCESS]
    if refused:
        return f"{len(refused)} of {planned} refused with {refused[0].status}"
    if not success.holds(len(done) / planned):
        return f"{len(done)} of {planned} done, success {len(done) / planned:.1%} (limit {success})"
    if intended is None or not latency.holds(intended.p95_ms):
        return f"P95 {_ms(intended.p95_ms if intended else None)} (limit {latency})"
    if growth is not None and growth > BACKLOG_GROWTH:
        return f"it falls behind: latency grew by {growth:.2f} s each second, and would go on"
    return None


def _kept(planned: int, done: int, intended: Percentiles | None) -> str:
    return f"{done} of {planned} done, P95 {_ms(intended.p95_ms if intended else None)}"


def _growth(timed: Sequence[Hit]) -> tuple[float | None, bool]:
    """(seconds of latency gained a second of load, whether it grew at all), by the medians of first and last third."""
    third = len(timed) // 3
    if len(timed) < LEAST_ARRIVALS:
        return None, False
    first, last = timed[:third], timed[-third:]
    before, after = (percentile_or_none([hit.end - hit.intended for hit in part], 0.5) or 0.0 for part in (first, last))
    apart = sum(hit.intended for hit in last) / third - sum(hit.intended for hit in first) / third
    if apart <= 0:
        return None, False
    return (after - before) / apart, after > GROWN * before


def conclude(
    case: str,
    fmt: str,
    records: int,
    body_bytes: int,
    unloaded: Sequence[Hit],
    steps: Sequence[Step],
    limits: Limits,
) -> CaseResult:
    """What a case's record shows as a whole."""
    held, broke = bounds(steps)
    outcome: Outcome
    undone = next((hit for hit in unloaded if hit.status != 200), None)
    if not steps and undone is not None:
        what = f"ended with {undone.error}" if undone.status is None else f"was answered with {undone.status}"
        outcome, reason = "below", f"one export at rest {what}"
    elif not steps:
        outcome, reason = "no data", "nothing was measured"
    elif steps[-1].word == "no data":
        before = f"; it held up to {held:g}/s" if held is not None else ""
        outcome, reason = "no data", f"at {steps[-1].rate_per_s:g}/s {steps[-1].reason}{before}"
    elif held is None:
        outcome, reason = "below", next(step.reason for step in steps if step.rate_per_s == broke)
        unloaded_ms = min(((hit.end - hit.start) * 1000 for hit in unloaded), default=0.0)
        if unloaded_ms and not limits[LATENCY].holds(unloaded_ms):
            reason += f"; a single export at rest already took {_ms(unloaded_ms)}"
    elif broke is None:
        outcome, reason = "at least", "the highest rate tried held"
    else:
        outcome, reason = "held", next(step.reason for step in steps if step.rate_per_s == broke)
    return CaseResult(
        case=case,
        format=fmt,
        records=records,
        body_bytes=body_bytes,
        unloaded_ms=tuple((hit.end - hit.start) * 1000 for hit in unloaded if hit.status == 200),
        outcome=outcome,
        highest_held_per_s=held if outcome != "no data" else None,
        lowest_broke_per_s=broke,
        reason=reason,
        steps=tuple(steps),
    )


def exit_code(found: Iterable[CaseResult]) -> int:
    """0: every case has a rate; 1: one held at none; 2: one could not be measured, or there was none."""
    outcomes = {one.outcome for one in found}
    return 1 if "below" in outcomes else 2 if "no data" in outcomes or not outcomes else 0


def deciding(found: CaseResult) -> Step | None:
    """Return the step whose latencies stand for a case: the highest that held, else the lowest that broke."""
    rate = found.highest_held_per_s if found.highest_held_per_s is not None else found.lowest_broke_per_s
    return next((step for step in found.steps if step.rate_per_s == rate and step.word != "no data"), None)


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f} ms"


def _round(rate: float) -> float:
    """Three significant digits: what is written is what is asked."""
    return float(f"{rate:.3g}")
