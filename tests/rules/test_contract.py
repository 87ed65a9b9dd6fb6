"""The contract as data says what the contract page says."""

from __future__ import annotations

import pytest

from assertions.contract import (
    FAMILIES,
    FILENAME,
    FORMATS,
    MAX_CONCURRENT,
    MAX_QUEUE,
    REQUEST_STATUSES,
    SIZES,
    pages_for,
    size_of,
)


def test_nine_families_with_kinds_and_labels() -> None:
    """The nine families stand in the contract's order, with its types and labels."""
    assert [(family.name, family.kind, family.labels) for family in FAMILIES] == [
        ("export_requests_total", "counter", ("format", "status", "user")),
        ("export_latency_ms", "histogram", ("format", "size")),
        ("export_bytes_total", "counter", ("format", "status")),
        ("export_concurrent_running", "gauge", ()),
        ("export_queue_depth", "gauge", ()),
        ("export_fail_total", "counter", ("reason", "format")),
        ("export_memory_bytes", "gauge", ("format",)),
        ("export_throughput_ops_per_sec", "gauge", ("format",)),
        ("export_success_rate", "gauge", ("format",)),
    ]


def test_only_the_histogram_has_an_alias_and_three_series() -> None:
    """The first implementation's histogram name is an alias; its series are bucket, sum and count."""
    assert {family.name: family.aliases for family in FAMILIES if family.aliases} == {
        "export_latency_ms": ("export_latency_ms_bucket",)
    }
    assert [family.series for family in FAMILIES if len(family.series) > 1] == [
        ("export_latency_ms_bucket", "export_latency_ms_sum", "export_latency_ms_count")
    ]


def test_closed_sets_and_bounds() -> None:
    """Formats, statuses, sizes and bounds are the contract's."""
    assert FORMATS == ("csv", "pdf")
    assert REQUEST_STATUSES == ("started", "succeeded", "failed", "rejected")
    assert SIZES == ("small", "medium", "large")
    assert (MAX_CONCURRENT, MAX_QUEUE) == (5, 100)


@pytest.mark.parametrize(
    ("records", "size"),
    [
        (0, "small"),
        (999, "small"),
        (1000, "medium"),
        (1001, "medium"),
        (9999, "medium"),
        (10000, "large"),
        (10001, "large"),
    ],
)
def test_size_at_its_borders(records: int, size: str) -> None:
    """1,000 records are medium already, and 10,000 large."""
    assert size_of(records) == size


@pytest.mark.parametrize(
    ("records", "pages"), [(0, 1), (1, 1), (49, 1), (50, 1), (51, 2), (100, 2), (101, 3), (10000, 200)]
)
def test_pages_at_their_borders(records: int, pages: int) -> None:
    """A page holds 50 records, and an empty export is one page."""
    assert pages_for(records) == pages


def test_negative_numbers_of_records_are_errors() -> None:
    """A number below 0 is refused by both functions."""
    with pytest.raises(ValueError, match="0 or more, not -1"):
        size_of(-1)
    with pytest.raises(ValueError, match="0 or more, not -1"):
        pages_for(-1)


@pytest.mark.parametrize(
    ("path", "groups"),
    [
        ("exports/export_1700000000000_aB3dE6gH9.csv", ("1700000000000", "aB3dE6gH9", "csv")),
        ("export_1_x.pdf", ("1", "x", "pdf")),
        ("/srv/a b/export_12_Z9.pdf", ("12", "Z9", "pdf")),
        ("exports/my_export_1_x.csv", None),
        ("export_1_x.csv\n", None),
        ("export_1_x.csv.part", None),
        ("export__x.csv", None),
        ("export_1_.csv", None),
        ("export_1_x-y.csv", None),
        ("export_1_x.txt", None),
        ("export_١_x.csv", None),
    ],
)
def test_filename(path: str, groups: tuple[str, ...] | None) -> None:
    """Only the contract's form at the end of a path is a finished file's name."""
    match = FILENAME.search(path)
    assert (match and (match["ms"], match["rand"], match["format"])) == groups
