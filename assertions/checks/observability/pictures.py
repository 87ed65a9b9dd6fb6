"""The dashboard's panels as they were drawn: data, ink and place of each, and the pictures that show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from assertions.limits import Limits
from assertions.record.results.panels_drawn import Box, DrawnPanel, DrawnQuery, PanelsDrawn
from assertions.record.run import DrawnFiles, Run
from assertions.verdicts import Fault, Judgement, failed_for, no_data, passed

FEWEST_INK: Final = 20
"""Pixels that a query's series must change: a single point with its edge is about as many."""
SMALLEST_SHARE: Final = 0.25
"""Of a panel's width and height that its plot must take; the rest is title, axes and legend."""
ROUNDING: Final = 1.0
"""CSS pixels by which a canvas may pass its panel's edge."""
NOT_DRAWN: Final = "the panels were not drawn; nox -s panels -- DIR draws them from what the run in DIR recorded"


def panels_drawn(run: Run, limits: Limits) -> Judgement:
    """Each panel was drawn: every query brought points, its series left ink, and the plot lies within its panel."""
    files = run.panels
    if files is None:
        return no_data(NOT_DRAWN)
    if not files.drawn.panels:
        return no_data(f"{files.drawn.dashboard} has no panels")
    found = [*((panel.title, fault) for panel in files.drawn.panels for fault in panel_faults(panel)), *_files(files)]
    if found:
        return failed_for(found)
    if others := _not_drawn(files.drawn, run):
        return no_data(
            f"{files.drawn.dashboard} is not the dashboard that this run asked Prometheus for: "
            f"{', '.join(others[:3])} {'is' if len(others) == 1 else 'are'} not in it as asked; "
            "name the same file to the run and to the drawing"
        )
    queries = [query for panel in files.drawn.panels for query in panel.queries]
    return passed(
        f"{len(files.drawn.panels)} panels drawn, {len(queries)} queries, "
        f"{sum(query.finite for query in queries):,} points; {files.drawn.source}"
    )


def panel_faults(panel: DrawnPanel) -> tuple[str, ...]:
    """Return what is wrong with one panel, one sentence each; empty when nothing is."""
    if panel.error is not None:
        return (f"{panel.title}: {panel.error}",)
    faults = [fault for query in panel.queries for fault in _query(query)]
    if not panel.queries:
        faults.append("it has no query")
    if not faults:
        faults += [*_place(panel), *_picture(panel)]
    return tuple(f"{panel.title}: {fault}" for fault in faults)


def _files(files: DrawnFiles) -> Iterator[Fault]:
    drawn = files.drawn
    reported = {panel.picture: panel.sha256 for panel in drawn.panels} | {drawn.overview: drawn.overview_sha256}
    for name, sha256 in reported.items():
        if name not in files.sha256:
            yield "picture missing", f"the picture {name} is missing"
        elif files.sha256[name] != sha256:
            yield "picture changed", f"the picture {name} is not the one that was drawn"
    if files.samples_sha256 != drawn.samples_sha256:
        yield "other samples", f"the panels were drawn from other samples than those recorded in {drawn.scenario}"


def _not_drawn(drawn: PanelsDrawn, run: Run) -> list[str]:
    """The panels of whose queries, as the run's own server was asked them, one was not drawn."""
    record = run.scenarios.get(drawn.scenario)
    asked = record.prometheus.panels if record is not None and record.prometheus is not None else ()
    shown = {(panel.title, query.expression) for panel in drawn.panels for query in panel.queries}
    return list(dict.fromkeys(one.panel for one in asked if (one.panel, one.expression) not in shown))


def _query(query: DrawnQuery) -> Iterator[str]:
    if not query.finite:
        yield f"query {query.ref} brought no data point: {query.expression}"
    elif query.ink < FEWEST_INK:
        yield f"query {query.ref} brought {query.finite} points and left {query.ink} pixels of ink"


def _place(panel: DrawnPanel) -> Iterator[str]:
    if panel.panel is None or panel.canvas is None or panel.plot is None:
        yield "nothing was painted in it"
        return
    if not _within(panel.canvas, panel.panel) or not _within(panel.plot, panel.panel):
        yield "its plot lies outside the panel"
    share = min(panel.plot.width / panel.panel.width, panel.plot.height / panel.panel.height)
    if share < SMALLEST_SHARE:
        yield f"its plot takes {share:.0%} of the panel, at least {SMALLEST_SHARE:.0%} is expected"


def _within(inner: Box, outer: Box) -> bool:
    return (
        inner.left >= outer.left - ROUNDING
        and inner.top >= outer.top - ROUNDING
        and inner.left + inner.width <= outer.left + outer.width + ROUNDING
        and inner.top + inner.height <= outer.top + outer.height + ROUNDING
    )


def _picture(panel: DrawnPanel) -> Iterator[str]:
    if panel.picture_ink < FEWEST_INK:
        yield f"its picture shows {panel.picture_ink} pixels in the colours of its series"
    for text in panel.missing_texts:
        yield f"{text!r} can't be read in it"
