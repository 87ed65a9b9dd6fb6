"""What an exported file must hold: one test for the service and for every peer, so that no ratio is of less work."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pypdfium2 as pdfium

from benchmarks.records import COLUMNS, Cell, rows

PER_PAGE = 50
MOST_PAGES_READ = 200
"""Of a longer PDF the first, the last and others drawn by lot are read; their number is always compared."""
SEED = 17


class WrongOutput(Exception):
    """A file that does not hold the records sent; the message names the first difference."""


def check_file(path: Path, format: str, count: int) -> None:
    """Raise WrongOutput unless a file holds the first `count` records of `benchmarks.records`."""
    if format == "csv":
        check_csv(path, rows(count), count)
    else:
        check_pdf(path, count)


def check_csv(path: Path, wanted: Iterable[dict[str, Cell]], count: int) -> None:
    """Raise WrongOutput unless a CSV file has the header and every record, cell by cell, in order."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        head = next(reader, [])
        if head != list(COLUMNS):
            raise WrongOutput(f"{path.name}: expected the header {','.join(COLUMNS)}, found {','.join(head)}")
        read = 0
        # the records first: `zip` would drop a surplus row
        for number, (record, found) in enumerate(zip(wanted, reader, strict=False), 1):
            read = number
            cells = list(record.values())
            if len(found) != len(cells) or not all(map(is_same, found, cells)):
                raise WrongOutput(f"{path.name}: expected record {number} as {cells}, found {found}")
        surplus = sum(1 for _ in reader)
    if read + surplus != count:
        raise WrongOutput(f"{path.name}: expected {count} records, found {read + surplus}")


def is_same(text: str, cell: Cell) -> bool:
    """Return whether a CSV cell stands for a value: the same text, number, or `true` and `false` in any letters."""
    if isinstance(cell, bool):
        return text.lower() == str(cell).lower()
    if isinstance(cell, str):
        return text == cell
    try:
        return float(text) == cell
    except ValueError:
        return False


def check_pdf(path: Path, count: int) -> None:
    """Raise WrongOutput unless a PDF has a page for every 50 records, and its pages the text of each, in order."""
    document = pdfium.PdfDocument(path)
    try:
        pages = max(1, -(-count // PER_PAGE))
        if len(document) != pages:
            raise WrongOutput(f"{path.name}: expected {pages} pages, found {len(document)}")
        read = set(_pages_read(pages))
        records = rows(count)
        for index in range(pages):
            wanted = list(islice(records, PER_PAGE))
            if index in read:
                _check_page(path.name, document, index, pages, wanted)
    finally:
        document.close()


def _pages_read(pages: int) -> Sequence[int]:
    if pages <= MOST_PAGES_READ:
        return range(pages)
    return [0, pages - 1, *random.Random(SEED).sample(range(1, pages - 1), MOST_PAGES_READ - 2)]


def _check_page(
    name: str, document: pdfium.PdfDocument, index: int, pages: int, wanted: Sequence[dict[str, Cell]]
) -> None:
    page = document[index]
    textpage = page.get_textpage()
    text = _dense(textpage.get_text_range())
    textpage.close()
    page.close()
    at = 0
    for record in wanted:
        line = re.compile("".join(map(_spelt, record.values())))
        found = line.search(text, at)
        if found is None:
            raise WrongOutput(f"{name}: expected the record {list(record.values())} on page {index + 1}, found none")
        at = found.end()
    for words in (*COLUMNS, f"Page {index + 1} of {pages}"):
        if _dense(words) not in text:
            raise WrongOutput(f"{name}: expected {words!r} on page {index + 1}, found none")


def _spelt(cell: Cell) -> str:
    """Return a pattern of a cell's text; JavaScript knows no 12.0, which is 12 there."""
    text = re.escape(_dense(str(cell)))
    return text.removesuffix(r"\.0") + r"(?:\.0)?" if text.endswith(r"\.0") else text


def _dense(text: str) -> str:
    """Without white space, and without the case in which writers spell booleans."""
    return "".join(text.split()).lower()
