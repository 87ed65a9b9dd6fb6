"""How much memory a long record takes: what grows with each page is a small part of the page."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from assertions.judged_run import judge_run_folder
from tests.assertions.healthy.long_record import STEP_S, MetricsPage, write_scenario

MINUTES = (0.2, 0.6)
PAGE_BYTES = 100_000
MOST_BYTES_A_PAGE = 10_000
"""An hour of pages, five a second, then takes less than 180 MB."""


def peak_bytes(folder: Path, minutes: float) -> int:
    """The most memory that judging a soak of so many minutes takes at one time."""
    write_scenario(folder / "soak", minutes)
    tracemalloc.start()
    try:
        judge_run_folder(folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_by_a_part_of_each_page(tmp_path: Path) -> None:
    """Judging a soak three times as long takes more memory by a tenth of each page at most."""
    assert len(MetricsPage().text()) >= PAGE_BYTES
    short, long = (peak_bytes(tmp_path / f"{minutes}", minutes) for minutes in MINUTES)
    pages = (MINUTES[1] - MINUTES[0]) * 60 / STEP_S
    assert (long - short) / pages < MOST_BYTES_A_PAGE
