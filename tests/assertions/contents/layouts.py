"""PDF files of many layouts, all of them healthy; a fault is a change of the model before it is drawn."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Frame, KeepInFrame, Paragraph, Table, TableStyle

from assertions.contents.sent import Json, Sent

SANS, MONO, WORLD, HAN, HANGUL = "LayoutSans", "LayoutMono", "LayoutWorld", "STSong-Light", "HYSMyeongJo-Medium"
LINE = 11.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page to be drawn."""

    number: str
    """Its page number and the total, in words."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    """What stands above the table."""


Model = tuple[Sheet, ...]


def shown(value: Json) -> str:
    """A cell in the commonest spelling."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def dressed(value: Json) -> str:
    """A cell as a careful designer shows it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return shown(value).replace("\n", " ↵ ")


def model(sent: Sent, spell: Callable[[Json], str] = shown, per_page: int = 50) -> Model:
    """The healthy pages."""
    total = max(1, -(-len(sent.records) // per_page))
    table = [tuple(spell(record.get(name)) for name in sent.columns) for record in sent.records]
    above = (sent.title, "Made at 2026-11-23 18:05", f"User: {sent.user}", f"Records: {len(sent.records)}")
    return tuple(
        Sheet(
            f"Page {page + 1} of {total}",
            sent.columns,
            tuple(table[page * per_page : (page + 1) * per_page]),
            above if page == 0 else (),
        )
        for page in range(total)
    )


@cache
def fonts() -> None:
    """Register the fonts once a process."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pdfmetrics.registerFont(TTFont(SANS, str(folder / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(MONO, str(folder / "DejaVuSansMono.ttf")))
    pdfmetrics.registerFont(UnicodeCIDFont(HAN))
    pdfmetrics.registerFont(UnicodeCIDFont(HANGUL))
    pdfmetrics.registerFont(
        TTFont(WORLD, str(Path(__file__).parents[3] / "service" / "fonts" / "DroidSansFallbackFull.ttf"))
    )


def runs(text: str, base: str = SANS, embedded: bool = False) -> Iterator[tuple[str, str]]:
    """Stretches of one font."""
    current, stretch = base, ""
    for letter in text:
        font = base if letter < "\u2e80" else HANGUL if "가" <= letter <= "힣" else WORLD if embedded else HAN
        if font != current and stretch:
            yield current, stretch
            stretch = ""
        current, stretch = font, stretch + letter
    if stretch:
        yield current, stretch


def put(
    canvas: Canvas, x: float, y: float, text: str, size: float = 6, base: str = SANS, embedded: bool = False
) -> None:
    """Draw one line, each letter in a font that has it."""
    for font, stretch in runs(text, base, embedded):
        canvas.setFont(font, size)
        canvas.drawString(x, y, stretch)
        x += pdfmetrics.stringWidth(stretch, font, size)


def canvas_of(sheets: Model, draw: Callable[[Canvas, Sheet], None], size: tuple[float, float]) -> bytes:
    """Pages with furniture, and a table drawn by `draw`."""
    fonts()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size)
    for sheet in sheets:
        for index, line in enumerate(sheet.lines):
            put(canvas, 30, size[1] - 20 - LINE * index, line, 8)
        draw(canvas, sheet)
        put(canvas, 30, 15, sheet.number)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


WIDE = (2400.0, 900.0)
WIDTHS = (40, 110, 150, 120, 80, 60, 80, 200)


def _x(column: int) -> float:
    return 30 + sum(WIDTHS[:column])


def by_rows(sheets: Model) -> bytes:
    """Cell by cell, row by row."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        for index, row in enumerate((sheet.heads, *sheet.rows)):
            for column, cell in enumerate(row):
                put(canvas, _x(column), 800 - LINE * index, cell.replace("\n", " "))

    return canvas_of(sheets, draw, WIDE)


def by_columns(sheets: Model) -> bytes:
    """Column by column."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        for column in range(len(sheet.heads)):
            for index, row in enumerate((sheet.heads, *sheet.rows)):
                if column < len(row):
                    put(canvas, _x(column), 800 - LINE * index, row[column].replace("\n", " "))

    return canvas_of(sheets, draw, WIDE)


def shuffled(sheets: Model) -> bytes:
    """All cells in no order at all."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        table = list(enumerate((sheet.heads, *sheet.rows)))
        cells = [(column, index, cell) for index, row in table for column, cell in enumerate(row)]
        random.Random(5).shuffle(cells)
        for column, index, cell in cells:
            put(canvas, _x(column), 800 - LINE * index, cell.replace("\n", " "))

    return canvas_of(sheets, draw, WIDE)


def text_lines(sheets: Model, between: str = "  ", embedded: bool = False) -> bytes:
    """Each record one line of one text."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        for index, row in enumerate((sheet.heads, *sheet.rows)):
            put(canvas, 30, 800 - LINE * index, between.join(row).replace("\n", " "), embedded=embedded)

    return canvas_of(sheets, draw, WIDE)


def embedded_fonts(sheets: Model) -> bytes:
    """East Asian letters in a font that the file brings along."""
    return text_lines(sheets, "  ", embedded=True)


def ruled_lines(sheets: Model) -> bytes:
    """Bars between the cells."""
    return text_lines(sheets, " | ")


def tight_lines(sheets: Model) -> bytes:
    """Semicolons between the cells, and no space."""
    return text_lines(sheets, ";")


def labelled(sheets: Model) -> bytes:
    """Each record as a JSON object."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        put(canvas, 30, 800, ", ".join(sheet.heads))
        for index, row in enumerate(sheet.rows, 1):
            put(
                canvas,
                30,
                800 - LINE * index,
                json.dumps(dict(zip(sheet.heads, row, strict=False)), ensure_ascii=False),
            )

    return canvas_of(sheets, draw, WIDE)


def numbered(sheets: Model) -> bytes:
    """A running number before each record."""
    count = iter(range(1, 100_000))
    return text_lines(
        tuple(replace(sheet, rows=tuple((f"{next(count)}.", *row) for row in sheet.rows)) for sheet in sheets)
    )


def counted(sheets: Model) -> bytes:
    """A sign and a running number before each record, with a heading."""
    count = iter(range(1, 100_000))
    return text_lines(
        tuple(
            replace(
                sheet,
                heads=("Nr.", *sheet.heads),
                rows=tuple((f"#{next(count)}", *row) for row in sheet.rows),
            )
            for sheet in sheets
        )
    )


def captioned(sheets: Model) -> bytes:
    """Each record a block of labels and values under a caption with its number."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        y = 5900.0
        for index, row in enumerate(sheet.rows, 1):
            put(canvas, 30, y, f"Entry {index} of this page")
            for label, value in zip(sheet.heads, row, strict=False):
                y -= LINE
                put(canvas, 40, y, f"{label}: " + value.replace("\n", " "))
            y -= LINE
        put(canvas, 30, 5950, ", ".join(sheet.heads))

    return canvas_of(sheets, draw, (2400, 6000))


def _chunks(cell: str, letters: int) -> list[str]:
    text = cell.replace("\n", " ")
    return [text[start : start + letters] for start in range(0, len(text), letters)] or [""]


def fixed_width(sheets: Model) -> bytes:
    """A report in letters of one width: cells wrapped within their columns, line by line across all columns."""
    widths = (5, 14, 16, 14, 14, 6, 12, 30)

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        y = 2700.0
        for row in (sheet.heads, *sheet.rows):
            cells = [_chunks(cell, widths[column] - 1) for column, cell in enumerate(row)]
            for line in range(max(map(len, cells))):
                for column, cell in enumerate(cells):
                    if line < len(cell):
                        put(canvas, 30 + 5.0 * sum(widths[:column]), y, cell[line], 6, MONO)
                y -= 9

    return canvas_of(sheets, draw, (900, 2800))


def boxed_text(sheets: Model) -> bytes:
    """The same as text: bars between the cells, a rule below each record, each line of print one text."""
    widths = (5, 14, 16, 14, 14, 6, 12, 30)

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        y = 3900.0
        rule = "+".join(["", *("=" * (width + 2) for width in widths[: len(sheet.heads)]), ""])
        for row in (sheet.heads, *sheet.rows):
            cells = [_chunks(cell, widths[column]) for column, cell in enumerate(row)]
            for line in range(max(map(len, cells))):
                chunks = [cell[line] if line < len(cell) else "" for cell in cells]
                text = " | ".join(chunk.ljust(width) for chunk, width in zip(chunks, widths, strict=False))
                put(canvas, 30, y, f"| {text} |", 6, MONO)
                y -= 9
            put(canvas, 30, y, rule, 6, MONO)
            y -= 9

    return canvas_of(sheets, draw, (900, 4000))


def platypus(sheets: Model, valign: str = "TOP") -> bytes:
    """A table of paragraphs that wrap within their cells."""
    fonts()
    style = ParagraphStyle("cell", fontName=SANS, fontSize=5, leading=6, splitLongWords=1)

    def cell(text: str) -> Paragraph:
        parts = (f'<font name="{font}">{escape(part)}</font>' for font, part in runs(text.replace("\n", " ")))
        return Paragraph("".join(parts), style)

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        rows = [[cell(text) for text in row] for row in (sheet.heads, *sheet.rows)]
        width = len(sheet.heads)
        table = Table(
            [[*row, *[""] * (width - len(row))][:width] for row in rows],
            colWidths=[30, 60, 70, 70, 60, 40, 60, 180][:width],
            repeatRows=1,
            style=TableStyle([("VALIGN", (0, 0), (-1, -1), valign), ("GRID", (0, 0), (-1, -1), 0.3, "black")]),
        )
        Frame(20, 30, 740, 2700).addFromList([KeepInFrame(740, 2700, [table])], canvas)

    return canvas_of(sheets, draw, (landscape(A4)[0], 2800))


def platypus_middle(sheets: Model) -> bytes:
    """The same, each cell in the middle of its row's height."""
    return platypus(sheets, "MIDDLE")


def two_blocks(sheets: Model) -> bytes:
    """A table too wide for its page: the first columns above, the others below."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        half = len(sheet.heads) // 2
        for block, (start, end) in enumerate(((0, half), (half, len(sheet.heads)))):
            for index, row in enumerate((sheet.heads, *sheet.rows)):
                for column, cell in enumerate(row[start:end]):
                    put(canvas, 30 + 200 * column, 1500 - 700 * block - LINE * index, cell.replace("\n", " "))

    return canvas_of(sheets, draw, (2400, 1600))


def rotated(sheets: Model) -> bytes:
    """Drawn upright, on a page that is turned."""

    def draw(canvas: Canvas, sheet: Sheet) -> None:
        canvas.setPageRotation(90)
        canvas.saveState()
        canvas.rotate(90)
        for index, row in enumerate((sheet.heads, *sheet.rows)):
            for column, cell in enumerate(row):
                put(canvas, _x(column), -60 - LINE * index, cell.replace("\n", " "))
        canvas.restoreState()

    return canvas_of(sheets, draw, (2400, 2400))


def with_forms(sheets: Model) -> bytes:
    """Heads and page number inside a form that the page only names."""
    fonts()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=WIDE)
    for page, sheet in enumerate(sheets):
        canvas.beginForm(f"furniture{page}")
        for column, head in enumerate(sheet.heads):
            put(canvas, _x(column), 800, head)
        put(canvas, 30, 15, sheet.number)
        for index, line in enumerate(sheet.lines):
            put(canvas, 30, 880 - LINE * index, line)
        canvas.endForm()
        canvas.doForm(f"furniture{page}")
        for index, row in enumerate(sheet.rows, 1):
            put(canvas, 30, 800 - LINE * index, "   ".join(row).replace("\n", " "))
        canvas.showPage()
    canvas.save()
    return file.getvalue()


LAYOUTS: Mapping[str, Callable[[Model], bytes]] = {
    layout.__name__: layout
    for layout in (
        by_rows, by_columns, shuffled, text_lines, ruled_lines, tight_lines, embedded_fonts, labelled, numbered,
        counted, captioned, fixed_width, boxed_text, platypus, platypus_middle, two_blocks, rotated, with_forms,
    )
}  # fmt: skip
