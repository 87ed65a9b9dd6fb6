"""Speed against peers, as ratios of interleaved repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.laps.race import OURS, emptied, race, rounds_for
from benchmarks.peers import csv_writers, pdf_writers
from benchmarks.records import COLUMNS, body, rows
from benchmarks.statistics.bounds import Verdict
from service.files import new_name
from service.jobs.pipeline import Job, export_body, run_job
from service.pdf.writer import pages_of
from service.request.export_request import parse_request

pytestmark = pytest.mark.bounds
Figures = Callable[[Mapping[str, float]], None]
Hold = Callable[..., None]
SMALL_RECORDS = 10_000
SLOW_PEER_RECORDS = 100_000
"""Beyond this the slow peer is left out of the full run: it takes minutes, and its speed a record is the same."""


@pytest.fixture(params=["10k", "big"])
def size(request: pytest.FixtureRequest, big: int) -> int:
    """Both sizes."""
    return SMALL_RECORDS if request.param == "10k" else big


def _in_worker(sent: bytes, folder: Path) -> None:
    """What is left of an export for a worker: the body was checked before, in the parent."""
    run_job(Job(request=_parsed(sent), folder=folder, name=new_name("pdf"), made_at="", body=sent))


_parsed = cache(parse_request)


def test_pdf(benchmark: BenchmarkFixture, folder: Path, size: int, figures: Figures, hold: Hold) -> None:
    """A PDF of plain records against reportlab's canvas, pydyf and a hand-made writer."""
    benchmark.group = f"pdf {size}"
    sent = body("pdf", size)
    decoded = list(rows(size))
    file = folder / "peer.pdf"
    runners: dict[str, Callable[[], object]] = {
        OURS: lambda: export_body(sent, folder),
        "pydyf": lambda: pdf_writers.pydyf_pdf(sent, file),
        "hand-made": lambda: pdf_writers.limit_pdf(sent, file),
        "hand-made, decoded rows": lambda: pdf_writers.limit_pdf_of_rows(decoded, file),
    }
    if size == SMALL_RECORDS:
        runners["ours, a worker's part"] = partial(_in_worker, sent, folder)
    if size <= SLOW_PEER_RECORDS:
        runners["canvas"] = lambda: pdf_writers.canvas_pdf(sent, file)
        runners["canvas, embedded font"] = lambda: pdf_writers.embedded_canvas_pdf(sent, file)
    laps = race(benchmark, runners, rounds=rounds_for(size), clean=emptied(folder))
    figures({f"{name} ms": laps.median_ms(name) for name in runners})
    figures({"pages a second": pages_of(size) / laps.median_ms(OURS) * 1_000})
    figures({f"ratio by CPU time, {name}": laps.cpu_against(name) for name in runners if name != OURS})
    verdicts: list[Verdict] = [laps.against("pdf-pydyf", "pydyf"), laps.against("pdf-limit", "hand-made")]
    if "canvas" in runners:
        verdicts.append(laps.against("pdf-canvas", "canvas"))
    hold(*verdicts)


def test_pdf_of_other_scripts(benchmark: BenchmarkFixture, folder: Path, figures: Figures) -> None:
    """What Turkish, Greek and CJK in a third of the records cost; no peer keeps them all, so nothing is judged."""
    benchmark.group = "pdf scripts"
    plain, scripts = body("pdf", 10_000), body("pdf", 10_000, "scripts")
    runners: dict[str, Callable[[], object]] = {
        OURS: lambda: export_body(scripts, folder),
        "plain": lambda: export_body(plain, folder),
    }
    laps = race(benchmark, runners, rounds=rounds_for(10_000), clean=emptied(folder))
    figures({"scripts ms": laps.median_ms(OURS), "plain ms": laps.median_ms("plain")})


def test_csv(benchmark: BenchmarkFixture, folder: Path, size: int, figures: Figures, hold: Hold) -> None:
    """A CSV against json.loads with csv.DictWriter, and against joining cells that are decoded already."""
    benchmark.group = f"csv {size}"
    sent = body("csv", size)
    decoded = list(rows(size))
    file = folder / "peer.csv"
    runners: dict[str, Callable[[], object]] = {
        OURS: lambda: export_body(sent, folder),
        "naive": lambda: csv_writers.dict_writer(sent, file),
        "joined": lambda: csv_writers.joined(decoded, file),
    }
    laps = race(benchmark, runners, rounds=rounds_for(size), clean=emptied(folder))
    figures({f"{name} ms": laps.median_ms(name) for name in runners})
    figures({"records a second": size / laps.median_ms(OURS) * 1_000})
    figures({f"ratio by CPU time, {name}": laps.cpu_against(name) for name in runners if name != OURS})
    verdicts = [laps.against("csv-limit", "joined")]
    if size > SMALL_RECORDS:  # under it the naive way is at its best: all records fit into the processor's cache
        verdicts.append(laps.against("csv-naive", "naive"))
    hold(*verdicts)


def test_peers_do_the_same_work(folder: Path) -> None:
    """The CSV peers write the service's very bytes, the PDF peers its pages and texts (so no ratio is of less work)."""
    import io  # noqa: PLC0415

    from pypdf import PdfReader  # noqa: PLC0415

    sent, decoded = body("csv", 1_000), list(rows(1_000))
    ours = (folder / export_body(sent, folder).name).read_text("utf-8")
    csv_writers.dict_writer(sent, folder / "naive.csv")
    csv_writers.joined(decoded, folder / "joined.csv")
    naive = (folder / "naive.csv").read_text("utf-8").replace("True", "true").replace("False", "false")
    assert naive == ours
    assert (folder / "joined.csv").read_text("utf-8").replace("True", "true").replace("False", "false") == ours
    sent = body("pdf", 120)
    made = [folder / export_body(sent, folder).name]
    for number, write in enumerate(
        (pdf_writers.canvas_pdf, pdf_writers.embedded_canvas_pdf, pdf_writers.pydyf_pdf, pdf_writers.limit_pdf)
    ):
        made.append(folder / f"{number}.pdf")
        write(sent, made[-1])
    for path in made:
        reader = PdfReader(io.BytesIO(path.read_bytes()))
        assert len(reader.pages) == 3, path
        last = reader.pages[2].extract_text()
        assert "Page 3 of 3" in last
        assert all(name in last for name in COLUMNS)
        wanted = [str(row["amount"]) for row in decoded[100:120]]
        assert all(amount in last for amount in wanted), path
