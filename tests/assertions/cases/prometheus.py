"""What a Prometheus server recorded during the run, made wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from assertions.record.prometheus_run import AlertState, PanelSeries, PrometheusRun
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, table
from tests.assertions.healthy.records import changed

Change = Callable[[ScenarioRecord], ScenarioRecord]


def with_run(**fields: Any) -> Change:
    """A change of fields of the server's record."""
    return lambda record: changed(record, prometheus=msgspec.structs.replace(_of(record), **fields))


def _of(record: ScenarioRecord) -> PrometheusRun:
    assert record.prometheus is not None
    return record.prometheus


def with_target(health: str, error: str) -> Change:
    """A change of the target's health."""
    return lambda record: with_run(
        targets=tuple(msgspec.structs.replace(one, health=health, error=error) for one in _of(record).targets)
    )(record)


def with_rule(name: str, health: str, error: str = "") -> Change:
    """A change of one rule's health."""
    return lambda record: with_run(
        rules=tuple(
            msgspec.structs.replace(rule, health=health, error=error) if rule.name == name else rule
            for rule in _of(record).rules
        )
    )(record)


def fired(name: str, state: str = "firing") -> Change:
    """A change by which an alert was in a state for ten seconds."""
    return lambda record: with_run(
        alerts=(
            AlertState(
                name=name,
                severity="critical",
                state=state,
                labels={},
                first=_of(record).start + 10,
                last=_of(record).start + 20,
            ),
        )
    )(record)


def with_panel(panel: str, change: Callable[[PanelSeries], PanelSeries], error: str | None = None) -> Change:
    """A change of all series of one panel's query."""
    return lambda record: with_run(
        panels=tuple(
            msgspec.structs.replace(query, error=error, series=tuple(change(series) for series in query.series))
            if query.panel == panel
            else query
            for query in _of(record).panels
        )
    )(record)


def scaled(factor: float) -> Callable[[PanelSeries], PanelSeries]:
    """A series with all its values so many times as high."""

    def change(series: PanelSeries) -> PanelSeries:
        values = {name: getattr(series, name) for name in ("last", "highest", "whole")}
        return msgspec.structs.replace(
            series, **{name: None if value is None else factor * value for name, value in values.items()}
        )

    return change


def emptied(series: PanelSeries) -> PanelSeries:
    """A series without a finite point."""
    return msgspec.structs.replace(series, finite=0, first=None, last=None, lowest=None, highest=None, whole=None)


def _off(panel: str, factor: float, reason: str) -> Case:
    return Case(
        id="prometheus-panels",
        name=f"{panel} times {factor:g}",
        on="load",
        change=with_panel(panel, scaled(factor)),
        reason=reason,
    )


FAILS: tuple[Case, ...] = (
    *table(
        "prometheus-scrape",
        "load",
        (
            "page refused at the end",
            with_target("down", "invalid metric type"),
            "/export/metrics is down: invalid metric type",
        ),
        ("some scrapes failed", with_run(scrapes=40, failed_scrapes=2), "2 of 40 scrapes failed"),
    ),
    *table(
        "prometheus-scrape",
        "batch",
        ("warning", with_run(warnings=("level=warn msg=duplicate",)), "Prometheus warns: level=warn msg=duplicate"),
    ),
    *table(
        "prometheus-rules",
        "load",
        (
            "rule can't be evaluated",
            with_rule("ExportConcurrentHigh", "err", "many-to-many matching"),
            "ExportConcurrentHigh can't be evaluated: many-to-many matching",
        ),
    ),
    *table(
        "prometheus-alerts",
        "batch",
        (
            "more at once than may",
            fired("ExportOverConcurrencyLimit"),
            "ExportOverConcurrencyLimit (critical) fired from 10 s to 20 s of the scenario",
        ),
    ),
    *table(
        "prometheus-panels",
        "load",
        ("no finite point", with_panel("Queue depth", emptied), "Queue depth, query A: q brought no finite point"),
        (
            "query refused",
            with_panel("Queue depth", emptied, error="parse error"),
            "Queue depth, query A: Prometheus refused it: parse error",
        ),
    ),
    _off("Export Latency P95 (ms)", 1000, "Export Latency P95 (ms) shows"),
    _off("Export Success Rate (%)", 0.01, "Export Success Rate (%) shows 1 % for csv, the harness read 100 (± 0.1)"),
    _off("Export Bytes Total (MB)", 2, "Export Bytes Total (MB) shows"),
    _off("Concurrent Exports", 2, "Concurrent Exports shows 10 exports at once"),
    _off("Export Throughput (ops/sec)", 1.5, "Export Throughput (ops/sec) shows"),
)

BLIND: tuple[Case, ...] = (
    *(
        Case(
            id=f"prometheus-{what}",
            name="no server",
            on="load",
            change=with_run(problem="prometheus is not on PATH"),
            reason="no Prometheus server ran during the scenario: prometheus is not on PATH",
        )
        for what in ("scrape", "panels", "rules", "alerts")
    ),
    *(
        Case(
            id=f"prometheus-{what}",
            name="not recorded",
            on="load",
            change=lambda record: changed(record, prometheus=None),
            reason="prometheus.json is missing",
        )
        for what in ("scrape", "panels", "rules", "alerts")
    ),
    *table(
        "prometheus-scrape",
        "load",
        ("nothing scraped", with_run(scrapes=0), "Prometheus scraped nothing"),
    ),
    *table(
        "prometheus-rules",
        "load",
        ("no rules", with_run(rules=()), "Prometheus had no rules to evaluate"),
        (
            "rule never evaluated",
            with_rule("ExportConcurrentHigh", "unknown"),
            "1 of 4 rules were never evaluated, first ExportConcurrentHigh",
        ),
    ),
    *table(
        "prometheus-alerts",
        "load",
        ("other rules", with_run(rules=()), "Prometheus had none of the rules that this check reads"),
    ),
    *table(
        "prometheus-panels",
        "load",
        ("no dashboard", with_run(panels=()), "no panel was asked for: the dashboard could not be read"),
    ),
)
