"""The content of a PDF page: operators for cells, heads, rules, title and number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import le
from typing import cast

from service.pdf.bidi import has_right_to_left
from service.pdf.bidi_line import Line, draw_line, lines_of
from service.pdf.columns import MeasuredColumn
from service.pdf.document_fonts import DocumentFonts
from service.pdf.fonts import BOLD, KEYS, SANS, escaped, widths
from service.pdf.layout import FOOT, LEADING, MARGIN, PITCH, RECORDS_PER_PAGE, TITLE_ROOM, Table, wrap

BASELINE = 0.76
RULE = "0.82 G 0.4 w"
TITLE_SIZE = 14.0
META_SIZE = 8.0
NUMBER_SIZE = 7.0


@dataclass(frozen=True)
class Block:
    """Something drawn, with the room it took."""

    operators: str
    height: float


class TextBuilder:
    """Collects text operators of one text block, changing the font only where it must."""

    def __init__(self, fonts: DocumentFonts) -> None:
        self._fonts = fonts
        self._font = ""
        self.parts: list[str] = []

    def line(self, text: str, size: float, name: str = SANS, shift: int = 0) -> None:
        """Show a text at the current place, or `shift` units left of it."""
        if has_right_to_left(text):
            self.parts.append(draw_line(Line.of_paragraph(text), size, self._fonts, name, shift))
            self._font = ""
            return
        for key, literal in self._fonts.encode(text, name):
            font = f"/{key} {size:g} Tf"
            if font != self._font:
                self._font = font
                self.parts.append(font)
            self.parts.append(f"[{shift}({literal})]TJ" if shift else f"({literal})Tj")
            shift = 0

    def lines(self, texts: list[str], x: float, y: float, size: float, name: str = SANS, right: bool = False) -> None:
        """Show lines under each other; `right`: x is where they end."""
        width_of = widths(name).of
        for number, text in enumerate(texts):
            self.parts.append(f"1 0 0 1 {x:.2f} {y - number * size * LEADING:.2f} Tm")
            self.line(text, size, name, width_of(text) if right else 0)

    def block(self, colour: str = "0 g") -> str:
        """The text block."""
        return f"{colour} BT {' '.join(self.parts)} ET\n"


class PageRenderer:
    """Draws on pages of one layout; y grows upwards from the table's top, which is 0."""

    def __init__(self, table: Table, heads: tuple[str, ...], fonts: DocumentFonts) -> None:
        self.table = table
        self._fonts = fonts
        self._size = table.size
        self._limits = [table.units(column) for column in table.columns]
        self.table_width = table.columns[-1].left + table.columns[-1].width if table.columns else 0.0
        self.head = self._head(heads)
        spare = table.height - 2 * MARGIN - TITLE_ROOM - FOOT - self.head.height
        self.pitch = max(LEADING * table.size, min(PITCH, spare / RECORDS_PER_PAGE))
        self._drop = (self.pitch - table.size) / 2 + BASELINE * table.size
        self._font = f"/{KEYS[SANS]} {self._size:g} Tf"
        self._moves, self._back = self._row_moves()
        self._row_template = " ".join(f"{move} %s" for move in self._moves) + self._back
        full = [-self.head.height - number * self.pitch for number in range(1, RECORDS_PER_PAGE + 1)]
        self.grid = self._rules(full)

    def _head(self, heads: tuple[str, ...]) -> Block:
        if not heads:
            return Block("", 0.0)
        width_of = widths(BOLD).__getitem__
        cells = [wrap(text, limit, width_of) for text, limit in zip(heads, self._limits, strict=True)]
        size = self._size
        height = max(map(len, cells)) * size * LEADING + 5
        builder = TextBuilder(self._fonts)
        for column, lines in zip(self.table.columns, cells, strict=True):
            builder.lines(lines, column.anchor, -2.5 - BASELINE * size - 1, size, BOLD, column.right_aligned)
        band = f"0.92 g 0 {-height:.2f} {self.table_width:.2f} {height:.2f} re f\n"
        rule = f"0.3 G 0.8 w 0 {-height:.2f} m {self.table_width:.2f} {-height:.2f} l S\n"
        return Block(band + rule + builder.block(), height)

    def _rules(self, levels: list[float]) -> str:
        lines = " ".join(f"0 {y:.2f} m {self.table_width:.2f} {y:.2f} l" for y in levels)
        return f"{RULE} {lines} S\n"

    def _row_moves(self) -> tuple[list[str], str]:
        """The operators before each cell of a row of one line, and those from the last to the next row."""
        moves = []
        back = at = 0.0
        for column in self.table.columns:
            move = f"{column.anchor - at:.2f}"
            moves.append(f"{move} 0 Td")
            at = column.anchor
            back += float(move)  # the moves are rounded, so the way back is the sum of what was written
        return moves, f" {-back:.2f} {-self.pitch:.2f} Td\n"

    def measure(self, columns: list[list[str]]) -> RowBatch:
        """Measure some records, at least one, given column by column."""
        measured = [
            MeasuredColumn(texts, limit, column.right_aligned)
            for texts, limit, column in zip(columns, self._limits, self.table.columns, strict=True)
        ]
        return RowBatch(measured, self)

    @cached_property
    def rows_start(self) -> str:
        """The beginning of the text block of records, at the first one's place."""
        self._fonts.plain(SANS)
        return f"0 g BT {self._font} 0 {-self.head.height - self._drop:.2f} Td\n"

    def pattern(self, texts: list[MeasuredColumn]) -> list[str | None]:
        """One row of one line in pieces; None where `MeasuredColumn.values` go, in their order."""
        parts: list[str | None] = []
        before = ""
        for move, column in zip(self._moves, texts, strict=True):
            if not column.plain:
                parts += [f"{before}{move} ", None]
                before = " "
            elif column.right_aligned:
                column.move = f"{before}{move} "
                parts += [None, None]
                before = ")]TJ "
            else:
                parts += [f"{before}{move} (", None]
                before = ")Tj "
        return [*parts, before[:-1] + self._back]

    def cell_operators(self, text: str, shift: int = 0) -> str:
        """One cell's operators, from the plain font and back to it."""
        if text.isascii() and text.isprintable():
            return f"[{shift}({escaped(text)})]TJ" if shift else f"({escaped(text)})Tj"
        if has_right_to_left(text):
            return self._bidi_operators(Line.of_paragraph(text), shift)
        pieces = [f"/{key} {self._size:g} Tf({literal})Tj" for key, literal in self._fonts.encode(text)]
        return (f"[{shift}]TJ" if shift else "") + "".join(pieces) + self._font

    def _bidi_operators(self, line: Line, shift: int) -> str:
        return draw_line(line, self._size, self._fonts, SANS, shift) + self._font

    def _line_operators(self, text: str, lines: list[str], shifts: list[int]) -> list[str]:
        """Return the operators of a wrapped cell's lines."""
        if has_right_to_left(text):
            return list(map(self._bidi_operators, lines_of(text, lines), shifts))
        return [self.cell_operators(line, shift) if line else "" for line, shift in zip(lines, shifts, strict=True)]

    def wrapped_rows(self, rows: list[list[str]]) -> tuple[Block, bool]:
        """The text block of any records, wrapped where they must be, and whether each took one line."""
        text_width = widths(SANS).of
        parts = []
        levels = []
        y = -self.head.height
        for row in rows:
            units = list(map(text_width, row))
            if " ".join(row).isprintable() and all(map(le, units, self._limits)):
                operators = [self.cell_operators(*cell) for cell in zip(row, self._shifts(units), strict=True)]
                parts.append(self._row_template % tuple(operators))
                y -= self.pitch
            else:
                text, height = self._wrapped_row(row)
                parts.append(text)
                y -= height
            levels.append(y)
        even = len(rows) == RECORDS_PER_PAGE and abs(y + self.head.height + self.pitch * len(rows)) < 0.01
        rules = "" if even else self._rules(levels)
        return Block(f"{rules}{self.rows_start}{''.join(parts)}ET\n", -self.head.height - y), even

    def _shifts(self, units: list[int]) -> list[int]:
        """How far left of its anchor a cell of each column starts."""
        return [width if column.right_aligned else 0 for width, column in zip(units, self.table.columns, strict=True)]

    def _wrapped_row(self, row: list[str]) -> tuple[str, float]:
        """One record's text operators and its height."""
        sans = widths(SANS)
        lead = self._size * LEADING
        step = round(lead, 2)  # as it is written, so that the way back is exact
        tallest = 1
        parts = []
        back = at = 0.0
        for text, column, limit in zip(row, self.table.columns, self._limits, strict=True):
            move = f"{column.anchor - at:.2f}"
            at = column.anchor
            back += float(move)
            lines = wrap(text, limit, sans.__getitem__)
            tallest = max(tallest, len(lines))
            shifts = [sans.of(line) for line in lines] if column.right_aligned else [0] * len(lines)
            operators = self._line_operators(text, lines, shifts)
            parts.append(f"{move} 0 Td")
            drawn = 0
            for down, (line, shown) in enumerate(zip(lines, operators, strict=True)):
                if line:  # empty lines are skipped together
                    parts.append(f"\n0 {-(down - drawn) * step:.2f} Td {shown}" if down > drawn else shown)
                    drawn = down
            if drawn:
                parts.append(f"0 {drawn * step:.2f} Td")
        height = self.pitch + (tallest - 1) * lead
        return " ".join(parts) + f" {-back:.2f} {-height:.2f} Td\n", height

    def rules_for(self, count: int) -> str:
        """Rules under `count` records of one line."""
        return self._rules([-self.head.height - number * self.pitch for number in range(1, count + 1)])


class RowBatch:
    """Some records that are measured together, column by column, and drawn page by page."""

    def __init__(self, texts: list[MeasuredColumn], renderer: PageRenderer) -> None:
        self._texts = texts
        self._renderer = renderer
        self._pattern = renderer.pattern(texts)
        self._gaps = [at for at, part in enumerate(self._pattern) if part is None]
        fits = all(column.fits for column in texts)
        self._values = list(self._filling(0, len(texts[0].texts))) if fits else None

    def _filling(self, first: int, last: int) -> Iterator[list[str]]:
        """What goes into each gap."""
        return chain.from_iterable(column.values(first, last, self._renderer.cell_operators) for column in self._texts)

    def single_line_rows(self, first: int, last: int) -> str | None:
        """The text block of a page's records; None when one must be wrapped or looked at."""
        filling: Iterable[list[str]]
        if self._values is not None:
            filling = [values[first:last] for values in self._values]
        elif all(column.fits_in(first, last) for column in self._texts):
            filling = self._filling(first, last)
        else:
            return None
        # a page at a time: so few parts stay in the processor's cache
        parts = self._pattern * (last - first)
        for at, values in zip(self._gaps, filling, strict=True):
            parts[at :: len(self._pattern)] = values
        return f"{self._renderer.rows_start}{''.join(cast(list[str], parts))}ET\n"

    def rows(self, first: int, last: int) -> list[list[str]]:
        """A page's records row by row."""
        return list(map(list, zip(*(column.texts[first:last] for column in self._texts), strict=True)))


def title_block(title: str, facts: str, table: Table, fonts: DocumentFonts) -> Block:
    """The first page's head, its top at 0."""
    room = table.width - 2 * MARGIN
    builder = TextBuilder(fonts)
    first = wrap(title, int(room * 1000 / TITLE_SIZE), widths(BOLD).__getitem__)
    second = wrap(facts, int(room * 1000 / META_SIZE), widths(SANS).__getitem__)
    y = -TITLE_SIZE * 0.9
    builder.lines(first, 0, y, TITLE_SIZE, BOLD)
    y -= (len(first) - 1) * TITLE_SIZE * LEADING + TITLE_SIZE * 1.15
    builder.lines(second, 0, y, META_SIZE)
    y -= (len(second) - 1) * META_SIZE * LEADING + META_SIZE * 1.25
    return Block(builder.block(), -y)


class PageNumber:
    """`Page x of y`, ending at the table's right edge; y is 0."""

    def __init__(self, pages: int, table: Table, fonts: DocumentFonts) -> None:
        fonts.plain(SANS)
        self._pages = pages
        self._before = f"0.35 g BT 1 0 0 1 {table.width - 2 * MARGIN:.2f} 0 Tm /{KEYS[SANS]} {NUMBER_SIZE:g} Tf"
        self._width_of = widths(SANS).of

    def operators(self, page: int) -> str:
        """The text block of a page."""
        text = f"Page {page} of {self._pages}"
        return f"{self._before} [{self._width_of(text)}({text})]TJ ET\n"
