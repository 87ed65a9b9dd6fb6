"""Prometheus 2.x and 3.x each ask for a page in their own ways; the service's page is read by all of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assertions.contract import FAMILIES
from rules.server.fetch import PROMETHEUS, ToolMissing, find_next
from rules.server.prometheus import running
from tests.service.helpers import Running
from tests.service.helpers import running as serving

pytestmark = pytest.mark.e2e

PROTOBUF_FIRST = "--enable-feature=native-histograms"
"""A server of this option asks for protobuf first, then for OpenMetrics, then for text."""
ROWS = [{"id": number} for number in range(3)]


def environment(major: int) -> dict[str, str]:
    """Where a Prometheus of this major version is found; the test is skipped where version 3 can't be had."""
    if major < 3:
        return dict(os.environ)
    try:
        return {**os.environ, "PROMETHEUS": str(find_next(PROMETHEUS, os.environ, fetch=False))}
    except ToolMissing as error:
        pytest.skip(str(error))


def export(service: Running) -> None:
    """One export of each format."""
    for fmt in ("csv", "pdf"):
        assert service.run(format=fmt, columns=["id"], data=ROWS).status == 200


@pytest.mark.parametrize("options", [(), (PROTOBUF_FIRST,)], ids=["OpenMetrics first", "protobuf first"])
@pytest.mark.parametrize("major", [2, 3])
def test_the_services_page_is_read_whole(major: int, options: tuple[str, ...], tmp_path: Path) -> None:
    """Every family arrives with its values, the histogram as classic buckets; the server warns of nothing."""
    with serving(exports=tmp_path / "exports") as service:
        export(service)
        log = tmp_path / "log"
        with running(service.url, scrape_interval_s=0.5, log=log, env=environment(major), options=options) as server:
            server.wait_for_scrapes(2)
            (target,) = server.targets()
            found = {
                name: sum(sample.value for sample in server.query(f"sum({name})"))
                for name in ("export_bytes_total", "export_latency_ms_count", "export_success_rate")
            }
            buckets = server.query('export_latency_ms_bucket{format="csv", size="small", le="+Inf"}')
            names = {
                sample.labels["name"]
                for sample in server.query('label_replace({job="export"}, "name", "$1", "__name__", "(.*)")')
            }
            warned = [line for line in log.read_text().splitlines() if "level=warn" in line.lower()]
    assert (target.health, target.error, warned) == ("up", "", [])
    assert {series for family in FAMILIES for series in family.series} - names == set()
    assert (found["export_latency_ms_count"], found["export_success_rate"]) == (2.0, 2.0)
    assert found["export_bytes_total"] > 0
    assert [bucket.value for bucket in buckets] == [1.0]
