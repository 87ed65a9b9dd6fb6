"""Draw a dashboard from what a run recorded, and write the pictures and their figures into the run directory."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import image

from assertions.record.files import read_one, write_one
from assertions.record.prometheus_run import PROMETHEUS, SAMPLES, PrometheusRun
from assertions.record.results.panels_drawn import PANELS, RESULTS, Box, DrawnPanel, DrawnQuery, PanelsDrawn
from assertions.record.types import RecordError
from dashboards.model import Panel, parse
from dashboards.panels import browser
from dashboards.panels.errors import PanelsError
from dashboards.panels.page import Tools, bundle, library_versions
from dashboards.panels.serve import serving_samples
from rules.records import RulesError
from rules.server.fetch import find_binary, version_of

SCENARIOS: Final = ("load", "soak", "batch")
"""Where samples are recorded, the richest first."""
OVERVIEW: Final = "dashboard.png"
SAME_COLOR: Final = 24
"""Of 255, in each channel: lines are drawn with soft edges."""
COLORED: Final = 60
"""Of 255: a pixel whose channels are that far apart is no grey."""


def draw_run(out: Path, dashboard: Path, tools: Tools) -> PanelsDrawn:
    """Draw a dashboard file from a run directory's recorded samples; replace the pictures that are there.

    PanelsError, RulesError or DashboardError where there is nothing to draw, or nothing to draw it with.
    """
    scenario, run = _recorded(out)
    samples = out / scenario / SAMPLES
    try:
        text = dashboard.read_bytes()
    except OSError as error:
        raise PanelsError(f"{dashboard.name} can't be read: {error.strerror}") from error
    panels = parse(text).drawn
    if not panels or any(panel.id is None for panel in panels):
        raise PanelsError(f"{dashboard.name} has no panels, or panels without an id; `python -m dashboards check` it")
    site = bundle(tools, os.environ)
    with serving_samples(samples, run.scrape_interval_s) as server:
        drawing = browser.draw(
            tools.browser,
            site,
            text,
            server.url,
            (round(run.start * 1000), round(run.end * 1000)),
            round(run.scrape_interval_s * 1000),
            tuple(panel.id for panel in panels if panel.id is not None),
        )
    folder = out / PANELS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / OVERVIEW).write_bytes(drawing.overview)
    drawn = PanelsDrawn(
        dashboard=dashboard.name,
        dashboard_sha256=hashlib.sha256(text).hexdigest(),
        scenario=scenario,
        samples_sha256=hashlib.sha256(samples.read_bytes()).hexdigest(),
        source=f"a Prometheus that serves the samples recorded in {scenario}",
        start=run.start,
        end=run.end,
        versions={
            "browser": drawing.browser,
            "Prometheus": version_of(find_binary("prometheus", os.environ)),
            **library_versions(),
        },
        overview=OVERVIEW,
        overview_sha256=hashlib.sha256(drawing.overview).hexdigest(),
        panels=tuple(
            _panel(number, panel, drawing.panels[panel.id], folder)
            for number, panel in enumerate(panels, 1)
            if panel.id is not None
        ),
    )
    write_one(folder / RESULTS, drawn)
    return drawn


def _recorded(out: Path) -> tuple[str, PrometheusRun]:
    problem = f"{out} has no scenario with recorded samples; run load"
    for name in SCENARIOS:
        try:
            found = read_one(out / name / PROMETHEUS, PrometheusRun)
        except RecordError:
            continue
        if found.problem is None and (out / name / SAMPLES).is_file():
            return name, found
        problem = f"{out / name} has no recorded samples: {found.problem or f'{SAMPLES} is missing'}"
    raise RulesError(problem)


def _panel(number: int, panel: Panel, drawn: browser.Drawn, folder: Path) -> DrawnPanel:
    record, measured = drawn.record, drawn.measured
    series = record["series"]
    words = re.sub(r"[^a-z0-9]+", "-", panel.title.lower()).strip("-")
    picture = f"{number:02}-{words}.png"
    (folder / picture).write_bytes(drawn.picture)
    boxes = {name: _box(measured[name]) for name in ("panel", "canvas", "plot")}
    texts = [panel.title, *(one.get("text") or one["name"] for one in series if one["finite"] and one.get("color"))]
    shown = " ".join(measured["text"].split())
    colors = [color for one in series if one["finite"] and (color := _channels(one.get("color", ""))) is not None]
    return DrawnPanel(
        id=panel.id or 0,
        title=panel.title,
        kind=panel.type,
        drawn_by=record["drawnBy"],
        error=record["error"] or (None if record["state"] == "done" else "its data did not come within a minute"),
        queries=tuple(
            DrawnQuery(
                ref=target.ref_id,
                expression=target.expr,
                series=sum(one["ref"] == target.ref_id for one in series),
                points=sum(one["points"] for one in series if one["ref"] == target.ref_id),
                finite=sum(one["finite"] for one in series if one["ref"] == target.ref_id),
                ink=sum(one["ink"] for one in series if one["ref"] == target.ref_id),
            )
            for target in panel.targets
        ),
        **boxes,
        missing_texts=tuple(text for text in dict.fromkeys(texts) if " ".join(text.split()) not in shown),
        picture=picture,
        sha256=hashlib.sha256(drawn.picture).hexdigest(),
        picture_ink=ink_in(drawn.picture, boxes["panel"], boxes["plot"], colors),
    )


def _box(found: dict[str, Any] | None) -> Box | None:
    return None if found is None else Box(**{name: float(value) for name, value in found.items()})


def _channels(color: str) -> tuple[int, int, int] | None:
    match = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", color)
    return None if match is None else (int(match[1], 16), int(match[2], 16), int(match[3], 16))


def ink_in(picture: bytes, panel: Box | None, plot: Box | None, colors: list[tuple[int, int, int]]) -> int:
    """Count the pixels within the plot that have the colour of a series; without such colours, those that are no grey.

    The picture shows the panel; boxes are on the page. The row below the plot counts too: a line of zeros lies on it.
    """
    if panel is None or plot is None:
        return 0
    pixels = np.rint(image.imread(io.BytesIO(picture))[:, :, :3] * 255).astype(int)
    left, top = max(0, round(plot.left - panel.left)), max(0, round(plot.top - panel.top))
    inside = pixels[top : top + round(plot.height) + 1, left : left + round(plot.width)]
    if not colors:
        return int(np.count_nonzero(inside.max(axis=2) - inside.min(axis=2) > COLORED)) if inside.size else 0
    alike = np.zeros(inside.shape[:2], dtype=bool)
    for color in colors:
        alike |= (np.abs(inside - np.array(color)) <= SAME_COLOR).all(axis=2)
    return int(np.count_nonzero(alike))
