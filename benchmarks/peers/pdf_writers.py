"""PDF from a request body (or its decoded rows) by others, and the limits.

All PDF writers put 50 records on a page, with the title on the first, heads and number on each. None of them measures
a cell, wraps one or keeps what WinAnsi lacks; the service does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.peers.publishing import publish
from benchmarks.records import COLUMNS, Cell

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PER_PAGE = 50
WIDTH, HEIGHT = 595.28, 841.89
LEFT, TOP, PITCH = 28, 780, 14
STEPS = (50, 100, 100, 70, 50, 60, 70)
"""Column widths."""
Row = dict[str, Cell]


def canvas_pdf(body: bytes, path: Path, font: str = "Helvetica") -> None:
    """Write as reportlab's guide shows it: json.loads, a Canvas, drawString a cell."""
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    asked = json.loads(body)
    made = BytesIO()
    canvas = Canvas(made, pagesize=(WIDTH, HEIGHT))
    canvas.setTitle(asked["title"])
    data = asked["data"]
    lefts = _lefts()
    pages = _pages(len(data))
    for page in range(pages):
        canvas.setFont(font, 8)
        if page == 0:
            canvas.drawString(LEFT, 815, asked["title"])
        for left, name in zip(lefts, asked["columns"], strict=True):
            canvas.drawString(left, TOP + PITCH, name)
        for down, row in enumerate(data[page * PER_PAGE : (page + 1) * PER_PAGE]):
            y = TOP - down * PITCH
            for left, name in zip(lefts, asked["columns"], strict=True):
                canvas.drawString(left, y, str(row[name]))
        canvas.drawString(500, 20, f"Page {page + 1} of {pages}")
        canvas.showPage()
    canvas.save()
    publish(path, [made.getvalue()])


def embedded_canvas_pdf(body: bytes, path: Path) -> None:
    """Do the same with the service's own embedded font, so that other scripts are kept as far as it has them."""
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.ttfonts import TTFont  # noqa: PLC0415

    from service.pdf.fonts import FOLDER, SANS  # noqa: PLC0415

    if SANS not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(SANS, str(FOLDER / f"{SANS}.ttf")))
    canvas_pdf(body, path, SANS)


class _Asked(msgspec.Struct):
    title: str
    columns: tuple[str, ...]
    data: list[Row]


_asked = msgspec.json.Decoder(_Asked).decode


def pydyf_pdf(body: bytes, path: Path) -> None:
    """Write by pydyf with literal page streams, the quickest way it offers, compressed as it compresses."""
    import pydyf  # noqa: PLC0415

    asked = _asked(body)
    pdf = pydyf.PDF()
    font = pydyf.Dictionary(
        {"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Helvetica", "Encoding": "/WinAnsiEncoding"}
    )
    pdf.add_object(font)
    for content in _streams(asked.title, asked.columns, asked.data):
        stream = pydyf.Stream([content], compress=True)
        pdf.add_object(stream)
        pdf.add_page(
            pydyf.Dictionary(
                {
                    "Type": "/Page",
                    "Parent": pdf.pages.reference,
                    "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]),
                    "Contents": stream.reference,
                    "Resources": pydyf.Dictionary({"Font": pydyf.Dictionary({"F": font.reference})}),
                }
            )
        )
    made = BytesIO()
    pdf.write(made)
    publish(path, [made.getvalue()])


def platypus_pdf(body: bytes, path: Path) -> None:
    """Write by reportlab's platypus: a Table a page, which a table of all records would make quadratic."""
    from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table  # noqa: PLC0415

    asked = json.loads(body)
    made = BytesIO()
    columns, data = asked["columns"], asked["data"]
    pages = _pages(len(data))
    story: list[object] = [Paragraph(asked["title"], getSampleStyleSheet()["Title"])]
    for page in range(pages):
        rows = [[str(row[name]) for name in columns] for row in data[page * PER_PAGE : (page + 1) * PER_PAGE]]
        story.append(Table([columns, *rows], rowHeights=PITCH, colWidths=STEPS, repeatRows=1))
        if page + 1 < pages:
            story.append(PageBreak())

    def number(canvas: Canvas, document: object) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(500, 20, f"Page {canvas.getPageNumber()} of {pages}")

    document = SimpleDocTemplate(made, pagesize=(WIDTH, HEIGHT), topMargin=20, bottomMargin=30, title=asked["title"])
    document.build(story, onFirstPage=number, onLaterPages=number)
    publish(path, [made.getvalue()])


def fpdf2_pdf(body: bytes, path: Path) -> None:
    """Write by fpdf2: a cell a value."""
    from fpdf import FPDF  # noqa: PLC0415

    asked = json.loads(body)
    columns, data = asked["columns"], asked["data"]
    pages = _pages(len(data))
    pdf = FPDF(unit="pt", format=(WIDTH, HEIGHT))
    pdf.set_auto_page_break(False)
    pdf.set_title(asked["title"])
    for page in range(pages):
        pdf.add_page()
        if page == 0:
            pdf.set_font("Helvetica", size=14)
            pdf.text(LEFT, 30, asked["title"])
        pdf.set_font("Helvetica", size=8)
        pdf.set_xy(LEFT, 40)
        rows = [dict(zip(columns, columns, strict=True)), *data[page * PER_PAGE : (page + 1) * PER_PAGE]]
        for row in rows:
            for step, name in zip(STEPS, columns, strict=True):
                pdf.cell(step, PITCH, str(row[name]))
            pdf.ln(PITCH)
            pdf.set_x(LEFT)
        pdf.set_font("Helvetica", size=7)
        pdf.text(500, HEIGHT - 20, f"Page {page + 1} of {pages}")
    publish(path, [bytes(pdf.output())])


def limit_pdf(body: bytes, path: Path) -> None:
    """Write by hand: one literal text block a page, ISA-L level 1 as ours, Helvetica, objects counted by hand."""
    asked = _asked(body)
    publish(path, _document(asked.title, asked.columns, asked.data))


def limit_pdf_of_rows(decoded: Sequence[Row], path: Path) -> None:
    """Do the same from rows that are decoded already."""
    publish(path, _document("Benchmark", COLUMNS, decoded))


def _document(title: str, columns: Sequence[str], data: Sequence[Row]) -> Iterator[bytes]:
    from isal import isal_zlib  # noqa: PLC0415

    head = b"%PDF-1.4\n1 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>\nendobj\n"
    yield head
    offsets = [9]
    at = len(head)
    pages = _pages(len(data))
    root = 2 + 2 * pages
    for number, content in enumerate(_streams(title, columns, data)):
        packed = isal_zlib.compress(content, 1)
        stream = 2 + 2 * number
        first = b"%d 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream\nendobj\n" % (
            stream, len(packed), packed,
        )  # fmt: skip
        second = (
            b"%d 0 obj\n<</Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Contents %d 0 R"
            b"/Resources<</Font<</F 1 0 R>>>>>>\nendobj\n" % (stream + 1, root, WIDTH, HEIGHT, stream)
        )
        offsets += [at, at + len(first)]
        at += len(first) + len(second)
        yield first + second
    kids = b" ".join(b"%d 0 R" % (3 + 2 * number) for number in range(pages))
    tree = b"%d 0 obj\n<</Type/Pages/Count %d/Kids[%b]>>\nendobj\n" % (root, pages, kids)
    catalog = b"%d 0 obj\n<</Type/Catalog/Pages %d 0 R>>\nendobj\n" % (root + 1, root)
    offsets += [at, at + len(tree)]
    at += len(tree) + len(catalog)
    yield tree + catalog
    yield b"xref\n0 %d\n0000000000 65535 f \n" % (root + 2)
    yield b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    yield b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (root + 2, root + 1, at)


def _streams(title: str, columns: Sequence[str], data: Sequence[Row]) -> Iterator[bytes]:
    """The pages' contents."""
    template = " ".join(f"(%s)Tj {step} 0 Td" for step in STEPS) + f" {-sum(STEPS)} {-PITCH} Td\n"
    heads = template % tuple(columns)
    pages = _pages(len(data))
    for page in range(pages):
        lines = [template % tuple(row.values()) for row in data[page * PER_PAGE : (page + 1) * PER_PAGE]]
        first = f"BT /F 14 Tf {LEFT} 815 Td ({title})Tj ET\n" if page == 0 else ""
        number = f"BT /F 7 Tf 500 20 Td (Page {page + 1} of {pages})Tj ET\n"
        text = f"{first}BT /F 8 Tf {LEFT} {TOP + PITCH} Td\n{heads}{''.join(lines)}ET\n{number}"
        yield text.encode("latin-1", "replace")


def _pages(count: int) -> int:
    return max(1, -(-count // PER_PAGE))


def _lefts() -> list[int]:
    return [LEFT + sum(STEPS[:at]) for at in range(len(STEPS))]
