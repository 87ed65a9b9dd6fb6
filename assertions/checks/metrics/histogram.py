"""Checks: the latency histogram is consistent in itself and with the answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from assertions.checks.metrics.unclear_probes import REJECTED, may_count, size_in
from assertions.checks.performance.latency import added_ms, server_ms
from assertions.contract import FORMATS, SIZES
from assertions.limits import Limits
from assertions.prometheus.exposition import Histogram, histograms, series_text
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.units import show
from assertions.verdicts import Judgement, failed, no_data, passed

TIME_SHARE, TIME_MS = 0.1, 10
"""Share of a time, and ms, by which histogram and answer may differ: they are taken at two moments."""
MEAN_TIMES, MEAN_MS = 3, 20
"""Factor, and ms, by which the means may differ where failed exports may be in one of them."""
SUM_ERROR, SUM_ERROR_MS = 0.001, 1e-6
"""Share, and ms, by which a sum may be off by rounding."""


def sum_agrees(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each series of the histogram shows the same exports, in the same unit, as the answers: sum, counts by bound."""
    whole = added_ms(record)
    if whole is None:
        return no_data("the latency histogram could not be read")
    times = _times_ms(record, [hit for hit in record.posts if hit.status == 200])
    if not times or whole.sum is None:
        return no_data("no answer has a processingTime, or the histogram has no sum")
    for fmt in FORMATS:
        for size in SIZES:
            posts = [hit for hit in record.posts if hit.format == fmt and size_in(record, hit) == size]
            # one that failed, or had no answer, may be in the histogram or not
            if may_count(record, fmt, size) or any(hit.status != 200 and hit.status not in REJECTED for hit in posts):
                continue
            done = [hit for hit in posts if hit.status == 200]
            problem = _disagrees(added_ms(record, format=fmt, size=size), _times_ms(record, done))
            if problem:
                return failed(f'format="{fmt}", size="{size}": {problem}')
    if any(hit.status is None or hit.status in (500, 507) for hit in record.posts):
        return _loosely(whole, times)
    odd = {hit.id for fmt in FORMATS for hit in may_count(record, fmt)}
    problem = _disagrees(whole, times)
    if problem and odd:  # accepted bad input may be counted or not
        problem = _disagrees(
            whole, _times_ms(record, [hit for hit in record.posts if hit.status == 200 and hit.id not in odd])
        )
    if problem:
        return failed(problem)
    slack = TIME_SHARE * math.fsum(times) + TIME_MS * len(times)
    return passed(
        f"the histogram shows the same times as {len(times)} answers",
        catches=f"a sum off by more than {show(slack, 'ms')} ({show(TIME_SHARE, 'ratio')}, and {TIME_MS} ms an answer) "
        "would not have passed",
    )


def _times_ms(record: ScenarioRecord, hits: Sequence[Hit]) -> list[float]:
    """Return the processingTime of the answers that have one, in ms."""
    return [value for hit in hits if (value := server_ms(record, hit)) is not None]


def _disagrees(added: Histogram | None, times: Sequence[float]) -> str | None:
    """Return why a histogram can't be of these times (ms); None where it can."""
    if added is None or added.sum is None or not times:
        return None  # the checks of coverage and counts report that
    total = math.fsum(times)
    slack = TIME_SHARE * total + TIME_MS * len(times)
    if abs(added.sum - total) > slack:
        return (
            f"export_latency_ms_sum grew by {show(added.sum, 'ms')}, but the answers' processingTime add up to "
            f"{show(total, 'ms')} (tolerance {show(slack, 'ms')})"
        )
    for bound, count in added.buckets.items():
        if math.isinf(bound):
            continue
        least = sum(value <= bound * (1 - TIME_SHARE) - TIME_MS for value in times)
        most = sum(value <= bound * (1 + TIME_SHARE) + TIME_MS for value in times)
        if not least - 1 <= count <= most + 1:
            return (
                f'export_latency_ms_bucket{{le="{bound:g}"}} grew by {count:g}, but {least} to {most} answers have '
                "such a processingTime"
            )
    return None


def _loosely(added: Histogram, times: Sequence[float]) -> Judgement:
    """Compare only the mean's order of magnitude: failed exports may be in the histogram or not."""
    mean, seen = (added.sum or 0.0) / max(added.count or 0.0, 1.0), math.fsum(times) / len(times)
    if not seen / MEAN_TIMES - MEAN_MS <= mean <= seen * MEAN_TIMES + MEAN_MS:
        return failed(f"the histogram's mean is {show(mean, 'ms')}, the answers' is {show(seen, 'ms')}")
    return passed(
        "histogram and answers have means of the same order; some exports failed, so no closer comparison is possible",
        catches=f"a mean of more than {MEAN_TIMES} times the answers' mean of {show(seen, 'ms')} and {MEAN_MS} ms "
        "would not have passed",
    )


def histogram(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each series is cumulative, ends in +Inf equal to its count, and has a sum that its buckets allow."""
    judged, missing = 0, False
    for timed in record.pages:
        family = timed.page.family("export_latency_ms")
        missing = missing or family is None
        for series in histograms(family) if family is not None else ():
            judged += 1
            problem = _broken(series)
            if problem:
                return failed(f"{series_text('export_latency_ms', series.labels)}: {problem}")
    if missing:
        return no_data("export_latency_ms is missing")
    if not judged:
        return no_data("export_latency_ms has no series")
    return passed(
        f"{judged} readings of histogram series are consistent in themselves",
        catches="a bucket below the one before it, a count that is not its +Inf bucket's, or a sum off by more than "
        f"{show(SUM_ERROR, 'ratio')} from what its buckets allow would not have passed",
    )


def _broken(series: Histogram) -> str | None:
    bounds = sorted(series.buckets)
    if not bounds or not math.isinf(bounds[-1]):
        return "there is no +Inf bucket"
    if len(bounds) < 2:
        return "there is no finite bucket, so no quantile can be read"
    counts = [series.buckets[bound] for bound in bounds]
    if any(later < earlier for earlier, later in pairwise(counts)):
        return "its buckets are not cumulative"
    if series.count is None or series.sum is None:
        return "it lacks _count or _sum"
    if counts[-1] != series.count:
        return f"its +Inf bucket is {counts[-1]:g}, its _count {series.count:g}"
    if not math.isfinite(series.sum) or series.sum < 0:
        return f"its sum is {series.sum}"
    least = sum(
        (at - below) * max(low, 0.0)
        for low, at, below in zip([0.0, *bounds], counts, [0.0, *counts], strict=False)
        if math.isfinite(low)
    )
    if series.sum < least * (1 - SUM_ERROR) - SUM_ERROR_MS:
        return f"its sum {series.sum:g} is less than its buckets allow ({least:g})"
    finite = [(bound, at) for bound, at in zip(bounds, counts, strict=True) if math.isfinite(bound)]
    if finite[-1][1] == series.count:
        most = sum(
            (at - below) * bound for (bound, at), below in zip(finite, [0.0, *[at for _, at in finite]], strict=False)
        )
        if series.sum > most * (1 + SUM_ERROR) + SUM_ERROR_MS:
            return f"its sum {series.sum:g} is more than its buckets allow ({most:g})"
    return None
