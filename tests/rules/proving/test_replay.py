"""Replay: recorded samples through the unmodified rules, quiet as recorded, each alert set off by its fault."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from assertions.contract import FAMILIES, FORMATS
from rules.promtool import find
from rules.proving.faults import FAULTS
from rules.proving.replay import read_samples, replay, table_text
from rules.records import RulesError, read_rules
from tests.rules.conftest import RULES, TESTS

SCRAPES = 60
TARGET = 'instance="127.0.0.1:4001", job="export"'


def lines(count: int = SCRAPES) -> list[str]:
    """A dump of a sound target's series: each scrape one more export of each format, all of them fast."""
    made = []
    for number in range(count):
        values = {f'__name__="up", {TARGET}': 1}
        for name in ("export_concurrent_running", "export_queue_depth"):
            values[f'__name__="{name}", {TARGET}'] = 1
        for fmt in FORMATS:
            label = f'format="{fmt}", {TARGET}'
            for status, value in (("started", number), ("succeeded", number), ("failed", 0), ("rejected", 0)):
                values[f'__name__="export_requests_total", status="{status}", user="a", {label}'] = value
            for bound in ("100", "10000", "30000", "60000", "+Inf"):
                values[f'__name__="export_latency_ms_bucket", le="{bound}", size="large", {label}'] = number
            values[f'__name__="export_bytes_total", status="success", {label}'] = 1000 * number
            values[f'__name__="export_fail_total", reason="io", {label}'] = 0
            values[f'__name__="export_memory_bytes", {label}'] = 1_000_000
            values[f'__name__="export_throughput_ops_per_sec", {label}'] = 1
            values[f'__name__="export_success_rate", {label}'] = 1
        made += [f"{{{labels}}} {value} {1_000 * number}" for labels, value in values.items()]
        made.append(f'{{__name__="ALERTS", alertname="X", alertstate="firing"}} 1 {1_000 * number}')
    return made


def folder_with(tmp_path: Path, dump: list[str]) -> Path:
    """A scenario's folder with these samples."""
    (tmp_path / "prometheus_samples.txt.xz").write_bytes(lzma.compress("\n".join(dump).encode()))
    return tmp_path


def test_samples_are_read_scrape_by_scrape(tmp_path: Path) -> None:
    """Each series of the target has one value a scrape; what the server's own rules made is left out."""
    dump = [line for line in lines() if not line.endswith(" 5000") or "export_queue_depth" not in line]
    series, count = read_samples(folder_with(tmp_path, dump) / "prometheus_samples.txt.xz")
    names = {dict(key)["__name__"] for key in series}
    assert (count, {len(values) for values in series.values()}) == (SCRAPES, {SCRAPES})
    assert names == {"up", *(family.series[0] for family in FAMILIES)}
    waiting = next(values for key, values in series.items() if dict(key)["__name__"] == "export_queue_depth")
    assert waiting[4:7] == [1.0, None, 1.0]


@pytest.mark.parametrize(
    ("dump", "reason"),
    [
        (lines(49), "holds 49 scrapes; at least 50 are needed"),
        (["export_queue_depth 3"], "is no sample as `promtool tsdb dump` prints them"),
    ],
)
def test_what_can_not_be_replayed_is_refused(tmp_path: Path, dump: list[str], reason: str) -> None:
    """A run that is too short for the longest wait, or no dump at all, has no table."""
    with pytest.raises(RulesError, match=reason):
        read_samples(folder_with(tmp_path, dump) / "prometheus_samples.txt.xz")


def test_no_recorded_samples(tmp_path: Path) -> None:
    """A folder without samples says what to run."""
    with pytest.raises(RulesError, match=r"no recorded samples can be read there .* run load"):
        read_samples(tmp_path / "prometheus_samples.txt.xz")


def test_each_alert_has_a_fault() -> None:
    """No alert is without a fault that must set it off, and no fault names an alert that does not exist."""
    named = {alert for fault in FAULTS.values() for alert in fault.alerts}
    assert named == {rule.alert for rule in read_rules(RULES).alerts}


@pytest.mark.e2e
def test_each_fault_sets_off_its_alerts(tmp_path: Path) -> None:
    """As recorded nothing fires; with a fault its alerts do, after their window and `for`."""
    table = replay(folder_with(tmp_path, lines()), RULES, TESTS, find())
    assert {(row.alert, row.severity) for row in table.rows if not row.silent_on_run} == set()
    assert {(row.alert, row.severity) for row in table.rows if not row.fired_on_fault} == set()
    assert table.ok
    seconds = {(row.alert, row.severity): row.faults for row in table.rows}
    assert seconds["ExportTargetDown", "critical"] == {"silent": 120}
    assert seconds["ExportMetricsMissing", "critical"] == {"silent": 300, "histogram renamed": 300}
    assert seconds["ExportQueueNearlyFull", "warning"] == {"queue over its bound": 600}
    assert "ExportTargetDown             critical  yes    -        silent    silent 120 s" in table_text(table)


@pytest.mark.e2e
def test_a_rule_that_reads_a_series_that_is_not_there_does_not_fire(tmp_path: Path) -> None:
    """The first implementation's histogram name in a rule: its fault does not set it off, and the table says so."""
    rules = tmp_path / "export.yml"
    rules.write_text(
        RULES.read_text().replace("rate(export_latency_ms_bucket[", "rate(export_latency_ms_bucket_bucket[")
    )
    table = replay(folder_with(tmp_path, lines()), rules, TESTS, find())
    assert {row.alert for row in table.rows if not row.fired_on_fault} == {"ExportLatencyP95High"}
    assert not table.ok
    assert "slow NOT FIRED" in table_text(table)
