"""Plots: drawn for what was measured, whole, and never for what was not."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from assertions.record.run import Run
from evidence.reports.fault_coverage import read
from evidence.reports.plots import draw, planned
from tests.assertions.honest import changed, honest, values, with_hits, with_pages
from tests.evidence.conftest import Made


def run_of(**records: object) -> Run:
    """A run with these records."""
    return Run(Path("run"), records)  # type: ignore[arg-type]


def svg(path: Path) -> str:
    """The text in a drawing that is well-formed; fails where it is not."""
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return " ".join(" ".join(root.itertext()).split())


@pytest.mark.e2e
def test_drawn_for_a_real_run(made: Made) -> None:
    """A real run has its plots, each well-formed, with its title, and ink in it."""
    plots = sorted((made.path / "plots").iterdir())
    assert {path.name for path in plots} >= {"smoke-latency.svg", "smoke-at-once.svg"}
    for path in plots:
        assert "smoke: " in svg(path)
        assert len(re.findall("<use|<path", path.read_text())) > 10


def test_drawn_for_all(tmp_path: Path) -> None:
    """Latency, requests at once and memory are drawn for a scenario; the list names title and path of each."""
    run = run_of(smoke=honest("smoke"))
    drawn = draw(tmp_path / "plots", run)
    assert [path for _, path in drawn] == [f"plots/smoke-{name}.svg" for name in ("latency", "at-once", "memory")]
    assert drawn == planned("plots", run)
    for title, path in drawn:
        assert title in svg(tmp_path / path)


def test_equal_records_give_equal_files(tmp_path: Path) -> None:
    """Drawing the same record twice gives the same bytes, and an older plot does not stay."""
    run = run_of(smoke=honest("smoke"))
    draw(tmp_path / "plots", run)
    first = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    (tmp_path / "plots" / "old.svg").write_text("old")
    draw(tmp_path / "plots", run)
    assert {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()} == first


def test_no_plot_for_missing_data(tmp_path: Path) -> None:
    """Without requests, pages and processes nothing is drawn; gone processes are not drawn as 0."""
    record = honest("smoke")
    bare = changed(record, hits=(), scrapes=(), probes=())
    assert draw(tmp_path / "plots", run_of(smoke=bare)) == []
    assert draw(tmp_path / "plots", run_of()) == []
    assert list((tmp_path / "plots").iterdir()) == []


def test_exports_of_no_known_format(tmp_path: Path) -> None:
    """Exports that are neither csv nor pdf are no reason to break."""
    record = with_hits(honest("smoke"), lambda hit: {"format": None})
    draw(tmp_path / "plots", run_of(smoke=changed(record, scrapes=(), probes=())))
    assert "smoke: latency" in svg(tmp_path / "plots" / "smoke-latency.svg")


def test_failures_are_drawn(tmp_path: Path) -> None:
    """A run in which no export was done shows when they failed."""
    record = with_hits(honest("smoke"), lambda hit: {"status": 500, "end": hit.start})
    draw(tmp_path / "plots", run_of(smoke=changed(record, scrapes=(), probes=())))
    assert "not done" in svg(tmp_path / "plots" / "smoke-latency.svg")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e308", "-1e308"])
def test_absurd_gauges(tmp_path: Path, value: str) -> None:
    """Whatever a target says of itself the plot is drawn."""
    pages = with_pages(honest("smoke"), values("export_queue_depth", lambda _: value))
    draw(tmp_path / "plots", run_of(smoke=changed(pages, probes=(), hits=(), scrapes=pages.scrapes)))
    assert "waiting, by the target" in svg(tmp_path / "plots" / "smoke-at-once.svg")


def test_gauges_that_are_missing(tmp_path: Path) -> None:
    """A page without a gauge is no 0."""
    pages = with_pages(honest("smoke"), lambda _: "")
    draw(tmp_path / "plots", run_of(smoke=changed(pages, probes=(), scrapes=pages.scrapes)))
    assert "under way, outside" in svg(tmp_path / "plots" / "smoke-at-once.svg")


def test_sensitivity_that_can_not_be_read(tmp_path: Path) -> None:
    """A proof that is missing or malformed is none."""
    (tmp_path / "bad.json").write_text("{")
    assert read(tmp_path / "none.json") is None
    assert read(tmp_path / "bad.json") is None
