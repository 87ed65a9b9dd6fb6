"""The success rate: by the target's counters, by its gauge, and from outside."""

from __future__ import annotations

from collections.abc import Mapping

from assertions.contract import FORMATS, MAX_QUEUE
from assertions.limits import Limit, Limits
from assertions.record.types import INTERRUPTED, Hit
from assertions.record.view import ScenarioRecord
from assertions.stats import CONFIDENCE, binomial_cdf, proportion_bounds
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

COUNTERS = "scrapes.jsonl, export_requests_total"


def beyond_limits(record: ScenarioRecord, hit: Hit) -> bool:
    """Whether a 429 was the contract's own word: a hundred waiting while it was asked, beside those that run.

    Only requests that were let in can fill the queue; those that were turned away themselves can't.
    """
    return hit.status == 429 and record.admitted.most(hit.start, hit.end) >= record.most_running + MAX_QUEUE


def success_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Exports done over exports asked for; within the limits a rejection is a failure too."""
    asked = [(record, hit) for record in records.values() for hit in record.exports]
    asked = [(record, hit) for record, hit in asked if not beyond_limits(record, hit)]
    return _proportion(
        sum(1 for _, hit in asked if hit.status == 200), len(asked), limits, "hits.jsonl", "exports done / asked for"
    )


def success_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """succeeded / (succeeded + failed) by the target's counters."""
    succeeded = failures = 0.0
    unread = None
    for record in records.values():
        ok, bad = (record.delta("export_requests_total", status=status) for status in ("succeeded", "failed"))
        if ok is None:
            unread = unread or record.name
            continue
        # what we broke off may be counted as failed, and is no fault of the target's
        ours = sum(1 for hit in record.posts if hit.error == INTERRUPTED)
        succeeded, failures = succeeded + ok, failures + max((bad or 0.0) - ours, min(bad or 0.0, 0.0))
    if succeeded < 0 or failures < 0:
        return no_data("the counters fell, so their ratio means nothing")
    judged = _proportion(
        round(succeeded), round(succeeded + failures), limits, COUNTERS, "the target's succeeded / (succeeded + failed)"
    )
    if unread is not None and judged.status != "FAIL":
        return no_data(f"export_requests_total could not be read in {unread}", limit=limits["success_ratio"])
    return judged


def _proportion(done: int, asked: int, limits: Limits, source: str, what: str) -> Judgement:
    limit = limits["success_ratio"]
    if asked == 0:
        return no_data(f"{what}: there was none", limit=limit)
    low, high = proportion_bounds(done, asked)
    reading = Reading(name=what, value=done / asked, unit="ratio", source=source, count=asked, low=low, high=high)
    judged = judge_reading(limit, reading, f"{what} ({done} of {asked})")
    if judged.status == "PASS" and not limit.holds(low):
        return no_data(
            f"{what} is {done / asked:.4f} ({done} of {asked}), but at 95 % confidence it may be as low as {low:.4f}: "
            f"inconclusive, needs {_more_needed(done, asked, limits)} more exports",
            reading,
            limit=limit,
        )
    if judged.status != "PASS":
        return judged
    return passed(judged.reason, reading, limit=limit, catches=_rules_out(limit, low))


def _more_needed(done: int, asked: int, limits: Limits) -> int:
    """How many more exports, at the same share of failures, would settle it; at most 100,000 are tried."""
    n, target = asked, limits["success_ratio"].target
    while n < 100_000:
        n = n + max(1, n // 20)
        # the lower bound is at the target or above just when so many successes are that unlikely there; the bound
        # itself takes a search at each step, minutes where the share is close to the target
        if 1 - binomial_cdf(min(n, round(done / asked * n)) - 1, n, target) <= 1 - CONFIDENCE:
            break
    return n - asked


def success_gauge(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The success-rate gauge is what its own counters make it, at every scrape."""
    judged = 0
    off = []
    for timed in record.pages:
        for fmt in FORMATS:
            gauge = timed.page.total("export_success_rate", format=fmt)
            ok = timed.page.total("export_requests_total", format=fmt, status="succeeded")
            bad = timed.page.total("export_requests_total", format=fmt, status="failed")
            if gauge is None:
                continue
            ended = (ok or 0.0) + (bad or 0.0)
            expected = (ok or 0.0) / ended if ended else 1.0
            judged += 1
            if not abs(gauge - expected) <= 0.01 + (1 / ended if ended else 0.0):
                off.append(
                    f'export_success_rate{{format="{fmt}"}} reads {gauge:g} where its counters make {expected:.4f}'
                )
    if not judged:
        return no_data("export_success_rate could not be read")
    if len(off) > 0.02 * judged:
        return failed(f"{off[-1]} ({len(off)} of {judged} readings)")
    return passed(f"the success-rate gauge is what the counters make it, in {judged - len(off)} of {judged} readings")


def _rules_out(limit: Limit, low: float) -> str:
    sure = f"{100 * CONFIDENCE:.0f} %"
    return (
        f"a true rate below {limit.target:.4g} would not have passed with a probability of at least {sure}, "
        f"if exports are independent; lower confidence bound of the rate: {low:.4f} ({sure})"
    )


def success_by_answers(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement | None:
    """A FAIL by answers alone: so many exports were answered with an error, whatever became of others; None: not so."""
    asked = [hit for record in records.values() for hit in record.exports if not beyond_limits(record, hit)]
    broken = sum(hit.status is not None and hit.status != 200 for hit in asked)
    if not asked or limits["success_ratio"].holds((len(asked) - broken) / len(asked)):
        return None
    judged = success_outside(records, limits)
    return judged if judged.status == "FAIL" else None
