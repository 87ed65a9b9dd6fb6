"""Text that is extracted whole, though a clip rectangle leaves only a part of it on the paper."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from reportlab.pdfgen.canvas import Canvas

from assertions.contents.pdf.check import check_pdf
from assertions.contents.sent import Row, Sent
from tests.assertions.contents.layouts import fonts

LETTER = 5.0
"""Width of a letter of nine-point Helvetica's digits, in points."""
COUNT = 250
RECORDS: tuple[Row, ...] = tuple(
    {"created": f"2026-06-{number % 28 + 1:02}", "ref": f"R-{number:05}", "qty": number} for number in range(COUNT)
)
SENT = Sent(columns=("created", "ref", "qty"), records=RECORDS, title="Orders", user="ann")
Put = Callable[[Canvas, float, float, str], None]


def whole(canvas: Canvas, x: float, y: float, text: str) -> None:
    """Without a clip."""
    canvas.drawString(x, y, text)


def clipped(width: float, height: float = 12, drop: float = 3) -> Put:
    """Draw within a rectangle of that size whose lower edge is so far below the letters' feet."""

    def put(canvas: Canvas, x: float, y: float, text: str) -> None:
        canvas.saveState()
        path = canvas.beginPath()
        path.rect(x, y - drop, width, height)
        canvas.clipPath(path, stroke=0, fill=0)
        canvas.drawString(x, y, text)
        canvas.restoreState()

    return put


def document(put: Put, *, form: bool = False, rotated: bool = False, page: int | None = None) -> bytes:
    """The whole export; `put` draws each cell. form: each page inside a form of half the size; page: only there."""
    fonts()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(842, 842))
    for number in range(COUNT // 50):
        if rotated:
            canvas.setPageRotation(90)
        if form:
            canvas.beginForm(f"page{number}")
        canvas.setFont("Helvetica", 9)
        head = "Orders - ann - 2026-06-01 10:00 - 250 records - " if number == 0 else ""
        canvas.drawString(40, 815, f"{head}page {number + 1} of 5")
        for column, name in enumerate(SENT.columns):
            canvas.drawString(40 + 200 * column, 790, name)
            for row in range(50):
                cell = str(RECORDS[50 * number + row][name])
                (put if page in (None, number) else whole)(canvas, 40 + 200 * column, 770 - 15 * row, cell)
        if form:
            canvas.endForm()
            canvas.scale(0.5, 0.5)
            canvas.doForm(f"page{number}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.mark.parametrize(
    "put",
    [whole, clipped(180), clipped(10 * LETTER), clipped(10 * LETTER - 2), clipped(180, 7, 0), clipped(180, 5, 0)],
)
def test_a_clip_that_cuts_nothing_off_passes(put: Put) -> None:
    """Cells as wide as their column, or just as wide as their text, or with a letter's edge gone."""
    assert check_pdf(document(put), SENT).findings == ()


def test_each_cell_that_is_cut_off_is_found() -> None:
    """The finding names record and column, all of the text and what is left of it; nothing else is found."""
    outcome = check_pdf(document(clipped(9 * LETTER - 2)), SENT)
    assert outcome.kinds == {"cut": COUNT}
    first = outcome.findings[0]
    assert (first.where, first.expected) == ("page 1, record 1, column created", "2026-06-01")
    assert first.found == "only '2026-06-0' is on the paper, the rest is clipped off"


def test_letters_cut_in_height_are_found() -> None:
    """Less than half of each letter is left."""
    assert set(check_pdf(document(clipped(180, 2, 0)), SENT).kinds) >= {"cut"}


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("rotated", [False, True])
def test_a_form_and_a_turned_page_hide_no_cut(*, form: bool, rotated: bool) -> None:
    """The rectangle is held against the letters wherever the form's matrix and the page's rotation put both."""
    assert check_pdf(document(clipped(180), form=form, rotated=rotated), SENT).findings == ()
    cut = check_pdf(document(clipped(9 * LETTER - 2), form=form, rotated=rotated), SENT)
    assert cut.kinds == {"cut": COUNT}


@pytest.mark.parametrize("page", range(5))
def test_a_cut_on_one_page_of_a_long_file_is_found(page: int) -> None:
    """Not all objects of a long file are asked; the cells of one page are enough to be met."""
    outcome = check_pdf(document(clipped(9 * LETTER - 2), page=page), SENT)
    assert outcome.kinds == {"cut": 50}
    assert {finding.where.split(",")[0] for finding in outcome.findings} == {f"page {page + 1}"}
