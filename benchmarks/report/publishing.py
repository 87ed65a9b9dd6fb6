"""Results into the repository: `benchmarks/results/`, docs/benchmarks.md with its plots, and the README's line."""

from __future__ import annotations

from pathlib import Path

import msgspec

from assertions.record.files import read_one
from benchmarks.http_service import ROOT
from benchmarks.regression.rates import Rates
from benchmarks.report.figures import readme_line
from benchmarks.report.page import page
from benchmarks.report.plots import plots
from benchmarks.report.types import Results

PUBLISHED = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


class PublishError(Exception):
    """Results can't be published; the message says why and what to do."""


def read_results(folder: Path) -> Results | None:
    """Return the results in a folder; None where there are none. RecordError where they are malformed."""
    path = folder / "results.json"
    return read_one(path, Results) if path.is_file() else None


def read_rates(folder: Path) -> Rates | None:
    """Return the gate's error rates in a folder; None where there are none. RecordError where they are malformed."""
    path = folder / "rates.json"
    return read_one(path, Rates) if path.is_file() else None


def publish(out: Path, *, partial: bool = False) -> list[Path]:
    """Write all that is published from the results in a folder; the paths written. PublishError.

    partial: also results that lack something, which the page then names as NO DATA.
    """
    results = read_results(out)
    if results is None:
        raise PublishError(f"expected results in {out}, found none: run `nox -s bench -- --full`")
    why = "not the full set" if not results.full else results.target or next(iter(results.failed), None)
    why = why or (None if partial else next(iter(results.missing), None))
    if why is not None:
        raise PublishError(f"expected whole results of this tree in {out}, found {why}: run `nox -s bench -- --full`")
    PUBLISHED.mkdir(exist_ok=True)
    (PUBLISHED / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=0) + b"\n")
    rates = read_rates(out)
    if rates is not None:
        (PUBLISHED / "rates.json").write_bytes(msgspec.json.format(msgspec.json.encode(rates), indent=0) + b"\n")
    return write_pages()


def write_pages() -> list[Path]:
    """Write page, plots and the README's line from the published results; the paths written. PublishError."""
    results = read_results(PUBLISHED)
    if results is None:
        raise PublishError(f"expected published results in {PUBLISHED}, found none")
    PLOTS.mkdir(exist_ok=True)
    for name, svg in plots(results).items():
        (PLOTS / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page(results, read_rates(PUBLISHED)), encoding="utf-8")
    README.write_text(with_line(README.read_text("utf-8"), readme_line(results)), encoding="utf-8")
    return [PUBLISHED / "results.json", PAGE, *(PLOTS / name for name in plots(results)), README]


def with_line(text: str, line: str) -> str:
    """Return README text with the line between its two marks. PublishError where a mark is missing. Pure."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise PublishError(f"expected {BEGIN} and {END} in README.md, found {'one of them' if begin else 'none'}")
    return f"{before}{begin}{line}{end}{after}"
