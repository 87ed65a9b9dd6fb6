"""The table of performance: what the bounds of a figure are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.verdicts import Reading, passed
from evidence.reports.performance import performance
from tests.evidence.sample_reports import report

READING = Reading(name="P95", value=1_220.0, unit="ms", source="load", count=108, low=1_000.0, high=2_500.0)


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        ("latency-target", "1.22 s (its bucket: 1 s to 2.5 s)"),
        ("latency-outside", "1.22 s (1 s to 2.5 s at 95 %)"),
    ],
)
def test_a_buckets_bounds_are_no_confidence_bounds(check: str, shown: str) -> None:
    """What a histogram gives lies in its bucket; what raw samples give has an interval of 95 %."""
    judged = report("GREEN", "GREEN", {check: replace(passed("quick"), readings=(READING,))})
    cells = {cell for table in performance(judged, limits_file.load(), ()).tables for row in table.rows for cell in row}
    assert shown in cells
