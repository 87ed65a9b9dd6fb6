"""A real Prometheus server scrapes a target, evaluates the committed rules and answers queries."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from assertions.contract import METRICS_PATH
from rules.records import read_rules
from rules.server.prometheus import PrometheusError, configuration, running
from tests.rules.conftest import RULES
from tests.rules.endpoint import serving

pytestmark = pytest.mark.e2e


def test_alerts_and_queries_live(tmp_path: Path) -> None:
    """On a target that breaks both bounds the two alerts fire, every rule's metrics are there, and the server ends."""
    with serving(running=6, waiting=101) as target:
        with running(target, scrape_interval_s=0.2, data=tmp_path / "data") as server:
            server.wait_for_scrapes(5)
            (seen,) = server.targets()
            assert (seen.url, seen.health, seen.error) == (target + METRICS_PATH, "up", "")
            (depth,) = server.query("export_queue_depth")
            assert (depth.value, depth.labels["__name__"], depth.labels["job"]) == (
                101.0,
                "export_queue_depth",
                "export",
            )
            assert server.query("no_such_metric") == ()
            loaded = server.query('count by (alertname) (ALERTS{alertstate="firing"})')
            assert {sample.labels["alertname"] for sample in loaded} <= {
                rule.alert for rule in read_rules(RULES).alerts
            }
            firing = {(alert.name, alert.severity) for alert in server.alerts() if alert.state == "firing"}
            assert firing == {("ExportQueueOverBound", "critical"), ("ExportOverConcurrencyLimit", "critical")}
            pending = {(alert.name, alert.severity) for alert in server.alerts() if alert.state == "pending"}
            assert pending == {("ExportQueueNearlyFull", "warning")}
            with pytest.raises(PrometheusError, match=r"refused query: .*parse error"):
                server.query("rate(")
            with pytest.raises(PrometheusError, match=r"not 100000 good scrapes within 0.1 s: .* is up"):
                server.wait_for_scrapes(100_000, timeout_s=0.1)
            assert psutil.pid_exists(server.pid)
        assert not psutil.pid_exists(server.pid)
        with pytest.raises(PrometheusError, match="does not answer"):
            server.query("up")
    assert (tmp_path / "data" / "wal").is_dir()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """Rules that can't be loaded end the server at once; its own words are in the error."""
    broken = tmp_path / "broken.yml"
    broken.write_text("groups: [{name: g, rules: [{alert: A, expr: 'rate('}]}]\n")
    with (
        pytest.raises(PrometheusError, match=r"ended at its start \(exit code 1\): .*broken.yml"),
        running("http://127.0.0.1:9", rules=broken),
    ):
        pytest.fail("it started")


def test_configuration() -> None:
    """A target's scheme, address and path prefix are kept, and no interval becomes 0 (which would mean a minute)."""
    made = configuration("https://host:8443/prefix/", None, 0.0)
    assert made == {
        "global": {"scrape_interval": "1ms", "scrape_timeout": "1ms", "evaluation_interval": "1ms"},
        "rule_files": [],
        "scrape_configs": [
            {
                "job_name": "export",
                "scheme": "https",
                "metrics_path": "/prefix/export/metrics",
                "static_configs": [{"targets": ["host:8443"]}],
            }
        ],
    }


@pytest.mark.parametrize("target", ["", "127.0.0.1:4001", "ftp://host/", "http://"])
def test_a_target_must_be_a_base_url(target: str) -> None:
    """What is no http(s) base URL is refused before anything starts."""
    with pytest.raises(ValueError, match="a target is a base URL such as"):
        configuration(target, None, 1.0)
