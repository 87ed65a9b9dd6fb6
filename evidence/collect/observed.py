"""A Prometheus server during the main job's scenarios: rules of the run's limits, queries of our own dashboard."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assertions.limits import load
from assertions.record.files import read_one
from assertions.record.phases import DISCONNECTS
from assertions.record.types import Scenario
from dashboards.model import DashboardError
from dashboards.model import read as read_dashboard
from dashboards.variables import query_variables
from evidence.bundle.layout import LIMITS
from evidence.collect.queries import DASHBOARD
from rules.records import RulesError
from rules.server import live
from rules.server.prometheus import RULES

SCENARIOS = frozenset({"load", "batch", "soak"})
"""Scenarios during which a server runs; smoke is over before its first scrape."""


@contextlib.contextmanager
def observed(name: str, target: str, folder: Path, dashboard: Path = DASHBOARD) -> Iterator[None]:
    """Run a server while a scenario is recorded; its record goes into the scenario's folder."""
    if name not in SCENARIOS:
        yield
        return
    with (
        _rules(folder.parent / LIMITS) as rules,
        live.observed(target, folder, _queries(dashboard), span=lambda: _span(folder), rules=rules),
    ):
        yield


@contextlib.contextmanager
def _rules(limits: Path) -> Iterator[Path | None]:
    """Yield the committed rule file, or one built from the run's limits where these are others.

    None: no rules can be built from these limits, which the rules' check reports.
    """
    own = load(limits) if limits.is_file() else load()
    if own.sha256 == load().sha256:
        yield RULES
        return
    from rules.building.build import RULES_NAME, build_rules  # noqa: PLC0415 - slow to load, seldom needed

    with tempfile.TemporaryDirectory(prefix="rules-") as made:
        file: Path | None = Path(made) / RULES_NAME
        try:
            (Path(made) / RULES_NAME).write_text(build_rules(own), encoding="utf-8")
        except RulesError:
            file = None
        yield file


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
