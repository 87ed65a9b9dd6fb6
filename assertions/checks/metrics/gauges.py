"""The gauges of memory and throughput are plausible and move with the load."""

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
"""So many small exports after a large one, and the memory of the latest is no more that of the large one; so many large
ones, and one of them at least added something."""


SETTLED_S = 1.0
"""So long after an export's end its gauges are set."""


FOREIGN_LEAST = 3
"""So often a gauge of one format moved by the other's exports is no accident."""


def moved(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each family moved as the load moved it: a metric that stands still measures nothing."""
    for fmt in FORMATS:
        for name in MOVING_GAUGES:
            impossible = _impossible(name, fmt, _readings(record, name, fmt))
            if impossible:
                return failed(impossible)
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    if not record.done:
        return no_data("no export was done, so nothing could move")
    formats = sorted({hit.format for hit in record.done if hit.format in FORMATS})
    for fmt in formats:
        for name, labels in (
            ("export_requests_total", {"status": "started"}),
            ("export_requests_total", {"status": "succeeded"}),
            ("export_bytes_total", {"status": "success"}),
        ):
            change = record.delta(name, format=fmt, **labels)
            if not change or change <= 0:
                return failed(f"{series_text(name, {'format': fmt, **labels})} did not move while exports were done")
        for name in MOVING_GAUGES:
            problem = _gauge_problem(record, name, fmt)
            if problem:
                return failed(problem)
    return passed(f"requests, bytes, latency, memory and throughput moved with the load ({', '.join(formats)})")


def _gauge_problem(record: ScenarioRecord, name: str, fmt: str) -> str | None:
    read = _readings(record, name, fmt)
    if name == "export_memory_bytes":
        return _memory_problem(record, fmt, read)
    return None if any(value > 0 for value in read) else f'{name}{{format="{fmt}"}} stayed at 0 while exports were done'


def _memory_problem(record: ScenarioRecord, fmt: str, read: Sequence[float]) -> str | None:
    """A small export may add less than a page of memory to a process, and so may a large one to a warm process."""
    name = f'export_memory_bytes{{format="{fmt}"}}'
    large = sum(hit.format == fmt and (hit.records or 0) >= 10_000 for hit in record.done)
    if large >= STEADY_EXPORTS and max(read, default=0.0) < MEMORY_LEAST_BYTES:
        if not any(read):
            return f"{name} stayed at 0 while exports were done"
        return f"{name} never reads more than {max(read):g} bytes with 10,000 records"
    exports_before = (
        record.before.total("export_requests_total", format=fmt, status="succeeded") if record.before else 0
    )
    if not exports_before and len(set(read)) == 1 and read[0] > 0:
        return f"{name} reads {read[0]:g} on every page, before the first export too: it is of none"
    if _small_behind_large(record, fmt) and sorted(read) == read and len(set(read) - {0.0}) > 1:
        return (
            f"{name} never fell, though {STEADY_EXPORTS} and more small exports followed large ones: "
            "it is not that of the latest export"
        )
    foreign = _moved_by_others(record, fmt)
    if len(foreign) >= FOREIGN_LEAST:
        before, after = foreign[0]
        return f"{name} went from {before:g} to {after:g} while no {fmt} export ran ({len(foreign)} times)"
    return None


def _moved_by_others(record: ScenarioRecord, fmt: str) -> list[tuple[float, float]]:
    """The format's memory on two pages that follow each other and differ, though none of its exports ran between them.

    Neither ours, by our clock, nor another client's, by the target's own count.
    """
    ours = InFlight(hit for hit in record.posts if hit.format == fmt)
    moved = []
    for earlier, later in pairwise(record.pages):
        one, two = (timed.page.total("export_memory_bytes", format=fmt) for timed in (earlier, later))
        if one is None or two is None or one == two:
            continue
        counts = [timed.page.total("export_requests_total", format=fmt) for timed in (earlier, later)]
        inside = _inside(earlier.page, fmt)
        if counts[0] == counts[1] and not inside and not ours.most(earlier.scrape.start, later.scrape.end, SETTLED_S):
            moved.append((one, two))
    return moved


def _inside(page: Page, fmt: str) -> float:
    """How many exports of a format have started and not ended, by the target's own count."""
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
    """The throughput gauge is near what was seen to finish in the minute before."""
    last = next((timed for timed in reversed(record.pages) if timed.scrape.moment in ("rest", "after")), None)
    if last is None:
        return no_data("no page was read at rest")
    compared = False
    for fmt in FORMATS:
        # what failed may count as finished, and whatever ended without an answer
        asked = [hit.end for hit in record.posts if hit.format == fmt and hit.status not in (400, 413, 429, 503)]
        ends = sorted(hit.end for hit in record.done if hit.format == fmt)
        recent = [end for end in ends if end > last.scrape.start - 55]
        if len(recent) < RECENT_LEAST:
            continue
        compared = True
        value = last.page.total("export_throughput_ops_per_sec", format=fmt)
        if value is None:
            return failed(f'export_throughput_ops_per_sec has no series for format="{fmt}"')
        least = 0.5 * len(recent) / 60
        # a service may be younger than a minute, and knows how young
        span = max(1.0, min(60.0, last.scrape.start - record.pages[0].scrape.start))
        counted = sum(1 for end in asked if end > last.scrape.start - 65)
        most = 0.1 + 1.3 * (counted + _of_others(record, fmt)) / span
        if not least <= value <= most:
            return failed(
                f'export_throughput_ops_per_sec{{format="{fmt}"}} reads {value:g} where {len(recent)} exports were '
                f"seen to finish in the minute before: at least {least:.3g}, at most {most:.3g} a second"
            )
    if not compared:
        return no_data(f"fewer than {RECENT_LEAST} exports of each format finished in the minute before the last page")
    return passed("the throughput gauge is in the range of what was seen to finish")


def _of_others(record: ScenarioRecord, fmt: str) -> float:
    """Exports that were done in the minute before ours, at the most."""
    if record.before is None:
        return 0.0
    told = record.before.total("export_throughput_ops_per_sec", format=fmt) or 0.0
    return min(60 * told, record.before.total("export_requests_total", format=fmt, status="succeeded") or 0.0)
