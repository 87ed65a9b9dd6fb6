"""PDF files that do not hold what was sent, or not as the contract lays them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

from reportlab.pdfgen.canvas import Canvas

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.jobs import Write
from tests.targets.fixtures.pdffile import MARGIN_PT, PER_PAGE, Style, pages_of, write_pages
from tests.targets.fixtures.request import Ask

GROUP = Group("pdf", "smoke")
STYLE = Style()

Pages = Iterator[tuple[list[str], list[list[str]]]]
"""(head, records) of each page; a head is page line, on the first page title, time and user, and the column heads."""


def _pdf(name: str, why: str, write: Write) -> None:
    """The reference target with another PDF writer."""
    GROUP.file(f"pdf-{name}", why, "pdf", write, "pdf-contents")


def _each_record(pages: Pages, change: Callable[[str], str]) -> Pages:
    """Change every cell."""
    for head, records in pages:
        yield head, [[change(cell) for cell in record] for record in records]


def cut_at_100(pages: Pages) -> Pages:
    """Records end after 100 letters."""
    for head, records in pages:
        yield head, [[STYLE.between.join(record)[:100]] for record in records]


def cells_cut(pages: Pages) -> Pages:
    """Cells end with an ellipsis."""
    return _each_record(pages, lambda cell: cell if len(cell) <= 40 else cell[:39] + "…")


def last_of_page_lost(pages: Pages) -> Pages:
    """One record a full page is lost."""
    for head, records in pages:
        yield head, records[:-1] if len(records) == PER_PAGE else records


def last_page_lost(pages: Pages) -> Pages:
    """The last of several pages is lost."""
    every = list(pages)
    yield from every[:-1] if len(every) > 1 else every


def reversed_pages(pages: Pages) -> Pages:
    """The last page comes first."""
    yield from reversed(list(pages))


def records_swapped(pages: Pages) -> Pages:
    """Two neighbours change places."""
    for head, records in pages:
        if len(records) > 30:
            records[20], records[21] = records[21], records[20]
        yield head, records


def record_twice(pages: Pages) -> Pages:
    """A page's first record is there twice, and its second lost."""
    for head, records in pages:
        if len(records) > 1:
            records[1] = records[0]
        yield head, records


def no_heads_later(pages: Pages) -> Pages:
    """Column heads on the first page only."""
    for number, (head, records) in enumerate(pages):
        yield (head if number == 0 else head[:-1]), records


def no_heads(pages: Pages) -> Pages:
    """No column heads at all."""
    for head, records in pages:
        yield head[:-1], records


def no_title(pages: Pages) -> Pages:
    """The title is missing."""
    for number, (head, records) in enumerate(pages):
        yield ([head[0], *head[2:]] if number == 0 else head), records


def no_time(pages: Pages) -> Pages:
    """The time of making is missing."""
    for number, (head, records) in enumerate(pages):
        yield ([*head[:2], *head[3:]] if number == 0 else head), records


def no_user(pages: Pages) -> Pages:
    """The user is missing."""
    for number, (head, records) in enumerate(pages):
        yield ([*head[:3], *head[4:]] if number == 0 else head), records


def ascii_only(pages: Pages) -> Pages:
    """Letters outside ASCII become question marks."""
    return _each_record(pages, lambda cell: cell.encode("ascii", "replace").decode())


def latin_only(pages: Pages) -> Pages:
    """Turkish, Greek and Cyrillic letters become question marks, as with the built-in fonts."""
    return _each_record(pages, lambda cell: cell.encode("cp1252", "replace").decode("cp1252"))


def no_east_asian(pages: Pages) -> Pages:
    """Chinese, Japanese and Korean letters become white squares."""
    return _each_record(pages, lambda cell: re.sub("[\u3040-\ud7ff\uf900-\ufaff]", "\u25a1", cell))


def blank_for_null(pages: Pages) -> Pages:
    """Numbers are rounded."""
    return _each_record(pages, lambda cell: f"{float(cell):.0f}" if re.fullmatch(r"-?[0-9]+\.[0-9]+", cell) else cell)


CHANGES: dict[str, Callable[[Pages], Pages]] = {
    change.__name__: change
    for change in (
        cut_at_100, cells_cut, last_of_page_lost, last_page_lost, reversed_pages, records_swapped, record_twice,
        no_heads_later, no_heads, no_title, no_time, no_user, ascii_only, latin_only, no_east_asian, blank_for_null,
    )
}  # fmt: skip


def spoilt(file: BinaryIO, ask: Ask, made_at: str, *, how: str) -> None:
    """A file whose pages went through one of the changes."""
    write_pages(file, CHANGES[how](pages_of(ask, made_at, STYLE)), STYLE)


for _name, _how, _why in (
    ("cut-at-100", "cut_at_100", "Each record ends after 100 letters."),
    ("cells-cut", "cells_cut", "Long cells end with an ellipsis."),
    ("last-of-page-lost", "last_of_page_lost", "The fiftieth record of each page is lost."),
    ("last-page-lost", "last_page_lost", "The last page is missing."),
    ("pages-reversed", "reversed_pages", "The last page comes first."),
    ("records-swapped", "records_swapped", "Two records change places."),
    ("record-twice", "record_twice", "The first record of a page stands there twice, in place of the second."),
    ("heads-first-page-only", "no_heads_later", "Only the first page has column heads."),
    ("no-heads", "no_heads", "There are no column heads."),
    ("no-title", "no_title", "The first page lacks the title."),
    ("no-time", "no_time", "The first page lacks the time of making."),
    ("no-user", "no_user", "The first page lacks the user."),
    ("question-marks", "ascii_only", "Letters outside ASCII become question marks."),
    ("latin-only", "latin_only", "Letters outside Latin-1 become question marks."),
    ("no-east-asian", "no_east_asian", "Chinese, Japanese and Korean letters become squares."),
    ("rounded", "blank_for_null", "Decimal numbers are rounded to whole ones."),
):
    _pdf(_name, _why, partial(spoilt, how=_how))


def other_pages(file: BinaryIO, ask: Ask, made_at: str, *, per_page: int) -> None:
    """Another number of records a page."""
    write_pages(file, pages_of(ask, made_at, STYLE, per_page), STYLE)


def other_words(file: BinaryIO, ask: Ask, made_at: str, *, page_words: str, count_words: str) -> None:
    """Other words in the page line."""
    style = replace(STYLE, page_words=page_words, count_words=count_words)
    write_pages(file, pages_of(ask, made_at, style), style)


def total_wrong(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """One page too many is promised on each page."""
    pages = [
        ([re.sub(r"of (\d+)", lambda found: f"of {int(found[1]) + 1}", head[0]), *head[1:]], records)
        for head, records in pages_of(ask, made_at, STYLE)
    ]
    write_pages(file, pages, STYLE)


def empty_page(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """An empty page follows."""
    write_pages(file, [*pages_of(ask, made_at, STYLE), ([""], [])], STYLE)


def pictures(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Pages without any text: what a scan would be."""
    canvas = Canvas(file)
    for _, records in pages_of(ask, made_at, STYLE):
        for place in range(len(records) + 3):
            canvas.rect(MARGIN_PT, 800 - place * 12, 500, 8, fill=1)
        canvas.showPage()
    canvas.save()


def letters_without_meaning(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Fonts without a map back to Unicode: it looks right and reads as noise."""
    from tests.targets.fixtures import pdffile

    pdffile.font_of("a")
    from reportlab.pdfbase import ttfonts

    kept: Any = ttfonts.makeToUnicodeCMap
    ttfonts.makeToUnicodeCMap = lambda name, subset: kept(name, [0x2022 for _ in subset])
    try:
        write_pages(file, pages_of(ask, made_at, STYLE), STYLE)
    finally:
        ttfonts.makeToUnicodeCMap = kept


def broken_off(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A file without its second half."""
    start = file.tell()
    write_pages(file, pages_of(ask, made_at, STYLE), STYLE)
    file.truncate(start + (file.tell() - start) // 2)


def text_file(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """No PDF at all."""
    for head, records in pages_of(ask, made_at, STYLE):
        file.write("\n".join([*head, *map(" | ".join, records)]).encode())


_pdf("49-a-page", "A page has 49 records.", partial(other_pages, per_page=49))
_pdf("one-page-more", "A page has 40 records, so files have more pages.", partial(other_pages, per_page=40))
_pdf(
    "no-page-numbers",
    "Pages bear no number.",
    partial(other_words, page_words="Report", count_words=STYLE.count_words),
)
_pdf(
    "no-page-total",
    "Pages bear their number, but not how many there are.",
    partial(other_words, page_words="Page {page}", count_words="Records: {records}"),
)
_pdf(
    "no-record-count",
    "The number of records is missing.",
    partial(other_words, page_words=STYLE.page_words, count_words=""),
)
_pdf("total-wrong", "Each page promises one page more than there is.", total_wrong)
_pdf("empty-page", "An empty page follows the last.", empty_page)
_pdf("pictures", "The pages are pictures; no text can be read back.", pictures)
_pdf("no-unicode", "The text looks right, and reads back as dots.", letters_without_meaning)
_pdf("broken-off", "The file is only half there.", broken_off)
_pdf("plain-text", "The file is text with a PDF's name.", text_file)


def white(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Letters in the colour of the paper: they can be extracted and not seen."""
    write_pages(file, pages_of(ask, made_at, STYLE), STYLE, lambda canvas: canvas.setFillGray(1))


def old_date(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """The time of making never changes."""
    write_pages(file, pages_of(ask, "2019-05-17T12:00:00Z", STYLE), STYLE)


def boxes(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """One font for all: each letter beyond Latin is drawn as its box, and reads back right."""
    from tests.targets.fixtures import pdffile

    pdffile.font_of("a")
    known, kept = pdffile._mono().face.charToGlyph, pdffile.font_of
    outlines = dict(known)
    known.update(dict.fromkeys(range(0x370, 0x10000), 0))
    pdffile.font_of = lambda _letter: pdffile.FONT  # type: ignore[assignment]
    try:
        write_pages(file, pages_of(ask, made_at, STYLE), STYLE)
    finally:
        pdffile.font_of = kept
        known.clear()
        known.update(outlines)


_pdf("boxes", "Letters beyond Latin are drawn as the box of a font that lacks them, and read back right.", boxes)
_pdf("white", "The letters have the colour of the paper.", white)
_pdf("old-date", "The time of making is one of another year.", old_date)


TARGETS = GROUP.targets
