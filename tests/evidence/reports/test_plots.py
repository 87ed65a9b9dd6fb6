"""Plots: drawn for what was measured, whole, described in words, and never for what was not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from assertions.judge import judge
from assertions.record.run import Run
from assertions.record.types import Probe
from assertions.stats import percentile
from evidence.reports.figures import Plot
from evidence.reports.latencies import by_phase
from evidence.reports.plots.captions import distribution_caption
from evidence.reports.plots.distribution import cases_of, interval
from evidence.reports.plots.drawings import draw, drawings_of, plots_of
from evidence.reports.plots.target import cpu_cores
from evidence.reports.proofs.fault_coverage import read
from evidence.reports.units import quantity
from tests.assertions.healthy.records import changed, healthy, values, with_hits, with_pages
from tests.evidence.conftest import Made
from tests.evidence.sample_reports import LIMITS

SVG = "{http://www.w3.org/2000/svg}"


def run_of(**records: object) -> Run:
    """A run with these records."""
    return Run(Path("run"), records)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Drawn:
    """The plots of a run, the folder they are in, and their pictures by path; read them, don't change them."""

    folder: Path
    plots: list[Plot]
    pictures: Mapping[str, bytes]


def drawn_of(folder: Path, run: Run) -> Drawn:
    """Draw the plots of a run into a folder's `plots`."""
    drawings = drawings_of(run, judge(run, LIMITS), LIMITS)
    plots = plots_of("plots", drawings)
    pictures = draw(folder / "plots", drawings)
    assert list(pictures) == [plot.path for plot in plots]
    return Drawn(folder, plots, pictures)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Healthy smoke and load, drawn once."""
    return drawn_of(tmp_path_factory.mktemp("drawn"), run_of(smoke=healthy("smoke"), load=healthy("load")))


def svg(path: Path) -> str:
    """The text in a drawing that is well-formed; fails where it is not."""
    root = ET.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    return " ".join(" ".join(root.itertext()).split())


@pytest.mark.e2e
def test_drawn_for_a_real_run(made: Made) -> None:
    """A real run has its plots, each well-formed, with its title, and ink in it."""
    plots = sorted((made.path / "plots").iterdir())
    assert {path.name for path in plots} >= {"smoke-timeline.svg", "smoke-distribution.svg"}
    for path in plots:
        assert "smoke: " in svg(path)
        assert len(re.findall("<use|<path", path.read_text())) > 10


def test_drawn_for_all(drawn: Drawn) -> None:
    """Timeline and distribution are drawn for a scenario, the leak too where its phase ran; the list names each."""
    assert [plot.path for plot in drawn.plots] == [
        *("plots/smoke-timeline.svg", "plots/smoke-target.svg", "plots/smoke-distribution.svg"),
        *("plots/load-timeline.svg", "plots/load-target.svg", "plots/load-distribution.svg", "plots/load-leak.svg"),
    ]
    for plot in drawn.plots:
        assert plot.title in svg(drawn.folder / plot.path)


def test_the_timeline_shows_all_subjects_and_limits(drawn: Drawn) -> None:
    """One time axis in both plots: latency with limit and P95, exports at once, throughput; memory, CPU, /health."""
    exports, target = (svg(drawn.folder / "plots" / f"load-{name}.svg") for name in ("timeline", "target"))
    for part in ("latency of each export", "exports running", "exports under way", "exports ended a second"):
        assert part in exports
    for part in ("memory of", "an export ended", "memory that the latest export added", "CPU of", "/health"):
        assert part in target
    for line in ("limit 10,000 ms", "P95 ", "limit 5 running", "limit 100 waiting"):
        assert line in exports
    for line in ("limit 500 ms", "limit 100 MB an export"):
        assert line in target
    assert [words.count("seconds since the scenario's start") for words in (exports, target)] == [1, 1]


def test_the_caption_is_the_verdicts(tmp_path: Path) -> None:
    """A caption has the figure, its limit and the status of the verdict, and changes with them."""
    slow = with_hits(healthy("load"), lambda hit: {"end": hit.start + 31.0} if (hit.records or 0) >= 10_000 else None)
    captions = {}
    for name, record in (("fast", healthy("load")), ("slow", slow)):
        run = run_of(load=record)
        captions[name] = drawings_of(run, judge(run, LIMITS), LIMITS)[0].caption
    assert re.search(r"P95 of 10k exports \S+ m?s of 10 s \(\d+ %\): PASS", captions["fast"])
    assert re.search(r"P95 of 10k exports 31(\.\d+)? s of 10 s \(\d+ %\): FAIL", captions["slow"])


def test_screen_readers_have_title_and_description(drawn: Drawn) -> None:
    """Each drawing is one image with a title and its caption, and no two drawings share an id."""
    ids: list[str] = []
    for plot in drawn.plots:
        root = ET.parse(drawn.folder / plot.path).getroot()
        title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert desc is not None
        assert (root.get("role"), title.text, desc.text) == ("img", plot.title, plot.caption)
        assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
        found = [str(one.get("id")) for one in root.iter() if one.get("id")]
        used = [href[1:] for one in root.iter() if (href := one.get("{http://www.w3.org/1999/xlink}href", ""))]
        assert set(used) <= set(found)
        ids += found
    assert len(ids) == len(set(ids))


def test_pictures_are_of_the_same_plots(drawn: Drawn) -> None:
    """The PDF's pictures are PNG, one a plot, of the aspect that the plot says."""
    for plot in drawn.plots:
        png = drawn.pictures[plot.path]
        assert png.startswith(b"\x89PNG")
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        assert height / width == pytest.approx(plot.aspect, abs=0.01)


def test_equal_records_give_equal_files(drawn: Drawn, tmp_path: Path) -> None:
    """Drawing the same record twice gives the same bytes, and an older plot does not stay."""
    first = {path.name: path.read_bytes() for path in (drawn.folder / "plots").glob("smoke-*")}
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "old.svg").write_text("old")
    drawn_of(tmp_path, run_of(smoke=healthy("smoke")))
    assert {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()} == first


def test_no_plot_for_missing_data(tmp_path: Path) -> None:
    """Without requests, pages and processes nothing is drawn."""
    bare = changed(healthy("smoke"), hits=(), scrapes=(), probes=(), health=())
    assert drawn_of(tmp_path, run_of(smoke=bare)).plots == []
    assert drawn_of(tmp_path, run_of()).plots == []
    assert not (tmp_path / "plots").exists()


def test_exports_of_no_known_format(tmp_path: Path) -> None:
    """Exports that are neither csv nor pdf are no reason to break."""
    record = with_hits(healthy("smoke"), lambda hit: {"format": None})
    drawn_of(tmp_path, run_of(smoke=changed(record, scrapes=(), probes=())))
    assert "smoke: exports over time" in svg(tmp_path / "plots" / "smoke-timeline.svg")


def test_failures_are_drawn(tmp_path: Path) -> None:
    """A run in which no export was done shows when they failed."""
    record = with_hits(healthy("smoke"), lambda hit: {"status": 500, "end": hit.start})
    drawn_of(tmp_path, run_of(smoke=changed(record, scrapes=(), probes=())))
    assert "not done" in svg(tmp_path / "plots" / "smoke-timeline.svg")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1e308"])
def test_absurd_gauges(tmp_path: Path, value: str) -> None:
    """Whatever a target says of itself the plot is drawn."""
    pages = with_pages(healthy("smoke"), values("export_queue_depth", lambda _: value))
    drawn_of(tmp_path, run_of(smoke=changed(pages, probes=(), hits=(), scrapes=pages.scrapes)))
    assert "waiting, by the target" in svg(tmp_path / "plots" / "smoke-timeline.svg")


def test_gauges_that_are_missing(tmp_path: Path) -> None:
    """A page without a gauge is no 0."""
    pages = with_pages(healthy("smoke"), lambda _: "")
    drawn_of(tmp_path, run_of(smoke=changed(pages, probes=(), scrapes=pages.scrapes)))
    assert "under way, outside" in svg(tmp_path / "plots" / "smoke-timeline.svg")


def test_cores_in_use_are_cpu_seconds_over_time() -> None:
    """Half a second of CPU in a second is half a core; a process that is new counts from 0."""
    record = healthy("load")
    probe = next(one for one in record.probes if one.processes)
    root = probe.processes[0]
    later = [
        changed_probe(probe, at=probe.at + 1.0, cpu_s=(root.cpu_s + 0.5,)),
        changed_probe(probe, at=probe.at + 2.0, cpu_s=(root.cpu_s + 0.5, 0.25)),
    ]
    first = changed_probe(probe, at=probe.at, cpu_s=(root.cpu_s,))
    _, cores = cpu_cores(changed(record, probes=(first, *later)))
    assert cores == pytest.approx([0.5, 0.25])


def changed_probe(probe: Probe, *, at: float, cpu_s: tuple[float, ...]) -> Probe:
    """A sample of as many processes as there are CPU times."""
    root = probe.processes[0]
    made = tuple(replace(root, pid=root.pid + index, cpu_s=used) for index, used in enumerate(cpu_s))
    return replace(probe, at=at, processes=made)


def test_the_interval_of_a_p95() -> None:
    """Of 300 samples it has two ends around the P95; of 10 it has no upper one."""
    low, high = interval([float(value) for value in range(1, 301)])
    assert low is not None
    assert high is not None
    assert low < 285 < high
    assert interval([float(value) for value in range(10)])[1] is None


def test_sensitivity_that_can_not_be_read(tmp_path: Path) -> None:
    """A proof that is missing or malformed is none."""
    (tmp_path / "bad.json").write_text("{")
    assert read(tmp_path / "none.json") is None
    assert read(tmp_path / "bad.json") is None


@pytest.mark.parametrize("name", ["smoke", "load", "batch"])
def test_plot_and_caption_show_the_exports_of_the_table(name: str) -> None:
    """Rows, counts and medians of the plot, and the caption, are those of the table of latencies, phase by phase."""
    record = healthy(name)
    rows = {f"{row.case}, {row.phase}": row.planned_ms for row in by_phase({name: record})}
    shown = cases_of(record)
    assert {row: len(shown_ms) for row, shown_ms in shown.items()} == {row: len(ms) for row, ms in rows.items()}
    slowest = max(rows, key=lambda row: percentile(rows[row], 0.5))
    expected = (
        f"Slowest by its median is {slowest} with {quantity(percentile(rows[slowest], 0.5), 'ms')} from the planned"
    )
    assert distribution_caption(record, judge(run_of(**{name: record}), LIMITS)).startswith(expected)
