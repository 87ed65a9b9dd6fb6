"""A Prometheus server during the main job's scenarios: committed rules, and the queries of the committed dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from assertions.record.files import read_one
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Scenario
from dashboards.model import DashboardError
from dashboards.model import read as read_dashboard
from dashboards.variables import query_variables
from evidence.collect.queries import DASHBOARD
from rules.server import live

SCENARIOS = frozenset({"load", "batch", "soak"})
"""Scenarios during which a server runs; smoke is over before its first scrape."""


@contextlib.contextmanager
def observed(name: str, target: str, folder: Path, dashboard: Path = DASHBOARD) -> Iterator[None]:
    """Run a server while a scenario is recorded; its record goes into the scenario's folder."""
    if name not in SCENARIOS:
        yield
        return
    with live.observed(target, folder, _queries(dashboard), span=lambda: _span(folder)):
        yield


def _queries(path: Path) -> tuple[live.Query, ...]:
    """Return the panels' queries; none where the dashboard can't be read, which the dashboard's check reports."""
    try:
        dashboard = read_dashboard(path)
    except DashboardError:
        return ()
    variables = {key: value for key, value in query_variables(dashboard).items() if key != "__rate_interval"}
    return tuple(
        live.Query(panel=panel.title, ref=target.ref_id, expression=target.expr, variables=variables)
        for panel in dashboard.drawn
        for target in panel.targets
    )


def _span(folder: Path) -> tuple[float, float]:
    """Return the scenario's start, and its end or where clients began to hang up: what is counted of those is open."""
    scenario = read_one(folder / "scenario.json", Scenario)
    ends = [phase.start for phase in scenario.phases if phase.name == DISCONNECTS and phase.recorded]
    return scenario.start, min([*ends, scenario.end])
