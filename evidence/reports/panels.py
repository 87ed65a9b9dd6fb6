"""The report's section on the dashboard's panels: how they were drawn, what each one shows, and its picture. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from assertions.checks.observability.pictures import panel_faults
from assertions.record.results.panels_drawn import PANELS, Box, DrawnPanel, PanelsDrawn
from evidence.reports.figures import Plot
from evidence.reports.tables import Section, Table
from evidence.reports.units import duration, plain

ASPECT = 0.42
"""Of a picture whose panel's size is not known."""


@dataclass(frozen=True, kw_only=True)
class PanelsShown:
    """What a report shows of the panels."""

    section: Section
    pictures: tuple[Plot, ...]


def panels_shown(drawn: PanelsDrawn) -> PanelsShown:
    """Return the section of a drawn dashboard, and its pictures in the dashboard's order."""
    versions = ", ".join(f"{name} {version}" for name, version in drawn.versions.items())
    section = Section(
        title="The dashboard's panels",
        paragraphs=(
            plain(
                f"{drawn.dashboard} (SHA-256 {drawn.dashboard_sha256[:16]}…), unmodified, drawn with Grafana's open "
                f"front-end libraries, fed by {drawn.source}, over {duration(drawn.end - drawn.start)}; not imported "
                "into a Grafana server."
            ),
            plain(f"Drawn by {versions}. The whole dashboard is in {PANELS}/{drawn.overview}."),
        ),
        tables=(
            Table(
                columns=("panel", "verdict", "kind", "queries", "points", "ink (pixels)", "drawn by"),
                rows=tuple(_row(panel) for panel in drawn.panels),
                note="Ink: pixels of the plot that the series changed when they were drawn.",
            ),
        ),
    )
    return PanelsShown(section=section, pictures=tuple(_picture(panel) for panel in drawn.panels if panel.picture))


def _row(panel: DrawnPanel) -> tuple[str, ...]:
    return (
        plain(panel.title),
        "FAIL" if panel_faults(panel) else "PASS",
        plain(panel.kind),
        str(len(panel.queries)),
        f"{sum(query.finite for query in panel.queries):,}",
        f"{sum(query.ink for query in panel.queries):,}",
        plain(panel.drawn_by) or "–",
    )


def _picture(panel: DrawnPanel) -> Plot:
    faults = panel_faults(panel)
    shown = f"{sum(query.finite for query in panel.queries):,} points of {sum(q.series for q in panel.queries)} series"
    return Plot(
        title=plain(panel.title),
        path=f"{PANELS}/{PurePosixPath(panel.picture).name}",
        caption=plain(f"FAIL: {'; '.join(faults)}" if faults else shown),
        aspect=_aspect(panel.panel),
    )


def _aspect(box: Box | None) -> float:
    return round(box.height / box.width, 4) if box is not None and box.width > 0 and box.height > 0 else ASPECT
