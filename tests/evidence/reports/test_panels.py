"""The report's section on the dashboard's panels."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.reports.panels import ASPECT, panels_shown
from tests.assertions.healthy.drawn import drawn_files

DRAWN = drawn_files().drawn


def test_the_section_says_how_the_panels_were_drawn() -> None:
    """File, source and versions are named, and that no Grafana server took part."""
    how, versions = panels_shown(DRAWN).section.paragraphs
    assert how == (
        "grafana-export-dashboard.json (SHA-256 dadadadadadadada…), unmodified, drawn with Grafana's open front-end "
        "libraries, fed by a Prometheus that serves the samples recorded in load, over 40 s; not imported into a "
        "Grafana server."
    )
    assert versions == (
        "Drawn by browser Chromium 150.0, @grafana/ui 12.4.10. The whole dashboard is in panels/dashboard.png."
    )


def test_each_panel_has_a_row_and_a_picture() -> None:
    """In the dashboard's order, with its points, and a picture as high as the panel was."""
    shown = panels_shown(DRAWN)
    assert [row[:5] for row in shown.section.tables[0].rows[:3]] == [
        ("Export Latency P95 (ms)", "PASS", "timeseries", "1", "60"),
        ("Export Success Rate (%)", "PASS", "gauge", "1", "60"),
        ("Export Throughput (ops/sec)", "PASS", "timeseries", "2", "120"),
    ]
    assert [(one.path, one.caption, one.aspect) for one in shown.pictures[:3]] == [
        ("panels/02.png", "60 points of 2 series", 0.4229),
        ("panels/03.png", "60 points of 2 series", 0.4229),
        ("panels/06.png", "120 points of 4 series", 0.4229),
    ]


def test_a_faulty_panel_says_so_beside_its_picture() -> None:
    """The row is a FAIL, and the picture's caption has the fault."""
    first, *others = DRAWN.panels
    faulty = replace(first, error="Prometheus refused it: parse error", drawn_by="", panel=None)
    shown = panels_shown(replace(DRAWN, panels=(faulty, *others)))
    assert (shown.section.tables[0].rows[0][1], shown.section.tables[0].rows[0][-1]) == ("FAIL", "–")
    assert shown.pictures[0].caption == "FAIL: Export Latency P95 (ms): Prometheus refused it: parse error"
    assert shown.pictures[0].aspect == ASPECT


def test_a_picture_is_looked_for_in_its_folder_only() -> None:
    """Whatever path an edited record names; a panel without a picture has none in the report."""
    first, second, third, *_ = DRAWN.panels
    edited = (replace(first, picture="../../secret.png"), replace(second, picture=""), third)
    shown = panels_shown(replace(DRAWN, panels=edited))
    assert [one.path for one in shown.pictures] == ["panels/secret.png", "panels/06.png"]
