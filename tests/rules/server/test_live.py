"""A Prometheus server for a target, for the length of a block: what it recorded, and what stays when there is none."""

from __future__ import annotations

import lzma
import time
from pathlib import Path

import pytest

from assertions.record.files import read_one
from assertions.record.prometheus_run import PrometheusRun
from rules.records import read_rules
from rules.server.live import Query, observed
from rules.server.prometheus import running
from tests.rules.conftest import RULES
from tests.rules.endpoint import serving

QUERIES = (
    Query(panel="Waiting", ref="A", expression="export_queue_depth", variables={}),
    Query(panel="Rate", ref="A", expression="sum(rate(export_requests_total[$__rate_interval]))", variables={}),
    Query(panel="Misnamed", ref="A", expression="export_queue_depth_total", variables={}),
    Query(panel="Broken", ref="B", expression="rate(", variables={}),
)


@pytest.mark.e2e
def test_a_run_is_recorded(tmp_path: Path) -> None:
    """Scrapes, target, rules, alerts and panels are written down, and the samples can be read again."""
    began = time.time()
    with (
        serving(running=6, waiting=2) as target,
        observed(target, tmp_path, QUERIES, span=lambda: (began, time.time() + 8)),
    ):
        pass  # the record waits for the first scrape by itself
    recorded = read_one(tmp_path / "prometheus.json", PrometheusRun)
    assert (recorded.problem, recorded.failed_scrapes, recorded.warnings) == (None, 0, ())
    assert [(one.url, one.health, one.error) for one in recorded.targets] == [(f"{target}/export/metrics", "up", "")]
    names = [rule.alert or rule.record or "" for rule in read_rules(RULES).rules]
    assert sorted(rule.name for rule in recorded.rules) == sorted(names)
    panels = {query.panel: query for query in recorded.panels}
    (waiting,) = panels["Waiting"].series
    assert (waiting.labels["__name__"], waiting.lowest, waiting.highest) == ("export_queue_depth", 2.0, 2.0)
    assert panels["Misnamed"].series == ()
    assert "parse error" in (panels["Broken"].error or "")
    dump = lzma.decompress((tmp_path / "prometheus_samples.txt.xz").read_bytes()).decode()
    assert '{__name__="export_queue_depth", instance=' in dump


@pytest.mark.e2e
def test_without_a_server_the_block_runs_and_the_record_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no Prometheus can be had the scenario goes on; its record holds the reason and no samples."""
    monkeypatch.setenv("PROMETHEUS", str(tmp_path / "none"))
    ran = False
    with observed("http://127.0.0.1:9", tmp_path, QUERIES, span=lambda: (0.0, 1.0)):
        ran = True
    problem = read_one(tmp_path / "prometheus.json", PrometheusRun).problem
    assert ran
    assert problem is not None
    assert problem.startswith("$PROMETHEUS is ")
    assert not (tmp_path / "prometheus_samples.txt.xz").exists()


@pytest.mark.e2e
def test_a_block_that_raises_leaves_no_record(tmp_path: Path) -> None:
    """What ends the scenario is what is reported, and no half record stays."""
    with serving() as target, pytest.raises(KeyboardInterrupt), observed(target, tmp_path, (), span=lambda: (0, 1)):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_range_and_rules(tmp_path: Path) -> None:
    """A range query has its samples in order of time; every rule is healthy once evaluated."""
    with serving() as target, running(target, scrape_interval_s=0.2) as server:
        server.wait_for_scrapes(3)
        (up,) = server.query_range("up", time.time() - 1, time.time(), 0.5)
        assert {value for _, value in up.values} == {"1"}
        assert [moment for moment, _ in up.values] == sorted(moment for moment, _ in up.values)
        assert {(rule.health, rule.error) for rule in server.rules()} == {("ok", "")}
