"""Checks: the gauges of memory and throughput are plausible and move with the load."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from assertions.checks.metrics.metrics_page import MOVING_GAUGES, NO_PAGES, RECENT_LEAST, _impossible, _readings
from assertions.contract import FORMATS
from assertions.limits import Limits
from assertions.prometheus.exposition import Page, series_text
from assertions.record.view import InFlight, ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

MEMORY_LEAST_BYTES = 4096
"""A page of memory: no process holds 10,000 records in less."""


STEADY_EXPORTS = 20
"""After this many small exports the memory of the latest is not that of a large one before them; of this many large
exports at least one added memory."""


MINUTE_LEAST_S, MINUTE_MOST_S = 55, 65
"""The gauge's minute may be this short or this long: it may be read and counted in steps of some seconds."""


LEAST_SHARE = 0.5
"""Share of the exports of that minute that the gauge must show: it may be averaged."""


MOST_TIMES, MOST_MORE_PER_S = 1.3, 0.1
"""The gauge may show this many times the rate that was seen, and this much more."""


SETTLED_S = 1.0
"""Seconds after an export's end within which its gauges are set."""


FOREIGN_LEAST = 3
"""Times that a gauge of one format may not move with the other's exports: fewer may be accidents."""


def moved(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each family moved as the load moved it: a metric that never changes measures nothing."""
    for fmt in FORMATS:
        for name in MOVING_GAUGES:
            impossible = _impossible(name, fmt, _readings(record, name, fmt))
            if impossible:
                return failed(impossible)
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    if not record.done:
        return no_data("no export was finished, so no metric could move")
    formats = sorted({hit.format for hit in record.done if hit.format in FORMATS})
    for fmt in formats:
        for name, labels in (
            ("export_requests_total", {"status": "started"}),
            ("export_requests_total", {"status": "succeeded"}),
            ("export_bytes_total", {"status": "success"}),
        ):
            change = record.delta(name, format=fmt, **labels)
            if not change or change <= 0:
                return failed(f"{series_text(name, {'format': fmt, **labels})} did not move while exports were made")
        for name in MOVING_GAUGES:
            problem = _gauge_problem(record, name, fmt)
            if problem:
                return failed(problem)
    return passed(
        f"requests, bytes, latency, memory and throughput moved with the load ({', '.join(formats)})",
        catches="a counter of requests or bytes, or a throughput gauge, that did not move would not have passed",
    )


def _gauge_problem(record: ScenarioRecord, name: str, fmt: str) -> str | None:
    read = _readings(record, name, fmt)
    if name == "export_memory_bytes":
        return _memory_problem(record, fmt, read)
    return None if any(value > 0 for value in read) else f'{name}{{format="{fmt}"}} stayed at 0 while exports were made'


def _memory_problem(record: ScenarioRecord, fmt: str, read: Sequence[float]) -> str | None:
    """A small export may add less than a page of memory to a process, and so may a large one to a warm process."""
    name = f'export_memory_bytes{{format="{fmt}"}}'
    large = sum(hit.format == fmt and (hit.records or 0) >= 10_000 for hit in record.done)
    if large >= STEADY_EXPORTS and max(read, default=0.0) < MEMORY_LEAST_BYTES:
        if not any(read):
            return f"{name} stayed at 0 while exports were made"
        return f"{name} never reads more than {max(read):g} bytes in exports of 10,000 records"
    exports_before = (
        record.before.total("export_requests_total", format=fmt, status="succeeded") if record.before else 0
    )
    if not exports_before and len(set(read)) == 1 and read[0] > 0:
        return f"{name} reads {read[0]:g} bytes on every page, even before the first export: it is no export's memory"
    if _small_behind_large(record, fmt) and sorted(read) == read and len(set(read) - {0.0}) > 1:
        return (
            f"{name} never fell, though {STEADY_EXPORTS} or more small exports followed large ones: "
            "it is not the memory of the latest export"
        )
    foreign = _moved_by_others(record, fmt)
    if len(foreign) >= FOREIGN_LEAST:
        before, after = foreign[0]
        return f"{name} went from {before:g} to {after:g} while no {fmt} export ran ({len(foreign)} times)"
    return None


def _moved_by_others(record: ScenarioRecord, fmt: str) -> list[tuple[float, float]]:
    """Return the format's memory on two successive pages that differ, though none of its exports ran between them.

    Neither an export of this run, by the client's clock, nor another client's, by the target's own count.
    """
    under_way = InFlight(hit for hit in record.posts if hit.format == fmt)
    moved = []
    for earlier, later in pairwise(record.pages):
        one, two = (timed.page.total("export_memory_bytes", format=fmt) for timed in (earlier, later))
        if one is None or two is None or one == two:
            continue
        counts = [timed.page.total("export_requests_total", format=fmt) for timed in (earlier, later)]
        inside = _inside(earlier.page, fmt)
        if (
            counts[0] == counts[1]
            and not inside
            and not under_way.most(earlier.scrape.start, later.scrape.end, SETTLED_S)
        ):
            moved.append((one, two))
    return moved


def _inside(page: Page, fmt: str) -> float:
    """Return how many exports of a format have started and not ended, by the target's own count."""
    started, succeeded, failed_ = (
        page.total("export_requests_total", format=fmt, status=status) or 0.0
        for status in ("started", "succeeded", "failed")
    )
    return started - succeeded - failed_


def _small_behind_large(record: ScenarioRecord, fmt: str) -> bool:
    sizes = [hit.records or 0 for hit in sorted(record.done, key=lambda hit: hit.end) if hit.format == fmt]
    behind = next((sizes[-at:] for at, size in enumerate(reversed(sizes)) if size >= 10_000), [])
    return len(behind) >= STEADY_EXPORTS and len(behind) < len(sizes)


def throughput_gauge(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The throughput gauge is near the rate of exports that finished in the minute before."""
    last = next((timed for timed in reversed(record.pages) if timed.scrape.moment in ("rest", "after")), None)
    if last is None:
        return no_data("no page was read at rest")
    fits: list[str] = []
    for fmt in FORMATS:
        # failed and unanswered exports may be counted as finished
        asked = [hit.end for hit in record.posts if hit.format == fmt and hit.status not in (400, 413, 429, 503)]
        ends = sorted(hit.end for hit in record.done if hit.format == fmt)
        recent = [end for end in ends if end > last.scrape.start - MINUTE_LEAST_S]
        if len(recent) < RECENT_LEAST:
            continue
        value = last.page.total("export_throughput_ops_per_sec", format=fmt)
        if value is None:
            return failed(f'export_throughput_ops_per_sec has no series for format="{fmt}"')
        least = LEAST_SHARE * len(recent) / 60
        # a service may be younger than a minute, and knows how young
        span = max(1.0, min(60.0, last.scrape.start - record.pages[0].scrape.start))
        counted = sum(1 for end in asked if end > last.scrape.start - MINUTE_MOST_S)
        most = MOST_MORE_PER_S + MOST_TIMES * (counted + _of_others(record, fmt)) / span
        if not least <= value <= most:
            return failed(
                f'export_throughput_ops_per_sec{{format="{fmt}"}} reads {value:.3g} per second where '
                f"{len(recent)} exports finished in the minute before: {least:.3g} to {most:.3g} per second fit"
            )
        fits.append(f"{least:.3g} to {most:.3g} per second for {fmt}")
    if not fits:
        return no_data(f"fewer than {RECENT_LEAST} exports of each format finished in the minute before the last page")
    return passed(
        "the throughput gauge fits the exports that finished in the minute before",
        catches=f"a reading outside {', '.join(fits)} would not have passed",
    )


def _of_others(record: ScenarioRecord, fmt: str) -> float:
    """Return how many exports were finished at most in the minute before the scenario."""
    if record.before is None:
        return 0.0
    rate = record.before.total("export_throughput_ops_per_sec", format=fmt) or 0.0
    return min(60 * rate, record.before.total("export_requests_total", format=fmt, status="succeeded") or 0.0)
