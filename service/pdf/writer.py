"""Records to PDF: 50 to a page, heads and number on each, all text whole and readable back, constant memory."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from service.cells import Chunk, cell_columns
from service.files import PartFile
from service.pdf.document import PagedDocument
from service.pdf.document_fonts import DocumentFonts
from service.pdf.fonts import BOLD, SANS, is_plain, widths
from service.pdf.layout import FOOT, LONGEST_SIDE, MARGIN, RECORDS_PER_PAGE, Table, table_for
from service.pdf.page import Block, PageNumber, PageRenderer, RowBatch, title_block

CREATOR = "Export@Scale 1.7.0"
SAMPLE = 500
WIDEN_GAIN = 0.9
"""A page of twice the width that is still so tall has line ends of its own, and gets no wider."""
HEAD_LIMIT = 12_000
BATCH_CELLS = 10_000
"""Cells measured together: enough to share the cost, few enough for constant memory."""
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def pages_of(records: int) -> int:
    """How many pages so many records take."""
    return max(1, -(-records // RECORDS_PER_PAGE))


def write_pdf(
    out: PartFile,
    columns: tuple[str, ...],
    chunks: Iterable[Chunk],
    *,
    title: str,
    user: str,
    made_at: str,
    records: int,
) -> int:
    """Write the document; the number of records. `records` must be how many `chunks` holds."""
    document = PagedDocument(out.write, title=title, author=user, creator=CREATOR, lang="en")
    batches = _batches(out, chunks, columns)
    first = next(batches, [])
    sample = [column[:SAMPLE] for column in first] or [[] for _ in columns]
    writer = _Writer(
        document, columns, sample, title, f"Made: {made_at}    User: {user}    Records: {records}", records
    )
    count = writer.write_batch(first)
    for batch in batches:
        count += writer.write_batch(batch)
    if not count:
        writer.empty_page()
    writer.finish()
    return count


def _batches(out: PartFile, chunks: Iterable[Chunk], columns: tuple[str, ...]) -> Iterator[list[list[str]]]:
    """Records column by column, in whole pages but for the last; the first holds the sample."""
    rest: list[list[str]] = [[] for _ in columns]
    least = SAMPLE
    for part in chunks:
        out.check_wanted()
        held = [[*before, *more] for before, more in zip(rest, cell_columns(part, columns), strict=True)]
        count = len(held[0]) if held else 0
        if count < least:
            rest = held
            continue
        whole = count - count % RECORDS_PER_PAGE
        rest = [column[whole:] for column in held]
        for column in held:
            del column[whole:]
        yield held
        least = RECORDS_PER_PAGE
    if rest and rest[0]:
        yield rest


def layout_of(columns: tuple[str, ...], sample: list[list[str]], records: int) -> Table:
    """The table's layout, from its heads and its first records' cells, column by column."""
    regular, bold = widths(SANS), widths(BOLD)
    usual, least, aligned = [], [], []
    for head, texts in zip(columns, sample, strict=True):
        cells = [text for text in texts if text]
        numeric = bool(cells) and all(map(NUMBER.fullmatch, cells))
        lines = [line for cell in cells for line in cell.splitlines()]
        widest = max(regular.of_all(lines, is_plain("".join(lines))), default=0)
        if numeric:
            # running numbers and sums grow beyond what the first records show
            widest += regular.of("000" if records > len(texts) else "")
        usual.append(max(widest, min(bold.of(head), HEAD_LIMIT), 1_000))
        least.append(max(map(bold.of, head.split() or [""])))
        aligned.append(numeric)
    return table_for(usual, least, aligned)


@dataclass(frozen=True)
class _Frame:
    """A page but for its body."""

    before: str
    behind: str
    number: PageNumber
    width: float
    height: float


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
        self._renderer = PageRenderer(layout_of(columns, sample, records), columns, self._fonts)
        box = (-1.0, -LONGEST_SIDE, LONGEST_SIDE, LONGEST_SIDE)
        document.add_form("Head", box, self._renderer.head.operators.encode("latin-1"))
        document.add_form("Grid", box, self._renderer.grid.encode("latin-1"))

    def write_batch(self, columns: list[list[str]]) -> int:
        """Write some whole pages, or the last ones; how many records they hold."""
        count = len(columns[0]) if columns else 0
        step = max(1, BATCH_CELLS // RECORDS_PER_PAGE // max(1, len(columns))) * RECORDS_PER_PAGE
        for at in range(0, count, step):
            part = columns if count <= step else [column[at : at + step] for column in columns]
            batch = self._renderer.measure(part)
            end = min(step, count - at)
            for first in range(0, end, RECORDS_PER_PAGE):
                self._write_page(batch, first, min(first + RECORDS_PER_PAGE, end))
        return count

    def empty_page(self) -> None:
        """The only page of a document without records."""
        self._page += 1
        self._write_wrapped_page([])

    def _write_page(self, batch: RowBatch, first: int, last: int) -> None:
        self._page += 1
        single = batch.single_line_rows(first, last)
        if single is None:
            self._write_wrapped_page(batch.rows(first, last))
            return
        count = last - first
        if self._page > 1 and count == RECORDS_PER_PAGE:
            self._add(self._usual, single)
            return
        grid = "/Grid Do\n" if count == RECORDS_PER_PAGE else self._renderer.rules_for(count)
        self._put(self._renderer, Block(grid + single, self._renderer.pitch * count), "/Head Do\n")

    def _write_wrapped_page(self, rows: list[list[str]]) -> None:
        """A page whose records need more than a line each, or a look."""
        factor = 1
        renderer = self._renderer
        before = math.inf
        while True:
            block, even = renderer.wrapped_rows(rows)
            title = self._title_on(renderer)
            tall = title.height + renderer.head.height + block.height + 2 * MARGIN + FOOT
            if tall <= max(LONGEST_SIDE, renderer.table.width) or tall > WIDEN_GAIN * before:
                break
            before = tall
            # the format's limit: widen while that helps; past that limit too, `_put` draws the whole page smaller
            factor *= 2
            renderer = PageRenderer(self._renderer.table.widened(factor), self._columns, self._fonts)
        head = "/Head Do\n" if factor == 1 else renderer.head.operators
        if even:
            head += "/Grid Do\n" if factor == 1 else renderer.grid
        self._put(renderer, block, head)

    def _title_on(self, renderer: PageRenderer) -> Block:
        if self._page > 1:
            return Block("", 0.0)
        return title_block(self._title, self._facts, renderer.table, self._fonts)

    def _put(self, renderer: PageRenderer, body: Block, head: str) -> None:
        self._add(self._frame(renderer, self._title_on(renderer), head, body.height), body.operators)

    def _frame(self, renderer: PageRenderer, title: Block, head: str, body_height: float) -> _Frame:
        table = renderer.table
        needed = title.height + renderer.head.height + body_height + 2 * MARGIN + FOOT
        height = max(table.height, needed)
        scale = min(1.0, LONGEST_SIDE / max(table.width, height))
        operators = [f"{scale:.6f} 0 0 {scale:.6f} 0 0 cm\n"] if scale < 1 else []
        if title.operators:
            operators.append(f"q 1 0 0 1 {MARGIN:g} {height - MARGIN:.2f} cm\n{title.operators}Q\n")
        top = height - MARGIN - title.height
        operators.append(f"q 1 0 0 1 {MARGIN:g} {top:.2f} cm\n{head}")
        return _Frame(
            before="".join(operators),
            behind=f"Q\nq 1 0 0 1 {MARGIN:g} {MARGIN - 6:g} cm\n",
            number=PageNumber(self._pages, table, self._fonts),
            width=table.width * scale,
            height=height * scale,
        )

    @cached_property
    def _usual(self) -> _Frame:
        """Of a page without title whose records take one line each."""
        return self._frame(
            self._renderer, Block("", 0.0), "/Head Do\n/Grid Do\n", self._renderer.pitch * RECORDS_PER_PAGE
        )

    def _add(self, frame: _Frame, body: str) -> None:
        content = f"{frame.before}{body}{frame.behind}{frame.number.operators(self._page)}Q\n"
        self._document.add_page(frame.width, frame.height, content.encode("latin-1"))

    def finish(self) -> None:
        """Write what belongs to all pages."""
        self._document.finish(self._fonts.add_to(self._document))
