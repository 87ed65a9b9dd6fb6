"""Records to PDF: 50 to a page, heads and number on each, all text whole and readable back, constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from service.cells import Part, cell_rows
from service.files import PartFile
from service.fonts import BOLD, SANS, DocumentFonts, widths
from service.pdf_document import PagedDocument
from service.pdf_layout import FOOT, LONGEST_SIDE, MARGIN, RECORDS_PER_PAGE, Table, table_for
from service.pdf_page import Block, Sheet, page_number, title_block

CREATOR = "Export@Scale 1.7.0"
SAMPLE = 500
HEAD_LIMIT = 12_000
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def pages_of(records: int) -> int:
    """How many pages so many records take."""
    return max(1, -(-records // RECORDS_PER_PAGE))


def write_pdf(
    out: PartFile,
    columns: tuple[str, ...],
    parts: Iterable[Part],
    *,
    title: str,
    user: str,
    made_at: str,
    records: int,
) -> int:
    """Write the document; the number of records. `records` must be how many `parts` holds."""
    document = PagedDocument(out.write, title=title, author=user, creator=CREATOR, lang="en")
    rows = _rows(out, parts, columns)
    sample = list(islice(rows, SAMPLE))
    writer = _Writer(
        document, columns, sample, title, f"Made: {made_at}    User: {user}    Records: {records}", records
    )
    page: list[list[str]] = []
    count = 0
    for source in (sample, rows):
        for row in source:
            page.append(row)
            if len(page) == RECORDS_PER_PAGE:
                writer.page(page)
                count += len(page)
                page = []
    if page or not count:
        writer.page(page)
        count += len(page)
    writer.finish()
    return count


def _rows(out: PartFile, parts: Iterable[Part], columns: tuple[str, ...]) -> Iterator[list[str]]:
    for part in parts:
        out.check_wanted()
        yield from cell_rows(part, columns)


def layout_of(columns: tuple[str, ...], sample: list[list[str]], records: int) -> Table:
    """The table's layout, from its heads and its first records."""
    regular, bold = widths(SANS), widths(BOLD)
    usual, least, aligned = [], [], []
    for at, head in enumerate(columns):
        cells = [row[at] for row in sample if row[at]]
        numeric = bool(cells) and all(map(NUMBER.fullmatch, cells))
        widest = max((max(map(regular.of, cell.splitlines() or [""])) for cell in cells), default=0)
        if numeric:
            # running numbers and sums grow beyond what the first records show
            widest += regular.of("000" if records > len(sample) else "")
        usual.append(max(widest, min(bold.of(head), HEAD_LIMIT), 1_000))
        least.append(max(map(bold.of, head.split() or [""])))
        aligned.append(numeric)
    return table_for(usual, least, aligned)


class _Writer:
    """One document in the making."""

    def __init__(
        self,
        document: PagedDocument,
        columns: tuple[str, ...],
        sample: list[list[str]],
        title: str,
        facts: str,
        records: int,
    ) -> None:
        self._document = document
        self._columns = columns
        self._title = title
        self._facts = facts
        self._pages = pages_of(records)
        self._page = 0
        self._fonts = DocumentFonts()
        self._sheet = Sheet(layout_of(columns, sample, records), columns, self._fonts)
        box = (-1.0, -LONGEST_SIDE, LONGEST_SIDE, LONGEST_SIDE)
        document.add_form("Head", box, self._sheet.head.marks.encode("latin-1"))
        document.add_form("Grid", box, self._sheet.grid.encode("latin-1"))

    def page(self, rows: list[list[str]]) -> None:
        """Write the next page."""
        self._page += 1
        single = self._sheet.single_rows(rows) if rows and self._columns else None
        if single is not None:
            grid = "/Grid Do\n" if len(rows) == RECORDS_PER_PAGE else self._sheet.rules_for(len(rows))
            self._put(self._sheet, Block(grid + single, self._sheet.pitch * len(rows)), "/Head Do\n")
            return
        factor = 1
        sheet = self._sheet
        while True:
            block, even = sheet.any_rows(rows)
            title = self._title_on(sheet)
            tall = title.height + sheet.head.height + block.height + 2 * MARGIN + FOOT
            if tall <= max(LONGEST_SIDE, sheet.table.width):
                break
            # the format's limit: widen; past that limit too, `_put` draws the whole page smaller
            factor *= 2
            sheet = Sheet(self._sheet.table.widened(factor), self._columns, self._fonts)
        head = "/Head Do\n" if factor == 1 else sheet.head.marks
        if even:
            head += "/Grid Do\n" if factor == 1 else sheet.grid
        self._put(sheet, block, head)

    def _title_on(self, sheet: Sheet) -> Block:
        if self._page > 1:
            return Block("", 0.0)
        return title_block(self._title, self._facts, sheet.table, self._fonts)

    def _put(self, sheet: Sheet, body: Block, head: str) -> None:
        table = sheet.table
        title = self._title_on(sheet)
        needed = title.height + sheet.head.height + body.height + 2 * MARGIN + FOOT
        height = max(table.height, needed)
        scale = min(1.0, LONGEST_SIDE / max(table.width, height))
        marks = [f"{scale:.6f} 0 0 {scale:.6f} 0 0 cm\n"] if scale < 1 else []
        if title.marks:
            marks.append(f"q 1 0 0 1 {MARGIN:g} {height - MARGIN:.2f} cm\n{title.marks}Q\n")
        top = height - MARGIN - title.height
        marks.append(f"q 1 0 0 1 {MARGIN:g} {top:.2f} cm\n{head}{body.marks}Q\n")
        number = page_number(self._page, self._pages, table, self._fonts)
        marks.append(f"q 1 0 0 1 {MARGIN:g} {MARGIN - 6:g} cm\n{number}Q\n")
        self._document.add_page(table.width * scale, height * scale, "".join(marks).encode("latin-1"))

    def finish(self) -> None:
        """Write what belongs to all pages."""
        self._document.finish(self._fonts.add_to(self._document))
