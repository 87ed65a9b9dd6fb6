"""Text that can be extracted from a PDF, but not seen."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib as mpl
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from assertions.contents.pdf.check import check_pdf
from assertions.contents.sent import Row, Sent
from tests.assertions.contents.layouts import MONO, SANS, WORLD, fonts

RECORDS: tuple[Row, ...] = tuple({"id": number, "name": f"customer {number:03}"} for number in range(1, 41))
SENT = Sent(columns=("id", "name"), records=RECORDS, title="Accounts", user="ann", at=1_795_000_000.0)
Draw = Callable[[Canvas, Callable[[], None]], None]


def document(draw: Draw, made: str = "2026-11-18 11:06", size: float = 9, top: str | None = None) -> bytes:
    """One page; `draw` decides how its table is painted. top: stands above it instead of the usual."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))

    def table() -> None:
        for index, record in enumerate(RECORDS):
            canvas.setFont("Helvetica", size)
            canvas.drawString(40, 760 - 17 * index, str(record["id"]))
            canvas.drawString(140, 760 - 17 * index, str(record["name"]))

    canvas.setFont("Helvetica", 9)
    canvas.drawString(40, 815, f"Accounts - ann - {made} - 40 records - page 1 of 1" if top is None else top)
    canvas.drawString(40, 790, "id")
    canvas.drawString(140, 790, "name")
    draw(canvas, table)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def plain(canvas: Canvas, table: Callable[[], None]) -> None:
    """As it should be."""
    table()


def grey(canvas: Canvas, table: Callable[[], None]) -> None:
    """Light, but there."""
    canvas.setFillGray(0.8)
    table()


def on_stripes(canvas: Canvas, table: Callable[[], None]) -> None:
    """White letters on a dark ground."""
    canvas.setFillGray(0.1)
    canvas.rect(30, 80, 500, 700, fill=1)
    canvas.setFillGray(1)
    table()


def turned(canvas: Canvas, table: Callable[[], None]) -> None:
    """A square of the page turned around its middle, and the page with it."""
    canvas.setPageSize((842, 842))
    table()
    canvas.setPageRotation(90)


def watermarked(canvas: Canvas, table: Callable[[], None]) -> None:
    """Hardly visible words at a slant behind it."""
    canvas.saveState()
    canvas.setFillGray(0.95)
    canvas.translate(120, 200)
    canvas.rotate(45)
    for line in range(6):
        canvas.drawString(0, 40 * line, "for internal use only")
    canvas.restoreState()
    table()


def white(canvas: Canvas, table: Callable[[], None]) -> None:
    """In the colour of the paper."""
    canvas.setFillGray(1)
    table()


def unpainted(canvas: Canvas, table: Callable[[], None]) -> None:
    """Text rendering mode 3: neither filled nor stroked."""
    canvas._code.append("3 Tr")
    table()
    canvas._code.append("0 Tr")


def covered(canvas: Canvas, table: Callable[[], None]) -> None:
    """A sheet of white over it."""
    table()
    canvas.setFillGray(1)
    canvas.rect(130, 80, 300, 700, stroke=0, fill=1)


def outside(canvas: Canvas, table: Callable[[], None]) -> None:
    """Text outside the paper is found."""
    canvas.translate(700, 0)
    table()


@pytest.mark.parametrize("draw", [plain, grey, on_stripes, turned, watermarked])
def test_what_can_be_seen_passes(draw: Draw) -> None:
    """Whatever its colour and its page's rotation."""
    assert check_pdf(document(draw), SENT).findings == ()


def by_column(canvas: Canvas, *columns: tuple[float, list[str]]) -> None:
    """A table drawn column by column, its lines close together."""
    for left, cells in columns:
        for index, cell in enumerate(cells):
            canvas.drawString(left, 760 - 5 * index, cell)


def test_equal_cells_below_each_other_are_two() -> None:
    """A reader takes the second of two equal long texts, close together, for the first one's shadow; it is there."""
    name = "Eleni of the northern branch, second floor, " * 2
    records: tuple[Row, ...] = tuple({"id": number, "name": name} for number in range(1, 5))
    sent = Sent(columns=("id", "name"), records=records, title="Accounts", user="ann", at=1_795_000_000.0)

    def check(cells: list[str]) -> list[str]:
        file = io.BytesIO()
        canvas = Canvas(file, pagesize=(900, 842))
        canvas.setFont("Helvetica", 9)
        canvas.drawString(40, 815, "Accounts - ann - 2026-11-18 11:06 - 4 records - page 1 of 1")
        by_column(canvas, (40, ["id", *map(str, range(1, 5))]), (140, ["name", *cells]))
        canvas.save()
        return [finding.code for finding in check_pdf(file.getvalue(), sent).findings]

    assert check([name] * 4) == []
    assert check([name] * 3) == ["cell"]


@pytest.mark.parametrize("records", [40, 400])
def test_letters_set_apart_are_still_words(records: int) -> None:
    """Where a font's letters stand loose, each is a word to the reader; numbers and dates are reported all the same."""

    def loose(canvas: Canvas, table: Callable[[], None]) -> None:
        table()
        left = 40.0
        for letter in f"Made 2026-11-18 by ann, {records} rows, Page 1 of 1":
            if letter != " ":
                canvas.drawString(left, 828, letter)
            left += canvas.stringWidth(letter, "Helvetica", 9) + 2

    data = document(loose, top="")
    assert [finding.code for finding in check_pdf(data, replace(SENT, title="")).findings] == (
        [] if records == 40 else ["record-count"]
    )


@pytest.mark.parametrize(
    ("draw", "why"),
    [
        (white, "not to be seen"),
        (unpainted, "not to be seen"),
        (covered, "not to be seen"),
        (outside, "off the page"),
    ],
)
def test_what_can_only_be_extracted_is_found(draw: Draw, why: str) -> None:
    """A person who opens the file sees none of it."""
    outcome = check_pdf(document(draw), SENT)
    assert [finding.code for finding in outcome.findings] == ["hidden"]
    assert why in outcome.findings[0].found


def edge(canvas: Canvas, table: Callable[[], None]) -> None:
    """A note that runs off the paper, next to a table that stands on it."""
    table()
    canvas.drawString(700, 400, "proof 7")


BOXES = "BoxesSerif"


@cache
def boxed() -> None:
    """A font that has Latin letters only, and draws its box for each letter that it lacks."""
    font = TTFont(BOXES, str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf"))
    known = {code: glyph for code, glyph in font.face.charToGlyph.items() if code < 0x370}
    font.face.charToGlyph = {code: known.get(code, 0) for code in range(0x10000)}
    pdfmetrics.registerFont(font)


def scripts(names: tuple[str, ...], font: str) -> set[str]:
    """What is found wrong with a page of such names in one font."""
    fonts()
    boxed()
    sent = replace(SENT, records=tuple({"id": n, "name": name} for n, name in enumerate(names, 1)))

    def draw(canvas: Canvas, _table: Callable[[], None]) -> None:
        for index, record in enumerate(sent.records):
            canvas.setFont(SANS, 9)
            canvas.drawString(40, 760 - 17 * index, str(record["id"]))
            canvas.setFont(font, 9)
            canvas.drawString(140, 760 - 17 * index, str(record["name"]))

    top = f"Accounts - ann - 2026-11-18 11:06 - {len(names)} records - page 1 of 1"
    return {finding.code for finding in check_pdf(document(draw, top=top), sent).findings}


@pytest.mark.parametrize(
    ("font", "names"),
    [
        (SANS, ("Νίκος Παπάς", "Иван Петров", "НИП", "ΕΡΓ")),
        (MONO, ("Νίκος Παπάς", "Иван Петров", "НИП", "ΕΡΓ")),
        (WORLD, ("王小明", "漢字")),
        (BOXES, ("Şule Iğdır", "Ян")),
    ],
)
def test_letters_that_the_font_has_pass(font: str, names: tuple[str, ...]) -> None:
    """Of even and of uneven widths; two letters that look alike say nothing."""
    assert scripts(names, font) == set()


@pytest.mark.parametrize("names", [("김민수",), ("Иван Петров", "Νίκος Παπάς")])
def test_letters_that_are_all_drawn_as_boxes_are_found(names: tuple[str, ...]) -> None:
    """Read back they look right: the font's map to Unicode has them, its outlines do not."""
    assert scripts(names, BOXES) == {"hidden"}


def test_a_few_words_outside_the_paper_pass() -> None:
    """Print marks and the like: no record is lost by them."""
    assert check_pdf(document(edge), SENT).findings == ()


def test_print_that_is_too_small_is_found() -> None:
    """A point high, or less."""
    outcome = check_pdf(document(plain, size=0.8), SENT)
    assert [finding.code for finding in outcome.findings] == ["hidden"]
    assert "too small" in outcome.findings[0].found


@pytest.mark.parametrize(
    ("made", "codes"),
    [
        ("18.11.2026", []),
        ("11/18/2026", []),
        ("17/11/2026", []),
        ("2026.11.19", []),
        ("2027-01-01", ["time"]),
        ("01.01.2026", ["time"]),
        ("2026-13-45 or 18.11.2026", []),
        ("18 Nov, 11:06", []),
        ("2019-11-18 11:06", ["time"]),
        ("18.11.1970 11:06", ["time"]),
        ("2019-11-18 18 November 2026", []),
        ("2019-11-18 November 18, 2026", []),
        ("2019-11-18 3 March 2020", ["time"]),
    ],
)
def test_the_time_of_making_is_of_its_year(made: str, codes: list[str]) -> None:
    """In any order of day, month and year, in digits or, next to other dates, in words."""
    assert [finding.code for finding in check_pdf(document(plain, made), SENT).findings] == codes


def test_without_a_time_of_asking_any_date_passes() -> None:
    """What is not known is not held against the file."""
    unknown = Sent(columns=SENT.columns, records=SENT.records, title=SENT.title, user=SENT.user)
    assert check_pdf(document(plain, "2019-11-18"), unknown).findings == ()
