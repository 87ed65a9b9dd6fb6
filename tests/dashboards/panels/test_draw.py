"""Drawing: what is counted in a picture, and whole dashboards in a real browser."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from assertions.checks.observability.pictures import panel_faults
from assertions.record.files import write_one
from assertions.record.prometheus_run import PROMETHEUS, SAMPLES, PrometheusRun
from assertions.record.results.panels_drawn import PANELS, RESULTS, Box, PanelsDrawn
from assertions.record.run import load_run
from dashboards.__main__ import EXPORT
from dashboards.panels.draw import draw_run, ink_in
from dashboards.panels.errors import PanelsError
from dashboards.panels.page import BROWSERS, Tools, find_tools
from rules.records import RulesError
from tests.dashboards.panels.recorded import write_recorded

NO_TOOLS = Tools(node="node", npm="npm", browser="chromium")
MISSING = [name for name in ("node", "npm") if shutil.which(name) is None]
MISSING += [] if any(map(shutil.which, BROWSERS)) else ["a browser"]
PANEL = Box(left=100, top=50, width=40, height=20)
PLOT = Box(left=110, top=55, width=20, height=10)
GREEN = (115, 191, 105)


def e2e(test: Any) -> Any:
    """Mark a test that draws: it takes Node.js, npm and a browser, which CI must have."""
    skipped = pytest.mark.skipif(bool(MISSING) and "CI" not in os.environ, reason=f"not installed: {MISSING}")
    return pytest.mark.e2e(skipped(test))


def picture(*dots: tuple[int, int, tuple[int, int, int]]) -> bytes:
    """A dark panel of 40 by 20 pixels with dots at (x, y) in these colours."""
    pixels = np.full((20, 40, 3), 24, dtype=np.uint8)
    for x, y, color in dots:
        pixels[y, x] = color
    file = io.BytesIO()
    image.imsave(file, pixels, format="png")
    return file.getvalue()


@pytest.mark.parametrize(
    ("dots", "colors", "ink"),
    [
        (((10, 5, GREEN), (29, 14, GREEN)), [GREEN], 2),
        (((9, 5, GREEN), (10, 4, GREEN), (30, 14, GREEN), (29, 16, GREEN)), [GREEN], 0),
        (((10, 15, GREEN), (29, 15, GREEN)), [GREEN], 2),
        (((12, 6, (139, 215, 129)), (13, 6, (140, 191, 105))), [GREEN], 1),
        (((12, 6, GREEN), (13, 6, (242, 73, 92))), [GREEN, (242, 73, 92)], 2),
        (((12, 6, (127, 39, 4)), (13, 6, (84, 24, 24)), (14, 6, (85, 24, 24))), [], 2),
        ((), [GREEN], 0),
    ],
)
def test_ink_is_counted_within_the_plot(dots: Any, colors: list[tuple[int, int, int]], ink: int) -> None:
    """Pixels in a series' colour, edges and the row of the axis included; without colours, those not grey."""
    assert ink_in(picture(*dots), PANEL, PLOT, colors) == ink


@pytest.mark.parametrize(("panel", "plot"), [(None, PLOT), (PANEL, None)])
def test_without_a_plot_there_is_no_ink(panel: Box | None, plot: Box | None) -> None:
    """Nothing is counted where nothing was painted."""
    assert ink_in(picture((12, 6, GREEN)), panel, plot, [GREEN]) == 0


def test_a_run_without_samples_cannot_be_drawn(tmp_path: Path) -> None:
    """No scenario, a server that failed, or samples that are missing: each is said."""
    with pytest.raises(RulesError, match="has no scenario with recorded samples; run load"):
        draw_run(tmp_path, EXPORT, NO_TOOLS)
    (tmp_path / "load").mkdir()
    write_one(tmp_path / "load" / PROMETHEUS, PrometheusRun(problem="prometheus is not on PATH"))
    with pytest.raises(RulesError, match="load has no recorded samples: prometheus is not on PATH"):
        draw_run(tmp_path, EXPORT, NO_TOOLS)
    write_one(tmp_path / "load" / PROMETHEUS, PrometheusRun(problem=None))
    with pytest.raises(RulesError, match=f"load has no recorded samples: {SAMPLES} is missing"):
        draw_run(tmp_path, EXPORT, NO_TOOLS)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read"),
        ('{"panels": []}', "has no panels, or panels without an id"),
        ('{"panels": [{"title": "one"}]}', "has no panels, or panels without an id"),
    ],
)
def test_a_dashboard_that_cannot_be_drawn(tmp_path: Path, content: str | None, problem: str) -> None:
    """A missing file, one without panels, and panels that can't be told apart."""
    write_recorded(tmp_path)
    file = tmp_path / "theirs.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PanelsError, match=f"theirs.json {problem}"):
        draw_run(tmp_path, file, NO_TOOLS)


def faulty(drawn: PanelsDrawn) -> dict[str, tuple[str, ...]]:
    """The panels with faults, by title."""
    return {panel.title: faults for panel in drawn.panels if (faults := panel_faults(panel))}


@e2e
def test_the_committed_dashboard_is_drawn(tmp_path: Path) -> None:
    """Every panel has data, ink and its place; the record names the file drawn and its pictures are what it says."""
    reported = write_recorded(tmp_path)
    drawn = draw_run(tmp_path, EXPORT, find_tools(os.environ))
    assert faulty(drawn) == {}
    titles = [one["title"] for one in json.loads(EXPORT.read_bytes())["panels"] if one["type"] != "row"]
    assert [panel.title for panel in drawn.panels] == titles
    assert (drawn.dashboard, drawn.start, drawn.end) == (EXPORT.name, reported.start, reported.end)
    files = load_run(tmp_path, ()).panels
    assert files is not None
    assert files.drawn == drawn
    pictures = {panel.picture: panel.sha256 for panel in drawn.panels} | {drawn.overview: drawn.overview_sha256}
    assert {name: sha256 for name, sha256 in files.sha256.items() if name != RESULTS} == pictures
    assert files.samples_sha256 == drawn.samples_sha256


@e2e
def test_a_line_along_the_axis_is_ink(tmp_path: Path) -> None:
    """Nothing failed throughout a run so long that no points are drawn: zero is a line on the plot's lower edge."""
    write_recorded(tmp_path)
    model = json.loads(EXPORT.read_bytes())
    panel = next(one for one in model["panels"] if one["title"] == "Failed exports by reason")
    panel["fieldConfig"]["defaults"].setdefault("custom", {})["showPoints"] = "never"
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(model), encoding="utf-8")
    assert faulty(draw_run(tmp_path, theirs, find_tools(os.environ))) == {}


@e2e
@pytest.mark.parametrize(
    ("old", "new", "title", "fault"),
    [
        ("export_queue_depth{", "export_queue_length{", "Queue depth", "query A brought no data point"),
        (
            "export_throughput_ops_per_sec{",
            "export_throughput{",
            "Export Throughput (ops/sec)",
            "query B brought no data point",
        ),
    ],
)
def test_one_misnamed_metric_turns_just_its_panel_red(
    tmp_path: Path, old: str, new: str, title: str, fault: str
) -> None:
    """A query that matches nothing fails its panel, though another query of it drew; all others stay as they are."""
    write_recorded(tmp_path)
    text = EXPORT.read_text(encoding="utf-8")
    assert text.count(old) == 1
    theirs = tmp_path / "theirs.json"
    theirs.write_text(text.replace(old, new), encoding="utf-8")
    found = faulty(draw_run(tmp_path, theirs, find_tools(os.environ)))
    assert list(found) == [title]
    assert found[title][0].startswith(f"{title}: {fault}")
    assert (tmp_path / PANELS / "dashboard.png").is_file()


@e2e
def test_what_cannot_be_drawn_names_its_panel(tmp_path: Path) -> None:
    """A refused query, a type of panel that this page does not draw, and a data source that nobody knows."""
    write_recorded(tmp_path)
    model = json.loads(EXPORT.read_bytes())
    panels = {panel["title"]: panel for panel in model["panels"]}
    panels["Requests by outcome"]["targets"][0]["expr"] = "sum("
    panels["Queue depth"]["type"] = "stat"
    for part in (panels["Memory per export"], *panels["Memory per export"]["targets"]):
        part["datasource"] = {"type": "prometheus", "uid": "theirs"}
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(model), encoding="utf-8")
    assert faulty(draw_run(tmp_path, theirs, find_tools(os.environ))) == {
        "Requests by outcome": (
            "Requests by outcome: Prometheus refused it: 1:5: parse error: unclosed left parenthesis",
        ),
        "Queue depth": ("Queue depth: this page draws no panel of type stat",),
        "Memory per export": ("Memory per export: the data source theirs is not known here; there is Prometheus only",),
    }
