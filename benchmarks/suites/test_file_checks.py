"""Checking exported files against only reading them: the csv module's reader, and PDFium's text of the same pages."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from assertions.contents.csv import check_csv_of
from assertions.contents.pdf.check import check_pdf_of
from assertions.contents.sent import expected
from assertions.contents.tags import TAG_PLACEHOLDER, USER, tagged
from assertions.contents.template import Request, Template
from benchmarks.laps.race import OURS, race
from benchmarks.statistics.bounds import BOUNDS, judge_ratios
from benchmarks.workloads.all import names_of
from loadtests.datasets.records import encode_body, make_dataset, make_tag
from service.jobs.pipeline import export_body

FILES = 4
"""Files of one case, each with a tag of its own, as a run has dozens."""
READING = "reading"
FORGETFUL = "unlike any before"


def read_csv(data: bytes) -> None:
    """Read all rows, and keep none."""
    for _ in csv.reader(io.StringIO(data.decode(), newline="")):
        pass


def read_pdf(data: bytes) -> None:
    """Read the text of all pages, and keep none."""
    document = pdfium.PdfDocument(data)
    for index in range(len(document)):
        page = document[index]
        textpage = page.get_textpage()
        textpage.get_text_range()
        textpage.close()
        page.close()
    document.close()


@pytest.mark.parametrize("name", names_of("file checks"))
def test_file_checks(run_workload: Callable[[str], None], name: str) -> None:
    """Files opened and compared with what was sent; none is known from a file before."""
    run_workload(name)


@pytest.mark.bounds
@pytest.mark.parametrize(
    ("case", "rounds"), [("csv-1k", 25), ("csv-10k", 15), ("pdf-1k", 15), ("pdf-5k", 7), ("pdf-10k", 5)]
)
def test_check(
    benchmark: BenchmarkFixture,
    folder: Path,
    hold: Callable[..., None],
    figures: Callable[..., None],
    case: str,
    rounds: int,
) -> None:
    """Each file is only read, and checked as a run does, which knows the files before it; and as if it knew none."""
    benchmark.group = "file checks"
    format_ = case[:3]
    template = encode_body(make_dataset(case, 17))
    tags = [make_tag(1, number) for number in range(FILES)]
    files = [(folder / export_body(tagged(template, tag), folder).name).read_bytes() for tag in tags]
    read, check = (read_csv, check_csv_of) if format_ == "csv" else (read_pdf, check_pdf_of)
    to_read, to_check, unlike = (cycle(zip(files, tags, strict=True)) for _ in range(3))
    # what one of them knows of the files before, the other must not forget
    known, forgotten = Template(template, TAG_PLACEHOLDER), Template(template, TAG_PLACEHOLDER)

    def forgetful() -> None:
        forgotten.pages.clear()
        forgotten.letters.clear()
        forgotten.csv_file = None
        compared(forgotten, *next(unlike))

    def checked() -> None:
        compared(known, *next(to_check))

    def compared(template_known: Template, data: bytes, tag: str) -> None:
        request = Request(
            template_known, tag, USER, None, lambda: expected(tagged(template, tag), None, TAG_PLACEHOLDER)
        )
        assert check(data, request).finding_count == 0

    began = time.perf_counter()
    checked()
    first_ms = (time.perf_counter() - began) * 1_000
    for _ in files:
        checked()
    forgetful()
    laps = race(
        benchmark,
        {OURS: checked, FORGETFUL: forgetful, READING: lambda: read(next(to_read)[0])},
        rounds=rounds,
        clean=lambda: None,
    )
    reading_ms, unlike_ms = laps.median_ms(READING), laps.median_ms(FORGETFUL)
    shown = {"reading ms": reading_ms, "checking ms": laps.median_ms(OURS), "first file ms": first_ms}
    figures({**shown, "unlike any before, ms": unlike_ms, "times reading": unlike_ms / reading_ms})
    hold(judge_ratios(BOUNDS[f"check-{format_}"], laps.seconds[OURS], laps.seconds[READING]))
