"""What rules and dashboard ask for, written down for the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assertions.record.files import read_one
from assertions.record.queries import Queries
from evidence.collect import queries

RULES = """\
groups:
  - name: mine
    rules:
      - record: export:done
        expr: sum(rate(export_requests_total{status="succeeded"}[5m]))
      - alert: Slow
        expr: export:done < 1 and export_queue_depth > 3 and up == 1
"""


def test_the_projects_own_files_give_queries(tmp_path: Path) -> None:
    """The rule file and the dashboard as committed can be read whole; the line says how many there are."""
    said = queries.write(tmp_path)
    written = read_one(tmp_path / "queries.json", Queries).selectors
    sources = {one.source for one in written}
    assert said == f"queries: {len(written)} selectors of {len(sources)} alerts and panels"
    assert len(written) == len(set(written))
    assert {one.split()[0] for one in sources} == {"alert", "rule", "panel"}
    assert "export_latency_ms_bucket" in {one.series for one in written}


def test_recorded_series_are_not_the_targets(tmp_path: Path) -> None:
    """What a rule of the same file records is asked of Prometheus, not of the target."""
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    assert [(one.source, str(one)) for one in queries.of_rules(path)] == [
        ("rule export:done", 'export_requests_total{status="succeeded"}'),
        ("alert Slow", "export_queue_depth"),
    ]


def test_a_dashboards_variables_are_replaced(tmp_path: Path) -> None:
    """Queries of a panel in a row count, too, with Grafana's variables in them."""
    panel = {"type": "stat", "title": "Mine", "targets": [{"expr": "rate(export_bytes_total[$__rate_interval])"}]}
    path = tmp_path / "board.json"
    path.write_text(json.dumps({"panels": [{"type": "row", "panels": [panel]}]}))
    assert [(one.source, str(one)) for one in queries.of_dashboard(path)] == [("panel Mine", "export_bytes_total")]


def test_a_dashboards_alerts_are_prometheus_own(tmp_path: Path) -> None:
    """What Prometheus makes itself is not asked of a target: alerts, and whether it is up."""
    expr = "count(ALERTS) or on () up or on () export_queue_depth"
    panel = {"type": "stat", "title": "Mine", "targets": [{"expr": expr}]}
    path = tmp_path / "board.json"
    path.write_text(json.dumps({"panels": [panel]}))
    assert [one.series for one in queries.of_dashboard(path)] == ["export_queue_depth"]


@pytest.mark.parametrize("broken", ["rules", "dashboard", "expression"])
def test_half_of_the_queries_are_none(tmp_path: Path, broken: str) -> None:
    """Where one file can't be read there is no queries.json, not even an older one, and the line says why."""
    rules, board = tmp_path / "rules.yml", tmp_path / "board.json"
    rules.write_text(RULES if broken != "expression" else RULES.replace("sum(", "sum(("))
    board.write_text('{"panels": []}')
    {"rules": rules, "dashboard": board, "expression": tmp_path / "none"}[broken].unlink(missing_ok=True)
    (tmp_path / "queries.json").write_text("old")
    said = queries.write(tmp_path, rules, board)
    assert said.startswith("queries: ")
    assert "selectors" not in said
    assert not (tmp_path / "queries.json").exists()
