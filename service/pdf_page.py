"""The marks of a PDF page: text operators for cells, heads, rules, title and number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import le

from service.fonts import BOLD, KEYS, SANS, DocumentFonts, escaped, widths
from service.pdf_layout import FOOT, LEADING, MARGIN, PITCH, RECORDS_PER_PAGE, TITLE_ROOM, Table, wrap

BASELINE = 0.76
RULE = "0.82 G 0.4 w"
TITLE_SIZE = 14.0
META_SIZE = 8.0
NUMBER_SIZE = 7.0


@dataclass(frozen=True)
class Block:
    """Something drawn, with the room it took."""

    marks: str
    height: float


class Pen:
    """Collects text operators of one text block, changing the font only where it must."""

    def __init__(self, fonts: DocumentFonts) -> None:
        self._fonts = fonts
        self._font = ""
        self.parts: list[str] = []

    def line(self, text: str, size: float, name: str = SANS, shift: int = 0) -> None:
        """Show a text at the pen's place, or `shift` units left of it."""
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


class Sheet:
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
        self._template = self._row_template("(%s)Tj", "[%d(%s)]TJ")
        self._marks_template = self._row_template("%s", "%s")
        full = [-self.head.height - number * self.pitch for number in range(1, RECORDS_PER_PAGE + 1)]
        self.grid = self._rules(full)

    def _head(self, heads: tuple[str, ...]) -> Block:
        if not heads:
            return Block("", 0.0)
        width_of = widths(BOLD).__getitem__
        cells = [wrap(text, limit, width_of) for text, limit in zip(heads, self._limits, strict=True)]
        size = self._size
        height = max(map(len, cells)) * size * LEADING + 5
        pen = Pen(self._fonts)
        for column, lines in zip(self.table.columns, cells, strict=True):
            pen.lines(lines, column.anchor, -2.5 - BASELINE * size - 1, size, BOLD, column.right_aligned)
        band = f"0.92 g 0 {-height:.2f} {self.table_width:.2f} {height:.2f} re f\n"
        rule = f"0.3 G 0.8 w 0 {-height:.2f} m {self.table_width:.2f} {-height:.2f} l S\n"
        return Block(band + rule + pen.block(), height)

    def _rules(self, levels: list[float]) -> str:
        lines = " ".join(f"0 {y:.2f} m {self.table_width:.2f} {y:.2f} l" for y in levels)
        return f"{RULE} {lines} S\n"

    def _row_template(self, left: str, right: str) -> str:
        parts = []
        back = at = 0.0
        for column in self.table.columns:
            move = f"{column.anchor - at:.2f}"
            parts.append(f"{move} 0 Td {right if column.right_aligned else left}")
            at = column.anchor
            back += float(move)  # the moves are rounded, so the way back is the sum of what was written
        return " ".join(parts) + f" {-back:.2f} {-self.pitch:.2f} Td\n"

    def single_rows(self, rows: list[list[str]]) -> str | None:
        """The text block of records that all fit on one line each; None when some cell must be wrapped or looked at."""
        flat = list(chain.from_iterable(rows))
        joined = " ".join(flat)
        if not joined.isprintable():
            return None
        units = self._units(flat, joined.isascii())
        count = len(self.table.columns)
        if any(max(units[at::count]) > limit for at, limit in enumerate(self._limits)):
            return None
        self._fonts.plain(SANS)
        if joined.isascii():
            if "(" in joined or ")" in joined or "\\" in joined:
                flat = list(map(escaped, flat))
            body = self._plain_body(flat, units)
        else:
            body = self._mixed_body(flat, units)
        return f"0 g BT {self._font} 0 {-self.head.height - self._drop:.2f} Td\n{body}ET\n"

    def _units(self, flat: list[str], plain: bool) -> list[int]:
        made = widths(SANS)
        if not plain:
            return list(map(made.of, flat))
        step, steps = made.step, made.steps
        return [step * sum(cell.encode().translate(steps)) for cell in flat]

    def _plain_body(self, flat: list[str], units: list[int]) -> str:
        count = len(self.table.columns)
        values: list[list[str] | list[int]] = []
        for at, column in enumerate(self.table.columns):
            if column.right_aligned:
                values.append(units[at::count])
            values.append(flat[at::count])
        template = self._template
        return "".join([template % row for row in zip(*values, strict=True)])

    def _mixed_body(self, flat: list[str], units: list[int]) -> str:
        count = len(self.table.columns)
        template = self._marks_template
        values: list[list[str]] = []
        for at, column in enumerate(self.table.columns):
            if column.right_aligned:
                values.append(list(map(self._mark, flat[at::count], units[at::count])))
            else:
                values.append(list(map(self._mark, flat[at::count])))
        return "".join([template % row for row in zip(*values, strict=True)])

    def _mark(self, text: str, shift: int = 0) -> str:
        """One cell's operators, from the plain font and back to it."""
        if text.isascii() and text.isprintable():
            return f"[{shift}({escaped(text)})]TJ" if shift else f"({escaped(text)})Tj"
        pieces = [f"/{key} {self._size:g} Tf({literal})Tj" for key, literal in self._fonts.encode(text)]
        return (f"[{shift}]TJ" if shift else "") + "".join(pieces) + self._font

    def any_rows(self, rows: list[list[str]]) -> tuple[Block, bool]:
        """The text block of any records, wrapped where they must be, and whether each took one line."""
        self._fonts.plain(SANS)
        text_width = widths(SANS).of
        parts = []
        levels = []
        y = -self.head.height
        for row in rows:
            units = list(map(text_width, row))
            if " ".join(row).isprintable() and all(map(le, units, self._limits)):
                marks = [self._mark(*cell) for cell in zip(row, self._shifts(units), strict=True)]
                parts.append(self._marks_template % tuple(marks))
                y -= self.pitch
            else:
                text, height = self._wrapped_row(row)
                parts.append(text)
                y -= height
            levels.append(y)
        even = len(rows) == RECORDS_PER_PAGE and abs(y + self.head.height + self.pitch * len(rows)) < 0.01
        rules = "" if even else self._rules(levels)
        start = f"0 g BT {self._font} 0 {-self.head.height - self._drop:.2f} Td\n"
        return Block(f"{rules}{start}{''.join(parts)}ET\n", -self.head.height - y), even

    def _shifts(self, units: list[int]) -> list[int]:
        """How far left of its anchor a cell of each column starts."""
        return [width if column.right_aligned else 0 for width, column in zip(units, self.table.columns, strict=True)]

    def _wrapped_row(self, row: list[str]) -> tuple[str, float]:
        """One record's text operators and its height."""
        made = widths(SANS)
        lead = self._size * LEADING
        tallest = 1
        parts = []
        back = at = 0.0
        for text, column, limit in zip(row, self.table.columns, self._limits, strict=True):
            move = f"{column.anchor - at:.2f}"
            at = column.anchor
            back += float(move)
            lines = wrap(text, limit, made.__getitem__)
            tallest = max(tallest, len(lines))
            marks = [self._mark(line, made.of(line) if column.right_aligned else 0) for line in lines]
            parts.append(f"{move} 0 Td " + f"\n0 {-lead:.2f} Td ".join(marks))
            if len(lines) > 1:
                parts.append(f"0 {(len(lines) - 1) * float(f'{lead:.2f}'):.2f} Td")
        height = self.pitch + (tallest - 1) * lead
        return " ".join(parts) + f" {-back:.2f} {-height:.2f} Td\n", height

    def rules_for(self, count: int) -> str:
        """Rules under `count` records of one line."""
        return self._rules([-self.head.height - number * self.pitch for number in range(1, count + 1)])


def title_block(title: str, facts: str, table: Table, fonts: DocumentFonts) -> Block:
    """The first page's head, its top at 0."""
    room = table.width - 2 * MARGIN
    pen = Pen(fonts)
    first = wrap(title, int(room * 1000 / TITLE_SIZE), widths(BOLD).__getitem__)
    second = wrap(facts, int(room * 1000 / META_SIZE), widths(SANS).__getitem__)
    y = -TITLE_SIZE * 0.9
    pen.lines(first, 0, y, TITLE_SIZE, BOLD)
    y -= (len(first) - 1) * TITLE_SIZE * LEADING + TITLE_SIZE * 1.15
    pen.lines(second, 0, y, META_SIZE)
    y -= (len(second) - 1) * META_SIZE * LEADING + META_SIZE * 1.25
    return Block(pen.block(), -y)


def page_number(page: int, pages: int, table: Table, fonts: DocumentFonts) -> str:
    """`Page x of y`, ending at the table's right edge; y is 0."""
    pen = Pen(fonts)
    pen.lines([f"Page {page} of {pages}"], table.width - 2 * MARGIN, 0, NUMBER_SIZE, SANS, right=True)
    return pen.block("0.35 g")
