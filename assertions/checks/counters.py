"""What the target counted, held against what was sent and what came back."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..bundle import PROBING, ScenarioRecord
from ..contract import DEFAULT_USER, FORMATS, MAX_QUEUE, SIZES
from ..exposition import Page
from ..limits import Limit, Limits
from ..records import INTERRUPTED, Hit
from ..statistics import CONFIDENCE, binomial_cdf, proportion_bounds
from ..verdicts import Judgement, Reading, against, failed, no_data, passed
from .odd import REJECTED, may_count, size_in

FAILED = frozenset({500, 507})
FEW_USERS = 20
"""So many are far from the bound at which a service may count them as `other`."""
COUNTERS = "scrapes.jsonl, export_requests_total"


def _between(value: float, certain: int, uncertain: int) -> bool:
    """Whether a counter's change fits what was seen; a request without an answer may or may not have counted."""
    return certain <= value <= certain + uncertain


def requests(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Started, succeeded, failed and rejected moved by just the requests that were sent."""
    if record.before is None or record.after is None:
        return no_data("there is no readable page from before the first request, or none from after the last")
    if not record.posts:
        return no_data("no request was sent")
    lost = sum(1 for hit in record.posts if hit.status is None)
    for fmt in FORMATS:
        mine = [hit for hit in record.posts if hit.format == fmt]
        unsure = sum(1 for hit in mine if hit.status is None) + len(may_count(record, fmt))
        done = sum(1 for hit in mine if hit.status == 200)
        broke = sum(1 for hit in mine if hit.status in FAILED)
        seen = {"started": done + broke, "succeeded": done, "failed": broke}
        for status, certain in seen.items():
            change = record.delta("export_requests_total", format=fmt, status=status)
            if not _between(change or 0.0, certain, unsure):
                return failed(
                    f'export_requests_total{{format="{fmt}",status="{status}"}} moved by {change or 0:g}, '
                    f"but {certain} such requests were seen ({COUNTERS}; hits.jsonl)"
                )
    users = {hit.user or DEFAULT_USER for hit in record.done}
    for user in users if len(users) <= FEW_USERS else ():
        of_user = sum(1 for hit in record.done if (hit.user or DEFAULT_USER) == user)
        for status in ("started", "succeeded"):
            counted = sum(
                record.delta("export_requests_total", status=status, user=label) or 0.0 for label in (user, "other")
            )
            if counted < of_user:
                return failed(
                    f'export_requests_total{{status="{status}"}} moved by {counted:g} under user="{user}" and "other", '
                    f"but {of_user} exports of that user were done"
                )
    refused = sum(1 for hit in record.posts if hit.status in REJECTED)
    change = record.delta("export_requests_total", status="rejected") or 0.0
    if not _between(change, refused, lost):
        return failed(
            f'export_requests_total{{status="rejected"}} moved by {change:g}, but {refused} requests were refused '
            "with 400, 413, 429 or 503"
        )
    for fmt in FORMATS:
        possible = sum(
            1 for hit in record.posts if hit.format == fmt and (hit.status is None or hit.status in REJECTED)
        )
        of_format = record.delta("export_requests_total", status="rejected", format=fmt) or 0.0
        if of_format > possible:
            return failed(
                f'export_requests_total{{format="{fmt}",status="rejected"}} moved by {of_format:g}, but only '
                f"{possible} requests of that format were refused"
            )
    failures = record.delta("export_fail_total") or 0.0
    broke = sum(1 for hit in record.posts if hit.status in FAILED)
    if not _between(failures, broke, lost):
        return failed(f"export_fail_total moved by {failures:g}, but {broke} exports were answered 500 or 507")
    return passed(f"the counters moved by just the {len(record.posts)} requests that were sent, by format and status")


def latency_counts(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The latency histogram counted each export once, in its format and size."""
    if record.before is None or record.after is None:
        return no_data("there is no readable page from before the first request, or none from after the last")
    for fmt in FORMATS:
        for size in SIZES:
            mine = [hit for hit in record.posts if hit.format == fmt and size_in(record, hit) == size]
            done = sum(1 for hit in mine if hit.status == 200)
            unsure = sum(1 for hit in mine if hit.status is None or hit.status in FAILED)
            unsure += len(may_count(record, fmt, size))
            after = record.after.histogram("export_latency_ms", format=fmt, size=size)
            before = record.before.histogram("export_latency_ms", format=fmt, size=size)
            change = 0.0 if after is None else after.minus(before).count or 0.0
            if not _between(change, done, unsure):
                return failed(
                    f'export_latency_ms_count{{format="{fmt}",size="{size}"}} moved by {change:g}, '
                    f"but {done} such exports were done"
                )
    if not record.done:
        return no_data("no export was done, so there was no latency to count")
    return passed(f"the latency histogram counted each of {len(record.done)} exports once, in its format and size")


def identity(record: ScenarioRecord, limits: Limits) -> Judgement:
    """started = succeeded + failed + running + waiting, at every scrape."""
    if not record.pages:
        return no_data("no metrics page was read")
    off: list[tuple[str, float]] = []
    judged = 0
    for timed in record.pages:
        gap = _imbalance(timed.page)
        if gap is None:
            continue
        judged += 1
        if gap:
            off.append((timed.scrape.moment, gap))
    if not judged:
        return no_data("no page held all of started, succeeded, failed, running and waiting")
    resting = [gap for moment, gap in off if moment in ("before", "after")]
    if resting and _imbalance(record.pages[-1].page):
        return failed(f"started - (succeeded + failed + running + waiting) is {resting[-1]:+g} with nothing under way")
    # a page that is put together while an export ends may be one off for an instant; more often than that it is a rule
    if len(off) > max(2, 0.1 * judged):
        worst = max(off, key=lambda one: abs(one[1]))[1]
        return failed(
            f"started = succeeded + failed + running + waiting does not hold in {len(off)} of {judged} scrapes, "
            f"at worst it is {worst:+g} off"
        )
    return passed(f"started = succeeded + failed + running + waiting in {judged - len(off)} of {judged} scrapes")


def _imbalance(page: Page) -> float | None:
    started = page.total("export_requests_total", status="started")
    running, waiting = page.total("export_concurrent_running"), page.total("export_queue_depth")
    if started is None or running is None or waiting is None:
        return None
    ended = sum(page.total("export_requests_total", status=status) or 0.0 for status in ("succeeded", "failed"))
    return started - ended - running - waiting


def beyond_limits(record: ScenarioRecord, hit: Hit) -> bool:
    """Whether a 429 was the contract's own word: a hundred waiting while it was asked, beside those that run.

    Only requests that were let in can fill the queue; those that were turned away themselves can't.
    """
    return hit.status == 429 and record.let_in.most(hit.start, hit.end) >= record.most_running + MAX_QUEUE


def success_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Exports done over exports asked for; within the limits a rejection is a failure too."""
    asked = [(record, hit) for record in records.values() for hit in record.exports]
    asked = [(record, hit) for record, hit in asked if not beyond_limits(record, hit)]
    return _proportion(
        sum(1 for _, hit in asked if hit.status == 200), len(asked), limits, "hits.jsonl", "exports done / asked for"
    )


def success_by_answers(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement | None:
    """A FAIL by answers alone: so many exports were answered with an error, whatever became of others; None: not so."""
    asked = [hit for record in records.values() for hit in record.exports if not beyond_limits(record, hit)]
    broken = sum(hit.status is not None and hit.status != 200 for hit in asked)
    if not asked or limits["success_ratio"].holds((len(asked) - broken) / len(asked)):
        return None
    judged = success_outside(records, limits)
    return judged if judged.status == "FAIL" else None


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
    judged = against(limit, reading, f"{what} ({done} of {asked})")
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


def _rules_out(limit: Limit, low: float) -> str:
    sure = f"{100 * CONFIDENCE:.0f} %"
    return (
        f"a true rate below {limit.target:.4g} would not have passed with a probability of at least {sure}, "
        f"if exports are independent; lower confidence bound of the rate: {low:.4f} ({sure})"
    )


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


def bytes_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The target counted bytes."""
    changes = [record.delta("export_bytes_total", status="success") for record in records.values()]
    read = [change for change in changes if change is not None]
    if not read or len(read) < len(changes):
        return no_data('export_bytes_total{status="success"} could not be read', limit=limits["exported_bytes"])
    value = Reading(name="bytes exported", value=sum(read), unit="bytes", source="scrapes.jsonl, export_bytes_total")
    return against(limits["exported_bytes"], value, "the target's count of exported bytes")


def bytes_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Files with bytes in them were fetched."""
    fetched = [fetch.bytes for record in records.values() for fetch in record.fetched.values() if fetch.status == 200]
    if not fetched:
        return no_data("no exported file could be fetched", limit=limits["exported_bytes"])
    value = Reading(name="bytes fetched", value=sum(fetched), unit="bytes", source="fetches.jsonl", count=len(fetched))
    return against(limits["exported_bytes"], value, f"the size of {len(fetched)} fetched files")


def _file_size(record: ScenarioRecord, hit: Hit) -> int | None:
    """Bytes of an export's file as fetched; what was asked oddly and done is taken at the answer's word."""
    fetch = record.fetched.get(hit.id)
    if fetch is not None:
        return fetch.bytes if fetch.status == 200 else None
    result = record.answers.get(hit.id, {}).get("result")
    told = result.get("bytes") if isinstance(result, dict) else None
    return told if hit.phase in PROBING and isinstance(told, int) else None


def bytes_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target's count of bytes is the size of the files that were fetched, to the byte."""
    unknown, files = [], 0
    for fmt in FORMATS:
        mine = [hit for hit in record.posts if hit.format == fmt and hit.status == 200]
        if not mine:
            continue
        found = [_file_size(record, hit) for hit in mine]
        missing = [hit for hit, one in zip(mine, found, strict=True) if one is None]
        if missing:
            unknown.append(
                f"{len(missing)} of {len(mine)} {fmt} files could not be fetched, the first of {missing[0].id}"
            )
        size = sum(one for one in found if one is not None)
        files += len(mine) - len(missing)
        change = record.delta("export_bytes_total", format=fmt, status="success")
        if change is None:
            unknown.append(f'export_bytes_total{{format="{fmt}",status="success"}} could not be read')
            continue
        most = math.inf if missing else size + _odd_bytes(record, fmt)
        if not size <= change <= most:
            besides = f"; {len(missing)} more could not be fetched" if missing else ""
            return failed(
                f'export_bytes_total{{format="{fmt}"}} moved by {change:,.0f}, '
                f"but the {len(mine) - len(missing)} files fetched hold {size:,} bytes{besides}"
            )
    if unknown:
        return no_data("; ".join(unknown))
    if not files:
        return no_data("no file was fetched to hold the counted bytes against")
    return passed(f"bytes counted are bytes fetched, to the byte ({files} files)")


def _odd_bytes(record: ScenarioRecord, fmt: str) -> float:
    """Bytes that may be counted for a format beside its files: of requests without an answer, and of odd ones."""
    if any(hit.status is None for hit in record.posts if hit.format == fmt):
        return math.inf
    told = [_file_size(record, hit) for hit in may_count(record, fmt) if hit.status == 200]
    return math.inf if None in told else sum(one for one in told if one is not None)
