"""Drawing the dashboard's panels into a run directory, which is then judged and published again with the pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from assertions.checks.observability.pictures import panel_faults
from assertions.console import sentences
from assertions.judge import Report
from assertions.record.results.panels_drawn import PANELS, PanelsDrawn
from dashboards.model import DashboardError
from dashboards.panels.draw import draw_run
from dashboards.panels.page import Tools, find_tools
from evidence.bundle.errors import VerifyError
from evidence.bundle.verify import verify
from evidence.collect.queries import DASHBOARD
from evidence.publish import publish
from evidence.run import run
from evidence.settings import RunError, Settings
from evidence.timings import Timings
from loadtests import options
from loadtests.errors import FolderError
from loadtests.locks import lock_folder
from loadtests.progress_view import view
from rules.records import RulesError

DEFAULT_OUT = Path("evidence/panels")
CHECK = "panels-drawn"
NO_VERDICT = 2
"""Exit code."""


@click.command("panels")
@click.argument("folder", type=options.FILE, required=False, metavar="[DIR]")
@click.option(
    "--dashboard",
    type=options.FILE,
    default=DASHBOARD,
    metavar="FILE",
    help="The dashboard to draw (default: ours).",
)
@sentences("evidence", RunError, VerifyError, DashboardError, RulesError, FolderError, OSError)
def panels_command(folder: Path | None, dashboard: Path) -> int:
    """Draw each panel of the dashboard from a run's recorded samples, and publish the run again with the pictures.

    DIR: a run directory that verifies; without one, load is run on the embedded service, into evidence/panels.
    Grafana's open front-end libraries draw, in headless Chromium, fed by a Prometheus that serves the samples. Takes
    Node.js, npm and Chromium. Exit code 0: every panel was drawn with data; 1: one was not, or DIR does not hold; 2:
    nothing could be drawn, or the file is not the run's dashboard.
    """
    tools = find_tools(os.environ)
    if folder is None:
        folder = DEFAULT_OUT
        with view(sys.stdout) as shown:
            run(Settings(scenarios=("load",), out=folder, target=None), shown)
    problems, _ = verify(folder)
    if problems:
        for problem in problems:
            print(problem)
        print(f"{folder} does not hold, so nothing is drawn into it; problems: {len(problems)}")
        return 1
    drawn, report = draw_and_publish(folder, dashboard, tools)
    for panel in drawn.panels:
        faults = panel_faults(panel)
        points = sum(query.finite for query in panel.queries)
        print(f"{'FAIL' if faults else 'ok':4} {'; '.join(faults) or f'{panel.title}: {points:,} points'}")
    print(f"pictures: {folder / PANELS}")
    verdict = next(one for one in report.verdicts if one.id == CHECK)
    if verdict.status == "NO DATA":
        print(f"NO DATA: {verdict.judgement.reason}")
        return NO_VERDICT
    return 0 if verdict.status == "PASS" else 1


def draw_and_publish(folder: Path, dashboard: Path, tools: Tools) -> tuple[PanelsDrawn, Report]:
    """Draw into a run directory and publish it again, while no other command changes it.

    DashboardError or RulesError where nothing can be drawn; FolderError where another command is at it.
    """
    timings = Timings()
    with lock_folder(folder):
        with timings.measure("panels"):
            drawn = draw_run(folder, dashboard, tools)
        return drawn, publish(folder, timings)
