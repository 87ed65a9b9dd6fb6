"""The figures of a run's last metrics page: what a script reads that fetches the page once, after the load. Pure."""

from __future__ import annotations

import msgspec

from assertions.contract import FAMILIES
from assertions.limits import Limits
from assertions.record.run import Run
from assertions.record.scrapes import TimedPage


class PageFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one page, counted since the service started; None: the page does not have the figure."""

    source: str | None = None
    """The file that the page is in, relative to the run directory; None: no page was read."""
    at_rest: bool = False
    """No request of this run was under way when the page was read."""
    latency_sum_ms: float | None = None
    latency_count: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    running: float | None = None
    waiting: float | None = None
    most_running: float | None = None
    """The limit on `running`."""
    bytes: float | None = None
    families_found: int = 0
    families: int = len(FAMILIES)


def last_page(run: Run) -> tuple[str, TimedPage] | None:
    """Return the last page that any scenario read, and the scenario's name; None where there is none."""
    pages = [(name, record.pages[-1]) for name, record in run.scenarios.items() if record.pages]
    return max(pages, key=lambda found: found[1].scrape.start, default=None)


def read_figures(run: Run, limits: Limits) -> PageFigures:
    """Return the figures of the run's last page."""
    most_running = limits["concurrent_exports"].target
    found = last_page(run)
    if found is None:
        return PageFigures(most_running=most_running)
    name, timed = found
    page = timed.page
    latency = page.histogram("export_latency_ms")
    return PageFigures(
        source=f"{name}/scrapes.jsonl",
        at_rest=timed.scrape.moment != "during",
        latency_sum_ms=None if latency is None else latency.sum,
        latency_count=None if latency is None else latency.count,
        succeeded=page.total("export_requests_total", status="succeeded"),
        failed=page.total("export_requests_total", status="failed"),
        running=timed.running,
        waiting=timed.waiting,
        most_running=most_running,
        bytes=page.total("export_bytes_total", status="success"),
        families_found=sum(page.family(known.name) is not None for known in FAMILIES),
    )
