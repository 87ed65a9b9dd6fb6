"""What drawing the dashboard's panels leaves where each panel is as it should be."""

from __future__ import annotations

from assertions.record.results.panels_drawn import Box, DrawnPanel, DrawnQuery, PanelsDrawn
from assertions.record.run import DrawnFiles

SAMPLES_SHA256 = "5a" * 32
OVERVIEW = "dashboard.png"


def drawn_panel(number: int, title: str, *refs: str, kind: str = "timeseries") -> DrawnPanel:
    """A panel with a query by each of these names."""
    return DrawnPanel(
        id=number,
        title=title,
        kind=kind,
        drawn_by="@grafana/ui TimeSeries",
        error=None,
        queries=tuple(DrawnQuery(ref=ref, expression="q", series=2, points=60, finite=60, ink=1_000) for ref in refs),
        panel=Box(left=24, top=110, width=700, height=296),
        canvas=Box(left=33, top=151, width=682, height=160),
        plot=Box(left=85, top=159, width=622, height=130),
        missing_texts=(),
        picture=f"{number:02}.png",
        sha256=f"{number:02}" * 32,
        picture_ink=900,
    )


def drawn_files() -> DrawnFiles:
    """The runbook's panels, one more, and their pictures."""
    panels = (
        drawn_panel(2, "Export Latency P95 (ms)", "A"),
        drawn_panel(3, "Export Success Rate (%)", "A", kind="gauge"),
        drawn_panel(6, "Export Throughput (ops/sec)", "A", "B"),
        drawn_panel(4, "Export Bytes Total (MB)", "A"),
        drawn_panel(5, "Concurrent Exports", "A"),
        drawn_panel(12, "Queue depth", "A"),
    )
    drawn = PanelsDrawn(
        dashboard="grafana-export-dashboard.json",
        dashboard_sha256="da" * 32,
        scenario="load",
        samples_sha256=SAMPLES_SHA256,
        source="a Prometheus that serves the samples recorded in load",
        start=1_767_323_050.0,
        end=1_767_323_090.0,
        versions={"browser": "Chromium 150.0", "@grafana/ui": "12.4.10"},
        overview=OVERVIEW,
        overview_sha256="0e" * 32,
        panels=panels,
    )
    return DrawnFiles(
        drawn=drawn,
        sha256={OVERVIEW: "0e" * 32, "panels.json": "00" * 32, **{panel.picture: panel.sha256 for panel in panels}},
        samples_sha256=SAMPLES_SHA256,
    )
