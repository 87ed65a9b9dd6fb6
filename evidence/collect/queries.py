"""`queries.json`: what the alert rules and the dashboard ask a target for, handed to the judge as data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assertions.prometheus.promql import ALERTS, PRESENT_EVERYWHERE, PromqlError, substitute
from assertions.record.files import write_one
from assertions.record.queries import Queries, Selector
from assertions.record.run import QUERIES
from assertions.record.selectors import selectors_of
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
        selectors = tuple(dict.fromkeys([*of_rules(rules), *of_dashboard(dashboard)]))
    except (RulesError, DashboardError, PromqlError) as error:
        return f"queries: {error}"
    write_one(out / QUERIES, Queries(selectors=selectors))
    sources = len({one.source for one in selectors})
    return f"queries: {len(selectors)} selectors of {sources} alerts and panels"


def of_rules(path: Path) -> Iterator[Selector]:
    """Yield the selectors of a rule file, but those of series that its own rules or Prometheus itself make."""
    rules = read_rules(path).rules
    recorded = PRESENT_EVERYWHERE | {rule.record for rule in rules if rule.record is not None}
    for rule in rules:
        source = f"alert {rule.alert}" if rule.alert is not None else f"rule {rule.record}"
        yield from (one for one in selectors_of(rule.expr, source) if one.series not in recorded)


def of_dashboard(path: Path) -> Iterator[Selector]:
    """Yield the selectors of a dashboard's panels, variables replaced, but those of series that Prometheus makes."""
    dashboard = read_dashboard(path)
    variables = query_variables(dashboard)
    for panel in dashboard.drawn:
        for target in panel.targets:
            found = selectors_of(substitute(target.expr, variables), f"panel {panel.title}")
            yield from (one for one in found if one.series not in PRESENT_EVERYWHERE | {ALERTS})
