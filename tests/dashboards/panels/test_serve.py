"""Recorded samples, served again."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from dashboards.panels.serve import openmetrics, serving_samples
from rules.records import RulesError

DUMPED = """\
{__name__="up", instance="127.0.0.1:4001", job="export"} 1 1767323045000
{__name__="export_fail_total", format="csv", reason="a, \\"b\\"", instance="127.0.0.1:4001"} 0 1767323045000
{__name__="up", instance="127.0.0.1:4001", job="export"} 0 1767323046500
{__name__="export_success_rate"} NaN 1767323045000
"""


def test_samples_become_openmetrics_series_by_series() -> None:
    """The samples of a series stand together, in seconds and without marks of an end, and the text ends as it must."""
    assert openmetrics(DUMPED).splitlines() == [
        'export_fail_total{format="csv",reason="a, \\"b\\"",instance="127.0.0.1:4001"} 0 1767323045.000',
        'up{instance="127.0.0.1:4001",job="export"} 1 1767323045.000',
        'up{instance="127.0.0.1:4001",job="export"} 0 1767323046.500',
        "# EOF",
    ]


@pytest.mark.parametrize("line", ["up 1 1767323045000", '{job="export"} 1 1767323045000', "{} 1"])
def test_other_lines_are_refused(line: str) -> None:
    """A line that names no series is no sample."""
    with pytest.raises(RulesError, match="is no sample"):
        openmetrics(line)


@pytest.mark.parametrize("content", [None, b"no archive", lzma.compress(b"\xff")])
def test_samples_that_cannot_be_read_say_so(tmp_path: Path, content: bytes | None) -> None:
    """A missing, broken or undecodable file."""
    samples = tmp_path / "prometheus_samples.txt.xz"
    if content is not None:
        samples.write_bytes(content)
    with pytest.raises(RulesError, match="no recorded samples can be read there"), serving_samples(samples, 1.0):
        raise AssertionError("nothing is served")


@pytest.mark.e2e
def test_a_prometheus_serves_them_at_their_own_time(tmp_path: Path) -> None:
    """Samples of long ago are answered with the values and labels that were recorded."""
    samples = tmp_path / "prometheus_samples.txt.xz"
    samples.write_bytes(lzma.compress(DUMPED.encode()))
    with serving_samples(samples, 1.0) as server:
        found = server.query_range("up", 1_767_323_045.0, 1_767_323_046.5, 1.5)
        failed = server.query("export_fail_total", at=1_767_323_045.0)
    assert [(one.metric["instance"], one.values) for one in found] == [
        ("127.0.0.1:4001", ((1_767_323_045.0, "1"), (1_767_323_046.5, "0")))
    ]
    assert [(one.labels["reason"], one.value) for one in failed] == [('a, "b"', 0.0)]
