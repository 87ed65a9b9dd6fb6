"""Absolute figures at 1k, 10k and as a batch: printed and kept, never judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.race import emptied, timed
from benchmarks.records import body
from service.jobs.pipeline import ExportResult, export_body

BATCH = (("csv", 1_000), ("csv", 5_000), ("csv", 10_000), ("pdf", 1_000), ("pdf", 5_000))
"""The contract's batch of five."""


def _export(format: str, records: int, folder: Path) -> ExportResult:
    return export_body(body(format, records), folder)


@pytest.mark.parametrize("format", ["csv", "pdf"])
@pytest.mark.parametrize("records", [1_000, 10_000])
def test_one(benchmark: BenchmarkFixture, folder: Path, format: str, records: int) -> None:
    """One export from its body to its durable file."""
    benchmark.group = f"{records // 1_000}k"
    body(format, records)
    done = timed(benchmark, _export, (format, records, folder), setup=emptied(folder), rounds=15, warmup_rounds=1)
    benchmark.extra_info.update(records=records, file_bytes=done.file_bytes, memory_bytes=done.memory_bytes)
    assert done.records == records
    assert (folder / done.name).stat().st_size == done.file_bytes


def test_batch(benchmark: BenchmarkFixture, folder: Path) -> None:
    """The contract's five exports, one after the other."""
    benchmark.group = "batch"
    for format, records in BATCH:
        body(format, records)
    many = timed(
        benchmark,
        lambda: [_export(format, records, folder) for format, records in BATCH],
        setup=emptied(folder),
        rounds=10,
        warmup_rounds=1,
    )
    assert [done.records for done in many] == [records for _, records in BATCH]
