"""Checks: what the target counted is what was sent and answered."""

from __future__ import annotations

from assertions.checks.metrics.unclear_probes import REJECTED, may_count, size_in
from assertions.contract import DEFAULT_USER, FORMATS, SIZES
from assertions.limits import Limits
from assertions.prometheus.exposition import Page
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

FAILED = frozenset({500, 507})
OFF_LEAST, OFF_SHARE = 2, 0.1
"""Pages (that many, or that share) whose counts may be off by what ended while the page was put together."""
FEW_USERS = 20
"""Users up to which each must have its own series: far from the bound at which they may be counted as `other`."""


def _between(value: float, certain: int, uncertain: int) -> bool:
    """Return whether a counter's change fits what was seen; an unanswered request may or may not be counted."""
    return certain <= value <= certain + uncertain


def requests(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Started, succeeded, failed and rejected moved by exactly the requests that were sent."""
    if record.before is None or record.after is None:
        return no_data("there is no readable page from before the first request, or none from after the last")
    if not record.posts:
        return no_data("no request was sent")
    lost = sum(1 for hit in record.posts if hit.status is None)
    open_ = 0
    for fmt in FORMATS:
        posts = [hit for hit in record.posts if hit.format == fmt]
        unsure = sum(1 for hit in posts if hit.status is None) + len(may_count(record, fmt))
        open_ += unsure
        done = sum(1 for hit in posts if hit.status == 200)
        broke = sum(1 for hit in posts if hit.status in FAILED)
        seen = {"started": done + broke, "succeeded": done, "failed": broke}
        for status, certain in seen.items():
            change = record.delta("export_requests_total", format=fmt, status=status)
            if not _between(change or 0.0, certain, unsure):
                return failed(
                    f'export_requests_total{{format="{fmt}",status="{status}"}} moved by {change or 0:g}, '
                    f"but the client saw {certain} such requests{_by_others(change or 0, certain)}"
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
                    f"but {of_user} exports of that user were finished"
                )
    refused = sum(1 for hit in record.posts if hit.status in REJECTED)
    change = record.delta("export_requests_total", status="rejected") or 0.0
    if not _between(change, refused, lost):
        return failed(
            f'export_requests_total{{status="rejected"}} moved by {change:g}, but {refused} requests were refused '
            f"with 400, 413, 429 or 503{_by_others(change, refused)}"
        )
    for fmt in FORMATS:
        possible = sum(
            1 for hit in record.posts if hit.format == fmt and (hit.status is None or hit.status in REJECTED)
        )
        of_format = record.delta("export_requests_total", status="rejected", format=fmt) or 0.0
        if of_format > possible:
            return failed(
                f'export_requests_total{{format="{fmt}",status="rejected"}} moved by {of_format:g}, but only '
                f"{possible} requests of that format were refused{_by_others(of_format, possible)}"
            )
    failures = record.delta("export_fail_total") or 0.0
    broke = sum(1 for hit in record.posts if hit.status in FAILED)
    if not _between(failures, broke, lost):
        return failed(
            f"export_fail_total moved by {failures:g}, but {broke} exports were answered 500 or 507"
            f"{_by_others(failures, broke)}"
        )
    return passed(
        f"the counters moved by exactly the {len(record.posts)} requests that were sent, by format and status",
        catches=_one_off("one request counted too many or too few, by format and status", open_),
    )


def _by_others(counted: float, seen: int) -> str:
    """Return the other cause that a count above what was seen can have."""
    return ", or another client used the target" if counted > seen else ""


def _one_off(what: str, open_: int) -> str:
    """Return what a pass of a count rules out. open_: how many requests may be counted or not."""
    beyond = f", beyond the {open_} that may be counted or not," if open_ else ""
    return f"{what}{beyond} would not have passed"


def latency_counts(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The latency histogram counted each export once, in its format and size."""
    if record.before is None or record.after is None:
        return no_data("there is no readable page from before the first request, or none from after the last")
    open_ = 0
    for fmt in FORMATS:
        for size in SIZES:
            posts = [hit for hit in record.posts if hit.format == fmt and size_in(record, hit) == size]
            done = sum(1 for hit in posts if hit.status == 200)
            unsure = sum(1 for hit in posts if hit.status is None or hit.status in FAILED)
            unsure += len(may_count(record, fmt, size))
            open_ += unsure
            after = record.after.histogram("export_latency_ms", format=fmt, size=size)
            before = record.before.histogram("export_latency_ms", format=fmt, size=size)
            change = 0.0 if after is None else after.minus(before).count or 0.0
            if not _between(change, done, unsure):
                return failed(
                    f'export_latency_ms_count{{format="{fmt}",size="{size}"}} moved by {change:g}, '
                    f"but {done} such exports were finished{_by_others(change, done)}"
                )
    if not record.done:
        return no_data("no export was finished, so there was no latency to count")
    return passed(
        f"the latency histogram counted each of {len(record.done)} exports once, in its format and size",
        catches=_one_off("one export counted too many or too few, by format and size", open_),
    )


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
    allowed = max(OFF_LEAST, int(OFF_SHARE * judged))
    if len(off) > allowed:
        worst = max((gap for _, gap in off), key=abs)
        return failed(
            f"started is not succeeded + failed + running + waiting in {len(off)} of {judged} scrapes, "
            f"at worst it is off by {worst:+g}"
        )
    return passed(
        f"started = succeeded + failed + running + waiting in {judged - len(off)} of {judged} scrapes",
        catches=f"a sum off by one export after the load, or in more than {allowed} scrapes, would not have passed",
    )


def _imbalance(page: Page) -> float | None:
    started = page.total("export_requests_total", status="started")
    running, waiting = page.total("export_concurrent_running"), page.total("export_queue_depth")
    if started is None or running is None or waiting is None:
        return None
    ended = sum(page.total("export_requests_total", status=status) or 0.0 for status in ("succeeded", "failed"))
    return started - ended - running - waiting
