"""Checks: the success rate by the target's counters, by its gauge, and by the client."""

from __future__ import annotations

from collections.abc import Mapping

from assertions.contract import FORMATS, MAX_QUEUE
from assertions.limits import Limit, Limits
from assertions.record.types import INTERRUPTED, Hit
from assertions.record.view import ScenarioRecord
from assertions.stats import CONFIDENCE, more_needed, proportion_bounds
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

GAUGE_ERROR = 0.01
"""A gauge may be this far, and one export, from the ratio of its counters: it may be rounded."""
OFF_SHARE = 0.02
"""Share of the readings that may be taken while a gauge and its counters are set."""
COUNTERS = "scrapes.jsonl, export_requests_total"


def beyond_limits(record: ScenarioRecord, hit: Hit) -> bool:
    """Return whether a 429 came beyond the contract's limits: five ran and a hundred waited when it was sent.

    Only admitted requests can fill the queue; refused ones can't.
    """
    return hit.status == 429 and record.admitted.most(hit.start, hit.end) >= record.most_running + MAX_QUEUE


def success_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Exports done over exports asked for; within the limits a rejection is a failure too."""
    asked = [(record, hit) for record in records.values() for hit in record.exports]
    asked = [(record, hit) for record, hit in asked if not beyond_limits(record, hit)]
    return _proportion(
        sum(1 for _, hit in asked if hit.status == 200), len(asked), limits, "hits.jsonl", "exports finished"
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
        # requests that the harness interrupted may be counted as failed, and are no fault of the target's
        interrupted = sum(1 for hit in record.posts if hit.error == INTERRUPTED)
        succeeded, failures = succeeded + ok, failures + max((bad or 0.0) - interrupted, min(bad or 0.0, 0.0))
    if succeeded < 0 or failures < 0:
        return no_data("the counters fell, so their ratio has no meaning")
    judged = _proportion(
        round(succeeded), round(succeeded + failures), limits, COUNTERS, "exports succeeded by the target's counters"
    )
    if unread is not None and judged.status != "FAIL":
        return no_data(f"export_requests_total could not be read in {unread}", limit=limits["success_ratio"])
    return judged


def _proportion(done: int, asked: int, limits: Limits, source: str, what: str) -> Judgement:
    limit = limits["success_ratio"]
    if asked == 0:
        return no_data(f"{what}: none was requested", limit=limit)
    low, high = proportion_bounds(done, asked)
    reading = Reading(name=what, value=done / asked, unit="ratio", source=source, count=asked, low=low, high=high)
    judged = judge_reading(limit, reading, f"{done:,} of {asked:,} {what}")
    if judged.status == "PASS" and not limit.holds(low):
        more = more_needed(done, asked, limit.target)
        return no_data(
            f"{judged.reason}, but at 95 % confidence the rate may be as low as {show(low, 'ratio')}: inconclusive, "
            f"needs {more:,} more export{'s' if more != 1 else ''}",
            reading,
            limit=limit,
        )
    if judged.status != "PASS":
        return judged
    return passed(judged.reason, reading, limit=limit, catches=_rules_out(limit, low))


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
            if not abs(gauge - expected) <= GAUGE_ERROR + (1 / ended if ended else 0.0):
                off.append(
                    f'export_success_rate{{format="{fmt}"}} reads {gauge:g} where its counters give {expected:.4f}'
                )
    if not judged:
        return no_data("export_success_rate could not be read")
    if len(off) > OFF_SHARE * judged:
        return failed(f"{off[-1]} ({len(off)} of {judged} readings)")
    return passed(
        f"the success-rate gauge is what its counters give, in {judged - len(off)} of {judged} readings",
        catches=f"a gauge off by more than {show(GAUGE_ERROR, 'ratio')} and one export, in more than "
        f"{int(OFF_SHARE * judged)} readings, would not have passed",
    )


def _rules_out(limit: Limit, low: float) -> str:
    sure = f"{100 * CONFIDENCE:.0f} %"
    return (
        f"a true rate below {show(limit.target, 'ratio')} would not have passed with a probability of at least {sure}, "
        f"if exports are independent; lower confidence bound of the rate: {show(low, 'ratio')} ({sure})"
    )


def success_by_answers(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement | None:
    """Return a FAIL that rests on answers only: too many exports ended with an error; None: they did not."""
    asked = [hit for record in records.values() for hit in record.exports if not beyond_limits(record, hit)]
    broken = sum(hit.status is not None and hit.status != 200 for hit in asked)
    if not asked or limits["success_ratio"].holds((len(asked) - broken) / len(asked)):
        return None
    judged = success_outside(records, limits)
    return judged if judged.status == "FAIL" else None
