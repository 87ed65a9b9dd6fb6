"""The test that every runner's file must pass: whole records, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.outputs import WrongOutput, check_csv, check_file, is_same
from benchmarks.peers import csv_writers, pdf_writers
from benchmarks.records import COLUMNS, Cell, body, rows
from service.jobs.pipeline import export_body

COUNT = 120


@pytest.fixture(scope="module")
def csv_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the service's own CSV file of COUNT records."""
    folder = tmp_path_factory.mktemp("csv")
    return (folder / export_body(body("csv", COUNT), folder).name).read_text("utf-8")


@pytest.mark.parametrize("format", ["csv", "pdf"])
def test_the_service_writes_what_is_wanted(format: str, tmp_path: Path) -> None:
    """Our own file passes."""
    check_file(tmp_path / export_body(body(format, COUNT), tmp_path).name, format, COUNT)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Anna Berg", "Anna Birg", "Anna Birg"),
        ("true", "maybe", "maybe"),
        ("id,name", "id,nome", "the header"),
    ],
)
def test_a_changed_cell_is_found(csv_text: str, tmp_path: Path, old: str, new: str, found: str) -> None:
    """One other letter in one cell is a WrongOutput that names it."""
    assert old in csv_text
    path = tmp_path / "changed.csv"
    path.write_text(csv_text.replace(old, new, 1), "utf-8", newline="")
    with pytest.raises(WrongOutput, match=found):
        check_file(path, "csv", COUNT)


def test_a_missing_or_surplus_record_is_found(csv_text: str, tmp_path: Path) -> None:
    """A file that is a line short, or a line long, is a WrongOutput."""
    path = tmp_path / "short.csv"
    lines = csv_text.splitlines(keepends=True)
    for text, count in (("".join(lines[:-1]), COUNT - 1), (csv_text + lines[-1], COUNT + 1)):
        path.write_text(text, "utf-8", newline="")
        with pytest.raises(WrongOutput, match=f"expected {COUNT} records, found {count}"):
            check_csv(path, rows(COUNT), COUNT)


def test_a_pdf_of_other_records_is_found(tmp_path: Path) -> None:
    """A PDF that lacks a record on a page, or a page, is a WrongOutput."""
    other = body("pdf", COUNT).replace(b'"name":"Anna Berg"', b'"name":"Anna Birg"')
    with pytest.raises(WrongOutput, match="Anna Berg"):
        check_file(tmp_path / export_body(other, tmp_path).name, "pdf", COUNT)
    with pytest.raises(WrongOutput, match="expected 3 pages, found 2"):
        check_file(tmp_path / export_body(body("pdf", 100), tmp_path).name, "pdf", COUNT)


@pytest.mark.parametrize(
    ("text", "cell", "same"),
    [
        ("12.5", 12.5, True), ("12", 12.0, True), ("12.50", 12.5, True), ("12.6", 12.5, False), ("", 12.5, False),
        ("true", True, True), ("True", True, True), ("1", True, False), ("Anna", "Anna", True), ("anna", "Anna", False),
    ],
)  # fmt: skip
def test_what_counts_as_the_same_cell(text: str, cell: Cell, same: bool) -> None:
    """Numbers are compared by value and booleans in any letters; texts letter by letter."""
    assert is_same(text, cell) == same


@pytest.mark.parametrize("write", [csv_writers.dict_writer, csv_writers.plain_writer])
def test_csv_peers_write_the_records(write: object, tmp_path: Path) -> None:
    """The standard library's writers pass the same test."""
    assert callable(write)
    write(body("csv", COUNT), tmp_path / "peer.csv")
    check_file(tmp_path / "peer.csv", "csv", COUNT)


@pytest.mark.parametrize("write", [pdf_writers.canvas_pdf, pdf_writers.platypus_pdf, pdf_writers.limit_pdf])
def test_pdf_peers_write_the_records(write: object, tmp_path: Path) -> None:
    """The peers that need no further library pass the same test."""
    assert callable(write)
    write(body("pdf", COUNT), tmp_path / "peer.pdf")
    check_file(tmp_path / "peer.pdf", "pdf", COUNT)


def test_the_limit_without_quotes_writes_the_records(tmp_path: Path) -> None:
    """Rows that are decoded already are joined into the same file."""
    csv_writers.joined(list(rows(COUNT)), tmp_path / "joined.csv")
    check_file(tmp_path / "joined.csv", "csv", COUNT)
    assert (tmp_path / "joined.csv").read_text("utf-8").startswith(",".join(COLUMNS))
