"""What rules and dashboard ask for, written down for the judge."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from assertions.record.files import read_one
from assertions.record.queries import Queries
from evidence.collect import queries
from rules.records import read_rules

RULES = """\
groups:
  - name: mine
    rules:
      - record: export:done
        expr: sum(rate(export_requests_total{status="succeeded"}[5m]))
      - alert: Slow
        expr: export:done < 1 and export_queue_depth > 3 and up{job="mine"} == 1
"""


def test_the_projects_own_files_give_queries(tmp_path: Path) -> None:
    """The rule file and the dashboard as committed can be read whole; the line says how many there are."""
    said = queries.write(tmp_path)
    found = read_one(tmp_path / "queries.json", Queries)
    written = found.selectors
    kinds = Counter(source.split()[0] for source in {one.source for one in written})
    distinct = len({str(one) for one in written})
    assert said == (
        f"queries: {distinct} selectors of {kinds['alert']} alerts, {kinds['panel']} panels "
        f"and {kinds['rule']} recording rules"
    )
    assert len(written) == len(set(written))
    assert "export_latency_ms_bucket" in {one.series for one in written}
    assert (found.prometheus_series, found.prometheus_labels) == (("ALERTS", "up"), ("instance", "job"))
    assert set(found.recorded_series) == {rule.record for rule in read_rules(queries.RULES).recordings}


def test_what_prometheus_adds_is_left_out_by_name(tmp_path: Path) -> None:
    """Series of recording rules and of Prometheus itself are not asked of a target, wherever they are queried."""
    expr = "count(ALERTS) or on () up or on () export:done or on () rate(export_bytes_total[$__rate_interval])"
    panel = {"type": "stat", "title": "Mine", "targets": [{"expr": expr}]}
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "board.json").write_text(json.dumps({"panels": [{"type": "row", "panels": [panel]}]}))
    found = queries.collect(tmp_path / "rules.yml", tmp_path / "board.json")
    assert [(one.source, str(one)) for one in found.selectors] == [
        ("rule export:done", 'export_requests_total{status="succeeded"}'),
        ("alert Slow", "export_queue_depth"),
        ("panel Mine", "export_bytes_total"),
    ]
    assert (found.prometheus_series, found.prometheus_labels) == (("ALERTS", "up"), ("job",))
    assert found.recorded_series == ("export:done",)
    assert found.counted() == "3 selectors of 1 alert, 1 panel and 1 recording rule"


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
