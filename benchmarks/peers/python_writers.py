"""The same work done by others: a body (or its decoded rows) to a durable file, the simple ways and the limits.

All PDF writers put 50 records on a page, with the title on the first, heads and number on each. None of them measures
a cell, wraps one or keeps what WinAnsi lacks; the service does.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import pydyf
from isal import isal_zlib
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from benchmarks.records import COLUMNS, Cell
from service.pdf.fonts import FOLDER, SANS

PER_PAGE = 50
WIDTH, HEIGHT = 595.28, 841.89
LEFT, TOP, PITCH = 28, 780, 14
STEPS = (50, 100, 100, 70, 50, 60, 70)
"""Column widths."""
Row = dict[str, Cell]


def publish(path: Path, write_in: Iterable[bytes]) -> None:
    """Write, sync, rename, sync the folder: as durable as the service's files."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.writelines(write_in)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def naive_csv(body: bytes, path: Path) -> None:
    """json.loads and csv.DictWriter."""
    asked = json.loads(body)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, asked["columns"])
        writer.writeheader()
        writer.writerows(asked["data"])
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def joined_csv(decoded: Sequence[Row], path: Path) -> None:
    """The unquoted limit in Python: rows that are decoded already, ','.join of their cells' str."""
    publish(path, _joined(decoded))


def _joined(decoded: Sequence[Row]) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    for first in range(0, len(decoded), 1_000):
        lines = [",".join(map(str, row.values())) for row in decoded[first : first + 1_000]]
        yield ("\r\n".join(lines) + "\r\n").encode()


def canvas_pdf(body: bytes, path: Path, font: str = "Helvetica") -> None:
    """reportlab as its guide shows it: json.loads, a Canvas, drawString a cell."""
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
    """The same with the service's own embedded font, so that other scripts are kept as far as it has them."""
    if SANS not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(SANS, str(FOLDER / f"{SANS}.ttf")))
    canvas_pdf(body, path, SANS)


class _Asked(msgspec.Struct):
    title: str
    columns: tuple[str, ...]
    data: list[Row]


_asked = msgspec.json.Decoder(_Asked).decode


def pydyf_pdf(body: bytes, path: Path) -> None:
    """pydyf with literal page streams, the quickest way it offers, compressed as it compresses."""
    asked = _asked(body)
    pdf = pydyf.PDF()
    font = pydyf.Dictionary({"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Helvetica"})
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


def limit_pdf(body: bytes, path: Path) -> None:
    """Hand-made: one literal text block a page, ISA-L level 1 as ours, Helvetica, objects counted by hand."""
    asked = _asked(body)
    publish(path, _document(asked.title, asked.columns, asked.data))


def limit_pdf_of_rows(decoded: Sequence[Row], path: Path) -> None:
    """The same from rows that are decoded already."""
    publish(path, _document("Benchmark", COLUMNS, decoded))


def _document(title: str, columns: Sequence[str], data: Sequence[Row]) -> Iterator[bytes]:
    head = b"%PDF-1.4\n1 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n"
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
