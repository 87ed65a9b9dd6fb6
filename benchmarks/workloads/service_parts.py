"""Parts of the service that no export is: the queue, and the metrics page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assertions.prometheus.exposition import read_page
from benchmarks.workloads.types import Prepared, Workload, sha256
from service.jobs.admission import Admission, QueueFull
from service.metrics import USERS_KEPT, Metrics

ROUNDS = 100
RUNNING, WAITING = 5, 100
ASKED = RUNNING + WAITING + 45
"""Exports asked for in a round: 45 more than there is room for."""
PAGES = 5


def workloads() -> Iterator[Workload]:
    """Yield both."""
    yield Workload(
        name="admission",
        suite="queue and admission",
        what=f"{ROUNDS} rounds of {ASKED} exports asked for at once: {RUNNING} run, {WAITING} wait, others are refused",
        clock="cpu",
        open=_admission,
        records=ROUNDS * ASKED,
    )
    yield Workload(
        name="metrics-page",
        suite="metrics page",
        what=f"{PAGES} metrics pages of a service that {USERS_KEPT} users have called",
        clock="cpu",
        open=_metrics_page,
        records=PAGES,
    )


@contextmanager
def _admission(folder: Path) -> Iterator[Prepared]:
    peaks: list[tuple[int, int]] = []

    async def rounds() -> tuple[int, int]:
        ran = refused = 0
        for _ in range(ROUNDS):
            highest = [0, 0]

            def watch(running: int, waiting: int, highest: list[int] = highest) -> None:
                highest[:] = max(highest[0], running), max(highest[1], waiting)

            admission = Admission(RUNNING, WAITING, watch)
            tickets = []
            for _ in range(ASKED):
                try:
                    tickets.append(admission.enter())
                except QueueFull:
                    refused += 1
                    admission.retry_after_s()
            for ticket in tickets:
                await ticket.turn
                admission.leave(ticket, 0.01)
                ran += 1
            await admission.idle()
            peaks.append((highest[0], highest[1]))
        return ran, refused

    def check(result: object) -> None:
        assert result == (ROUNDS * (RUNNING + WAITING), ROUNDS * (ASKED - RUNNING - WAITING)), result
        assert set(peaks) == {(RUNNING, WAITING)}, set(peaks)

    yield Prepared(
        work=lambda: asyncio.run(rounds()),
        check=check,
        compare=check,
        clean=peaks.clear,
        input_sha256=sha256(f"{ROUNDS} {ASKED} {RUNNING} {WAITING}".encode()),
    )


@contextmanager
def _metrics_page(folder: Path) -> Iterator[Prepared]:
    metrics = Metrics()
    for number in range(USERS_KEPT):
        for format in ("csv", "pdf"):
            metrics.started(format, f"user-{number}")
            metrics.succeeded(
                format, f"user-{number}", records=1_000, file_bytes=50_000, latency_ms=12.5, memory_bytes=2_000_000
            )

    def check(pages: object) -> None:
        assert isinstance(pages, list)
        assert all(page == pages[0] for page in pages)
        page = read_page(pages[0][0].decode(), pages[0][1])
        assert page.total("export_bytes_total", format="csv", status="success") == USERS_KEPT * 50_000

    yield Prepared(
        work=lambda: [metrics.page("text/plain") for _ in range(PAGES)],
        check=check,
        compare=check,
        clean=lambda: None,
        input_sha256=sha256(f"{USERS_KEPT} {PAGES}".encode()),
    )
