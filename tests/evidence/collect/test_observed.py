"""A real Prometheus during a scenario: what it says of a page with a wrong name, of a wrong panel, of own limits."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from assertions import limits as limits_file
from assertions.checks.observability.panels import panels
from assertions.limits import DEFAULT_PATH
from assertions.record.files import read_one, write_one
from assertions.record.prometheus_run import PROMETHEUS, PrometheusRun
from evidence.bundle.layout import LIMITS
from evidence.collect.observed import observed
from evidence.collect.queries import DASHBOARD
from tests.assertions.healthy.records import changed, healthy
from tests.rules.endpoint import serving

pytestmark = pytest.mark.e2e

RECORD = healthy("load")
SCRAPES = 5
"""With so many a rate over the server's shortest window has a point."""
WAIT_S = 60.0


def recorded(folder: Path, change: Callable[[str], str] = str, dashboard: Path = DASHBOARD) -> PrometheusRun:
    """What a server recorded of an endpoint whose pages are changed, in a scenario of some scrapes."""
    place = folder / "load"
    place.mkdir()
    began, served, enough = time.time(), itertools.count(1), threading.Event()

    def counted(page: str) -> str:
        if next(served) >= SCRAPES:
            enough.set()
        return change(page)

    with serving(change=counted) as target, observed("load", target, place, dashboard):
        assert enough.wait(WAIT_S)
        scenario = replace(RECORD.scenario, start=began, end=time.time(), phases=())
        write_one(place / "scenario.json", scenario)
    return read_one(place / PROMETHEUS, PrometheusRun)


def empty_panels(run: PrometheusRun) -> set[str]:
    """The panels of which the check says that a query brought nothing."""
    found = panels(changed(RECORD, prometheus=run), limits_file.load()).findings
    return {finding.split(" x ", 1)[1].split(": ", 1)[0] for finding in found if "brought no finite point" in finding}


def titles_on(metric: str) -> set[str]:
    """The committed dashboard's panels that query a metric."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    drawn = [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", []))]
    return {
        panel["title"]
        for panel in drawn
        if any(metric in target.get("expr", "") for target in panel.get("targets", []))
    }


def test_a_renamed_histogram_empties_just_its_panels(tmp_path: Path) -> None:
    """The first implementation's `…_bucket_bucket`: the live check names each panel on the histogram, and no other."""
    run = recorded(tmp_path, lambda text: text.replace("export_latency_ms", "export_latency_ms_bucket"))
    assert run.problem is None
    assert empty_panels(run) == titles_on("export_latency_ms_bucket")


def test_a_misnamed_metric_empties_just_its_panel(tmp_path: Path) -> None:
    """One panel of the dashboard asks for a metric that nobody has: the live check names that panel only."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panel = next(one for one in board["panels"] if one["title"] == "Concurrent Exports")
    for target in panel["targets"]:
        target["expr"] = target["expr"].replace("export_concurrent_running", "export_concurrent")
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(board), encoding="utf-8")
    assert empty_panels(recorded(tmp_path, dashboard=mine)) == {"Concurrent Exports"}


def test_rules_have_the_runs_own_limits(tmp_path: Path) -> None:
    """A limits file that allows eight at once: six at once set off no alert, though the default limit is five."""
    text = DEFAULT_PATH.read_text(encoding="utf-8")
    five = 'id = "concurrent_exports"\nop = "<="\ntarget = 5'
    assert five in text
    (tmp_path / LIMITS).write_text(text.replace(five, five.replace("5", "8")), encoding="utf-8")
    run = recorded(tmp_path, lambda page: page.replace("export_concurrent_running 2", "export_concurrent_running 6"))
    assert {rule.health for rule in run.rules} == {"ok"}
    assert [alert.name for alert in run.alerts if alert.state == "firing"] == []
    shown = [series.highest for one in run.panels if one.panel == "Concurrent Exports" for series in one.series]
    assert shown == [6.0]
