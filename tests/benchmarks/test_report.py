"""Results, their tables and pages: figures are computed, and what is missing is NO DATA."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.probes.self_test import SelfTest, Step
from benchmarks.report.figures import headline, readme_line, summary, wall_ratio
from benchmarks.report.measuring import assemble, missing_names
from benchmarks.report.page import page, terminal
from benchmarks.report.plots import plots
from benchmarks.report.publishing import (
    BEGIN,
    END,
    PAGE,
    PUBLISHED,
    README,
    PublishError,
    publish,
    read_rates,
    read_results,
    with_line,
)
from benchmarks.report.types import (
    NEEDED,
    PARTS,
    Leak,
    Machine,
    Measure,
    Part,
    PartName,
    Point,
    Race,
    Results,
    Runner,
)
from benchmarks.workloads.all import WORKLOADS

MACHINE = Machine(
    system="Linux x86_64",
    cpu="a processor",
    cores=2,
    memory_bytes=8_000_000_000,
    python="3.11.2",
    node=None,
    packages={"reportlab": "5.1.0"},
)
OURS = Runner(name="Export@Scale", kind="ours", how="its own", wall_s=(1.0, 1.0, 2.0), cpu_s=(0.5, 0.5, 0.5))
PEER = Runner(name="Fastify (Node)", kind="peer", how="csv-writer", wall_s=(2.0, 2.0, 6.0), cpu_s=(1.0, 1.0, 1.0))
GONE = Runner(name="FastAPI", kind="peer", how="reportlab", no_data="Node is not installed")
RACE = Race(name="csv 10,000 over HTTP", format="csv", records=10_000, over_http=True, runners=(OURS, PEER, GONE))
MEASURE = Measure(
    name="csv-1k", suite="1k", what="1,000 records", clock="cpu", records=1_000, wall_s=(0.002, 0.004), cpu_s=(0.001,)
)
STEP = Step(allocated_bytes=100, uss_bytes=100, rss_bytes=100, kernel_bytes=100, hz=150.0)


def point(records: int, seconds: float) -> Point:
    """Return a point of the csv series."""
    return Point(
        series="csv",
        records=records,
        wall_s=seconds,
        cpu_s=seconds,
        peak_bytes=40_000_000,
        grown_bytes=2_000_000,
        peak_uss_bytes=30_000_000,
        peak_rss_bytes=40_000_000,
        hz=200.0,
    )


def part(name: PartName, **fields: object) -> Part:
    """Return a part of a full run of one commit."""
    usual = Part(name=name, commit="abc", dirty=False, day="2026-01-02", full=True, target=None, machine=MACHINE)
    return msgspec.structs.replace(usual, **fields)


RESULTS = Results(
    commit="abc",
    dirty=False,
    day="2026-01-02",
    full=True,
    target=None,
    machine=MACHINE,
    measures=(MEASURE,),
    races=(RACE,),
    sampler=SelfTest(steps=(STEP,), problems=()),
    points=tuple(point(size, size * 1e-6) for size in (1_000, 10_000, 100_000)),
    leak=Leak(exports=200, held_bytes=tuple(range(0, 200_000, 1_000)), descriptors=0, threads=0, files=0),
)


def write_parts(folder: Path, *parts: Part) -> None:
    """Write parts as a run does."""
    for one in parts:
        (folder / f"part-{one.name}.json").write_bytes(msgspec.json.encode(one))


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    """Of 2, 2 and 3 times our time the median is 2."""
    ratio = wall_ratio(RACE, PEER)
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 3.0)
    assert wall_ratio(RACE, GONE) is None


def test_the_page_shows_figures_and_what_is_missing() -> None:
    """Ratios, growth, leak and the reason of each NO DATA stand on the page."""
    text = page(RESULTS, None)
    assert "| Fastify (Node) | csv-writer | 2,000.0 ms | 2.00 (2.00 to 3.00) | 2.00 (2.00 to 2.00) | 5,000 |" in text
    assert "| FastAPI | NO DATA: Node is not installed |" in text
    assert "| csv | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) | 0.00 (0.00 to 0.00) |" in text
    assert "After 200 exports of mixed sizes: 1,000 bytes an export stay (1,000 to 1,000 at 95 %" in text
    assert "| pdf 10,000 over HTTP | Fastify (Node) | NO DATA | at least 10 | NO DATA |" in text
    assert "| csv 10,000 over HTTP | Fastify (Node) | 2.00 (2.00 to 3.00) | at least 1.5 | yes |" in text
    assert "passed at 150 Hz" in text
    assert "error rates: NO DATA" in text


def test_the_terminal_names_what_is_missing() -> None:
    """A missing benchmark has a line."""
    assert "NO DATA: csv-2k" in terminal(msgspec.structs.replace(RESULTS, missing=("csv-2k",)))


def test_somebody_elses_service_has_times_and_no_more() -> None:
    """With `--target` the terminal shows only the measured exports, without the CPU time that is not known."""
    theirs = msgspec.structs.replace(MEASURE, cpu_s=())
    text = terminal(msgspec.structs.replace(RESULTS, target="http://127.0.0.1:1", measures=(theirs,)))
    assert "| 1k | csv-1k | 1,000 records | 2.00 ms | – | 500,000 | 2 |" in text
    assert "Exponents" not in text


def test_plots_are_equal_for_equal_results() -> None:
    """Three drawings, the same each time, with their words as text."""
    drawn = plots(RESULTS)
    assert sorted(drawn) == ["memory.svg", "time.svg", "writers.svg"]
    assert drawn == plots(RESULTS)
    assert "exponent 1.00" in drawn["time.svg"]


def test_parts_of_one_commit_are_put_together(tmp_path: Path) -> None:
    """All parts of a full run give results without anything missing."""
    write_parts(tmp_path, *(part(name) for name in PARTS if name != "suites"), part("suites", measures=(MEASURE,)))
    found = assemble(tmp_path, RESULTS)
    assert found is not None
    assert (found.missing, found.failed, found.exit_code) == ((), (), 0)
    assert found.measures == (MEASURE,)


def test_a_renamed_benchmark_is_no_data(tmp_path: Path) -> None:
    """A benchmark that was published under a name that is not measured any more is missing: exit code 2."""
    renamed = msgspec.structs.replace(MEASURE, name="csv-thousand")
    write_parts(tmp_path, *(part(name) for name in PARTS if name != "suites"), part("suites", measures=(renamed,)))
    found = assemble(tmp_path, RESULTS)
    assert found is not None
    assert (found.missing, found.exit_code) == (("csv-1k",), 2)


def test_parts_of_another_commit_do_not_count(tmp_path: Path) -> None:
    """A part that was measured before is missing, not taken for this commit's."""
    write_parts(tmp_path, part("suites", commit="old", full=False))
    write_parts(tmp_path, *(part(name, full=False) for name in NEEDED if name != "suites"))
    found = assemble(tmp_path, None)
    assert found is not None
    assert (found.commit, found.missing) == ("abc", ("the part suites of this commit",))
    assert assemble(tmp_path / "nothing", None) is None


def test_parts_of_several_commits_are_put_together_on_request(tmp_path: Path) -> None:
    """Each part then names its commit, the whole has none, and a part with uncommitted changes stays out."""
    write_parts(tmp_path, *(part(name) for name in ("csv", "pdf", "services")))
    write_parts(tmp_path, part("suites", commit="old"), part("curves", dirty=True))
    found = assemble(tmp_path, None, mixed=True)
    assert found is not None
    assert (found.commit, found.missing) == (None, ("the part curves of this commit",))
    assert found.commits == {"suites": "old", "csv": "abc", "pdf": "abc", "services": "abc"}
    assert "| commit | suites old, csv abc, pdf abc, services abc |" in page(found, None)


def test_the_quick_set_need_not_have_the_large_sizes() -> None:
    """What only `--full` measures is not missing from a quick run, and is from a full one."""
    large = msgspec.structs.replace(MEASURE, name="csv-1M")
    published = msgspec.structs.replace(RESULTS, measures=(MEASURE, large))
    quick = msgspec.structs.replace(RESULTS, full=False)
    assert missing_names(quick, published) == ()
    assert missing_names(RESULTS, published) == ("csv-1M",)
    theirs = msgspec.structs.replace(RESULTS, target="http://127.0.0.1:1", measures=())
    assert missing_names(theirs, published) == ()


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"full": False}, "not the full set"), ({"missing": ("csv-1M",)}, "csv-1M"), ({"failed": ("boom",)}, "boom")],
)
def test_only_whole_results_are_published(tmp_path: Path, fields: dict[str, object], why: str) -> None:
    """A quick, broken or incomplete run is refused with the reason."""
    (tmp_path / "results.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(RESULTS, **fields)))
    with pytest.raises(PublishError, match=why):
        publish(tmp_path)


def test_the_line_goes_between_its_marks() -> None:
    """The README keeps everything else; without marks it is refused."""
    assert with_line(f"a {BEGIN}old{END} b\n", "new") == f"a {BEGIN}new{END} b\n"
    with pytest.raises(PublishError, match="none"):
        with_line("a", "new")


def test_the_summary_names_ratios_with_data_only() -> None:
    """A main run's report gets one line for each ratio that was measured."""
    assert list(summary(RESULTS)) == ["csv 10,000 over HTTP: Fastify (Node) takes 2.00 times our time"]
    assert len(list(headline(RESULTS))) == 7
    assert readme_line(RESULTS).startswith("csv 10,000 records over HTTP: Fastify (Node) takes 2.0 times our time (")


def test_the_published_pages_follow_from_the_published_results() -> None:
    """docs/benchmarks.md, its plots and the README's line are what the results give: no figure is typed by hand."""
    results = read_results(PUBLISHED)
    assert results is not None
    assert PAGE.read_text("utf-8") == page(results, read_rates(PUBLISHED))
    text = README.read_text("utf-8")
    assert text == with_line(text, readme_line(results))
    shown = re.findall(r"\((benchmarks/\w+\.svg)\)", PAGE.read_text("utf-8"))
    assert len(shown) == 1 + 2 * bool(results.points)
    assert [name for name in shown if not (PAGE.parent / name).is_file()] == []


def test_the_published_results_hold_the_benchmarks_there_are() -> None:
    """Every workload was published, and none that is not there any more; a part that lacks is named on the page."""
    results = read_results(PUBLISHED)
    assert results is not None
    published = {measure.name for measure in results.measures}
    lacking = [name for name in NEEDED if name not in results.commits]
    assert published == (set() if "suites" in lacking else set(WORKLOADS))
    assert [name for name in lacking if f"NO DATA: the part {name} " not in PAGE.read_text("utf-8")] == []


def test_workloads_have_names_that_say_their_size() -> None:
    """Both formats, by the writers and over HTTP, at each size."""
    for size in ("1k", "10k", "100k", "1M"):
        assert {f"csv-{size}", f"pdf-{size}", f"http-csv-{size}", f"http-pdf-{size}"} <= set(WORKLOADS)
