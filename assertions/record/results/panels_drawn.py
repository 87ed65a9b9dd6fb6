"""What drawing the dashboard's panels left: `panels/panels.json` in a run directory, and pictures next to it."""

from __future__ import annotations

from assertions.record.types import Record

PANELS = "panels"
"""The folder in a run directory."""
RESULTS = "panels.json"


class Box(Record, frozen=True, kw_only=True):
    """A rectangle in CSS pixels, from the upper left corner of the page."""

    left: float
    top: float
    width: float
    height: float


class DrawnQuery(Record, frozen=True, kw_only=True):
    """What one query of a panel brought, and what was drawn of it."""

    ref: str
    expression: str
    """As the dashboard has it, variables in place."""
    series: int
    points: int
    finite: int
    """How many of the points are finite numbers."""
    ink: int
    """Pixels of the plot that its series changed when they were drawn."""


class DrawnPanel(Record, frozen=True, kw_only=True):
    """One panel as it was drawn."""

    id: int
    title: str
    kind: str
    """Grafana's type of the panel."""
    drawn_by: str
    """The component that drew it; empty: none did."""
    error: str | None
    """Why there is nothing to see, in the words of the data source or the library."""
    queries: tuple[DrawnQuery, ...]
    panel: Box | None
    canvas: Box | None
    """What is painted on, axes included; None: nothing was."""
    plot: Box | None
    """The area within the axes."""
    missing_texts: tuple[str, ...]
    """Names of series and values that should be read in the panel, and can't."""
    picture: str
    """Its file, next to `panels.json`; empty: none was taken."""
    sha256: str
    """Of the picture."""
    picture_ink: int
    """Pixels within the picture's plot that have the colour of a series."""


class PanelsDrawn(Record, frozen=True, kw_only=True):
    """One drawing of a whole dashboard."""

    dashboard: str
    """The file's name."""
    dashboard_sha256: str
    scenario: str
    """Whose recorded samples were drawn."""
    samples_sha256: str
    """Of the file that holds the samples."""
    source: str
    """What answered the queries."""
    start: float
    end: float
    """Unix seconds: the time range of the panels."""
    versions: dict[str, str]
    """Of what drew: browser, Prometheus, libraries."""
    overview: str
    """The picture of the whole dashboard, next to `panels.json`."""
    overview_sha256: str
    panels: tuple[DrawnPanel, ...]
