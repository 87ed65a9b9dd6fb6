"""`queries.json`: what the alert rules and the dashboard ask a target for, handed to the judge as data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assertions.prometheus.promql import ALERTS, PRESENT_EVERYWHERE, PromqlError, substitute
from assertions.record.files import write_one
from assertions.record.queries import Queries
from assertions.record.run import QUERIES
from assertions.record.selectors import selectors_of, target_labels_of
from dashboards.model import DashboardError
from dashboards.model import read as read_dashboard
from dashboards.variables import query_variables
from evidence.collect.provenance import ROOT
from rules.records import RulesError, read_rules

RULES = ROOT / "rules" / "export.yml"
DASHBOARD = ROOT / "dashboards" / "grafana-export-dashboard.json"


def write(out: Path, rules: Path = RULES, dashboard: Path = DASHBOARD) -> str:
    """Write `queries.json` into a run directory and return one line on it; without it the check has NO DATA.

    What can't be read leaves no file: half of the queries would pass for all of them. OSError when it can't be written.
    """
    (out / QUERIES).unlink(missing_ok=True)
    try:
        queries = collect(rules, dashboard)
    except (RulesError, DashboardError, PromqlError) as error:
        return f"queries: {error}"
    write_one(out / QUERIES, queries)
    return f"queries: {queries.counted()}"


def collect(rules: Path, dashboard: Path) -> Queries:
    """Return what both files ask a target for, and by name what they ask for that Prometheus itself adds.

    RulesError, DashboardError or PromqlError where one of them can't be read.
    """
    asked = [*_of_rules(rules), *_of_dashboard(dashboard)]
    recorded = {rule.record for rule in read_rules(rules).recordings}
    found = [selector for source, expression in asked for selector in selectors_of(expression, source)]
    from_prometheus = PRESENT_EVERYWHERE | {ALERTS}
    labels = {label for source, expression in asked for label in target_labels_of(expression)}
    return Queries(
        selectors=tuple(dict.fromkeys(one for one in found if one.series not in from_prometheus | recorded)),
        prometheus_series=tuple(sorted({one.series for one in found} & from_prometheus)),
        prometheus_labels=tuple(sorted(labels)),
        recorded_series=tuple(sorted({one.series for one in found} & recorded)),
    )


def _of_rules(path: Path) -> Iterator[tuple[str, str]]:
    """Yield source and expression of each rule."""
    for rule in read_rules(path).rules:
        yield f"alert {rule.alert}" if rule.alert is not None else f"rule {rule.record}", rule.expr


def _of_dashboard(path: Path) -> Iterator[tuple[str, str]]:
    """Yield source and expression of each query of a panel, variables replaced."""
    dashboard = read_dashboard(path)
    variables = query_variables(dashboard)
    for panel in dashboard.drawn:
        for target in panel.targets:
            yield f"panel {panel.title}", substitute(target.expr, variables)
