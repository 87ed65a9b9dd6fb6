"""Which plots a run has, with their captions, and writing their pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.prometheus_run import SAMPLES
from assertions.record.run import Run
from assertions.record.view import ScenarioRecord
from evidence.comparison.types import Comparison
from evidence.reports.figures import Plot
from evidence.reports.plots.baseline import ratios
from evidence.reports.plots.captions import distribution_caption, exports_caption, leak_caption, target_caption
from evidence.reports.plots.distribution import distribution
from evidence.reports.plots.leak import leak_panel, leak_series
from evidence.reports.plots.model import Drawing, Panel, spread, x_values
from evidence.reports.plots.prometheus_samples import read_samples
from evidence.reports.plots.static import WIDTH_IN, Pictures, draw_all, drawn, height_in
from evidence.reports.plots.target import target_panels
from evidence.reports.plots.timeline import export_panels, x_range_of
from rules.server.cache import Cache
from rules.server.fetch import cache_folder

Draw = Callable[[Sequence[Drawing]], list[Pictures]]
"""Draws plots, in this process or in another."""
KEPT_MOST = 48
"""Pictures of about three runs."""
SECONDS = "seconds since the scenario's start"


def drawings_of(run: Run, report: Report, limits: Limits, comparison: Comparison | None = None) -> tuple[Drawing, ...]:
    """Return the plots that a run's record allows. comparison: with its baseline; None: nothing was compared."""
    found = [drawing for record in run.scenarios.values() for drawing in _of_scenario(run, record, report, limits)]
    against = None if comparison is None else ratios(comparison)
    return (*found, *([] if against is None else [against]))


def plots_of(folder: str, drawings: Iterable[Drawing]) -> list[Plot]:
    """Return what the report says of each plot, with its place in a folder."""
    return [
        Plot(
            title=drawing.title,
            path=f"{folder}/{drawing.name}.svg",
            caption=drawing.caption,
            aspect=round(height_in(drawing) / WIDTH_IN, 4),
        )
        for drawing in drawings
    ]


def kept_plots(env: Mapping[str, str]) -> Cache:
    """Return the cache of pictures in the user's cache folder: scenarios of one run are often run one by one."""
    return Cache(cache_folder(env) / "plots", KEPT_MOST)


def draw(
    folder: Path, drawings: Iterable[Drawing], cache: Cache | None = None, by: Draw = draw_all
) -> dict[str, bytes]:
    """Write the pictures into a folder, emptied before; return each as PNG, by its path. OSError.

    cache: holds pictures of the same drawings; None: all are drawn. by: draws them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    return add_pictures(folder, drawings, {}, cache, by)


def add_pictures(
    folder: Path,
    drawings: Iterable[Drawing],
    known: Mapping[str, bytes],
    cache: Cache | None = None,
    by: Draw = draw_all,
) -> dict[str, bytes]:
    """Write the pictures that are not there yet; return each of these as PNG, by its path. OSError."""
    wanted = {path: drawing for drawing in drawings if (path := f"{folder.name}/{drawing.name}.svg") not in known}
    made = {}
    for (path, drawing), (text, png) in zip(wanted.items(), drawn(list(wanted.values()), cache, by), strict=True):
        folder.mkdir(exist_ok=True)
        (folder / f"{drawing.name}.svg").write_text(text, encoding="utf-8")
        made[path] = png
    return made


def _of_scenario(run: Run, record: ScenarioRecord, report: Report, limits: Limits) -> Iterator[Drawing]:
    name = record.name
    exports = export_panels(record, report, limits)
    samples = None if record.prometheus is None else read_samples(run.path / name / SAMPLES)
    target = target_panels(record, limits, samples)
    for suffix, what, panels, caption in (
        ("timeline", "exports over time", exports, exports_caption(record, report)),
        ("target", "the target over time", target, target_caption(record, report)),
    ):
        if panels:
            yield Drawing(
                name=f"{name}-{suffix}",
                title=f"{name}: {what}",
                caption=caption,
                panels=panels,
                x_label=SECONDS,
                axis=f"{name}-time",
                x_range=x_range_of(record),
            )
    if record.done:
        panel = distribution(record, limits)
        title = f"{name}: latency by case"
        yield _single(f"{name}-distribution", title, distribution_caption(record, report), panel, "ms", log=True)
    if len(leak_series(record)) > 2:
        title = f"{name}: memory at rest by exports done"
        panel = leak_panel(record, limits)
        yield _single(f"{name}-leak", title, leak_caption(record, report, limits), panel, "exports done", log=False)


def _single(name: str, title: str, caption: str, panel: Panel, x_label: str, *, log: bool) -> Drawing:
    return Drawing(
        name=name,
        title=title,
        caption=caption,
        panels=(panel,),
        x_label=x_label,
        axis=name,
        x_range=spread(x_values(panel), log=log),
        x_log=log,
    )
